"""Competitors: one row of the classification each, with laps, stops and stints."""

from collections.abc import Sequence
from dataclasses import dataclass

from karttime.domain.columns import Column
from karttime.domain.ids import CompetitorId
from karttime.domain.updates import Cell, LapFlag, Provenance, Status
from karttime.domain.values import Value, typed


@dataclass(frozen=True, slots=True)
class Lap:
    """One timed lap. Times in ms, `at` in ms UTC.

    `number` is the feed's own where it numbers laps (then some may be missing), else it counts timed laps from 1.
    """

    number: int
    time_ms: int
    at: int
    provenance: Provenance
    sectors: tuple[int | None, ...] = ()
    flags: frozenset[LapFlag] = frozenset()
    driver: str = ""


@dataclass(frozen=True, slots=True)
class PitStop:
    """One stop: `in_at`/`out_at` in ms UTC (None: not seen), `after_lap` counts timed laps before it."""

    number: int
    in_at: int | None
    out_at: int | None
    after_lap: int

    @property
    def duration_ms(self) -> int | None:
        """Time in the pit lane, None while it is unknown."""
        return None if self.in_at is None or self.out_at is None else self.out_at - self.in_at


@dataclass(frozen=True, slots=True)
class Stint:
    """What lies between two stops: laps `first_lap`…`last_lap` (`last_lap` < `first_lap`: none yet)."""

    number: int
    started_at: int
    ended_at: int | None
    first_lap: int
    last_lap: int


class Competitor:
    """One row of the classification: kart with team and driver, its laps and stops."""

    __slots__ = (
        "best_timed_ms",
        "cells",
        "driver",
        "id",
        "in_pit",
        "laps",
        "last_line_at",
        "on_board",
        "pit_stops",
        "position",
        "started_at",
        "status",
        "team",
    )

    def __init__(self, competitor_id: CompetitorId, at: int) -> None:
        self.id = competitor_id
        self.started_at = at
        self.on_board = True
        self.position = 0
        self.cells: dict[int, Cell] = {}
        self.team = ""
        self.driver = ""
        self.status = Status.UNKNOWN
        self.in_pit = False
        self.laps: list[Lap] = []
        self.best_timed_ms: int | None = None
        self.last_line_at: int | None = None
        self.pit_stops: list[PitStop] = []

    def events(self) -> dict[str, Value]:
        """The fields that come from events, as they are now."""
        return {
            "position": self.position or None,
            "team": self.team or None,
            "driver": self.driver or None,
            "status": self.status.value,
            "in_pit": self.in_pit,
            "laps_timed": len(self.laps),
            "last_timed_ms": self.laps[-1].time_ms if self.laps else None,
            "best_timed_ms": self.best_timed_ms,
            "stops_seen": len(self.pit_stops),
            "last_line_at": self.last_line_at,
        }

    def values(self, columns: Sequence[Column]) -> dict[str, Value]:
        """Every typed field: from events and from the cells under these columns."""
        return self.events() | typed(columns, self.cells)

    def lap_index(self, number: int | None) -> int | None:
        """Where the last lap of this number stands in `laps`, the last of all for None; None when there is none."""
        if number is None:
            return len(self.laps) - 1 if self.laps else None
        return next((i for i in range(len(self.laps) - 1, -1, -1) if self.laps[i].number == number), None)

    def stints(self) -> list[Stint]:
        """The stints so far; the last one is open."""
        stints: list[Stint] = []
        started_at, first = self.started_at, 1
        for stop in self.pit_stops:
            ended_at = stop.in_at if stop.in_at is not None else stop.out_at
            stints.append(Stint(len(stints) + 1, started_at, ended_at, first, stop.after_lap))
            first = stop.after_lap + 1
            if stop.out_at is None and stop is self.pit_stops[-1]:
                return stints
            started_at = stop.out_at or stop.in_at or started_at
        stints.append(Stint(len(stints) + 1, started_at, None, first, len(self.laps)))
        return stints
