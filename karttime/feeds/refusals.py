"""Counting what is refused, the same for every format."""

from collections import Counter
from typing import Final

from karttime.feeds.base import Rejection

MAX_SAMPLE: Final = 200
"""Characters of a sample."""

MAX_SAMPLES: Final = 20
"""Samples of one frame; what is beyond is only counted."""


class Refusals:
    """Counts by reason, and the samples of the current frame (`fresh`)."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.fresh: list[Rejection] = []

    def refuse(self, at: int, frame: int, reason: str, sample: str, count: int = 1) -> None:
        """Count a refusal; keep a sample while the frame has few."""
        self.counts[reason] += count
        if len(self.fresh) < MAX_SAMPLES:
            self.fresh.append(Rejection(at, frame, reason, sample[:MAX_SAMPLE]))

    def take_back(self, reason: str, count: int) -> None:
        """What was refused turned out to be good: it is counted no more."""
        self.counts[reason] -= count
        if self.counts[reason] <= 0:
            del self.counts[reason]

    def take(self) -> list[Rejection]:
        """The samples of this frame; the next frame starts anew."""
        fresh = [*self.fresh]
        self.fresh.clear()
        return fresh
