"""Puts a race in Apex Timing's words: a lazy, seeded stream of frames.

Rhythm: what changed is sent on the next fifth of a second, cells before row events, only cells whose content changed
(a lap that equals the one before is told by its crossing alone); some crossings are split over two frames; a frame of
one newline keeps a silent connection alive. Frames come in time order and the race never runs ahead of them, so
`snapshot()` is at any moment what a client who connects now would be sent.
"""

import random
from collections.abc import Iterator, Mapping

from karttime.domain.ids import CompetitorId
from karttime.feeds.frame import Frame
from karttime.simulator import events
from karttime.simulator.apex import board, burst, texts
from karttime.simulator.apex.cells import Cell
from karttime.simulator.apex.dialect import Dialect
from karttime.simulator.apex.live import LiveBoard
from karttime.simulator.model import Meeting
from karttime.simulator.race import Race
from karttime.simulator.session import Standing
from karttime.simulator.truth import TruthKeeper

TICK_MS = 200
KEEP_ALIVE_MS = 60_000


class ApexSimulator:
    """A meeting on an Apex Timing board.

    Args:
        meeting: what is raced.
        dialect: how the board speaks.
        seed: same meeting, dialect and seed: same frames.
        start_at: time of the first frame, milliseconds since 1970-01-01 UTC.
    """

    def __init__(self, meeting: Meeting, dialect: Dialect, *, seed: int, start_at: int) -> None:
        self._dialect = dialect
        self._start_at = start_at
        self._race = Race(meeting, seed)
        self._rng = random.Random(seed + 1)
        self._live = LiveBoard(dialect, seed=seed + 2, start_at=start_at, session=self._race.session)
        self._shown = board.Shown()
        self._now = 0
        self._flush_at: int | None = None
        self._quiet_since = 0
        self._held = False
        self._burst_under_way: str | None = None
        self._blank_shown = False
        self.truth = TruthKeeper(start_at, texts.sector_as_told)

    def frames(self) -> Iterator[Frame]:
        """All frames, in time order, made as they are asked for; `truth` is complete when they are exhausted."""
        while self._race.next_at is not None or self._flush_at is not None:
            race, timer = self._race.next_at, self._live.timers.next_at
            keep_alive = self._quiet_since + KEEP_ALIVE_MS if self._flush_at is None else None
            self._now = min(at for at in (race, timer, self._flush_at, keep_alive) if at is not None)
            if race == self._now:
                self._step()
            elif timer == self._now:
                self._live.timers.run_next()
            else:
                yield from self._send()
            if self._live.touched and self._flush_at is None:
                self._flush_at = (self._now // TICK_MS + 1) * TICK_MS
            self._live.touched = False

    def _step(self) -> None:
        for event in self._race.step():
            self._live.hear(event, self._race.session)
            if isinstance(event, events.SessionLoaded) and self._now == 0:
                self._flush_at = 0  # the first frame is what a client gets on connecting
            self.truth.hear(event, self._race.session, unseen=self._live.blank, told=self._told)

    def _told(self, row: CompetitorId) -> Mapping[str, str]:
        return self._live.told(row, self._now)

    def snapshot(self) -> str:
        """The burst for a client who connects now: the state that all frames but the last one handed out told.

        Where that last one is a whole board itself, it is the same one.
        """
        if self._burst_under_way is not None:
            return self._burst_under_way
        live, shown = self._live, self._shown
        if self._blank_shown or not shown.lines:
            return burst.blank(self._dialect)
        lines = dict(shown.lines)
        if lines["dyn1"].startswith(("dyn1|countdown|", "dyn1|count|")):
            lines["dyn1"] = live.clock_now(self._now)
        if self._dialect.competition:
            lines["gridb"] = burst.best_table_line(shown.best, self._dialect)
        numbers = {key: number for number, key in enumerate(live.columns, 1)}

        def render(standing: Standing, key: str) -> Cell:
            return shown.cells[standing.entry.competitor_id, numbers[key]]

        return burst.burst(live.session, self._dialect, burst.Board(live.columns, lines, shown.positions, render))

    # -- frames ---------------------------------------------------------------------------------------------------

    def _send(self) -> Iterator[Frame]:
        if self._flush_at != self._now:
            self._quiet_since = self._now
            yield self._frame("\n")
            return
        self._flush_at = None
        if self._live.burst_wanted and not self._live.passings:
            yield from self._whole()
            return
        change = self._change()
        if change.lines:
            self._quiet_since = self._now
            yield self._frame(change.text)
            change.commit(self._shown)
        if self._live.burst_wanted or self._held:
            self._flush_at = self._now + TICK_MS

    def _frame(self, text: str) -> Frame:
        return Frame(at=self._start_at + self._now, text=text, offset=self._now)

    def _whole(self) -> Iterator[Frame]:
        """Send the board as it is, or that there is none."""
        self._live.before_burst()
        self._live.burst_sent()
        self._held = False
        self._quiet_since = self._now
        change = board.Change(lines=[]) if self._live.blank else self._everything()
        text = burst.blank(self._dialect) if self._live.blank else self._burst(change)
        self._burst_under_way = text
        yield self._frame(text)
        self._burst_under_way = None
        self._blank_shown = self._live.blank
        if not self._blank_shown:
            self._shown = board.Shown()
            change.commit(self._shown)

    def _everything(self) -> board.Change:
        live, rows = self._live, list(self._live.session.standings)
        return board.Change(
            lines=[],
            cells=board.changed_cells(board.Shown(), rows, self._row),
            positions={row: live.session.standings[row].position for row in rows},
            subjects=live.lines(),
            best=burst.best_table(live.session, self._dialect) if self._dialect.competition else {},
        )

    def _burst(self, change: board.Change) -> str:
        lines = dict(change.subjects)
        if self._dialect.competition:
            lines["gridb"] = burst.best_table_line(change.best, self._dialect)
        lines["dyn1"] = self._live.clock_now(self._now)
        whole = burst.Board(self._live.columns, lines, change.positions, self._cell)
        return burst.burst(self._live.session, self._dialect, whole)

    def _row(self, row: CompetitorId) -> list[Cell]:
        return self._live.row(row, self._now)

    def _cell(self, standing: Standing, key: str) -> Cell:
        return self._live.cell(standing, key, self._now)

    def _change(self) -> board.Change:
        """What goes into the frame that is due now."""
        live = self._live
        if live.blank and not live.passings:
            return board.Change(lines=[])
        on_board = [s.entry.competitor_id for s in live.session.order if s.entry.competitor_id in self._shown.positions]
        found = board.changed_cells(self._shown, [row for row in on_board if row in live.dirty], self._row)
        subjects = board.changed_lines(self._shown, live.lines())
        self._held = self._splits(found)
        if self._held:
            first = self._rng.randrange(1, len(found))
            found = dict(list(found.items())[:first])
            subjects.pop("msg", None)
            return board.Change(board.ordered(subjects, found, []), found, subjects=subjects)
        places = {row: live.session.standings[row].position for row in on_board}
        positions = {row: place for row, place in places.items() if self._shown.positions[row] != place}
        best = self._changed_best()
        lines = board.ordered(subjects, found, board.row_events(live.passings, positions), best)
        live.dirty.clear()
        live.passings.clear()
        return board.Change(lines, found, positions, subjects, best)

    def _splits(self, found: Mapping[board.Place, Cell]) -> bool:
        crossing = any(passing.startswith("*|") for _, passing in self._live.passings)
        if not crossing or self._held or self._live.burst_wanted or len(found) < 2:
            return False
        return self._rng.randrange(1000) < self._dialect.split

    def _changed_best(self) -> dict[tuple[int, int], Cell]:
        if not self._dialect.competition:
            return {}
        best = burst.best_table(self._live.session, self._dialect)
        return {place: cell for place, cell in best.items() if self._shown.best.get(place) != cell}
