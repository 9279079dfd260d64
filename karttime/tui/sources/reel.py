"""A recording being read: decoder, sessions and what was seen on the way, up to one frame; it can only go forward.

Going back is a new reel that goes forward to an earlier place: a hundred thousand frames take about a second.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from karttime.domain.logbook import Logbook
from karttime.domain.session import Change
from karttime.domain.updates import LapCompleted, LapRevised, Named, Passed
from karttime.engine.hub import Publication
from karttime.feeds.base import Decoder, Rejection
from karttime.feeds.frame import Frame

MAX_PAST: Final = 20_000
MAX_FRAMES: Final = 2_000
_QUIET: Final = (LapCompleted, LapRevised, Named, Passed)

Facts = Callable[[Publication], Mapping[str, list[dict[str, Any]]]]
"""The events of a publication, as `karttime.v1` tells them."""


class Seen(NamedTuple):
    """One frame with what became of it."""

    number: int
    frame: Frame
    changes: tuple[Change, ...]
    refused: tuple[Rejection, ...]


class Reel:
    """The recording up to a frame.

    Attributes:
        count: frames that were read.
        at: time of the last one, ms UTC; 0 before the first.
        logbook: the sessions.
        decoder: what reads the frames.
        past: events other than laps, by kind, in order; the oldest are dropped.
        recent: the last frames.
        published: frames that showed something.
        bytes: of the frames' texts.
        ended: every frame was read.
    """

    def __init__(self, frames: Iterable[Frame], decoder: Decoder, facts: Facts) -> None:
        self.count = self.at = self.bytes = self.published = 0
        self.logbook = Logbook(16)
        self.decoder = decoder
        self.past: deque[tuple[str, dict[str, Any]]] = deque(maxlen=MAX_PAST)
        self.recent: deque[Seen] = deque(maxlen=MAX_FRAMES)
        self.ended = False
        self._frames = self._with_silence(iter(frames))
        self._facts = facts
        self._next: Frame | None = next(self._frames, None)
        self.ended = self._next is None

    @property
    def next_at(self) -> int | None:
        """When the next frame came; None after the last one. Times that go back count as those before them."""
        return None if self._next is None else max(self._next.at, self.at)

    def take(self) -> Publication | None:
        """Read one frame; what it published, if anything."""
        frame = self._next
        if frame is None:
            return None
        self._next = next(self._frames, None)
        self.ended = self._next is None
        self.count += 1
        self.at = max(self.at, frame.at)
        self.bytes += len(frame.text or frame.data or "")
        changes, refused = [], []
        if frame.direction == "in":
            for update in self.decoder.feed(frame):
                if isinstance(update, Rejection):
                    refused.append(update)
                    continue
                change = self.logbook.apply(update)
                if change.session_id is not None:
                    changes.append(change)
        if frame.text is None or not frame.text.isspace() or changes:
            self.recent.append(Seen(self.count, frame, tuple(changes), tuple(refused)))
        if not changes:
            return None
        self.published += 1
        item = Publication(self.published, frame.at, tuple(changes), self.logbook.current, frame)
        if any(not isinstance(fact, _QUIET) for change in changes for fact in change.facts):
            self.past.extend((kind, it) for kind, found in self._facts(item).items() if kind != "laps" for it in found)
        return item

    def _with_silence(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The frames, and silence after the last one: whatever waits for the next frame is decided by it."""
        last: Frame | None = None
        for frame in frames:
            last = frame
            yield frame
        if last is not None:
            for later in (1, 2):
                yield Frame(last.at + later, "\n")
