"""The state of one simulated session: standings, order, gaps. What a timing system knows, before it is put in words."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId
from karttime.simulator.model import Entry, SessionPlan


class Mark(StrEnum):
    """How good a lap or sector was when it was driven."""

    NORMAL = "normal"
    PERSONAL = "personal"  # best of this competitor
    OVERALL = "overall"  # best of the session


class Behind(NamedTuple):
    """A gap or interval: a time, or whole laps (the other is None)."""

    ms: int | None = None
    laps: int | None = None


class Split(NamedTuple):
    """One sector of the current lap."""

    ms: int
    mark: Mark


@dataclass(slots=True)
class Standing:
    """One competitor as the timing system knows it now."""

    entry: Entry
    number: str
    colour: int
    position: int
    grid: int
    driver: int = 0
    laps: int = 0
    last_ms: int | None = None
    last_mark: Mark = Mark.NORMAL
    best_ms: int | None = None
    best_at: int = 0
    crossed_in: int = 0
    crossings: list[int] = field(default_factory=list)
    gap: Behind | None = None
    interval: Behind | None = None
    splits: list[Split | None] = field(default_factory=list)
    best_splits: list[int | None] = field(default_factory=list)
    in_pit: bool = False
    pit_since: int = 0
    track_since: int | None = None
    stops: int = 0
    stops_ended: int = 0
    driven_ms: list[int] = field(default_factory=list)
    finished: bool = False
    stopped: bool = False
    penalty: str = ""

    @property
    def driver_name(self) -> str:
        return self.entry.drivers[self.driver].name

    def driving_ms(self, now: int) -> int:
        """How long the present driver has driven in this session."""
        since = 0 if self.in_pit or self.track_since is None else now - self.track_since
        return self.driven_ms[self.driver] + max(0, since)

    @property
    def line_name(self) -> str:
        """What a ticker calls the competitor."""
        return self.entry.team or self.driver_name


class SessionState:
    """Standings of one session and the rules that order them."""

    def __init__(self, plan: SessionPlan) -> None:
        self.plan = plan
        self.flag = Flag.RED
        self.loaded_at = 0
        self.green_at: int | None = None
        self.chequered_at: int | None = None
        self.standings: dict[CompetitorId, Standing] = {}
        self.order: list[Standing] = []
        self.best: Standing | None = None
        self.best_splits: list[int | None] = [None] * len(plan.track.sectors)

    @property
    def leader_laps(self) -> int:
        return self.order[0].laps if self.order else 0

    def ends_at(self) -> int | None:
        """When a timed session is due to end; None before the start and for a number of laps."""
        if self.green_at is None or self.plan.laps is not None:
            return None
        return self.green_at + self.plan.length_ms

    def add(self, entry: Entry, *, in_pit: bool) -> Standing:
        sectors = len(self.plan.track.sectors)
        place = len(self.order) + 1
        standing = Standing(
            entry=entry,
            number=entry.number,
            colour=entry.colour,
            position=place,
            grid=place,
            splits=[None] * sectors,
            best_splits=[None] * sectors,
            in_pit=in_pit,
            driven_ms=[0] * len(entry.drivers),
        )
        self.standings[entry.competitor_id] = standing
        self.order.append(standing)
        return standing

    def split(self, standing: Standing, sector: int, ms: int) -> None:
        """Note the time of sector `sector` (from 1); the first sector of a lap clears the others."""
        index = sector - 1
        if sector == 1:
            standing.splits = [None] * len(standing.splits)
        own, best = standing.best_splits[index], self.best_splits[index]
        mark = _mark(ms, own, best)
        if mark is not Mark.NORMAL:
            standing.best_splits[index] = ms
        if mark is Mark.OVERALL:
            self.best_splits[index] = ms
        standing.splits[index] = Split(ms, mark)

    def cross(self, standing: Standing, at: int, lap_ms: int | None) -> int:
        """Count a crossing of the line; returns the positions gained (negative: lost) since the one before."""
        before = standing.crossed_in or standing.grid
        standing.crossings.append(at)
        if lap_ms is not None:
            self._lap(standing, at, lap_ms)
        self._reorder()
        if self.plan.by_laps:
            self._race_gaps(standing, at)
        else:
            self._best_gaps()
        standing.crossed_in = standing.position
        return before - standing.position

    def _lap(self, standing: Standing, at: int, lap_ms: int) -> None:
        standing.laps += 1
        standing.last_ms = lap_ms
        overall = self.best.best_ms if self.best else None
        standing.last_mark = _mark(lap_ms, standing.best_ms, overall)
        if standing.last_mark is Mark.NORMAL:
            return
        standing.best_ms, standing.best_at = lap_ms, at
        if standing.last_mark is Mark.OVERALL:
            holder, self.best = self.best, standing
            if holder and holder is not standing and holder.last_mark is Mark.OVERALL:
                holder.last_mark = Mark.PERSONAL  # boards show one overall best: the former one is coloured anew

    def _reorder(self) -> None:
        before = {id(standing): standing.position for standing in self.order}
        self.order.sort(key=_race_key if self.plan.by_laps else _best_key)
        for place, standing in enumerate(self.order, 1):
            standing.position = place
            if self.plan.by_laps and before[id(standing)] != place:
                standing.interval = None  # somebody else is ahead: unknown until the next crossing

    def _race_gaps(self, crossed: Standing, at: int) -> None:
        leader = self.order[0]
        place = crossed.position - 1
        if crossed is leader:
            crossed.gap = crossed.interval = None
        else:
            crossed.gap = self._gap(crossed, at)
            crossed.interval = _interval(crossed, self.order[place - 1], at)
        for ahead, standing in pairwise(self.order):
            if standing is crossed or not standing.crossings or standing.finished:
                continue
            self._overdue_gap(standing, ahead, crossed)

    def _overdue_gap(self, standing: Standing, ahead: Standing, crossed: Standing) -> None:
        """A kart that has not come round while the leader did twice is a lap down before it crosses."""
        missing = len(self.order[0].crossings) - len(standing.crossings)
        first_of_its_lap = len(ahead.crossings) != len(standing.crossings)
        if crossed is self.order[0] and missing >= 2 and first_of_its_lap:
            standing.gap = Behind(laps=missing - 1)
        missing = len(ahead.crossings) - len(standing.crossings)
        if crossed is ahead and missing >= 2:
            standing.interval = Behind(laps=missing - 1)

    def _gap(self, standing: Standing, at: int) -> Behind:
        count = len(standing.crossings)
        missing = len(self.order[0].crossings) - count
        group = next(other for other in self.order if len(other.crossings) == count)
        if missing and group is standing:
            return Behind(laps=missing)
        return Behind(ms=at - group.crossings[count - 1])

    def _best_gaps(self) -> None:
        ranked = [standing for standing in self.order if standing.best_ms is not None]
        for ahead, standing in pairwise(ranked):
            standing.gap = Behind(ms=_best(standing) - _best(ranked[0]))
            standing.interval = Behind(ms=_best(standing) - _best(ahead))
        if ranked:
            ranked[0].gap = ranked[0].interval = None


def _interval(standing: Standing, ahead: Standing, at: int) -> Behind:
    count = len(standing.crossings)
    missing = len(ahead.crossings) - count
    return Behind(laps=missing) if missing else Behind(ms=at - ahead.crossings[count - 1])


def _best(standing: Standing) -> int:
    return standing.best_ms or 0


def _mark(ms: int, own: int | None, overall: int | None) -> Mark:
    if overall is None or ms < overall:
        return Mark.OVERALL
    return Mark.PERSONAL if own is None or ms < own else Mark.NORMAL


def _race_key(standing: Standing) -> tuple[int, int]:
    return (-len(standing.crossings), standing.crossings[-1] if standing.crossings else standing.grid)


def _best_key(standing: Standing) -> tuple[bool, int, int]:
    if standing.best_ms is None:
        return (True, standing.grid, 0)
    return (False, standing.best_ms, standing.best_at)


def classified(standings: Iterable[Standing]) -> list[Standing]:
    """Those with a timed lap, in their present order."""
    return [standing for standing in standings if standing.laps]
