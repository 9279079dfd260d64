"""What the dashboard asks of a source of data, and what a source tells.

A source tells the messages of `karttime.v1`, folded, whether they come from a server or from a recording, so that the
screens have one way to be fed. What happened before the first message comes as `History`, in the same shapes.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from karttime.client.fold import Fields
from karttime.client.stream import HealthChanged, Shown


class Mode(StrEnum):
    """What the top bar says of the source while all is well."""

    LIVE = "LIVE"
    REPLAY = "REPLAY"
    DEMO = "DEMO"


@dataclass(frozen=True, slots=True)
class CircuitInfo:
    """One circuit as its server describes it; times and ages in ms.

    Attributes:
        id: unique.
        name: for people.
        url: where the feed is.
        feed: the wire format.
        page: the venue's own page.
        labels: what columns are called, by `C1`…`Cn`.
        state: of its collector; `stopped` also when it was never started.
        reason: a sentence for a person, empty when all is well.
        running: collecting, or waiting to try again.
        data_age_ms: since the last timing data.
        frames: messages received so far.
        bytes: their size.
        refused: what was refused, by reason.
        clients: who watches.
        session: of the running session, for people.
        last_error: the last thing that went wrong.
        doubts: what the decoder cannot know, in sentences.
        recording: name, size and frames of the file that is written, empty when nothing is recorded.
    """

    id: str
    name: str
    url: str = ""
    feed: str = ""
    page: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    state: str = "stopped"
    reason: str = ""
    running: bool = False
    data_age_ms: int | None = None
    frames: int = 0
    bytes: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    clients: int = 0
    session: str = ""
    last_error: str = ""
    doubts: tuple[str, ...] = ()
    recording: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class History:
    """What happened before: facts by kind as patches of `karttime.v1` carry them, and connection events.

    Attributes:
        facts: lists under `laps`, `stops`, `flags`, `messages`, `notes`, `sessions`, `connection`, `marks`.
        session_id: the session that laps and stops belong to.
        anew: forget what was known, as after a jump within a recording.
    """

    facts: Mapping[str, Sequence[Fields]]
    session_id: str | None = None
    anew: bool = False


Event = Shown | HealthChanged | History


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One frame: its number, time, text, what it was decoded to (None: nobody looked), and what was refused of it."""

    number: int
    at: int
    text: str
    updates: tuple[str, ...] | None
    refused: tuple[tuple[str, str], ...] = ()


class Transport(Protocol):
    """The hand on a recording. Times are ms since its first frame."""

    @property
    def length_ms(self) -> int: ...

    @property
    def position_ms(self) -> int: ...

    @property
    def began_at(self) -> int:
        """Time of the first frame, ms UTC."""
        ...

    @property
    def playing(self) -> bool: ...

    @property
    def speed(self) -> float | None:
        """None: as fast as possible."""
        ...

    @property
    def busy(self) -> str:
        """What it is doing that takes a while, empty when nothing."""
        ...

    @property
    def markers(self) -> Sequence["Marker"]:
        """What happens in the whole recording, in order; grows while it is looked through."""
        ...

    def toggle(self) -> None: ...

    def set_speed(self, speed: float | None) -> None: ...

    def step(self, frames: int) -> None:
        """Go on by frames that show something, or back; it stops there."""
        ...

    def seek(self, position_ms: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Marker:
    """Something in a recording that one may want to jump to; `at` in ms UTC."""

    at: int
    kind: str
    text: str


class Source(Protocol):
    """Where data comes from. Calls raise `KarttimeError` with a sentence for a person when they cannot be done."""

    @property
    def mode(self) -> Mode: ...

    @property
    def where(self) -> str:
        """Address of the server, or name of the recording."""
        ...

    @property
    def transport(self) -> Transport | None: ...

    async def circuits(self) -> Sequence[CircuitInfo]: ...

    def follow(self, circuit_id: str, /) -> AsyncGenerator[Event, None]:
        """What is told of a circuit, for ever; a lost connection is told and mended."""
        ...

    def data_age_ms(self) -> int | None: ...

    async def history(self, circuit_id: str, /) -> History:
        """What happened before the stream began, as far as it is kept; asked for after each gap."""
        ...

    async def laps(self, circuit_id: str, competitor_id: str, /) -> Sequence[Fields]:
        """Every lap of one competitor in the running session."""
        ...

    async def frames(self, circuit_id: str, after: int, /) -> Sequence[FeedEntry]:
        """Frames with a number above `after`, oldest first; bounded."""
        ...

    async def command(self, circuit_id: str, name: str, /, **values: Any) -> Any:
        """Do something to a circuit: see `COMMANDS`; the answer depends on it."""
        ...

    async def close(self) -> None: ...


COMMANDS = {
    "start": "start collecting",
    "stop": "stop collecting; `force`: also while others watch",
    "record": "begin or end a raw recording: `on`",
    "add": "add a circuit: `name`, `url`, `page`, `feed`",
    "edit": "change a circuit: `name`, `url`, `page`, `feed`",
    "delete": "remove a circuit",
    "analyse": "say what the feed is: returns a mapping",
    "analysis": "what the last analysis said",
    "labels": "name columns: `labels` by `C1`…`Cn`, null clears",
    "decide": "exclude or restore a lap: `session`, `competitor`, `lap`, `excluded`, `reason`",
    "decisions": "the decisions about the laps of a `session`, oldest first",
    "mark": "note a `text` at this moment",
}
"""What a circuit can be asked to do."""
