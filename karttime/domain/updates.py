"""Updates: the typed facts that decoders take from frames, a closed union of frozen dataclasses.

Every update carries `at`, the time of its frame in milliseconds UTC. Texts are as the feed sent them (hostile:
bounded in length by the decoder, escaped by whoever shows them).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from karttime.domain.columns import Column
from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId, SessionId


class SessionKind(StrEnum):
    """What is being run; feeds say at least whether laps or best times rank."""

    RACE = "race"
    PRACTICE = "practice"
    QUALIFYING = "qualifying"
    UNKNOWN = "unknown"


class Cell(NamedTuple):
    """One cell as displayed: the feed's style class and its text (both may be empty)."""

    style: str
    text: str


class LapFlag(StrEnum):
    """What is special about a lap."""

    FIRST = "first"  # first timed lap of the competitor in the session
    PIT = "pit"  # contains a stop, or ended in the pit lane
    AFTER_FLAG = "after-flag"  # completed after the chequered flag fell
    CORRECTED = "corrected"  # written or changed by the timekeeper, not by a crossing
    DOUBTFUL = "doubtful"  # the feed contradicts itself; the provenance says how


class Status(StrEnum):
    """What a competitor is doing."""

    ON_TRACK = "on-track"
    IN_PIT = "in-pit"
    OUT_LAP = "out-lap"  # left the pit lane, has not passed the line since
    STOPPED = "stopped"  # overdue
    FINISHED = "finished"  # took the chequered flag
    UNKNOWN = "unknown"


class Loop(StrEnum):
    """Where a passing was measured."""

    LINE = "line"
    SECTOR_1 = "sector_1"
    SECTOR_2 = "sector_2"
    SECTOR_3 = "sector_3"
    SECTOR_4 = "sector_4"


class ClockMode(StrEnum):
    """How the session clock runs."""

    COUNTDOWN = "countdown"  # ms remaining
    COUNT_UP = "count-up"  # ms elapsed
    TEXT = "text"  # as displayed: scheduled length, `Lap 3/10`
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a fact comes from.

    Attributes:
        frames: ordinals (from 0) of the frames that decided it.
        rule: name of the rule that decided, one of the decoder's documented rules.
        note: why, where the rule alone does not say it.
    """

    frames: tuple[int, ...]
    rule: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """A new session is on track; what ran before is over and kept."""

    at: int
    session_id: SessionId
    kind: SessionKind
    event: str
    title: str
    track: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """The same session, with other titles, track or kind."""

    at: int
    kind: SessionKind
    event: str
    title: str
    track: str


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The feed says that no session is loaded; the last one stays as history."""

    at: int


@dataclass(frozen=True, slots=True)
class BoardShown:
    """The whole board: columns, and every competitor on it with position and cells. Replaces the board before it.

    Competitors that are not on it leave the board; their history stays.
    """

    at: int
    columns: tuple[Column, ...]
    rows: Mapping[CompetitorId, "BoardRow"]


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One row of a whole board: position (0 unknown) and cells by column index."""

    position: int
    cells: Mapping[int, Cell]


@dataclass(frozen=True, slots=True)
class CellsChanged:
    """Cells that were sent in one frame, by competitor and column index. An empty text clears."""

    at: int
    rows: Mapping[CompetitorId, Mapping[int, Cell]]


@dataclass(frozen=True, slots=True)
class PositionsChanged:
    """Positions that were sent in one frame."""

    at: int
    positions: Mapping[CompetitorId, int]


@dataclass(frozen=True, slots=True)
class Named:
    """Who is in the kart: team and driver as far as the feed tells (None: it says nothing of it)."""

    at: int
    competitor_id: CompetitorId
    team: str | None
    driver: str | None


@dataclass(frozen=True, slots=True)
class Passed:
    """A competitor passed a loop.

    `expected_ms` is the feed's own guess of the lap or sector that now begins, where it gives one.
    """

    at: int
    competitor_id: CompetitorId
    loop: Loop
    expected_ms: int | None = None


@dataclass(frozen=True, slots=True)
class LapCompleted:
    """A timed lap.

    Attributes:
        at: when the lap was completed.
        time_ms: lap time.
        sectors: sector times in ms, None where the feed gave none.
        flags: what is special about it.
        provenance: which frames and which rule.
        number: the feed's own number of the lap; None where it gives none.
    """

    at: int
    competitor_id: CompetitorId
    time_ms: int
    provenance: Provenance
    sectors: tuple[int | None, ...] = ()
    flags: frozenset[LapFlag] = field(default_factory=frozenset)
    number: int | None = None


@dataclass(frozen=True, slots=True)
class LapRevised:
    """The timekeeper changed the time of a lap of a competitor, or took it away (`time_ms` None).

    It is the last lap, or, where the feed numbers laps, the last one of this `number`.
    """

    at: int
    competitor_id: CompetitorId
    time_ms: int | None
    provenance: Provenance
    number: int | None = None


@dataclass(frozen=True, slots=True)
class PitEntered:
    """A competitor drove into the pit lane."""

    at: int
    competitor_id: CompetitorId


@dataclass(frozen=True, slots=True)
class PitLeft:
    """A competitor left the pit lane."""

    at: int
    competitor_id: CompetitorId


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """What a competitor is doing now, as far as the feed tells."""

    at: int
    competitor_id: CompetitorId
    status: Status


@dataclass(frozen=True, slots=True)
class FlagChanged:
    """Track status; `text` is the feed's own word."""

    at: int
    flag: Flag
    text: str


@dataclass(frozen=True, slots=True)
class ClockChanged:
    """The session clock: ms remaining or elapsed at `at`, or a text."""

    at: int
    mode: ClockMode
    ms: int | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """One entry of the race-control list: local wall-clock text, kind (`green`, `penalty`, …), kart number, text."""

    time: str
    kind: str
    number: str
    text: str


@dataclass(frozen=True, slots=True)
class NotesAdded:
    """New entries of the race-control list, oldest first."""

    at: int
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class NotesCleared:
    """The race-control list was emptied."""

    at: int


@dataclass(frozen=True, slots=True)
class MessageShown:
    """The ticker: `level` is info, warning or penalty; an empty text clears it."""

    at: int
    level: str
    text: str


Update = (
    SessionStarted
    | SessionChanged
    | SessionEnded
    | BoardShown
    | CellsChanged
    | PositionsChanged
    | Named
    | Passed
    | LapCompleted
    | LapRevised
    | PitEntered
    | PitLeft
    | StatusChanged
    | FlagChanged
    | ClockChanged
    | NotesAdded
    | NotesCleared
    | MessageShown
)
