"""What waits until it is known what a feed is: its frames, and a decoder that decodes nothing."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from karttime.domain.updates import Update
from karttime.feeds.base import Rejection
from karttime.feeds.frame import Frame

_QUICK_TEXT: Final = 1 << 20
QUICK_FRAMES: Final = 400


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """Settings of detection, times in seconds.

    Attributes:
        samples: so many messages are enough for the first analysis.
        first_s: the first analysis begins this long after the first message at the latest.
        wait_s: between analyses at first; each wait is `growth` times the one before, up to `longest_s`.
        growth: see `wait_s`.
        longest_s: see `wait_s`.
        rest_s: the same for a feed that is read, and seems to have become another.
        patience_s: after so long a parser is used that has not seen laps yet.
        keep_frames: messages that are kept at most until they can be decoded, `keep_bytes` of them.
        keep_bytes: see `keep_frames`.
        keep_s: messages older than this are not kept.
        poll_s: how often it is looked whether something is to be done.
        refresh_s: how often it is looked whether a person stored another parser.
    """

    samples: int = 20
    first_s: float = 30.0
    wait_s: float = 10.0
    growth: float = 1.6
    longest_s: float = 120.0
    rest_s: float = 600.0
    patience_s: float = 300.0
    keep_frames: int = 20_000
    keep_bytes: int = 8 << 20
    keep_s: float = 1800.0
    poll_s: float = 0.25
    refresh_s: float = 5.0


class Undecided:
    """The decoder of a feed before it is known what it is."""

    refused: Mapping[str, int] = {}
    doubts: Sequence[str] = ()

    def feed(self, frame: Frame) -> Sequence[Update | Rejection]:  # noqa: ARG002 - as the protocol has it
        """Nothing is decoded yet."""
        return ()

    def feed_many(self, frames: Iterable[Frame]) -> Iterator[Update | Rejection]:  # noqa: ARG002
        """Nothing is decoded yet."""
        return iter(())


class Kept:
    """Frames that wait to be understood, the oldest first; `given_up` counts those that found no room."""

    def __init__(self, options: DetectionOptions) -> None:
        self._options = options
        self._frames: deque[tuple[int, Frame]] = deque()
        self.bytes = self.given_up = 0

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, size: int, frame: Frame) -> None:
        """Keep a frame; the oldest make room."""
        options, frames = self._options, self._frames
        frames.append((size, frame))
        self.bytes += size
        oldest = frame.at - options.keep_s * 1000
        while len(frames) > options.keep_frames or self.bytes > options.keep_bytes or frames[0][1].at < oldest:
            self.bytes -= frames.popleft()[0]
            self.given_up += 1
            if not frames:
                return

    def frames(self) -> list[Frame]:
        """All of them."""
        return [frame for _, frame in self._frames]

    def clear(self) -> None:
        """They are decoded."""
        self._frames.clear()
        self.bytes = self.given_up = 0


def head(frames: Sequence[Frame]) -> list[Frame]:
    """As many of the first frames with content as a glance may take."""
    first: list[Frame] = []
    size = 0
    for frame in frames:
        if frame.text is not None and not frame.text.strip():
            continue
        size += len(frame.text or "")
        if first and (size > _QUICK_TEXT or len(first) >= QUICK_FRAMES):
            break
        first.append(frame)
    return first
