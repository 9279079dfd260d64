"""When each frame of a recording is due in its replay: a pure function of their times, without a clock.

The due times count from the start of the replay. Whoever plays compares them with a monotonic clock and waits for the
difference, so that waiting a little too long once does not add up.
"""

import math
from collections.abc import Iterable, Iterator

from karttime.errors import UsageError
from karttime.feeds.frame import Frame


def paced(
    frames: Iterable[Frame],
    *,
    speed: float | None = 1.0,
    from_ms: int = 0,
    until_ms: int | None = None,
    max_gap_ms: int | None = None,
    catch_up: bool = True,
) -> Iterator[tuple[int, Frame]]:
    """Pairs of due time, in milliseconds since the start of the replay, and frame.

    Args:
        frames: of a recording, in its order; where their time goes back they are due at once.
        speed: 2.0 is twice as fast; None is as fast as possible, all due at 0.
        from_ms: where to begin, counted from the first frame.
        until_ms: where to end, exclusive, counted from the first frame.
        max_gap_ms: a longer silence in the recording is cut to this; counted before `speed`.
        catch_up: frames before `from_ms` are due at 0 instead of left out, because a decoder that has not seen the
            beginning does not know the board.

    Raises:
        UsageError: a speed, offset or gap that makes no sense.
    """
    _check(speed, from_ms, until_ms, max_gap_ms)
    return _paced(frames, speed or math.inf, from_ms, until_ms, max_gap_ms, catch_up=catch_up)


def _check(speed: float | None, from_ms: int, until_ms: int | None, max_gap_ms: int | None) -> None:
    if speed is not None and not (math.isfinite(speed) and speed > 0):
        raise UsageError(f"a replay cannot run at speed {speed:g}: give a number above 0, or max")
    if from_ms < 0 or (until_ms is not None and until_ms <= from_ms):
        raise UsageError("nothing lies between the start and the end of the replay: let it end after its start")
    if max_gap_ms is not None and max_gap_ms < 0:
        raise UsageError("the longest gap of a replay cannot be negative")


def _paced(
    frames: Iterable[Frame],
    speed: float,
    from_ms: int,
    until_ms: int | None,
    max_gap_ms: int | None,
    *,
    catch_up: bool,
) -> Iterator[tuple[int, Frame]]:
    longest = math.inf if max_gap_ms is None else max_gap_ms
    first: int | None = None
    reached = played = 0  # how far in the recording, and how much of it is to be waited for
    for frame in frames:
        if first is None:
            first = frame.at
        offset = max(reached, frame.at - first)
        if until_ms is not None and offset >= until_ms:
            return
        if offset >= from_ms:
            gap = offset - max(reached, from_ms)
            played += int(min(gap, longest))
            yield round(played / speed), frame
        elif catch_up:
            yield 0, frame
        reached = offset
