"""The engine's clocks and its way to wait, in one value that tests replace."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall time for people, monotonic time for durations, and a sleep.

    Attributes:
        wall_ms: ms UTC; may jump when the machine's clock is set.
        monotonic: seconds from an arbitrary point; never jumps.
        sleep: waits that many seconds.
    """

    wall_ms: Callable[[], int] = _wall_ms
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
