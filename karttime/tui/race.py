"""What happened to whom in the running session: laps, stops, decisions about laps, places gained.

Built from facts, each told once, in any order between history and stream: a lap is known by its number, a stop by its
moment.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Final

from karttime.analysis.laps import LapFigures, lap_figures
from karttime.client.fold import Fields
from karttime.domain.competitor import Lap, PitStop, Stint
from karttime.domain.updates import LapFlag
from karttime.tui.facts import lap_of, moment, whole

UNCLEAN: Final = frozenset({LapFlag.PIT, LapFlag.DOUBTFUL, LapFlag.FIRST})
PACE_LAPS: Final = 5
MAX_LAPS: Final = 5_000  # of one competitor; three days of racing, after which the oldest go


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a lap: whether it counts, when (ms UTC), and why."""

    competitor_id: str
    lap: int
    excluded: bool
    reason: str
    at: int


@dataclass(slots=True)
class Runner:
    """One competitor in the running session.

    Attributes:
        laps: by number.
        stops: in order of time.
        excluded: decisions in force that exclude a lap, by its number.
        complete: every lap since the beginning is here.
        first_place: position when it was first seen.
        moved_at: monotonic time and kind of the last stop event, for a pulse.
    """

    laps: dict[int, Lap] = field(default_factory=dict)
    stops: list[PitStop] = field(default_factory=list)
    excluded: dict[int, Decision] = field(default_factory=dict)
    complete: bool = False
    first_place: int | None = None
    pulse: tuple[float, str] = (float("-inf"), "")
    _ordered: list[Lap] | None = None

    def add(self, lap: Lap) -> None:
        """Take a lap in, or its newer version."""
        self.laps[lap.number] = lap
        if len(self.laps) > MAX_LAPS:
            del self.laps[min(self.laps)]
        self._ordered = None

    def in_order(self) -> list[Lap]:
        """Its laps by number."""
        if self._ordered is None:
            self._ordered = [self.laps[number] for number in sorted(self.laps)]
        return self._ordered

    def counted(self) -> list[Lap]:
        """Its laps by number without those that were excluded."""
        return [lap for lap in self.in_order() if lap.number not in self.excluded]

    def figures(self) -> LapFigures:
        """Best, mean, spread of the laps that count."""
        return lap_figures(self.counted())

    def pace_ms(self) -> int | None:
        """Mean of the last clean laps, five at most, those before an unclean one included."""
        times: list[int] = []
        for lap in reversed(self.in_order()):
            if not lap.flags & UNCLEAN and lap.number not in self.excluded:
                times.append(lap.time_ms)
                if len(times) == PACE_LAPS:
                    break
        return round(fmean(times)) if times else None

    @property
    def waiting(self) -> bool:
        """Whether it was seen to enter the pit lane, and not to leave it."""
        return bool(self.stops) and self.stops[-1].out_at is None

    def entered(self, at: int, after_lap: int) -> None:
        """It drove into the pit lane."""
        if not any(stop.in_at == at for stop in self.stops):
            self.stops.append(PitStop(len(self.stops) + 1, at, None, after_lap))

    def left(self, at: int, after_lap: int) -> None:
        """It left the pit lane."""
        stops = self.stops
        if self.waiting:
            stops[-1] = replace(stops[-1], out_at=at)
        elif after_lap and all(stop.out_at != at and stop.after_lap != after_lap for stop in stops):
            stops.append(PitStop(len(stops) + 1, None, at, after_lap))

    def stints(self, started_at: int) -> list[Stint]:
        """Its stints since the beginning of the session; the last one is open."""
        stints: list[Stint] = []
        first = 1
        for stop in self.stops:
            ended_at = stop.in_at if stop.in_at is not None else stop.out_at
            stints.append(Stint(len(stints) + 1, started_at, ended_at, first, stop.after_lap))
            first, started_at = stop.after_lap + 1, stop.out_at or stop.in_at or started_at
        stints.append(Stint(len(stints) + 1, started_at, None, first, max(self.laps, default=0)))
        return stints


class Race:
    """Everybody in the running session."""

    def __init__(self, session_id: str | None = None) -> None:
        self.session_id = session_id
        self.runners: dict[str, Runner] = {}
        self.best_ms: int | None = None
        self.best_by: str = ""

    def runner(self, competitor_id: str) -> Runner:
        """One competitor, known or new."""
        runner = self.runners.get(competitor_id)
        if runner is None:
            runner = self.runners[competitor_id] = Runner()
        return runner

    def lap(self, fact: Fields) -> Lap | None:
        """Take a lap in; the lap, when it is now the fastest of all."""
        competitor_id, number = str(fact.get("competitor_id", "")), whole(fact.get("number"))
        runner = self.runner(competitor_id)
        lap = lap_of(fact)
        if fact.get("revised") and number in runner.laps:
            lap = _revised(runner.laps[number], fact)
        if lap is None:
            return None
        runner.add(lap)
        if LapFlag.DOUBTFUL not in lap.flags and (self.best_ms is None or lap.time_ms < self.best_ms):
            self.best_ms, self.best_by = lap.time_ms, competitor_id
            return lap
        return None

    def stop(self, fact: Fields, laps: int, stops: int | None = None) -> None:
        """Take a stop event in; `laps` timed so far, where the fact does not say it, of `stops` so far, where known."""
        runner = self.runner(str(fact.get("competitor_id", "")))
        at = moment(fact.get("at"))
        after = whole(fact.get("after_lap"))
        after = laps if after is None else after
        if fact.get("event") == "in":
            runner.entered(at, after)
        elif runner.waiting or stops is None or len(runner.stops) < stops:  # else it leaves for the first time
            runner.left(at, after)

    def decide(self, decisions: Iterable[Decision]) -> None:
        """Take decisions in, oldest first; of several about one lap the last one counts."""
        for decision in decisions:
            runner = self.runner(decision.competitor_id)
            if decision.excluded:
                runner.excluded[decision.lap] = decision
            else:
                runner.excluded.pop(decision.lap, None)

    def places(self, competitors: Mapping[str, Fields]) -> None:
        """Note where everybody is first seen."""
        for competitor_id, fields in competitors.items():
            place = whole(fields.get("position"))
            if place is not None and (runner := self.runner(competitor_id)).first_place is None:
                runner.first_place = place

    def copy(self) -> "Race":
        """One that stands still."""
        race = Race(self.session_id)
        race.best_ms, race.best_by = self.best_ms, self.best_by
        for key, it in self.runners.items():
            race.runners[key] = replace(it, laps=dict(it.laps), stops=list(it.stops), excluded=dict(it.excluded))
        return race


def _revised(old: Lap, fact: Fields) -> Lap:
    """A lap whose time the timekeeper changed, or took away, which leaves it doubtful until there is one again."""
    time_ms, flags = whole(fact.get("time_ms")), old.flags | {LapFlag.CORRECTED}
    told = lap_of({**fact, "number": old.number, "time_ms": old.time_ms})
    flags = flags | {LapFlag.DOUBTFUL} if time_ms is None else flags - {LapFlag.DOUBTFUL}
    provenance = old.provenance if told is None else told.provenance
    return replace(old, time_ms=old.time_ms if time_ms is None else time_ms, flags=flags, provenance=provenance)
