"""The lap rule of RMonitor: which crossings of one competitor are laps.

`$J` says that the line was crossed and how long that took; only `$G` says whether it counted, by one lap more. Either
may come first, and each comes again: in dumps, in refreshes and whenever somebody else's overtaking moves a row. So a
lap is a lap when `$G` counts it, once, and its time is that of the crossing that fits:

| rule | evidence | result |
|---|---|---|
| `counted` | `$J`, then `$G` counts one lap more; several in a chain, where a `$G` was lost | lap |
| `counted-first` | `$G` counts one lap more, then `$J` with that total | lap |
| `relay-history` | counted, its `$J` lost or damaged: `$RMHL` has the lap | lap |
| `last-lap-record` | the same, `$SR` has it | lap |
| `best-lap-record` | the same, `$H` names this lap as the best, with its time | lap |
| `total-difference` | the same, and nothing has it by the second tick: the difference of totals | lap, doubtful |
| `taken-away` | `$G` counts fewer laps than before | the laps beyond are doubtful, and count no more |
| `given-back` | `$G` counts a lap again that was taken away, with the same total | it counts again |
| (none) | `$J` with a total that `$G` has shown already, or the same `$J` again | a dump, a repeated line |
| (none) | `$J` and no lap more | out lap, grid, second reading of the same crossing, lap after the finish |
| (none) | counted with a `$J` of time zero | a crossing that opens the first lap |

The totals of `$G` include penalties, those of `$J` do not. The difference stays as it is from one crossing to the next,
and a penalty changes it by whole seconds.
"""

from typing import Literal, NamedTuple

from karttime.feeds.rmonitor.records import MAX_LAP_MS

Rule = Literal[
    "counted",
    "counted-first",
    "relay-history",
    "last-lap-record",
    "best-lap-record",
    "total-difference",
    "taken-away",
    "given-back",
]

SECOND_READ_MS = 500
"""How far two readings of one crossing, by two loops or two antennas, may be apart."""

_TICKS, _MAX_CROSSINGS = 2, 8


class Decision(NamedTuple):
    """A decided lap; with the rules `taken-away` and `given-back`, one that was decided before.

    Attributes:
        number: the lap's number as the feed counts.
        time_ms: its time, None when it was taken away.
        frames: ordinals of the frames that decided it.
        at: when it was completed, ms UTC.
        doubt: empty, or why it is doubtful.
    """

    rule: Rule
    number: int
    time_ms: int | None
    frames: tuple[int, ...]
    at: int
    doubt: str = ""


class _Crossing(NamedTuple):
    """A `$J` that `$G` has not counted yet."""

    frame: int
    at: int
    lap_ms: int
    total_ms: int


class _Owed(NamedTuple):
    """A lap that `$G` counted without a `$J`; `more`: it was not the only one."""

    frame: int
    at: int
    number: int
    before_ms: int
    total_ms: int
    more: bool


