"""One competitor of a declared feed: what the used fields say of it, from whichever table they come."""

from collections.abc import Mapping
from typing import Any, Final

from karttime.domain.columns import Column
from karttime.domain.ids import CompetitorId
from karttime.domain.updates import Cell, Status
from karttime.feeds.declared.cells import COLUMN_ROLES, SECTOR_ROLES, lap_ms, shower
from karttime.feeds.declared.laps import LapTracker
from karttime.feeds.declared.spec import FieldRole, FieldSpec
from karttime.feeds.declared.values import read_count, read_status, read_text, read_truth

Role = tuple[FieldRole, str]
_SECTOR_TOLERANCE_MS: Final = 30
_NAMES: Final = frozenset({FieldRole.DRIVER, FieldRole.TEAM})


class Entrant:
    """A competitor: cells by column, names, state and the lap rule."""

    __slots__ = ("_sectors", "cells", "id", "in_pit", "laps", "last", "pit", "position", "status", "tracker", "values")

    def __init__(self, key: str, *, by_count: bool) -> None:
        self.id = CompetitorId(key)
        self.cells: dict[int, Cell] = {}
        self.values: dict[Role, tuple[Any, FieldSpec]] = {}
        self.position = 0
        self.laps: int | None = None
        self.last: int | None = None
        self.in_pit: bool | None = None
        self.status = Status.UNKNOWN
        self.pit = False  # was in the pits since the last lap
        self.tracker = LapTracker(by_count)
        self._sectors: dict[FieldRole, int | None] = {}

    def take(self, role: Role, value: Any, field: FieldSpec, column: int | None) -> bool:
        """A value has changed; True where it changes a cell."""
        self.values[role] = (value, field)
        kind = field.role
        if kind is FieldRole.LAPS:
            self.laps = read_count(value)
        elif kind is FieldRole.LAST_LAP:
            self.last = lap_ms(value, field.unit)
        elif kind is FieldRole.POSITION:
            self.position = read_count(value) or 0
        elif kind in SECTOR_ROLES:
            self._sectors[kind] = lap_ms(value, field.unit)
        if column is None:
            return False
        text = shower(kind)(value, field.unit) if kind is not FieldRole.DRIVER else self.driver()
        cell = Cell("", text)
        if self.cells.get(column) == cell:
            return False
        self.cells[column] = cell
        return True

    def forget_state(self) -> None:
        """A new session: what it is doing is told again."""
        self.status, self.in_pit = Status.UNKNOWN, None

    def driver(self) -> str:
        """The driver's name, joined where it comes in parts."""
        whole = self._text(FieldRole.DRIVER, "")
        parts = [self._text(FieldRole.DRIVER, "first"), self._text(FieldRole.DRIVER, "last")]
        return whole or " ".join(part for part in parts if part) or self._text(FieldRole.DRIVER, "short")

    def team(self) -> str:
        """The team's name."""
        return self._text(FieldRole.TEAM, "")

    def _text(self, role: FieldRole, part: str) -> str:
        value, _ = self.values.get((role, part), (None, None))
        return read_text(value)

    def state(self) -> Status:
        """What it is doing, from the fields that say so; in the pits is the word of the field that is about it."""
        found = self.values.get((FieldRole.STATUS, ""))
        status = Status.UNKNOWN if found is None else read_status(found[0], found[1].values)
        pit = self.values.get((FieldRole.IN_PIT, ""))
        if pit is not None:
            truth = read_truth(pit[0])
            if truth is None:
                truth = read_status(pit[0], pit[1].values) is Status.IN_PIT
            if truth:
                return Status.IN_PIT
            if status in (Status.UNKNOWN, Status.IN_PIT):
                return Status.ON_TRACK
        return status

    def sectors(self, lap: int) -> tuple[int | None, ...]:
        """Sectors of the lap just completed; none where they do not add up to it."""
        times = [self._sectors[role] for role in SECTOR_ROLES if role in self._sectors]
        known = [ms for ms in times if ms is not None]
        if not times or len(known) < len(times) or abs(sum(known) - lap) > _SECTOR_TOLERANCE_MS * len(times):
            return ()
        return tuple(times)


def names_changed(roles: Mapping[Role, object]) -> bool:
    """Whether changed roles say who is in the kart."""
    return any(role in _NAMES for role, _ in roles)


def columns_by_role(columns: tuple[Column, ...]) -> Mapping[FieldRole, int]:
    """The index of each role's column."""
    indexes = {column.role: column.index for column in columns}
    return {role: indexes[shown] for role, shown in COLUMN_ROLES.items() if shown in indexes}
