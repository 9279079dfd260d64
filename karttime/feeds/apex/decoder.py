r"""The Apex Timing decoder: frames in, updates out.

A frame is lines that end in `\n`; a line is `subject|verb|value` (`rN|*|a|b` has four fields):

| line | example | meaning |
|---|---|---|
| `rNcM\|style\|text` | `r72c9\|tn\|1:46.956` | cell; empty style keeps the style, empty text clears |
| `rN\|#\|p` | `r72\|#\|5` | position |
| `rN\|*\|a\|b` | `r72\|*\|106956\|36468` | line crossed; a, b: expected lap and first sector, ms |
| `rN\|*i1\|v`, `*i2` | `r59\|*i1\|38563` | sector beam; v: expected next sector, ms |
| `rN\|*in\|0`, `*out` | `r24081\|*in\|0` | pit lane |
| `init\|p\|` … `grid\|\|…` | | state dump: letter, facts and board in one frame; `p` best laps rank, `r` laps do |
| `init\|n\|` | | no session is loaded, or a blip of some seconds |
| `dyn1`, `light`, `com`, `msg`, `title1` … | `light\|lg\|` | session facts, see `facts.py` |

Strangers can put lines into a venue's stream, so only known lines about known rows count; the rest is refused and
counted by reason. Work per frame is bounded by its size.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from karttime.domain.columns import Column, Role
from karttime.domain.ids import session_id
from karttime.domain.updates import (
    Cell,
    ClockMode,
    Provenance,
    SessionChanged,
    SessionEnded,
    SessionStarted,
    StatusChanged,
    Update,
)
from karttime.feeds.apex.board import Board, grid_columns, is_blank
from karttime.feeds.apex.codes import COMMANDS_WITHOUT_STATE, LETTERS, session_kind
from karttime.feeds.apex.early import EarlyLine, EarlyLines
from karttime.feeds.apex.facts import COMMANDS, Facts
from karttime.feeds.apex.grid import MAX_TEXT, Grid, parse_grid
from karttime.feeds.apex.reader import RowReader
from karttime.feeds.apex.refusals import reason_of
from karttime.feeds.apex.row import NAME
from karttime.feeds.apex.sessions import Countdown, Heading, Standing, is_same_session
from karttime.feeds.base import Rejection
from karttime.feeds.frame import Frame
from karttime.feeds.refusals import Refusals

_BEST_TABLE: Final = re.compile(r"[bc]r\d{1,12}c\d{1,3}", re.ASCII)
_STATIC: Final = frozenset({Role.NUMBER, Role.DRIVER, Role.TEAM, Role.NATIONALITY, Role.CLASS})
_MAX_DOUBTS: Final = 100


class ApexDecoder:
    """Decodes one Apex feed. Feed it every frame in order, also over reconnects: it decides what goes on."""

    def __init__(self) -> None:
        self._refusals = Refusals()
        self._board = Board()
        self._reader = RowReader(self._board, self._refusals)
        self._facts = Facts()
        self._early = EarlyLines()
        self._heading: Heading | None = None
        self._letter = ""
        self._burst: dict[str, tuple[str, str, str]] | None = None
        self._sessions = 0
        self._doubts: list[str] = []
        self._out: list[Update | Rejection] = []

    @property
    def refused(self) -> Mapping[str, int]:
        """How much was refused so far, by reason (see `refusals.REASONS`)."""
        return self._refusals.counts

    @property
    def doubts(self) -> Sequence[str]:
        """What cannot be known from what was received, in sentences."""
        if self._heading is None and self._reader.frame >= 0:
            return ["no board was received: without its header row nobody can say what the cells mean", *self._doubts]
        return tuple(self._doubts)

    def feed(self, frame: Frame) -> Sequence[Update | Rejection]:
        """Decode one frame. Never raises on what a feed sends."""
        for _ in self._reader.read((frame,), self._other, self._end_of_frame):
            pass
        return self._gathered()

    def feed_many(self, frames: Iterable[Frame]) -> Iterator[Update | Rejection]:
        """Decode frames that nobody watches one by one (see `Decoder.feed_many`)."""
        self._reader.coalesces = True
        for _ in self._reader.read(frames, self._other, self._end_of_frame):
            yield from self._gathered(events_only=True)
        self._reader.coalesces = False
        yield from self._gathered()

    def _end_of_frame(self) -> None:
        if self._burst is not None:
            self._end_burst(self._burst)
        self._reader.burst_open = False
        self._reader.end_of_frame()

    def _gathered(self, *, events_only: bool = False) -> list[Update | Rejection]:
        """What was read since the last call."""
        updates: list[Update | Rejection] = [*self._out]
        self._out.clear()
        self._reader.flush(updates, events_only=events_only)
        if self._refusals.fresh:
            updates += self._refusals.take()
        return updates

    def _other(self, subject: str, verb: str, value: str, line: str) -> None:
        """Lines that are about no row of the board."""
        if subject in COMMANDS:
            if self._burst is not None:
                self._burst[subject] = verb, value, line
            else:
                self._fact(subject, verb, value, line)
        elif subject == "grid":
            self._grid(value)
        elif subject == "init" and (verb in LETTERS or verb == "n"):
            self._letter, self._burst = verb, {}
            self._reader.burst_open = True
        elif subject not in COMMANDS_WITHOUT_STATE and not _BEST_TABLE.fullmatch(subject):
            self._unknown(subject, line)

    def _unknown(self, subject: str, line: str) -> None:
        reason = reason_of(subject, line)
        if reason == "unknown-row" and subject.partition("c")[0] in self._board.rows:
            reason = "unknown-column"
        elif reason == "unknown-row" and len(line) <= MAX_TEXT:
            self._early.add(self._reader.frame, self._reader.at, subject, line)
        self._reader.refuse(reason, line)

    def _fact(self, command: str, verb: str, value: str, line: str) -> list[Update]:
        """Take a session fact in; what it changes goes out with the frame."""
        updates = self._facts.take(self._reader.at, command, verb, value)
        if updates is None:
            self._reader.refuse("bad-value", line)
            return []
        self._reader.flag = self._facts.flag
        self._reader.events += updates
        if command in ("title1", "title2", "track"):
            self._retitle()
        return updates

    def _retitle(self) -> None:
        """Titles may change in mid-session, with or without a new board."""
        facts, old = self._facts, self._heading
        if old is None:
            return
        heading = Heading(old.letter, facts.event, facts.title, facts.track)
        if heading != old:
            self._heading = heading
            kind = session_kind(heading.letter, heading.title)
            changed = SessionChanged(self._reader.at, kind, heading.event, heading.title, heading.track)
            self._reader.events.append(changed)

    def _end_burst(self, burst: Mapping[str, tuple[str, str, str]]) -> None:
        """The frame with an `init` ends without a board: the session was unloaded, or the dump was cut."""
        self._burst = None
        if self._letter == "n":
            burst = {command: fact for command, fact in burst.items() if command != "track"}
            if self._heading is not None:
                self._reader.events.append(SessionEnded(self._reader.at))
        for command, (verb, value, line) in burst.items():
            self._fact(command, verb, value, line)

    def _grid(self, html: str) -> None:
        reader = self._reader
        grid = parse_grid(html)
        if grid is None:
            reader.refuse("bad-grid", html)
            return
        if grid.refused:
            self._refusals.refuse(reader.at, reader.frame, "bad-grid-cell", "", grid.refused)
        burst, self._burst = self._burst or {}, None
        columns = grid_columns(grid)
        cells = {row_id: row.cells for row_id, row in grid.rows.items()}
        early = self._early.take(reader.at, cells, columns)
        heading, countdown = self._announced(burst)
        now = Standing(heading, cells.keys(), 0, is_blank(grid, columns), countdown)
        same, why = self._goes_on(now)
        if same:
            reader.end_of_frame()
        else:
            reader.end_of_session()
        reader.flush(self._out)
        if not same:
            self._start_session(heading, why, early)
        for command, (verb, value, line) in burst.items():
            self._fact(command, verb, value, line)
        if not same:
            reader.events.clear()  # said below, all at once, after the board
            self._heading = heading
        if early:
            self._replay(early, grid, columns)
        self._show(grid, columns, cells)
        if not same:
            reader.events += self._facts.all(reader.at)
            if not now.blank and not early:
                self._doubt(f"session {heading.title!r} was under way when first seen: earlier laps are unknown")

    def _announced(self, burst: Mapping[str, tuple[str, str, str]]) -> tuple[Heading, Countdown | None]:
        """Heading and clock that the dump announces, the rest as before."""
        facts = self._facts

        def text(command: str, before: str) -> str:
            return burst[command][1].strip() if command in burst else before

        letter = self._letter if self._letter in LETTERS else (self._heading.letter if self._heading else "p")
        heading = Heading(letter, text("title1", facts.event), text("title2", facts.title), text("track", facts.track))
        if "dyn1" not in burst:
            return heading, facts.countdown()
        mode, value, _ = burst["dyn1"]
        light = burst["light"][0] if "light" in burst else facts.light
        if mode != ClockMode.COUNTDOWN.value or not (value.isascii() and value.isdigit()):
            return heading, None
        return heading, Countdown(self._reader.at, int(value[:9]), light == "lg")

    def _goes_on(self, now: Standing) -> tuple[bool, str]:
        if self._heading is None:
            return False, "first board"
        board = self._board
        laps = board.laps_seen() + board.times_shown()
        before = Standing(self._heading, board.ids, laps, False, self._facts.countdown())
        return is_same_session(before, now, real_time=board.tempo.real)

    def _start_session(self, heading: Heading, why: str, early: Sequence[EarlyLine]) -> None:
        self._sessions += 1
        at = early[0].at if early else self._reader.at
        name = session_id(at, self._sessions)
        kind = session_kind(heading.letter, heading.title)
        provenance = Provenance((self._reader.frame,), "board", why)
        self._out.append(SessionStarted(at, name, kind, heading.event, heading.title, heading.track, provenance))
        self._board.forget()
        self._reader.new_session()
        self._facts.new_session()

    def _replay(self, early: Sequence[EarlyLine], grid: Grid, columns: tuple[Column, ...]) -> None:
        """Read lines that came before their board."""
        reader = self._reader
        frame, at, events = reader.frame, reader.at, [*reader.events]
        reader.events.clear()
        static = {column.index for column in columns if column.role in _STATIC}
        known = {
            row_id: {index: cell for index, cell in row.cells.items() if index in static}
            for row_id, row in grid.rows.items()
        }
        reader.at = early[0].at
        self._show(grid, columns, known)
        reader.flush(self._out)
        for number, lines in groupby(early, key=lambda line: line.frame):
            kept = list(lines)
            reader.frame = number - 1
            frame_again = Frame(kept[0].at, "".join(f"{line.line}\n" for line in kept))
            for _ in reader.read((frame_again,), self._other, reader.end_of_frame):
                pass
            reader.flush(self._out)
        self._refusals.take_back("unknown-row", len(early))
        self._doubt(f"{len(early)} lines came before the board that explains them; they were read under its columns")
        reader.frame, reader.at = frame, at
        reader.events += events

    def _show(self, grid: Grid, columns: tuple[Column, ...], cells: Mapping[str, Mapping[int, Cell]]) -> None:
        """Put a board up."""
        reader, board = self._reader, self._board
        before = {row.id: row.counted() for row in board.everybody()}
        board.show(columns, cells)
        self._out.append(board.shown(reader.at, {row_id: row.position for row_id, row in grid.rows.items()}))
        reader.new_board()
        for row in board.rows.values():
            if row.id in before:
                reader.board_shown(row, before[row.id])
            else:
                row.first_shown()
            reader.events.append(StatusChanged(reader.at, row.id, row.status))
            for slot in row.slots.values():
                if slot.kind == NAME and slot.cell[1].strip():
                    reader.name(slot, *slot.cell)

    def _doubt(self, sentence: str) -> None:
        if len(self._doubts) < _MAX_DOUBTS and sentence not in self._doubts:
            self._doubts.append(sentence)
