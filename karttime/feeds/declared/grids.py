"""Tables as text: lines of fields under a line of heads, or columns by width as a terminal shows them.

```
POS;NO;NAME;LAST            Pos   No Driver         Last
1;7;Ann Bee;58.631            1    7 Ann Bee      58.631
2;12;;59.001                  2   12              59.001
```

A text becomes `{"rows":[{"POS":"1","NO":"7",…},…]}`. The heads are kept for texts without any, as logs are that have
them once. What stands above the heads is left out.
"""

import csv
import re
from collections.abc import Sequence
from typing import Any, Final

MAX_LINES: Final = 5_000
MAX_WIDTH: Final = 1_000
MAX_COLUMNS: Final = 200
_RULER: Final = re.compile(r"[\s\-=+|_*]*")
_HEADS_WITHIN: Final = 12
"""Lines above the heads: a title, a clock, blanks."""

_LOOKED_AT: Final = 40
"""Lines below that say whether a line is the heads."""

Span = tuple[int, int]


class Grid:
    """Reads tables of one feed; keeps the heads that came last."""

    def __init__(self, separator: str) -> None:
        self._separator = separator
        self._heads: list[str] = []
        self._spans: list[Span] = []

    def read(self, text: str) -> Any:
        """The rows of a text.

        Raises:
            ValueError: it has none.
        """
        lines = [line.rstrip() for line in text.split("\n", MAX_LINES)[:MAX_LINES]]
        lines = [line.expandtabs()[:MAX_WIDTH] if not self._separator else line for line in lines]
        at = next((n for n, line in enumerate(lines[:_HEADS_WITHIN]) if self._are_heads(line, lines[n + 1 :])), None)
        if at is not None:
            self._spans = spans([lines[at], *_body(lines[at + 1 :])]) if not self._separator else []
            self._heads = unique(self._cells(lines[at]))
            lines = lines[at + 1 :]
        if not self._heads:
            raise ValueError("no heads of columns")
        rows = [dict(zip(self._heads, cells, strict=False)) for line in lines if (cells := self._row(line))]
        if not rows and at is None:
            raise ValueError("no rows")
        return {"rows": rows}

    def _row(self, line: str) -> list[str] | None:
        if not line.strip() or _RULER.fullmatch(line):
            return None
        cells = self._cells(line)
        shown = sum(1 for cell in cells if cell)
        return (
            cells if shown >= 2 and len(cells) <= len(self._heads) + 1 and len(cells) > len(self._heads) // 2 else None
        )

    def _cells(self, line: str) -> list[str]:
        if self._separator:
            return cells_of(line, self._separator)
        return [line[start:end].strip() for start, end in self._spans]

    def _are_heads(self, line: str, below: Sequence[str]) -> bool:
        if self._separator:
            return are_heads(cells_of(line, self._separator), [cells_of(one, self._separator) for one in below[:3]])
        body = _body(below[:_LOOKED_AT])
        found = spans([line, *body])
        cut = [[one[start:end].strip() for start, end in found] for one in (line, *body[:3])]
        return are_heads(cut[0], cut[1:])


def cells_of(line: str, separator: str) -> list[str]:
    """The fields of a line; quotes around a field are taken off."""
    if '"' in line and len(separator) == 1:
        try:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])][:MAX_COLUMNS]
        except csv.Error:
            return []
    return [cell.strip() for cell in line.split(separator, MAX_COLUMNS)[:MAX_COLUMNS]]


def are_heads(cells: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a line names columns: words, all different, above lines as wide that hold numbers under some of them."""
    filled = [cell for cell in cells if cell]
    if len(filled) < 3 or len(filled) < 0.6 * len(cells) or len(set(filled)) < len(filled):
        return False
    if any(len(cell) > 40 or not any(c.isalpha() for c in cell) or cell[0].isdigit() for cell in filled):
        return False
    rows = [row for row in below if any(row) and not all(_RULER.fullmatch(cell) for cell in row)][:2]
    if not rows:
        return not any(c.isdigit() for cell in filled for c in cell)
    numbers = sum(cell[:1].isdigit() for cell in rows[0])
    return abs(len(rows[0]) - len(cells)) <= 1 and numbers >= max(2, 0.25 * len(cells))


def unique(names: Sequence[str]) -> list[str]:
    """Names for columns: those without one get their number, those with the same one too."""
    found: list[str] = []
    for at, name in enumerate(names, 1):
        found.append(name if name and name not in found else f"{name or 'c'}_{at}")
    return found


def _body(lines: Sequence[str]) -> list[str]:
    """The lines of a table: until the first blank one."""
    found: list[str] = []
    for line in lines:
        if not line.strip():
            if found:
                break
            continue
        if not _RULER.fullmatch(line):
            found.append(line)
    return found


def spans(lines: Sequence[str]) -> list[Span]:
    """Where columns begin and end: between blanks that all lines have, one for each word of the heads.

    What has no head belongs to the column whose head is nearest to the left, or else to the right.
    """
    width = min(max(map(len, lines), default=0), MAX_WIDTH)
    used = bytearray(width)
    for line in lines[:MAX_LINES]:
        for at, char in enumerate(line[:width]):
            if char != " ":
                used[at] = 1
    found: list[Span] = []
    begin: int | None = None
    for at in range(width + 1):
        if at < width and used[at]:
            begin = at if begin is None else begin
        elif begin is not None:
            found.append((begin, at))
            begin = None
    heads = lines[0] if lines else ""
    columns: list[Span] = []
    for start, end in found[:MAX_COLUMNS]:
        if heads[start:end].strip() or not columns:
            columns.append((start, end))
        else:
            columns[-1] = (columns[-1][0], end)
    return columns
