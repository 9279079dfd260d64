"""The lap rule: which cells and crossings of one row make a lap.

The server sends only cells that changed, splits one crossing over two frames, re-sends a time in another colour when
somebody else takes the overall best, and prints a *reference* time with each crossing, not the lap that was driven.
So the time of a lap is the text of the last-lap cell, and whether it is a lap is decided by the crossing:

| rule | evidence | result |
|---|---|---|
| `crossing` | last-lap cell and `*` in the same frame or in neighbouring frames | lap |
| `identical` | `*`, cell not re-sent, as long since the previous crossing as the lap shown (1) | lap of the same time |
| `pit-lane` | last-lap cell with `*in` or `*out`, no `*` | lap that ended in the pit lane |
| `last-lap-cell` | new time without any crossing, as long ago as the time says | lap, doubtful |
| `revised` | new time without any crossing, too soon to be a lap | the timekeeper corrected the last lap |
| `board` | a new board after a hole shows one lap more | lap |
| (none) | same time re-sent without `*` | a re-colour: nothing |
| (none) | same time and `*` re-sent at once | a message that was sent twice: nothing |
| (none) | `*` alone at another moment | a row re-sent with a penalty, a first crossing, a crossing after the flag |

(1) Frames that are replayed faster than they were recorded have no such times, nor have those that a stalled line held
back. Then the reference time that comes with the crossing decides: it is recomputed for each lap, and repeated when a
row is merely sent again.
"""

from collections import deque
from statistics import median
from typing import Literal, NamedTuple

Rule = Literal["crossing", "identical", "pit-lane", "last-lap-cell", "revised", "board"]

_TEMPO_LAPS, _TEMPO_ENOUGH, _JITTER_ENOUGH = 31, 3, 10
HOLE_MS, AWAY_MS, _BURST_MS = 5_000, 65_000, 100
TOLERANCE_MS = 5_000
"""How far the time between two crossings may be from the lap time: venues push in bursts of up to 4 s."""


class Decision(NamedTuple):
    """A decided lap (or, for `revised`, a corrected one).

    Attributes:
        frames: ordinals of the frames that decided it.
        at: when the lap was completed, ms UTC.
        pit: the lap contains a stop or ended in the pit lane.
        doubt: empty, or why the lap is doubtful.
    """

    rule: Rule
    time_ms: int
    frames: tuple[int, ...]
    at: int
    pit: bool
    doubt: str = ""


class _Shown(NamedTuple):
    """A last-lap cell that was sent and waits for its crossing."""

    frame: int
    at: int
    time_ms: int
    same: bool


class _Crossing(NamedTuple):
    """A crossing that waits for its last-lap cell."""

    frame: int
    at: int
    counts: bool
    recomputed: bool
    proven: bool


