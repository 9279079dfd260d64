"""What is raced: entries, a track, and the sessions of a meeting. Values only, no wire language.

All times are integer milliseconds; those in a plan are relative to the session's green flag unless said otherwise.
"""

from dataclasses import dataclass
from enum import StrEnum

from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId
from karttime.domain.updates import SessionKind


class Start(StrEnum):
    """How a session begins for a kart, which decides what the first lap time measures."""

    STANDING = "standing"  # from the grid: the first lap is timed from the green flag
    FLYING = "flying"  # rolling: the first crossing starts the first lap and has no time
    PITS = "pits"  # karts leave the pit lane one after another; the first crossing has no time


class StopLap(StrEnum):
    """What a pit stop does to lap times, by where the timing line lies."""

    INSIDE = "inside"  # pit entry and exit lie before the line: the stop is part of one long lap
    EXIT = "exit"  # loops at pit entry and exit: a lap from entry to exit ends in the pit lane; the in-lap is not told


class Action(StrEnum):
    """What a timekeeper does by hand while a session runs."""

    REDRAW = "redraw"  # the whole board is sent again
    LAYOUT = "layout"  # other columns are shown
    BLANK = "blank"  # no session is shown for some seconds
    WARNING = "warning"
    PENALTY = "penalty"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Driver:
    """A person, and how much slower than the kart's own pace."""

    name: str
    pace_ms: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One competitor of a session.

    Attributes:
        competitor_id: the timing system's key of the row.
        number: kart number at the start, a text; may be shared or empty.
        team: team name, None where drivers race for themselves.
        drivers: at least one; the first one starts.
        pace_ms: how much slower than the track's lap time.
        spread_ms: standard deviation of a lap.
    """

    competitor_id: CompetitorId
    number: str
    team: str | None
    drivers: tuple[Driver, ...]
    pace_ms: int
    spread_ms: int
    nation: str = ""
    category: str = ""
    colour: int = 1


@dataclass(frozen=True, slots=True)
class Track:
    """A layout: how long a lap takes and where the beams are.

    Attributes:
        name: as shown.
        length_m: metres, for speeds.
        lap_ms: what a good lap takes.
        sectors: share of the lap of each sector, in per mille; empty where there are no beams.
        stop_lap: what a stop does to lap times.
    """

    name: str
    length_m: int
    lap_ms: int
    sectors: tuple[int, ...] = ()
    stop_lap: StopLap = StopLap.INSIDE


@dataclass(frozen=True, slots=True)
class Interruption:
    """A yellow or red flag: from when, for how long."""

    after_ms: int
    flag: Flag
    for_ms: int


@dataclass(frozen=True, slots=True)
class Intervention:
    """Something the timekeeper does, with the kart (ordinal of the entry) and text it is about."""

    after_ms: int
    action: Action
    entry: int = 0
    text: str = ""
    for_ms: int = 0


@dataclass(frozen=True, slots=True)
class Stops:
    """Pit stops of every kart in a session."""

    each: int = 0
    lasting_ms: int = 60_000
    change_driver: bool = False
    swap_kart: bool = False


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """One session: what is known before it starts.

    Attributes:
        length_ms: time from green to chequered; ignored when `laps` is given.
        laps: laps of the leader to the chequered flag, None for a timed session.
        waiting_ms: from the board being shown to the green flag.
        tail_ms: from the last finisher until the next session is loaded.
        late: how many of the entries are added to the board only after the green flag.
        return_to_pits: karts drive into the pit lane after their last lap.
    """

    kind: SessionKind
    event: str
    title: str
    track: Track
    entries: tuple[Entry, ...]
    length_ms: int = 600_000
    laps: int | None = None
    waiting_ms: int = 20_000
    tail_ms: int = 60_000
    start: Start = Start.FLYING
    stops: Stops = Stops()
    interruptions: tuple[Interruption, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    late: int = 0
    return_to_pits: bool = False
    retire_per_mille: int = 0

    @property
    def by_laps(self) -> bool:
        """Whether laps and time rank, rather than best laps."""
        return self.kind is SessionKind.RACE


@dataclass(frozen=True, slots=True)
class Meeting:
    """Sessions one after another."""

    sessions: tuple[SessionPlan, ...]
