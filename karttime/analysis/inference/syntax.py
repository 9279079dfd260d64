"""The language that messages are in: JSON, HTML, XML, lines of fields or pairs, tables as text."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import orjson

from karttime.feeds.declared.envelopes import is_tag
from karttime.feeds.declared.grids import Grid
from karttime.feeds.declared.markup import parse_html, parse_xml
from karttime.feeds.declared.spec import Framing

_SEPARATORS: Final = (";", "|", "\t", "^", "~", "§", "¦", ",", "#")
_PAIR: Final = re.compile(r"[A-Za-z_][\w .]{0,40}\s*[=:]\s*[^=:;|&]")
_LEAST_ROWS: Final = 3


def guess_syntax(texts: Sequence[str]) -> Framing | None:
    """The language that explains most of the characters."""
    total = sum(map(len, texts)) or 1
    best: tuple[float, Framing] | None = None
    for framing, reads in _LANGUAGES:
        explained = sum(len(text) for text in texts if reads(text))
        share = explained / total
        if share >= 0.5 and (best is None or share > best[0] + 0.05):
            best = share, framing
    if best is not None:
        return best[1]
    return _fields(texts)


def is_json(text: str) -> bool:
    """Whether a text is an object or a list in JSON."""
    try:
        return isinstance(orjson.loads(text), dict | list)
    except ValueError:
        return False


def _are_json(separator: str, text: str) -> bool:
    pieces = [piece for piece in (text.split("\x1e") if separator else text.splitlines()) if piece.strip()]
    good = sum(map(is_json, pieces))
    return good > 0 and good >= 0.8 * len(pieces)


def _is_html(text: str) -> bool:
    if "<t" not in text.lower():
        return False
    try:
        parse_html(text)
    except ValueError:
        return False
    return True


def _is_xml(text: str) -> bool:
    if not text.lstrip().startswith("<"):
        return False
    try:
        parse_xml(text)
    except ValueError:
        return False
    return True


def _fields(texts: Sequence[str]) -> Framing | None:
    """Lines of fields or of pairs; the separator under which most lines have a stable number of fields."""
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()][:4000]
    best: tuple[float, Framing] | None = None
    for separator in _SEPARATORS:
        parts = [line.split(separator) for line in lines]
        wide = [fields for fields in parts if len(fields) >= 3]
        if len(wide) < max(3, 0.6 * len(lines)):
            continue
        paired = sum(1 for fields in wide if sum(bool(_PAIR.match(f.strip())) for f in fields) >= 0.8 * len(fields))
        digits = sum(any(c.isdigit() for c in field) for fields in wide for field in fields)
        cells = sum(map(len, wide))
        if digits < 0.25 * cells:
            continue
        lengths: dict[str, Counter[int]] = {}
        for fields in wide:
            lengths.setdefault(fields[0] if is_tag(fields[0].strip()) else "", Counter())[len(fields)] += 1
        steady = sum(counts.most_common(1)[0][1] for counts in lengths.values()) / len(lines)
        if len(lengths) > 0.5 * len(wide) + 5:
            steady = sum(Counter(map(len, wide)).most_common(1)[0][1] for _ in (0,)) / len(lines)
        if steady < 0.5:
            continue
        if paired >= 0.8 * len(wide):
            equals = "=" if sum("=" in line for line in lines) >= 0.8 * len(lines) else ":"
            framing = Framing(split="lines", syntax="pairs", separator=separator, equals=equals)
            steady += 0.2
        else:
            framing = Framing(split="lines", syntax="fields", separator=separator)
        score = steady + 0.01 * min(cells / len(lines), 20)
        if best is None or score > best[0]:
            best = score, framing
    return best[1] if best else None


def find_heads(framing: Framing | None, texts: Sequence[str]) -> Framing | None:
    """A table under heads: lines of fields with some, or columns by width."""
    if framing is not None and framing.syntax != "fields":
        return framing
    for separator in (framing.separator,) if framing is not None else ("",):
        grid, rows, filled = Grid(separator), 0, 0
        for text in texts:
            try:
                read = grid.read(text)["rows"]
            except ValueError:
                continue
            rows += len(read)
            filled += bool(read)
        lines = sum(1 for text in texts for line in text.splitlines() if line.strip())
        enough = rows >= _LEAST_ROWS and rows >= 0.6 * lines and filled >= 0.5 * len(texts)
        if enough and (separator or rows >= 2 * filled):  # one line alone has no columns by width
            return Framing(syntax="table", separator=separator)
    return framing


_LANGUAGES: Final = (
    (Framing(), is_json),
    (Framing(split="records"), lambda text: "\x1e" in text and _are_json("\x1e", text)),
    (Framing(split="lines"), lambda text: "\n" in text.strip() and _are_json("", text)),
    (Framing(syntax="html"), _is_html),
    (Framing(syntax="xml"), _is_xml),
)