class Tempo:
    """Whether the times of the frames can be decided by: a fast replay has none, and a stalled line holds them back.

    Attributes:
        held_until: when frames came after a hole, or that a stalled line had held back, ms UTC: what they tell may have
            happened at any time before.
    """

    def __init__(self) -> None:
        self.held_until = -1
        self._silent_until = 0
        self._laps: deque[tuple[int, int]] = deque(maxlen=_TEMPO_LAPS)

    def frame(self, at: int, gap_ms: int) -> None:
        """Frames after a silence come 0.2 s apart or more; those that were held back come at once.

        After a minute without even a keep-alive the recorder was away: crossings were missed.
        """
        if gap_ms > AWAY_MS:
            self.held_until = at
        if gap_ms > HOLE_MS:
            self._silent_until = at
        elif gap_ms < _BURST_MS and at - self._silent_until < HOLE_MS:
            self.held_until = at

    def lap(self, elapsed_ms: int, time_ms: int) -> None:
        """A lap took this long between its crossings, and says that it took that long."""
        self._laps.append((elapsed_ms, time_ms))

    @property
    def real(self) -> bool:
        """True until half of the latest laps came at another pace."""
        if len(self._laps) < _TEMPO_ENOUGH:
            return True
        return 0.75 < median(elapsed / time_ms for elapsed, time_ms in self._laps) < 1.33

    @property
    def jitter_ms(self) -> int:
        """How far crossings come from their time at this venue: a slow uplink delivers in bursts of up to 20 s."""
        if len(self._laps) < _JITTER_ENOUGH:
            return TOLERANCE_MS
        errors = sorted(abs(elapsed - time_ms) for elapsed, time_ms in self._laps)
        return max(TOLERANCE_MS, errors[-3] * 3 // 2)

    def tells(self, since: int) -> bool:
        """Whether the time that has passed since a moment is the time that karts drove."""
        return self.real and self.held_until < since


class LapTracker:
    """Decides the laps of one row. Call `end_of_frame` after each frame in which `waiting` is true, or later ones."""

    __slots__ = (
        "_cell",
        "_crossing",
        "_expected",
        "_owed",
        "_tempo",
        "in_pit",
        "last_ms",
        "line_at",
        "pit",
        "pit_frame",
    )

    def __init__(self, tempo: Tempo, shown_ms: int | None = None) -> None:
        self._tempo = tempo
        self._expected: int | None = None
        self._owed = False
        self.last_ms = shown_ms
        self.line_at: int | None = None
        self.pit = False
        self.in_pit = False
        self.pit_frame = -2
        self._cell: _Shown | None = None
        self._crossing: _Crossing | None = None

    @property
    def waiting(self) -> bool:
        """Something of this row is not decided yet."""
        return self._cell is not None or self._crossing is not None

    @property
    def shows_time(self) -> bool:
        """The last-lap cell was sent and waits for its crossing."""
        return self._cell is not None

    def cell(self, frame: int, at: int, time_ms: int) -> list[Decision]:
        """The last-lap cell was sent with a time."""
        decided = self._settle(frame, at) if self.waiting else []
        crossing = self._crossing
        if crossing is not None and crossing.frame < frame and time_ms != self.last_ms:
            self._crossing = None
            decided.append(self._lap("crossing", time_ms, (crossing.frame, frame), crossing.at))
            return decided
        shown = self._cell
        if shown is not None and shown.time_ms == time_ms:  # sent twice
            self._cell = shown._replace(frame=frame)
            return decided
        if shown is not None:  # two times in one frame and no crossing between: the first one is final, too
            decided += self._without_crossing(shown)
        self._cell = _Shown(frame, at, time_ms, time_ms == self.last_ms)
        return decided

    def crossed(
        self, frame: int, at: int, expected_ms: int | None, *, counts: bool, proven: bool = False
    ) -> list[Decision]:
        """The line was crossed.

        Args:
            frame: ordinal of the frame.
            at: its time, ms UTC.
            expected_ms: reference time that came with the crossing.
            counts: it may complete a lap without a cell; false at the start and after the finish.
            proven: the row's lap counter or its sectors say that a lap of the time shown was completed.
        """
        decided = self._settle(frame, at) if self.waiting else []
        recomputed = proven or expected_ms != self._expected or expected_ms == self.last_ms
        self._expected = expected_ms
        shown = self._cell
        if shown is not None and shown.same and self._is_repeated(at, shown.time_ms):
            self._cell = None
        elif shown is not None:
            self._cell = None
            if self._crossing is not None:  # of another batch in this frame, before the cell
                decided += self._without_cell(self._crossing)
                self._crossing = None
            frames = (shown.frame,) if shown.frame == frame else (shown.frame, frame)
            decided.append(self._lap("crossing", shown.time_ms, frames, at))
        else:
            if self._crossing is not None:
                decided += self._without_cell(self._crossing)
            self._crossing = _Crossing(frame, at, counts, recomputed, proven)
        return decided

    def pit_in(self, frame: int) -> None:
        """The row drove into the pit lane."""
        self.pit = self.in_pit = True
        self.pit_frame = frame

    def pit_out(self, frame: int) -> None:
        """The row left the pit lane."""
        self.pit = True
        self.in_pit = False
        self.pit_frame = frame

    def now(self, *, in_pit: bool) -> None:
        """The status cell says whether the row is in the pit lane; some venues send no more than that."""
        self.in_pit = in_pit
        self.pit = self.pit or in_pit

    def end_of_frame(self, frame: int) -> list[Decision]:
        """Decide what this frame completes."""
        shown = self._cell
        if shown is not None and not shown.same and self.pit_frame == frame:
            self._cell = None
            return [self._lap("pit-lane", shown.time_ms, (shown.frame,), shown.at)]
        return self._settle(frame + 1, 0)

    def end(self, frame: int, at: int) -> list[Decision]:
        """Decide whatever waits: nothing more will come."""
        return self._settle(frame + 2, at) if self.waiting else []

    def board(self, frame: int, at: int, time_ms: int | None, new_laps: int | None) -> list[Decision]:
        """A new board of the same session shows this last lap and, where it counts laps, so many more than before."""
        decided = self.end(frame, at)
        if time_ms is not None and new_laps == 1 and time_ms != self.last_ms:
            decided.append(self._lap("board", time_ms, (frame,), at))
        elif time_ms is not None:
            self.last_ms = time_ms
        return decided

    def _settle(self, frame: int, at: int) -> list[Decision]:
        """Decide what has waited for a whole frame before `frame`, or too long before `at`."""
        decided: list[Decision] = []
        shown, crossing = self._cell, self._crossing
        if shown is not None and (shown.frame < frame - 1 or at - shown.at > HOLE_MS):
            self._cell = None
            if crossing is not None and crossing.frame == shown.frame and not shown.same:
                self._crossing = None  # the crossing of this very time, sent before it
                return [self._lap("crossing", shown.time_ms, (shown.frame,), crossing.at)]
            decided += self._without_crossing(shown)
        if crossing is not None and (crossing.frame < frame - 1 or at - crossing.at > HOLE_MS):
            self._crossing = None
            decided += self._without_cell(crossing)
        return decided

    def _without_crossing(self, shown: _Shown) -> list[Decision]:
        if shown.same:
            return []
        if abs(self.pit_frame - shown.frame) <= 1:
            return [self._lap("pit-lane", shown.time_ms, (shown.frame,), shown.at)]
        timely = self._fits(shown.at, shown.time_ms) or not self._tempo.tells(self.line_at or 0)
        if self.line_at is None or self.last_ms is None or timely:
            lap = self._lap("last-lap-cell", shown.time_ms, (shown.frame,), shown.at, "no crossing was sent")
            self._owed = True
            return [lap]
        self.last_ms = shown.time_ms
        return [Decision("revised", shown.time_ms, (shown.frame,), shown.at, pit=False)]

    def _without_cell(self, crossing: _Crossing) -> list[Decision]:
        last_ms = self.last_ms
        told = self.line_at is not None and self._tempo.tells(self.line_at)
        if self._owed and last_ms is not None and (not told or self._is_repeated(crossing.at, last_ms)):
            self._owed = False  # the crossing of a lap whose cell came long before
            return []
        if crossing.counts and last_ms is not None and self.line_at is not None:
            elapsed = crossing.at - self.line_at
            near = not told or abs(elapsed - last_ms) <= self._tempo.jitter_ms
            if self._fits(crossing.at, last_ms) or (crossing.recomputed and near):
                return [self._lap("identical", last_ms, (crossing.frame,), crossing.at)]
            if crossing.proven and elapsed > last_ms:  # another time would have been sent: the crossing was told late
                doubt = f"{elapsed} ms since the previous crossing"
                return [self._lap("identical", last_ms, (crossing.frame,), crossing.at, doubt)]
        if self.line_at is None or not (crossing.counts or self._soon(crossing.at)):
            self.line_at = crossing.at
            self.pit = self.in_pit  # the lap begins here, wherever the row came from
        return []

    def _fits(self, at: int, time_ms: int | None) -> bool:
        return time_ms is not None and self.line_at is not None and abs(at - self.line_at - time_ms) <= TOLERANCE_MS

    def _is_repeated(self, at: int, time_ms: int) -> bool:
        """The same lap again long before it can have been driven: the whole message was sent twice."""
        return self.line_at is not None and self._tempo.real and (at - self.line_at) * 2 < time_ms

    def _soon(self, at: int) -> bool:
        return self.line_at is not None and at - self.line_at < TOLERANCE_MS

    def _lap(self, rule: Rule, time_ms: int, frames: tuple[int, ...], at: int, doubt: str = "") -> Decision:
        pit, self.pit = self.pit, self.in_pit
        self._owed = False
        if rule == "crossing" and self.line_at is not None and not pit:
            elapsed = at - self.line_at
            error = abs(elapsed - time_ms)
            if error > TOLERANCE_MS and error > self._tempo.jitter_ms and self._tempo.tells(self.line_at):
                doubt = f"{elapsed} ms since the previous crossing"
            self._tempo.lap(elapsed, time_ms)
        self.line_at, self.last_ms = at, time_ms
        return Decision(rule, time_ms, frames, at, pit, doubt)
