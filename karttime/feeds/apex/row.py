"""One row of the board as the decoder keeps it: cells by address, names, and the lap rule."""

import re
from collections.abc import Mapping, Sequence

from karttime.domain.columns import SECTORS, Column, Role
from karttime.domain.ids import CompetitorId
from karttime.domain.times import parse_time
from karttime.domain.updates import Cell, Status
from karttime.feeds.apex.codes import DRIVER_STYLE, LAP_STYLES, STATES
from karttime.feeds.apex.laps import LapTracker, Tempo

PLAIN, LAST_LAP, NAME, STATE, COUNT = range(5)
"""What a cell means to the decoder; the rest of its meaning is its column's role."""

KINDS: Mapping[Role, int] = {
    Role.LAST_LAP: LAST_LAP,
    Role.DRIVER: NAME,
    Role.TEAM: NAME,
    Role.STATUS: STATE,
    Role.LAPS: COUNT,
    Role.PIT_STOPS: COUNT,
}

_DRIVEN = re.compile(r"\s*\[\d{1,3}:\d{2}\]\s*$", re.ASCII)
_SECTOR_TOLERANCE_MS = 30
"""Sector texts are cut to two decimals, or one, where the column is narrow."""


class Slot:
    """One cell of one row: where it is, what it means, what it shows."""

    __slots__ = ("cell", "column", "kind", "row")

    def __init__(self, row: "Row", column: int, kind: int, cell: Cell) -> None:
        self.row = row
        self.column = column
        self.kind = kind
        self.cell: tuple[str, str] = cell  # style and text; a Cell is made when it is handed out


class Row:
    """A competitor's row."""

    __slots__ = (
        "_tempo",
        "driver",
        "finished",
        "fresh",
        "id",
        "laps",
        "names",
        "position",
        "sectors",
        "seen",
        "seen_count",
        "slots",
        "status",
        "team",
        "tracker",
    )

    def __init__(self, row_id: str, tempo: Tempo) -> None:
        self.id = CompetitorId(row_id)
        self._tempo = tempo
        self.tracker = LapTracker(tempo)
        self.slots: dict[int, Slot] = {}
        self.sectors: list[Slot] = []
        self.laps: Slot | None = None
        self.position = 0
        self.status = Status.UNKNOWN
        self.team = ""
        self.driver = ""
        self.names: dict[str, str] = {}  # text of the name cell by its style, as last sent
        self.seen = 0  # laps that were decided in this session
        self.seen_count = ""  # what the board's lap counter showed at the last of them
        self.fresh = False  # nobody can have missed a lap: the board showed none when the row was first seen
        self.finished = False  # crossed the line after the chequered flag

    def lay_out(self, columns: Sequence[Column], cells: Mapping[int, Cell]) -> None:
        """Take the cells of a new board over."""
        blank = Cell("", "")
        self.slots = {
            column.index: Slot(self, column.index, KINDS.get(column.role, PLAIN), cells.get(column.index, blank))
            for column in columns
        }
        by_role = {column.role: self.slots[column.index] for column in reversed(columns)}
        self.sectors = [by_role[role] for role in SECTORS if role in by_role]
        self.laps = by_role.get(Role.LAPS)
        state = by_role.get(Role.STATUS)
        if state is not None and state.cell[0] in STATES:
            self.status = STATES[state.cell[0]]
            self.tracker.in_pit = self.status is Status.IN_PIT

    def last_lap(self) -> int | None:
        """The last lap that the board shows, ms."""
        for slot in self.slots.values():
            if slot.kind == LAST_LAP:
                return parse_time(slot.cell[1])
        return None

    def counted(self) -> int | None:
        """The lap count that the board shows; None where it shows none."""
        text = self.laps.cell[1] if self.laps is not None else ""
        return int(text) if text.isascii() and text.isdigit() else None

    def first_shown(self) -> None:
        """The row is new in this session: what the board shows of it was driven before."""
        shown = self.last_lap()
        self.fresh = shown is None
        in_pit = self.tracker.in_pit
        self.tracker = LapTracker(self._tempo, shown)
        self.tracker.in_pit = self.tracker.pit = in_pit

    def named(self, style: str, text: str, *, as_team: bool) -> bool:
        """Take team or driver from a name cell; True when that is news.

        The style tells which one the cell shows now: the two alternate in one cell. The driver's text ends in the
        time he has driven. Where no driver is registered, style `dr` holds whatever the column's header says
        (`as_team`: the header speaks of teams, or the board alternates).
        """
        self.names[style] = text
        if style == DRIVER_STYLE:
            driver = _DRIVEN.sub("", text).strip()
            changed, self.driver = driver != self.driver, driver
            return changed
        name = text.strip()
        if as_team:
            changed, self.team = name != self.team, name
        else:
            changed, self.driver = name != self.driver, name
        return changed

    def lap_proven(self, lap_ms: int | None) -> bool:
        """Whether lap counter or sectors say that a lap of this time was completed since the last one."""
        count = self.counted()
        if count is not None and self.seen_count.isdecimal():
            return count == int(self.seen_count) + 1
        return lap_ms is not None and any(self.sector_times(lap_ms)) and None not in self.sector_times(lap_ms)

    def sector_times(self, lap_ms: int) -> tuple[int | None, ...]:
        """Sectors of the lap just completed, ms; all None when they do not add up to it."""
        if not self.sectors:
            return ()
        cells = [slot.cell for slot in self.sectors]
        times = tuple(parse_time(text) if style in LAP_STYLES or not style else None for style, text in cells)
        known = [ms for ms in times if ms is not None]
        if len(known) == len(times) and abs(sum(known) - lap_ms) > _SECTOR_TOLERANCE_MS * len(times):
            return (None,) * len(times)
        if sum(known) > lap_ms + _SECTOR_TOLERANCE_MS:
            return (None,) * len(times)
        return times
