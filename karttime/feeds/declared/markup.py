"""HTML tables and XML as JSON-like values, in bounded time and memory; no entity is ever expanded.

An HTML text becomes `{"tables": [[row, …], …]}`; a row is an object of cell texts by header text, or by `c1`, `c2`, …
where there is no header; `@id` is the row's `data-id` or `id`. An XML element becomes an object: attributes and
children that hold only text by name, other children as lists by name, its own text as `text`.
"""

from html.parser import HTMLParser
from typing import Any, Final
from xml.parsers import expat

MAX_CELLS: Final = 100_000
_MAX_DEPTH: Final = 32


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[dict[str, str]]] = []
        self._header: list[str] = []
        self._row: list[str] | None = None
        self._heads = 0
        self._cell: list[str] | None = None
        self._id = ""
        self._cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("table", "tbody") and (tag == "table" or not self.tables or self.tables[-1]):
            if tag == "table" or not self.tables:
                self.tables.append([])
                self._header = []
        elif tag == "tr":
            self._end_row()
            found = dict(attrs)
            self._row, self._heads = [], 0
            self._id = (found.get("data-id") or found.get("id") or "")[:100]
        elif tag in ("td", "th") and self._row is not None and self._cells < MAX_CELLS:
            self._end_cell()
            self._cells += 1
            self._heads += tag == "th"
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in ("tr", "table"):
            self._end_row()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def _end_cell(self) -> None:
        if self._cell is not None and self._row is not None:
            self._row.append(" ".join("".join(self._cell).split())[:500])
        self._cell = None

    def _end_row(self) -> None:
        self._end_cell()
        row, self._row = self._row, None
        if not row:
            return
        if not self.tables:
            self.tables.append([])
        if self._heads * 2 > len(row) and not self.tables[-1]:
            self._header = row
            return
        names = self._header if len(set(self._header)) == len(self._header) == len(row) and all(self._header) else []
        cells = dict(zip(names or [f"c{number}" for number in range(1, len(row) + 1)], row, strict=False))
        self.tables[-1].append({"@id": self._id, **cells} if self._id else cells)

    def close(self) -> None:
        super().close()
        self._end_row()


def parse_html(text: str) -> Any:
    """The tables of an HTML text.

    Raises:
        ValueError: it has none.
    """
    parser = _Tables()
    parser.feed(text)
    parser.close()
    if not any(parser.tables):
        raise ValueError("no table")
    return {"tables": [table for table in parser.tables if table]}


class _Tree:
    """Builds the value while expat reads."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {}
        self._open: list[tuple[str, dict[str, Any], list[str]]] = [("", self.root, [])]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > _MAX_DEPTH:
            raise ValueError("too deep")
        self._open.append((name, dict(attributes), []))

    def text(self, data: str) -> None:
        self._open[-1][2].append(data)

    def end(self, _: str) -> None:
        name, element, texts = self._open.pop()
        text = "".join(texts).strip()
        parent = self._open[-1][1]
        if not element and name not in parent:
            parent[name] = text
        else:
            if text:
                element["text"] = text
            others = parent.setdefault(name, [])
            if not isinstance(others, list):
                others = parent[name] = [{"text": others}]
            others.append(element or {"text": text})


def _no_entities(*_: object) -> None:
    raise ValueError("a document type or entity is declared")


def parse_xml(text: str) -> Any:
    """An XML text, or several elements after each other.

    Raises:
        ValueError: it is no XML, too deep, or declares entities.
    """
    if text.lstrip().startswith("<?xml"):
        text = text[text.index("?>") + 2 :] if "?>" in text else text
    parser = expat.ParserCreate()
    tree = _Tree()
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.text
    parser.StartDoctypeDeclHandler = _no_entities
    parser.EntityDeclHandler = _no_entities
    try:
        parser.Parse(f"<x>{text}</x>", True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error
    inside = tree.root.get("x")
    value = inside[0] if isinstance(inside, list) and inside else None
    if not isinstance(value, dict) or not value.keys() - {"text"}:
        raise ValueError("no element")
    return value
