"""Listens to a feed for some seconds: whether it opens, and what it sends. `quality` judges what came."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

from karttime.engine.checks.finding import Finding, Grade
from karttime.engine.source import Connected, Flooding, FrameSource, GaveUp, Lost, Retrying, SourceItem
from karttime.feeds.frame import Frame

OPENING_S: Final = 15.0  # lookup, connection, handshake
MAX_FRAMES: Final = 20_000


@dataclass(slots=True)
class Heard:
    """What was heard of a feed.

    Attributes:
        frames: in order, at most `MAX_FRAMES`.
        seconds: from the open connection to the end.
        first_s: from the open connection to the first message, None without one.
        opened: the connection stood.
        lost: why it ended before its time, or did not open; empty when neither.
        flooding: which limit it exceeded, empty for none.
    """

    frames: list[Frame] = field(default_factory=list)
    seconds: float = 0.0
    first_s: float | None = None
    opened: bool = False
    lost: str = ""
    flooding: str = ""
    _began: float = 0.0

    def take(self, item: SourceItem) -> bool:
        """Take in what a source yields; False when that is enough."""
        match item:
            case Connected():
                self.opened, self._began = True, perf_counter()
            case Frame():
                if self.first_s is None:
                    self.first_s = perf_counter() - self._began
                self.frames.append(item)
            case Flooding(fault):
                self.flooding = fault
            case Lost(reason):
                self.lost = reason
            case Retrying() | GaveUp():
                return False
            case _:
                pass
        return len(self.frames) < MAX_FRAMES

    def end(self) -> None:
        """Nothing more comes."""
        self.seconds = perf_counter() - self._began if self.opened else 0.0


async def listen(source: FrameSource, seconds: float, opening_s: float = OPENING_S) -> Heard:
    """Listen for so many seconds from the moment that the connection is open; one attempt."""
    heard = Heard()
    try:
        async with asyncio.timeout(opening_s) as limit, aclosing(aiter(source)) as items:
            async for item in items:
                if isinstance(item, Connected):
                    limit.reschedule(asyncio.get_running_loop().time() + seconds)
                if not heard.take(item):
                    break
    except TimeoutError:
        if not heard.opened:
            heard.lost = f"it did not open within {opening_s:g} s"
    heard.end()
    return heard


def opening(area: str, heard: Heard) -> Finding:
    """Whether the feed opened, and spoke."""
    if not heard.opened:
        advice = "The way there is open, and it does not speak as a feed: is it the right port and path?"
        return Finding(area, Grade.FAILURE, f"not connected: {heard.lost or 'it ended at once'}", advice)
    if heard.lost:
        said = f"connected, and lost after {heard.seconds:.1f} s: {heard.lost}"
        return Finding(area, Grade.FAILURE, said, "The feed drops us: is somebody else using a place that is limited?")
    if heard.flooding:
        return Finding(area, Grade.WARNING, f"connected; flooding: {heard.flooding}", "It is read more slowly.")
    if heard.first_s is None:
        advice = "No session on track, or the timing computer is off. Try again with --seconds 75."
        return Finding(area, Grade.WARNING, f"connected, and no message in {heard.seconds:.0f} s", advice)
    figures = {"first_message_ms": round(heard.first_s * 1000)}
    return Finding(area, Grade.OK, f"connected; the first message came after {heard.first_s:.1f} s", "", figures)
