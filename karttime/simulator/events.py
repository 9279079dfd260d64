"""What happens in a race, told step by step: a closed union of frozen dataclasses, without any wire language."""

from dataclasses import dataclass

from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId
from karttime.simulator.model import Intervention


@dataclass(frozen=True, slots=True)
class SessionLoaded:
    """A new session is on the board, waiting for its start."""

    at: int


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """The session is over: the state is final."""

    at: int


@dataclass(frozen=True, slots=True)
class EntryAdded:
    """A competitor was entered while the session runs."""

    at: int
    competitor_id: CompetitorId


@dataclass(frozen=True, slots=True)
class FlagShown:
    """Race control shows a flag."""

    at: int
    flag: Flag


@dataclass(frozen=True, slots=True)
class BeamPassed:
    """A competitor passed the beam that ends sector `sector` (1, 2, …; the last sector ends at the line)."""

    at: int
    competitor_id: CompetitorId
    sector: int


@dataclass(frozen=True, slots=True)
class LineCrossed:
    """A competitor crossed the timing line.

    Attributes:
        lap_ms: the lap that ended, None for a first crossing that has no time.
        had_stop: the lap contains a pit stop, or ended in the pit lane.
        in_pit_lane: crossed at the pit exit (`StopLap.EXIT`).
        gained: positions gained (negative: lost) since the crossing before.
        after_flag: the chequered flag is out: this was the competitor's last lap.
    """

    at: int
    competitor_id: CompetitorId
    lap_ms: int | None
    had_stop: bool
    in_pit_lane: bool
    gained: int
    after_flag: bool


@dataclass(frozen=True, slots=True)
class PitEntered:
    """A competitor drove into the pit lane."""

    at: int
    competitor_id: CompetitorId


@dataclass(frozen=True, slots=True)
class PitLeft:
    """A competitor left the pit lane; `at_start` when the session began there."""

    at: int
    competitor_id: CompetitorId
    at_start: bool


@dataclass(frozen=True, slots=True)
class CrewChanged:
    """Another driver, or another kart number, during a stop."""

    at: int
    competitor_id: CompetitorId


@dataclass(frozen=True, slots=True)
class Overdue:
    """A competitor has not come round for long: it stands somewhere."""

    at: int
    competitor_id: CompetitorId


@dataclass(frozen=True, slots=True)
class Intervened:
    """The timekeeper did something by hand; the competitor it is about."""

    at: int
    intervention: Intervention
    competitor_id: CompetitorId


Event = (
    SessionLoaded
    | SessionClosed
    | EntryAdded
    | FlagShown
    | BeamPassed
    | LineCrossed
    | PitEntered
    | PitLeft
    | CrewChanged
    | Overdue
    | Intervened
)
