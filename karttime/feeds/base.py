"""What every wire format offers: a decoder and a score.

A decoder is a stateful object without I/O, clock or async: frames in, updates out. It never raises on what a feed
sends; what it cannot accept comes back as a `Rejection`, counted by its reason.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from karttime.domain.updates import Update
from karttime.feeds.frame import Frame


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something in a frame that was refused.

    Attributes:
        at: time of the frame, milliseconds UTC.
        frame: ordinal of the frame among those fed, from 0.
        reason: one of the format's closed set of reasons, such as `unknown-command`.
        sample: what was refused, cut to 200 characters; hostile bytes, to be escaped by whoever shows it.
    """

    at: int
    frame: int
    reason: str
    sample: str


class Decoder(Protocol):
    """Turns the frames of one feed, in order, into updates."""

    @property
    def refused(self) -> Mapping[str, int]:
        """How much was refused so far, by reason."""
        ...

    @property
    def doubts(self) -> Sequence[str]:
        """What the decoder cannot know, in sentences for a person."""
        ...

    def feed(self, frame: Frame) -> Sequence[Update | Rejection]:
        """Decode one frame; work and memory are bounded by the frame's size, and nothing is raised."""
        ...

    def feed_many(self, frames: Iterable[Frame]) -> Iterator[Update | Rejection]:
        """Decode frames that nobody watches one by one: the same state in the end, for less work.

        Cells, positions and passings come once, as they are last, before another board is shown and at the end; all
        other events come in their order.
        """
        ...


@dataclass(frozen=True, slots=True)
class Score:
    """How well a format explains a sample of frames.

    Attributes:
        value: 0.0 (not this format) to 1.0 (certain).
        evidence: short sentences that say why.
    """

    value: float
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedFormat:
    """One wire format: its name, how to decode it and how to recognise it."""

    name: str
    decoder: Callable[[], Decoder]
    score: Callable[[Sequence[Frame]], Score]
