"""The lap rules of declared feeds.

| rule | a lap is decided when | name in the provenance |
|---|---|---|
| count | the lap counter rises and the last lap changes, in one frame or within 5 s in either order | `count` |
| | the counter rises, and the last lap is the same text 5 s later: the same time again, doubtful | `count-alone` |
| | counter and last lap rise over several laps: the last one, doubtful where it cannot be told | `count` |
| change | the last lap changes to another time | `change` |
| rows | a row of a table of laps comes for the first time | `row` |

What a row shows when it is first seen was driven before, unless its counter stands at 0 or it shows nothing, or it
comes by itself while others are there already and its counter stands at 1: that lap has just ended. Who comes first of
all is alone unless others follow at once, as the rows of a board do that are sent one by one.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

WAIT_MS: Final = 5_000
"""Feeds send one crossing in several messages; the longest seen between counter and time is some two seconds."""
BURST_MS: Final = 60
"""Rows of a board that are sent one by one come so close together; karts seldom do."""


class Decided(NamedTuple):
    """A lap: its time, when, the frames that decided it, the rule, and what is special."""

    time_ms: int
    at: int
    frames: tuple[int, ...]
    rule: str
    note: str = ""
    first: bool = False
    doubtful: bool = False


@dataclass(slots=True)
class LapTracker:
    """Counter and last lap of one competitor."""

    by_count: bool
    count: int | None = None
    last: int | None = None
    seen: bool = False
    laps: int = 0
    blank: bool = True  # nothing was shown before the first lap
    alone: bool = False  # came by itself, not with a board
    first: bool = False  # came before everybody else, in a feed of single rows: nobody knows yet whether by itself
    rose: tuple[int, int, int] | None = None  # time, frame, by how many: the counter rose, the time is awaited
    timed: tuple[int, int] | None = None  # time, frame: the last lap changed, the counter is awaited

    def reset(self, count: int | None, last: int | None) -> None:
        """A new session: what is shown now was driven before."""
        self.count, self.last, self.seen, self.laps = count, last, True, 0
        self.blank, self.rose, self.timed = not count and last is None, None, None

    def starts_anew(self) -> bool:
        """A new session for a counter that stands at 0 already: true where it does, and the next lap is the first."""
        if self.count != 0 or not self.by_count:
            return False
        self.laps, self.blank = 0, True
        return True

    def show(self, at: int, frame: int, count: int | None, last: int | None) -> list[Decided]:
        """What the board shows after a frame."""
        if not self.seen:
            self.reset(count, last)
            if not ((self.alone or self.first) and self.by_count and count == 1 and last is not None):
                self.first = False
                return []
            self.blank = True
            if self.first:
                self.rose = (at, frame, 1)
                return []
            first = self._lap(at, (frame,), "count")
            return [first] if first is not None else []
        changed, shown = last is not None and last != self.last, self.last
        self.last = last if last is not None else self.last
        if last is None and count in (None, 0):
            self.last = None
        if not self.by_count:
            found = [self._lap(at, (frame,), "change") if changed else None]
        else:
            found = [self._counted(at, frame, count, shown)]
            if changed:
                self.timed = (at, frame)
            found.append(self._both())
        return [lap for lap in found if lap is not None]

    def _counted(self, at: int, frame: int, count: int | None, shown: int | None) -> Decided | None:
        """A counter that rises; `shown` is the time that stood there until now: of the lap that still waits."""
        before, self.count = self.count, count if count is not None else self.count
        if count is None or count == before:
            return None
        if before is not None and count < before:
            self.rose = self.timed = None
            self.blank = count == 0
            return None
        rise = count - (before or 0) if before is not None or self.blank else 0
        if rise <= 0:
            return None
        waiting = self._alone(shown)
        self.rose = (at, frame, rise)
        return waiting

    def _both(self) -> Decided | None:
        """Counter and time are there; older ones than the wait do not belong together."""
        if self.rose is None or self.timed is None:
            return None
        (at, frame, rise), (timed_at, timed_frame) = self.rose, self.timed
        if at - timed_at > WAIT_MS:
            self.timed = None
            return None
        self.rose = self.timed = None
        frames = tuple(sorted({frame, timed_frame}))
        note = f"{rise - 1} laps before it were not seen" if rise > 1 else ""
        return self._lap(max(at, timed_at), frames, "count", note)

    def expire(self, at: int) -> Decided | None:
        """Time has passed: a counter that rose without another time means the same time again."""
        if self.timed is not None and at - self.timed[0] > WAIT_MS:
            self.timed = None
        if self.rose is not None and at - self.rose[0] > (BURST_MS if self.first else WAIT_MS):
            return self._alone(self.last)
        return None

    def joined(self, at: int) -> None:
        """Others have come: where they did at once, it was the first row of a board."""
        if self.first and self.rose is not None and at - self.rose[0] <= BURST_MS:
            self.first, self.rose, self.blank = False, None, False

    def flush(self) -> Decided | None:
        """The session is over: what has waited is decided."""
        return self._alone(self.last)

    def _alone(self, time_ms: int | None) -> Decided | None:
        if self.rose is None:
            return None
        (at, frame, _), self.rose = self.rose, None
        if self.first:
            self.first = False
            return self._lap(at, (frame,), "count", time_ms=time_ms)
        if self.laps == 0 or time_ms is None:  # the time that stands there may be of any lap
            self.blank = False
            return None
        self.laps += 1
        return Decided(time_ms, at, (frame,), "count-alone", "the last lap did not change", doubtful=True)

    def _lap(
        self, at: int, frames: tuple[int, ...], rule: str, note: str = "", time_ms: int | None = None
    ) -> Decided | None:
        time_ms = time_ms if time_ms is not None else self.last
        if time_ms is None:
            return None
        self.laps += 1
        first = self.blank and self.laps == 1 and not note
        self.blank = False
        return Decided(time_ms, at, frames, rule, note, first)
