"""Lines about rows that are not on the board yet.

A session may start minutes before the board that explains it (seen at two venues: about 680 lines each). Its lines
are kept, and when a board with these rows comes they are read under its columns, if the board's own cells prove
that the columns fit. Otherwise they stay refused.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from karttime.domain.columns import Column, Role
from karttime.domain.times import parse_time
from karttime.domain.updates import Cell
from karttime.feeds.apex.codes import LAP_STYLES

MAX_LINES, MAX_AGE_MS = 20_000, 30 * 60_000
_PROOF, _MIN_PROOFS = 0.8, 3
_VOLATILE = frozenset({Role.STATUS, Role.GROUP, Role.TRACK_TIMER, Role.DRIVER, Role.TEAM, Role.POSITION})


class EarlyLine(NamedTuple):
    """A line with its frame, and the row it is about."""

    frame: int
    at: int
    row: str
    line: str


class EarlyLines:
    """The lines about unknown rows since the last board; bounded in number and age."""

    def __init__(self) -> None:
        self._lines: list[EarlyLine] = []

    def add(self, frame: int, at: int, subject: str, line: str) -> None:
        """Keep a line whose subject is `rN` or `rNcM`."""
        if len(self._lines) >= MAX_LINES:
            del self._lines[: MAX_LINES // 2]
        self._lines.append(EarlyLine(frame, at, subject.partition("c")[0][1:], line))

    def take(self, at: int, rows: Mapping[str, Mapping[int, Cell]], columns: Collection[Column]) -> list[EarlyLine]:
        """The lines that this board explains, oldest first; nothing is kept."""
        lines, self._lines = self._lines, []
        mine = [line for line in lines if line.row in rows and at - line.at <= MAX_AGE_MS]
        return mine if mine and _proven(mine, rows, columns) else []


def _proven(lines: Collection[EarlyLine], rows: Mapping[str, Mapping[int, Cell]], columns: Collection[Column]) -> bool:
    """Whether the last text of each cell is what the board shows, and lap times stand in the last-lap column."""
    roles = {column.index: column.role for column in columns}
    last: dict[tuple[str, int], str] = {}
    for line in lines:
        address, _, rest = line.line.partition("|")
        style, _, text = rest.partition("|")
        column = address.partition("c")[2]
        if not column:
            continue
        role = roles.get(int(column))
        if role is None or (role is Role.LAST_LAP and not _is_lap(style, text)):
            return False
        if role not in _VOLATILE:
            last[line.row, int(column)] = text.strip()
    fits = [rows[row][column].text.strip() == text for (row, column), text in last.items() if column in rows[row]]
    return len(fits) >= _MIN_PROOFS and sum(fits) >= _PROOF * len(fits)


def _is_lap(style: str, text: str) -> bool:
    return not text.strip() or (style in LAP_STYLES and parse_time(text) is not None)
