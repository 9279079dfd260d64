"""Two protocols in one stream: one that karttime speaks, and structured messages beside it.

Each is decoded by its own decoder, told apart frame by frame by how a message begins. They may tell of the same race,
but nothing says which rows of one are which of the other: so they are never merged. What the known format tells is the
feed; the other part has sessions of its own, `beside`, whose ids end in `b`. Both decoders count every frame of the
stream, so that provenance names the same frames.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from karttime.domain.ids import SessionId
from karttime.domain.logbook import Logbook
from karttime.domain.updates import SessionStarted, Update
from karttime.feeds.base import Decoder, Rejection
from karttime.feeds.frame import Frame

KEEP: Final = 16
_STRUCTURED: Final = ("{", "[", "<")


def is_structured(frame: Frame) -> bool:
    """Whether a message is JSON or markup by how it begins; no line of a known format begins so."""
    return frame.text is not None and frame.text.lstrip()[:1] in _STRUCTURED


class MixedDecoder:
    """Decodes the known part, and the other one beside it.

    Attributes:
        beside: the sessions of the other part.
    """

    def __init__(self, known: Decoder, other: Decoder) -> None:
        self.beside = Logbook(KEEP)
        self._known = known
        self._other = other
        self._refused: list[Rejection] = []

    @property
    def refused(self) -> Mapping[str, int]:
        """How much was refused so far, by reason, in both parts."""
        return Counter(self._known.refused) + Counter(self._other.refused)

    @property
    def doubts(self) -> Sequence[str]:
        """What cannot be known, in sentences."""
        told = "two protocols in one stream: the other is decoded beside, since nothing says which rows are the same"
        return (*self._known.doubts, told)

    def feed(self, frame: Frame) -> Sequence[Update | Rejection]:
        """Decode one frame; what the other part tells is in `beside`."""
        own = self._divert(frame)
        updates = self._known.feed(own)
        return [*self._take_refused(), *updates]

    def feed_many(self, frames: Iterable[Frame]) -> Iterator[Update | Rejection]:
        """Decode frames that nobody watches one by one (see `Decoder.feed_many`)."""
        for update in self._known.feed_many(map(self._divert, frames)):
            yield from self._take_refused()
            yield update
        yield from self._take_refused()

    def _divert(self, frame: Frame) -> Frame:
        """Give the other part what is its own; what is left is for the known one, a hollow frame where nothing is."""
        hollow = frame._replace(text="", data=None, direction="out")
        if not is_structured(frame):
            silent = frame.text is not None and not frame.text.strip()
            self._beside(frame if silent else hollow)
            return frame
        self._beside(frame)
        return hollow

    def _beside(self, frame: Frame) -> None:
        for update in self._other.feed(frame):
            if isinstance(update, Rejection):
                self._refused.append(update)
            elif type(update) is SessionStarted:
                self.beside.apply(replace(update, session_id=SessionId(f"{update.session_id}b")))
            else:
                self.beside.apply(update)

    def _take_refused(self) -> list[Rejection]:
        refused, self._refused = self._refused, []
        return refused