class LapRule:
    """Decides the laps of one competitor.

    Attributes:
        count: laps as `$G` counts them, None before the first `$G`.
        total_ms: its total time with penalties, None before the first `$G`.
        crossed_ms: total time at the last crossing, without penalties; None before the first.
        last_ms: the last lap time that was shown; None while there is none.
        penalty_ms: what the total time has on top of the crossings.
        totals: total time by lap.
    """

    __slots__ = (
        "_crossings",
        "_offset",
        "_owed",
        "_taken",
        "_ticks",
        "_timed",
        "count",
        "crossed_ms",
        "last_ms",
        "penalty_ms",
        "total_ms",
        "totals",
    )

    def __init__(self) -> None:
        self.count: int | None = None
        self.total_ms: int | None = None
        self.crossed_ms: int | None = None
        self.last_ms: int | None = None
        self.penalty_ms = 0
        self.totals: dict[int, int] = {}
        self._offset: int | None = None
        self._crossings: list[_Crossing] = []
        self._owed: _Owed | None = None
        self._ticks = 0
        self._timed: list[tuple[int, int]] = []
        self._taken: dict[int, tuple[int, int | None]] = {}

    @property
    def waits(self) -> bool:
        """A lap was counted, and its time is not known yet."""
        return self._owed is not None

    @property
    def laps(self) -> int:
        """Laps as counted, 0 while none are."""
        return self.count or 0

    def crossed(self, frame: int, at: int, lap_ms: int, total_ms: int) -> list[Decision]:
        """`$J`: the line was crossed."""
        crossings = self._crossings
        if crossings and (crossings[-1].lap_ms, crossings[-1].total_ms) == (lap_ms, total_ms):
            return []  # sent twice
        owed = self._owed
        if owed is not None and self._is_of(owed.total_ms, total_ms, lap_ms):
            self._owed = None
            self._matched(total_ms, owed.total_ms, lap_ms)
            return self._lap("counted-first", owed.number, lap_ms, (owed.frame, frame), owed.at)
        if self._is_known(total_ms):
            self.crossed_ms = total_ms
            self._show(lap_ms)
            return []
        decided = self.settle()
        crossings.append(_Crossing(frame, at, lap_ms, total_ms))
        del crossings[:-_MAX_CROSSINGS]
        self.crossed_ms = total_ms
        return decided

    def _is_known(self, total_ms: int) -> bool:
        """Whether `$G` has shown this crossing's total already."""
        if self.total_ms is None:
            return False
        if self._offset is None and not self._crossings and total_ms <= self.total_ms:
            self._offset = self.total_ms - total_ms  # a dump: the difference is a penalty of before
            self._note_penalty()
        return self._offset is not None and total_ms + self._offset == self.total_ms

    def counted(self, frame: int, at: int, laps: int, total_ms: int) -> list[Decision]:
        """`$G` with the laps and total time that count now."""
        count, total = self.count, self.total_ms
        if laps == count and total_ms == total:
            return []
        self.count, self.total_ms = laps, total_ms
        self.totals[laps] = total_ms
        if count is None or total is None:
            return self._first_counted(frame, laps, total_ms)
        if laps < count:
            return self._taken_away(frame, at, laps)
        crossing = self._crossings[-1] if self._crossings else None
        fits = crossing is not None and self._is_of(total_ms, crossing.total_ms, crossing.lap_ms)
        if laps == count:
            self._revise(total, total_ms, fits=fits)
            return []
        decided = self.settle()
        if fits and crossing is not None and self._is_later(crossing, total):
            decided += self._driven(frame, at, count, laps, total, total_ms)
        elif (given_back := self._given_back(frame, at, laps, total_ms)) is not None:
            decided.append(given_back)
        else:
            self._owed = _Owed(frame, at, laps, total, total_ms, laps > count + 1)
            self._ticks = 0
        self._crossings.clear()
        return decided

    def _first_counted(self, frame: int, laps: int, total_ms: int) -> list[Decision]:
        """Joined in mid-session without a dump: the crossing just before is a lap."""
        crossing = self._crossings[-1] if self._crossings else None
        if crossing is None or laps < 1 or not self._is_of(total_ms, crossing.total_ms, crossing.lap_ms):
            return []
        self._crossings.clear()
        self._matched(crossing.total_ms, total_ms, crossing.lap_ms)
        return self._lap("counted", laps, crossing.lap_ms, _frames(crossing.frame, frame), crossing.at)

    def _is_later(self, crossing: _Crossing, total_ms: int) -> bool:
        """Whether this is a crossing after that of the lap before, and no second reading of it."""
        return crossing.lap_ms <= 0 or crossing.total_ms + (self._offset or 0) > total_ms + SECOND_READ_MS

    def _driven(self, frame: int, at: int, count: int, laps: int, before_ms: int, total_ms: int) -> list[Decision]:
        """The crossings that `$G` counts: one, or several in a chain where a `$G` between them was lost."""
        chain = [self._crossings[-1]]
        for crossing in self._crossings[-2::-1]:
            start = chain[0].total_ms - chain[0].lap_ms
            if len(chain) < laps - count and abs(start - crossing.total_ms) <= SECOND_READ_MS:
                chain.insert(0, crossing)
        offset = self._offset or 0
        start_ms = chain[0].total_ms - chain[0].lap_ms + offset
        decided: list[Decision] = []
        missing = laps - len(chain)
        if missing == count + 1:
            given_back = self._given_back(frame, at, missing, start_ms)
            decided += [given_back] if given_back is not None else []
        if not self._is_later(chain[0], before_ms):
            del chain[0]
        last = chain[-1]
        self._matched(last.total_ms, total_ms, last.lap_ms)
        for number, crossing in enumerate(chain, laps - len(chain) + 1):
            frames = _frames(crossing.frame, frame)
            decided += self._lap("counted", number, crossing.lap_ms, frames, crossing.at)
        return decided

    def restated(self, laps: int, total_ms: int) -> None:
        """`$G` of a dump: what was before we listened."""
        self.count, self.total_ms = laps, total_ms
        self.totals[laps] = total_ms

    def recorded(self, frame: int, rule: Rule, number: int, time_ms: int) -> list[Decision]:
        """Another record tells the time of a lap: good for one that is owed."""
        owed = self._owed
        if owed is None or owed.number != number or not 0 < time_ms <= MAX_LAP_MS:
            return []
        self._owed = None
        return self._lap(rule, number, time_ms, (owed.frame, frame), owed.at)

    def tick(self) -> list[Decision]:
        """The session's clock ticked, about a second after the tick before."""
        self._ticks += 1
        return self.settle() if self._ticks >= _TICKS else []

    def settle(self) -> list[Decision]:
        """Nothing more will come for the lap that is owed."""
        owed, self._owed = self._owed, None
        if owed is None or owed.more or not owed.before_ms:
            return []
        time_ms = owed.total_ms - owed.before_ms
        if not SECOND_READ_MS < time_ms <= MAX_LAP_MS:
            return []  # written by the timekeeper: no crossing, no time
        doubt = "its crossing was not sent or was damaged; the time is the difference of the totals"
        return self._lap("total-difference", owed.number, time_ms, (owed.frame,), owed.at, doubt)

    def best_timed(self) -> int | None:
        """The fastest of the laps that count."""
        return min((time_ms for _, time_ms in self._timed), default=None)

    def shown(self, last_ms: int) -> None:
        """A record shows the last lap without a crossing."""
        if self.last_ms is None:
            self.last_ms = last_ms

    def _is_of(self, total_ms: int, crossing_ms: int, lap_ms: int) -> bool:
        """Whether a `$G` with this total counts a crossing with that one."""
        offset = total_ms - crossing_ms
        if self._offset is None:
            return offset >= -SECOND_READ_MS
        extra = offset - self._offset
        if abs(extra) <= SECOND_READ_MS or extra % 1000 == 0:
            return abs(extra) < max(lap_ms, 1000) or extra > 0
        return False

    def _matched(self, crossing_ms: int, total_ms: int, lap_ms: int) -> None:
        """A crossing and a `$G` are the same."""
        self._offset = total_ms - crossing_ms
        self.crossed_ms = crossing_ms
        self._note_penalty()
        self._show(lap_ms)

    def _lap(
        self, rule: Rule, number: int, time_ms: int, frames: tuple[int, ...], at: int, doubt: str = ""
    ) -> list[Decision]:
        if not 0 < time_ms <= MAX_LAP_MS or (self._timed and self._timed[-1][0] >= number):
            return []
        self._timed.append((number, time_ms))
        self.last_ms = time_ms
        return [Decision(rule, number, time_ms, frames, at, doubt)]

    def _show(self, lap_ms: int) -> None:
        if 0 < lap_ms <= MAX_LAP_MS:
            self.last_ms = lap_ms

    def _revise(self, before_ms: int, total_ms: int, *, fits: bool) -> None:
        """The same lap with another total: a second reading of the crossing, a correction or a penalty."""
        if fits:
            self._crossings.clear()
        change = total_ms - before_ms
        if self._offset is not None and abs(change) > SECOND_READ_MS:
            self._offset += change
            self._note_penalty()
        elif self._offset is None and self.crossed_ms is not None and not self._crossings:
            self._offset = total_ms - self.crossed_ms
            self._note_penalty()

    def _note_penalty(self) -> None:
        offset = self._offset or 0
        self.penalty_ms = offset if offset >= 1000 else 0

    def _taken_away(self, frame: int, at: int, laps: int) -> list[Decision]:
        self._owed = None
        self._crossings.clear()
        decided: list[Decision] = []
        while self._timed and self._timed[-1][0] > laps:
            number, time_ms = self._timed.pop()
            self._taken[number] = time_ms, self.totals.pop(number, None)
            decided.append(Decision("taken-away", number, None, (frame,), at))
        self.last_ms = self._timed[-1][1] if self._timed and self._timed[-1][0] == laps else None
        if self.crossed_ms is not None and self._offset is not None and self.total_ms is not None:
            self.crossed_ms = self.total_ms - self._offset
        return decided

    def _given_back(self, frame: int, at: int, laps: int, total_ms: int) -> Decision | None:
        time_ms, total = self._taken.get(laps, (0, None))
        if total != total_ms:
            return None
        del self._taken[laps]
        self._timed.append((laps, time_ms))
        self.last_ms = time_ms
        return Decision("given-back", laps, time_ms, (frame,), at)


def _frames(first: int, last: int) -> tuple[int, ...]:
    return (first,) if first == last else (first, last)
