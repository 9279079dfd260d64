"""The `grid||` line: the whole board as an HTML table.

```
<tbody><tr data-id="r0" class="head" data-pos="0"><td data-id="c1" data-type="sta" data-pr="1"></td>
<td data-id="c2" data-type="rk" data-pr="1">Clt</td>…</tr>
<tr data-id="r101" data-pos="1"><td data-id="r101c1" class="ss"></td>
<td class="rk"><div><p data-id="r101c2" class=""></p></div></td>
<td class="no"><div data-id="r101c3" class="no7">13</div></td><td data-id="r101c4" class="dr">TEAM</td>…</tr></tbody>
```

Nothing is escaped in it: a name may hold `<3` or `&`, so a cell goes on to its closing tag and is never unescaped.
The scan is linear in the length of the text; rows, columns and texts beyond the bounds are refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from karttime.domain.updates import Cell
from karttime.feeds.apex.columns import HeaderCell

MAX_ROWS, MAX_COLUMNS, MAX_TEXT, MAX_GRID = 500, 64, 256, 1 << 20
"""The largest grid seen has 98 rows and 18 columns."""

_ATTRIBUTE = re.compile(r'([a-z-]{1,12})="([^"<>]{0,200})"')
_HEADER_ID = re.compile(r"c([1-9]\d?)", re.ASCII)
_ROW_ID = re.compile(r"r([0-9]{1,12})", re.ASCII)
_CELL_ID = re.compile(r"r(\d{1,12})c([1-9]\d?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class GridRow:
    """One body row: position as displayed (0: none) and cells by column number."""

    position: int
    cells: Mapping[int, Cell]


@dataclass(frozen=True, slots=True)
class Grid:
    """A parsed grid: header, rows by id, and how many pieces were refused."""

    header: tuple[HeaderCell, ...]
    rows: Mapping[str, GridRow]
    refused: int


def parse_grid(html: str) -> Grid | None:
    """Parse the table; None when it has no header row or breaks the bounds as a whole."""
    if len(html) > MAX_GRID:
        return None
    pieces = html.split("<tr ")[1:]
    if not pieces or len(pieces) > MAX_ROWS + 1:
        return None
    header = _header(pieces[0])
    if not header:
        return None
    known = {cell.index for cell in header}
    rows: dict[str, GridRow] = {}
    refused = 0
    for piece in pieces[1:]:
        row_id, row, bad = _row(piece, known)
        refused += bad
        if row_id and row is not None and row_id not in rows:
            rows[row_id] = row
        else:
            refused += 1
    return Grid(header, rows, refused)


def _attributes(tag: str) -> dict[str, str]:
    return dict(_ATTRIBUTE.findall(tag[:600]))


def _header(piece: str) -> tuple[HeaderCell, ...]:
    tag, _, body = piece.partition(">")
    if 'class="head"' not in tag:
        return ()
    cells: list[HeaderCell] = []
    for part in body.split("<td ")[1:]:
        cell_tag, _, rest = part.partition(">")
        attributes = _attributes(cell_tag)
        found = _HEADER_ID.fullmatch(attributes.get("data-id", ""))
        if found is None or len(cells) >= MAX_COLUMNS:
            return ()
        label = rest.partition("</td>")[0][:MAX_TEXT]
        cells.append(HeaderCell(int(found[1]), attributes.get("data-type", "")[:12], label))
    return tuple(cells) if len({cell.index for cell in cells}) == len(cells) else ()


def _row(piece: str, known: set[int]) -> tuple[str, GridRow | None, int]:
    """Id, row and number of refused cells of one `<tr …>` piece."""
    tag, _, body = piece.partition(">")
    attributes = _attributes(tag)
    found = _ROW_ID.fullmatch(attributes.get("data-id", ""))
    if found is None:
        return "", None, 0
    position = attributes.get("data-pos", "")
    cells: dict[int, Cell] = {}
    refused = 0
    for part in body.split("<td ")[1:]:
        column, cell = _cell(part, found[1])
        if cell is None or column not in known or len(cell.text) > MAX_TEXT:
            refused += 1
        else:
            cells[column] = cell
    is_number = position.isascii() and position.isdigit() and len(position) <= 4
    return found[1], GridRow(int(position) if is_number else 0, cells), refused


def _cell(part: str, row_id: str) -> tuple[int, Cell | None]:
    """Column and cell of one `<td …>…</td>` piece; rank and number carry their id on an inner tag."""
    tag, _, rest = part.partition(">")
    text = rest.partition("</td>")[0]
    attributes = _attributes(tag)
    if "data-id" not in attributes:
        start = text.find("data-id=")
        if start < 0:
            return 0, None
        tag, _, text = text[start:].partition(">")
        attributes = _attributes(tag)
        text = text.partition("</p>")[0].partition("</div>")[0]
    found = _CELL_ID.fullmatch(attributes.get("data-id", ""))
    if found is None or found[1] != row_id:
        return 0, None
    return int(found[2]), Cell(attributes.get("class", ""), text)
