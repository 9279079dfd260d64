"""The lap rule: which cells and crossings of one row make a lap.

The server sends only cells that changed, splits one crossing over two frames, re-sends a time in another colour when
somebody else takes the overall best, and prints a *reference* time with each crossing, not the lap that was driven.
So the time of a lap is the text of the last-lap cell, and whether it is a lap is decided by the crossing:

| rule | evidence | result |
|---|---|---|
| `crossing` | last-lap cell and `*` in the same frame or in neighbouring frames | lap |
| `identical` | `*`, cell not re-sent, as long since the previous crossing as the lap shown | lap with the same time |
| `pit-lane` | last-lap cell with `*in` or `*out`, no `*` | lap that ended in the pit lane |
| `last-lap-cell` | new time without any crossing, as long ago as the time says | lap, doubtful |
| `revised` | new time without any crossing, too soon to be a lap | the timekeeper corrected the last lap |
| `board` | a new board after a hole shows one lap more | lap |
| (none) | same time re-sent without `*` | a re-colour: nothing |
| (none) | `*` alone at another moment | a row re-sent with a penalty, a first crossing, a crossing after the flag |
"""

from typing import Literal, NamedTuple

Rule = Literal["crossing", "identical", "pit-lane", "last-lap-cell", "revised", "board"]

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


class LapTracker:
    """Decides the laps of one row. Call `end_of_frame` after each frame in which `waiting` is true, or later ones."""

    __slots__ = ("_cell", "_crossing", "in_pit", "last_ms", "line_at", "pit", "pit_frame")

    def __init__(self, shown_ms: int | None = None) -> None:
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

    def cell(self, frame: int, at: int, time_ms: int) -> list[Decision]:
        """The last-lap cell was sent with a time."""
        decided = self._settle(frame) if self.waiting else []
        crossing = self._crossing
        if crossing is not None and time_ms != self.last_ms:
            self._crossing = None
            decided.append(self._lap("crossing", time_ms, (crossing.frame, frame), crossing.at))
            return decided
        if self._cell is not None:  # two times in one frame and no crossing between: the first one is final, too
            decided += self._without_crossing(self._cell)
        self._cell = _Shown(frame, at, time_ms, time_ms == self.last_ms)
        return decided

    def crossed(self, frame: int, at: int, *, counts: bool) -> list[Decision]:
        """The line was crossed; `counts` is false where the server predicts nothing (`*||`): start and finish."""
        decided = self._settle(frame) if self.waiting else []
        shown = self._cell
        if shown is not None:
            self._cell = None
            frames = (shown.frame,) if shown.frame == frame else (shown.frame, frame)
            decided.append(self._lap("crossing", shown.time_ms, frames, at))
        else:
            if self._crossing is not None:
                decided += self._without_cell(self._crossing)
            self._crossing = _Crossing(frame, at, counts)
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

    def end_of_frame(self, frame: int) -> list[Decision]:
        """Decide what this frame completes."""
        shown = self._cell
        if shown is not None and not shown.same and self.pit_frame == frame:
            self._cell = None
            return [self._lap("pit-lane", shown.time_ms, (shown.frame,), shown.at)]
        return self._settle(frame + 1)

    def board(self, frame: int, at: int, time_ms: int | None, new_laps: int | None) -> list[Decision]:
        """A new board of the same session shows this last lap and, where it counts laps, so many more than before."""
        decided = self._settle(frame + 2) if self.waiting else []
        if time_ms is not None and new_laps == 1 and time_ms != self.last_ms:
            decided.append(self._lap("board", time_ms, (frame,), at))
        elif time_ms is not None:
            self.last_ms = time_ms
        return decided

    def _settle(self, frame: int) -> list[Decision]:
        """Decide what has waited for a whole frame before `frame`."""
        decided: list[Decision] = []
        shown, crossing = self._cell, self._crossing
        if shown is not None and shown.frame < frame - 1:
            self._cell = None
            decided += self._without_crossing(shown)
        if crossing is not None and crossing.frame < frame - 1:
            self._crossing = None
            decided += self._without_cell(crossing)
        return decided

    def _without_crossing(self, shown: _Shown) -> list[Decision]:
        if shown.same:
            return []
        if abs(self.pit_frame - shown.frame) <= 1:
            return [self._lap("pit-lane", shown.time_ms, (shown.frame,), shown.at)]
        if self.line_at is None or self.last_ms is None or self._fits(shown.at, shown.time_ms):
            return [self._lap("last-lap-cell", shown.time_ms, (shown.frame,), shown.at, "no crossing was sent")]
        self.last_ms = shown.time_ms
        return [Decision("revised", shown.time_ms, (shown.frame,), shown.at, pit=False)]

    def _without_cell(self, crossing: _Crossing) -> list[Decision]:
        last_ms = self.last_ms
        if crossing.counts and last_ms is not None and self._fits(crossing.at, last_ms):
            return [self._lap("identical", last_ms, (crossing.frame,), crossing.at)]
        if self.line_at is None or not (crossing.counts or self._soon(crossing.at)):
            self.line_at = crossing.at
        return []

    def _fits(self, at: int, time_ms: int) -> bool:
        return self.line_at is not None and abs(at - self.line_at - time_ms) <= TOLERANCE_MS

    def _soon(self, at: int) -> bool:
        return self.line_at is not None and at - self.line_at < TOLERANCE_MS

    def _lap(self, rule: Rule, time_ms: int, frames: tuple[int, ...], at: int, doubt: str = "") -> Decision:
        pit, self.pit = self.pit, self.in_pit
        if not doubt and rule == "crossing" and self.line_at is not None and not pit and not self._fits(at, time_ms):
            doubt = f"{at - self.line_at} ms since the previous crossing"
        self.line_at, self.last_ms = at, time_ms
        return Decision(rule, time_ms, frames, at, pit, doubt)
