"""The known truth of a simulation: what a perfect reader of the feed would have understood.

Truth follows what the feed could tell, not what only the race model knows: a first crossing without a time is no lap,
the in-lap that a pit-lane loop swallows is not told, a sector shown to tenths is known to tenths. Times of laps,
stops and flags are those of the crossing itself; the frame that tells it follows within 400 ms (later under
`silence`).
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId
from karttime.domain.updates import LapFlag
from karttime.simulator import events
from karttime.simulator.events import Event
from karttime.simulator.session import SessionState, Standing

VERSION = 1
Told = Callable[[CompetitorId], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class TrueLap:
    """A timed lap. `told` is `crossing`, or `board` when it ended while no session was shown."""

    time_ms: int
    at: int
    sectors: tuple[int | None, ...]
    flags: tuple[str, ...]
    told: str
    driver: str
    number: str


@dataclass(slots=True)
class TrueStop:
    """A drive through the pit lane; `out_at` None: it stayed there."""

    in_at: int
    out_at: int | None = None


@dataclass(frozen=True, slots=True)
class TrueFlag:
    """A flag and when it was shown."""

    at: int
    flag: str


@dataclass(frozen=True, slots=True)
class TrueRow:
    """One row of the final classification. `gap`, `interval` and `pit_stops` are None where no column shows them."""

    competitor_id: str
    position: int
    number: str
    team: str | None
    driver: str
    laps: int
    last_lap_ms: int | None
    best_lap_ms: int | None
    gap: str | None
    interval: str | None
    pit_stops: int | None
    penalty: str
    finished: bool


@dataclass(slots=True)
class TrueSession:
    """One session. `ranked_by` is `laps` or `best_lap`: all that some feeds tell of the kind."""

    kind: str
    ranked_by: str
    event: str
    title: str
    track: str
    loaded_at: int
    green_at: int | None = None
    chequered_at: int | None = None
    flags: list[TrueFlag] = field(default_factory=list)
    classification: list[TrueRow] = field(default_factory=list)
    laps: dict[str, list[TrueLap]] = field(default_factory=dict)
    pit_stops: dict[str, list[TrueStop]] = field(default_factory=dict)


class TruthKeeper:
    """Writes down what happens.

    Args:
        start_at: time of the simulation's beginning, milliseconds UTC.
        sector_told: what a reader can know of a sector time, feeds being limited in digits.
    """

    def __init__(self, start_at: int, sector_told: Callable[[int], int] = lambda ms: ms) -> None:
        self.start_at = start_at
        self._sector_told = sector_told
        self.sessions: list[TrueSession] = []

    def as_json(self) -> dict[str, Any]:
        """The truth as values that JSON knows."""
        return {"version": VERSION, "sessions": [asdict(session) for session in self.sessions]}

    def hear(self, event: Event, session: SessionState, *, unseen: bool, told: Told) -> None:
        """Take note of an event; `unseen`: the board showed no session at that moment."""
        at = self.start_at + event.at
        match event:
            case events.SessionLoaded():
                self._load(at, session)
            case events.FlagShown():
                self._flag(at, event.flag)
            case events.LineCrossed(lap_ms=int()):
                self._lap(at, event, session.standings[event.competitor_id], unseen=unseen)
            case events.PitEntered():
                self._stops(event.competitor_id).append(TrueStop(at))
            case events.PitLeft(at_start=False):
                self._stops(event.competitor_id)[-1].out_at = at
            case events.SessionClosed():
                rows = [_row(standing, told) for standing in session.order]
                self.sessions[-1].classification = rows
            case _:
                pass

    def _load(self, at: int, session: SessionState) -> None:
        plan = session.plan
        ranked_by = "laps" if plan.by_laps else "best_lap"
        self.sessions.append(TrueSession(plan.kind, ranked_by, plan.event, plan.title, plan.track.name, at))

    def _flag(self, at: int, flag: Flag) -> None:
        now = self.sessions[-1]
        now.flags.append(TrueFlag(at, flag))
        if flag is Flag.CHEQUERED:
            now.chequered_at = at
        elif now.green_at is None:
            now.green_at = at

    def _lap(self, at: int, event: events.LineCrossed, standing: Standing, *, unseen: bool) -> None:
        flags = []
        if standing.laps == 1:
            flags.append(LapFlag.FIRST)
        if event.had_stop:
            flags.append(LapFlag.PIT)
        if event.after_flag:
            flags.append(LapFlag.AFTER_FLAG)
        lap = TrueLap(
            time_ms=event.lap_ms or 0,
            at=at,
            sectors=tuple(split and self._sector_told(split.ms) for split in standing.splits),
            flags=tuple(flags),
            told="board" if unseen else "crossing",
            driver=standing.driver_name,
            number=standing.number,
        )
        self.sessions[-1].laps.setdefault(event.competitor_id, []).append(lap)

    def _stops(self, row: CompetitorId) -> list[TrueStop]:
        return self.sessions[-1].pit_stops.setdefault(row, [])


def _row(standing: Standing, told: Told) -> TrueRow:
    shown = told(standing.entry.competitor_id)
    stops = shown.get("pit")
    return TrueRow(
        competitor_id=standing.entry.competitor_id,
        position=standing.position,
        number=standing.number,
        team=standing.entry.team,
        driver=standing.driver_name,
        laps=standing.laps,
        last_lap_ms=standing.last_ms,
        best_lap_ms=standing.best_ms,
        gap=shown.get("gap"),
        interval=shown.get("int"),
        pit_stops=None if stops is None else int(stops or 0),
        penalty=standing.penalty,
        finished=standing.finished,
    )
