"""A source that plays frames that exist already: a recording, or a simulated race."""

from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Final

from karttime.engine.clock import Clock
from karttime.engine.source import Connected, Connecting, Ended, SourceItem
from karttime.feeds.frame import Frame

Pace = Callable[[Iterable[Frame]], Iterable[tuple[int, Frame]]]
"""Says when each frame is due, in ms since the start: `functools.partial(paced, speed=2.0)`."""

_BREATH: Final = 32  # frames that are delivered at most before other tasks get a turn


class PlayerSource:
    """Plays frames at the pace that `pace` gives them; a `FrameSource`.

    Reading happens on the event loop, a frame at a time.

    Args:
        frames: what to play; a collection can be played again, an iterator once.
        pace: when each frame is due. Frames that are due are delivered at once, so that a pace of zeros is as fast as
            the listeners are.
        now: stamp the frames with the present time instead of their own: a demonstration that looks live.
        clock: replaced by tests.
    """

    def __init__(self, frames: Iterable[Frame], pace: Pace, *, now: bool = False, clock: Clock | None = None) -> None:
        self._frames = frames
        self._pace = pace
        self._now = now
        self._clock = clock or Clock()

    async def __aiter__(self) -> AsyncGenerator[SourceItem, None]:
        clock = self._clock
        yield Connecting(1)
        yield Connected()
        began, began_at, in_a_row = clock.monotonic(), clock.wall_ms(), 0
        for due_ms, frame in self._pace(self._frames):
            wait = began + due_ms / 1000 - clock.monotonic()
            in_a_row += 1
            if wait > 0 or in_a_row >= _BREATH:
                await clock.sleep(max(wait, 0))
                in_a_row = 0
            yield frame._replace(at=began_at + due_ms) if self._now else frame
        yield Ended()
