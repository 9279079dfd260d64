"""Which session a board belongs to: the one that was running, or a new one.

The software dumps its whole state (`init … grid`) on connect, for a new session, and again in mid-session whenever
the operator changes columns or entries, or after an `init|n|` blip; ids, titles and letters are re-used by other
heats. So a burst is weighed: letter, titles, rows, clock and whether the board went blank.
"""

from collections.abc import Collection
from dataclasses import dataclass

CLOCK_TOLERANCE_MS = 15_000
"""A countdown that goes on is exact to 0.1 s; the rest is for venues whose clock is re-sent late."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What a burst says of its session: letter of `init`, both titles, track."""

    letter: str
    event: str
    title: str
    track: str


@dataclass(frozen=True, slots=True)
class Countdown:
    """Milliseconds remaining at a time (ms UTC), and whether the light was green then."""

    at: int
    ms: int
    running: bool

    def at_time(self, at: int) -> int:
        """What it should show at another time."""
        return max(self.ms - (at - self.at), 0) if self.running else self.ms


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a session when a burst comes.

    Attributes:
        heading: letter and titles.
        rows: row ids on the board.
        laps: laps that were timed, or that the board showed.
        blank: nobody on the board shows a time.
        countdown: the clock, if it counts down.
    """

    heading: Heading
    rows: Collection[str]
    laps: int
    blank: bool
    countdown: Countdown | None


def is_same_session(before: Standing, now: Standing, *, real_time: bool = True) -> tuple[bool, str]:
    """Whether `now` goes on with `before`, and the reason in words.

    `real_time` is false for a fast replay: then a countdown that falls is taken for one that goes on.
    """
    old, new = before.heading, now.heading
    if old.letter != new.letter:
        return False, f"letter {old.letter} became {new.letter}"
    same_titles = (old.event, old.title) == (new.event, new.title)
    clock = _clock_goes_on(before.countdown, now.countdown, real_time)
    shared = len(set(before.rows) & set(now.rows))
    smaller = min(len(before.rows), len(now.rows))
    if same_titles:
        return _same_titles(before, now, clock, shared, smaller)
    if clock and shared * 2 > smaller > 0 and not (before.laps and now.blank):
        return True, "titles changed, clock and rows go on"
    return False, "other titles"


def _same_titles(before: Standing, now: Standing, clock: bool | None, shared: int, smaller: int) -> tuple[bool, str]:
    if before.laps == 0:
        return True, "same titles, nothing driven yet"
    if now.blank and not clock:
        return False, "same titles, the board went blank"
    if smaller and not shared and not clock:
        return False, "same titles, nobody of before is on the board"
    return True, "same titles"


def _clock_goes_on(before: Countdown | None, now: Countdown | None, real_time: bool) -> bool | None:
    """None when one of them does not count down."""
    if before is None or now is None:
        return None
    if not real_time:
        return now.ms <= before.ms + CLOCK_TOLERANCE_MS
    return abs(before.at_time(now.at) - now.ms) <= CLOCK_TOLERANCE_MS
