"""Sources: where the frames of one feed come from, and what they tell about the way there."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from karttime.feeds.frame import Frame


@dataclass(frozen=True, slots=True)
class Connecting:
    """An attempt begins; `attempt` counts from 1 since the last stable connection."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Connected:
    """The upstream accepted us; nothing was received yet."""


@dataclass(frozen=True, slots=True)
class Flooding:
    """The upstream sends more than its budget and is read more slowly; repeated while it lasts.

    `fault` says which limit it exceeds.
    """

    fault: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The upstream could not be reached, refused us, fell silent or went away; `reason` is one sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """The next attempt, number `attempt`, comes after `delay_ms`."""

    delay_ms: int
    attempt: int


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No attempt will follow; the source ends."""

    attempts: int


@dataclass(frozen=True, slots=True)
class Ended:
    """All frames there were have been delivered; the source ends."""


SourceEvent = Connecting | Connected | Flooding | Lost | Retrying | GaveUp | Ended
SourceItem = Frame | SourceEvent


class FrameSource(Protocol):
    """An asynchronous iterable of frames and of what happens on the way to them.

    Each iteration begins anew. The iterator is closed by its consumer (`contextlib.aclosing(aiter(source))`),
    which also closes the connection, in bounded time.
    """

    def __aiter__(self) -> AsyncGenerator[SourceItem, None]:
        """Frames and events, in order; ends after `GaveUp` or `Ended`."""
        ...
