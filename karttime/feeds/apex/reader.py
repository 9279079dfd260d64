"""Lines about rows of the board: cells, positions, crossings, pit lane.

The reader gathers what the lines of a frame say and hands it out as updates with `flush`: cells and positions of the
frame first, one update each, then the events in the order in which they were sent.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from karttime.domain.columns import Role
from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId
from karttime.domain.times import parse_time
from karttime.domain.updates import (
    Cell,
    CellsChanged,
    LapCompleted,
    LapFlag,
    LapRevised,
    Loop,
    Named,
    Passed,
    PitEntered,
    PitLeft,
    PositionsChanged,
    Provenance,
    Status,
    StatusChanged,
    Update,
)
from karttime.feeds.apex.board import Board
from karttime.feeds.apex.codes import DRIVER_STYLE, LAP_STYLES, STATES, TEAM_STYLE
from karttime.feeds.apex.grid import MAX_TEXT
from karttime.feeds.apex.laps import HOLE_MS, Decision
from karttime.feeds.apex.refusals import reason_of
from karttime.feeds.apex.row import LAST_LAP, NAME, STATE, Row, Slot
from karttime.feeds.base import Rejection
from karttime.feeds.frame import Frame
from karttime.feeds.refusals import Refusals

_LOOPS: Final[Mapping[str, Loop]] = {
    "*i1": Loop.SECTOR_1,
    "*i2": Loop.SECTOR_2,
    "*i3": Loop.SECTOR_3,
    "*i4": Loop.SECTOR_4,
}
_STYLE: Final = re.compile(r"[A-Za-z0-9_ -]{0,32}", re.ASCII)
_NO_TIME: Final = frozenset({"", "-", "--", "-.---"})
_MAX_LAP_MS: Final = 24 * 3_600_000
_MAX_STYLES: Final = 512
MAX_LINES: Final = 5_000
"""Of one frame; the most seen are 327. What a feed can make us do at a time is bounded by it."""
_MAX_DIGITS: Final = 9
_STALE_VOTES: Final = 4
_NO_FLAGS: Final[frozenset[LapFlag]] = frozenset()


class RowReader:
    """Reads the lines of one frame after another; set `frame`, `at` and `flag` before each."""

    def __init__(self, board: Board, refusals: Refusals) -> None:
        self.frame = -1
        self.at = 0
        self.flag = Flag.NONE
        self.events: list[Update] = []
        self.stale = False
        self.burst_open = False
        self.coalesces = False
        self._board = board
        self._refusals = refusals
        self._changed: dict[Slot, None] = {}
        self._positions: dict[CompetitorId, int] = {}
        self._passings: dict[tuple[CompetitorId, Loop], tuple[int, int | None]] = {}
        self._waiting: dict[Row, None] = {}
        self._styles = {""}
        self._alternates = False
        self._misfits: set[str] = set()
        self._misfit_count = 0

    @property
    def waiting(self) -> bool:
        """A lap of a frame before is not decided yet."""
        return bool(self._waiting)

    def new_board(self) -> None:
        """Another board is shown: what did not fit the old one may fit it."""
        self.stale = False
        self._misfits, self._misfit_count = set(), 0

    def new_session(self) -> None:
        """Another session: nothing of the rows before is waited for."""
        self._alternates = False
        self._waiting.clear()

    def refuse(self, reason: str, line: str) -> None:
        """Count a line as refused."""
        self._refusals.refuse(self.at, self.frame, reason, line)

    def read(  # noqa: C901, PLR0912 - the one hot loop: a call per case costs a third of its speed
        self,
        frames: Iterable[Frame],
        other: Callable[[str, str, str, str], None],
        end_of_frame: Callable[[], None],
    ) -> Iterator[None]:
        """Read frames, and yield after each that has more to tell than cells and positions.

        Lines about no known row go to `other(subject, verb, value, line)`. Nine of ten lines of a day are cells, and
        most of those mean no more than their text, so what changes nothing else is told apart here, without a call.
        """
        board, styles, changed, waiting = self._board, self._styles, self._changed, self._waiting
        events, fresh = self.events, self._refusals.fresh
        slots, rows = board.slots, board.rows
        for at, frame_text, data, direction, _ in frames:
            self.frame += 1
            if direction == "out" or (frame_text == "\n" and not waiting):
                continue
            if not 100 <= at - self.at <= HOLE_MS:
                board.tempo.frame(at, at - self.at)
            self.at = at
            lines = frame_text.split("\n") if frame_text else [""]
            if lines.pop() or frame_text is None or len(lines) > MAX_LINES:
                self._irregular(frame_text, data, lines)
            for line in lines:
                try:
                    subject, style, text = line.split("|", 2)
                except ValueError:
                    if line:
                        self._unfinished(line)
                    continue
                slot = slots.get(subject)
                if slot is not None:
                    if len(text) > MAX_TEXT or (style not in styles and not self._is_style(style)):
                        self.refuse("too-long" if len(text) > MAX_TEXT else "bad-value", line)
                        continue
                    if not style:
                        style = slot.cell[0]
                    kind = slot.kind
                    if kind:
                        row = slot.row
                        if kind == NAME:
                            if row.names.get(style) != text:
                                self.name(slot, style, text)
                        elif kind == STATE:
                            if STATES.get(style, row.status) is not row.status:
                                self._state(row, STATES[style])
                        elif not self._fits(row, kind, style, text, line):
                            slots, rows = board.slots, board.rows
                            continue
                    slot.cell = (style, text)
                    changed[slot] = None
                elif (event_row := rows.get(subject)) is not None:
                    self._row_event(event_row, style, text, line)
                else:
                    other(subject, style, text, line)
                    slots, rows = board.slots, board.rows
            if waiting or self.burst_open:
                end_of_frame()
            if events or fresh:
                yield

    def end_of_frame(self) -> None:
        """Decide the laps that this frame completes."""
        for row in [*self._waiting]:
            tracker = row.tracker
            if tracker.waiting:
                self._decide(row, tracker.end_of_frame(self.frame))
            if not tracker.waiting:
                del self._waiting[row]

    def end_of_session(self) -> None:
        """Decide the laps that wait for a next frame: it belongs to another session."""
        for row in self._waiting:
            self._decide(row, row.tracker.end(self.frame, self.at))
        self._waiting.clear()

    def board_shown(self, row: Row, before: int | None) -> None:
        """A row of a new board of the same session: decide what the time between the boards hid.

        `before` is the lap count that the board showed before.
        """
        after = row.counted()
        new_laps = None if before is None or after is None else after - before
        self._decide(row, row.tracker.board(self.frame, self.at, row.last_lap(), new_laps))

    def flush(self, updates: list[Update | Rejection], *, events_only: bool = False) -> None:
        """Append what was gathered; what may come once for many frames stays for later with `events_only`."""
        if self._changed and not events_only:
            new = tuple.__new__
            rows: dict[CompetitorId, dict[int, Cell]] = {}
            for slot in self._changed:
                cells = rows.get(slot.row.id)
                if cells is None:
                    cells = rows[slot.row.id] = {}
                cells[slot.column] = new(Cell, slot.cell)
            self._changed.clear()
            updates.append(CellsChanged(self.at, rows))
        if self._positions and not events_only:
            updates.append(PositionsChanged(self.at, self._positions))
            self._positions = {}
        if self._passings and not events_only:
            updates += [Passed(at, who, loop, ms) for (who, loop), (at, ms) in self._passings.items()]
            self._passings.clear()
        if self.events:
            updates += self.events
            self.events.clear()

    def _irregular(self, text: str | None, data: bytes | None, lines: list[str]) -> None:
        """A frame that does not end as frames do, so that its last line may be cut, or has too many lines."""
        if len(lines) > MAX_LINES:
            self._refusals.refuse(self.at, self.frame, "too-many-lines", "", len(lines) - MAX_LINES)
            del lines[MAX_LINES:]
        if text is None:
            self.refuse("binary-frame", repr((data or b"")[:64]))
        elif not text.endswith("\n") and text:
            self.refuse("torn-line", text.rpartition("\n")[2])

    def _unfinished(self, line: str) -> None:
        """A line without three fields."""
        subject = line.partition("|")[0]
        known = subject in self._board.slots or subject in self._board.rows
        self.refuse("malformed" if known else reason_of(subject, line), line)

    def _is_style(self, style: str) -> bool:
        if _STYLE.fullmatch(style) is None:
            return False
        if len(self._styles) < _MAX_STYLES:
            self._styles.add(style)
        return True

    def _fits(self, row: Row, kind: int, style: str, text: str, line: str) -> bool:
        """Lap times and counts must look like what they are; False refuses the line."""
        text = text.strip()
        if kind == LAST_LAP:
            return text in _NO_TIME or self._last_lap(row, style, text, line)
        if not text or text.isdigit():
            return True
        self._misfit(line)
        return False

    def name(self, slot: Slot, style: str, text: str) -> None:
        """A cell shows another team or driver than before."""
        if style == DRIVER_STYLE and not self._alternates:
            self._alternates = True
            self._teams_after_all()
        row = slot.row
        as_team = self._alternates or self._board.roles.get(slot.column) is Role.TEAM
        if row.named(style, text, as_team=as_team):
            self.events.append(Named(self.at, row.id, row.team, row.driver))

    def _teams_after_all(self) -> None:
        """The cells alternate: what stood below a driver's header until now were teams."""
        for row in self._board.rows.values():
            team = row.names.get(TEAM_STYLE, "").strip()
            if team and not row.team:
                row.team, row.driver = team, ""
                self.events.append(Named(self.at, row.id, row.team, row.driver))

    def _state(self, row: Row, status: Status) -> None:
        row.status = status
        row.tracker.now(in_pit=status is Status.IN_PIT)
        self.events.append(StatusChanged(self.at, row.id, status))

    def _last_lap(self, row: Row, style: str, text: str, line: str) -> bool:
        if style and style not in LAP_STYLES:
            self._misfit(line)
            return False
        time_ms = parse_time(text)
        if time_ms is None or not 0 < time_ms <= _MAX_LAP_MS:
            self.refuse("bad-value", line)
            return False
        self._decide(row, row.tracker.cell(self.frame, self.at, time_ms))
        self._waiting[row] = None
        return True

    def _misfit(self, line: str) -> None:
        """A value that another layout would explain; enough of them, and the board is out of date."""
        self.refuse("layout-mismatch", line)
        self._misfits.add(line.partition("c")[0])
        self._misfit_count += 1
        if self._misfit_count >= _STALE_VOTES and len(self._misfits) > 1:
            self.stale = True
            self._board.close()

    def _row_event(self, row: Row, verb: str, value: str, line: str) -> None:
        if verb == "*":
            self._crossed(row, value, line)
        elif verb == "#":
            self._position(row, value, line)
        elif verb in ("*in", "*out"):
            self._pit(row, verb)
        elif verb not in _LOOPS:
            self.refuse("unknown-event", line)
        elif value and not _is_ms(value):
            self.refuse("bad-value", line)
        else:
            self._passed(row, _LOOPS[verb], int(value) if value else None)

    def _position(self, row: Row, value: str, line: str) -> None:
        if not _is_ms(value) or len(value) > 4:
            self.refuse("bad-value", line)
            return
        row.position = self._positions[row.id] = int(value)

    def _crossed(self, row: Row, value: str, line: str) -> None:
        lap, _, sector = value.partition("|")
        digits = lap + sector
        if digits and not (digits.isdigit() and digits.isascii() and len(lap) <= _MAX_DIGITS):
            self.refuse("bad-value", line)
            return
        expected_ms = int(lap) if lap else None
        self._passed(row, Loop.LINE, expected_ms)
        after_flag = self.flag is Flag.CHEQUERED
        tracker = row.tracker
        counts = expected_ms is not None or (after_flag and not row.finished)
        proven = not tracker.shows_time and row.lap_proven(tracker.last_ms)
        self._decide(row, tracker.crossed(self.frame, self.at, expected_ms, counts=counts, proven=proven))
        row.finished = row.finished or after_flag
        self._waiting[row] = None

    def _passed(self, row: Row, loop: Loop, expected_ms: int | None) -> None:
        if self.coalesces:
            self._passings[row.id, loop] = self.at, expected_ms
        else:
            self.events.append(Passed(self.at, row.id, loop, expected_ms))

    def _pit(self, row: Row, verb: str) -> None:
        if verb == "*in":
            row.tracker.pit_in(self.frame)
            row.status = Status.IN_PIT
            self.events.append(PitEntered(self.at, row.id))
        else:
            row.tracker.pit_out(self.frame)
            row.status = Status.OUT_LAP
            self.events.append(PitLeft(self.at, row.id))

    def _decide(self, row: Row, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            provenance = Provenance(decision.frames, decision.rule, decision.doubt)
            if decision.rule == "revised":
                self.events.append(LapRevised(decision.at, row.id, decision.time_ms, provenance))
                continue
            sectors = row.sector_times(decision.time_ms)
            flags = self._lap_flags(row, decision)
            row.seen += 1
            row.seen_count = row.laps.cell[1] if row.laps is not None else ""
            self.events.append(LapCompleted(decision.at, row.id, decision.time_ms, provenance, sectors, flags))

    def _lap_flags(self, row: Row, decision: Decision) -> frozenset[LapFlag]:
        after_flag = self.flag is Flag.CHEQUERED
        if row.seen and not (decision.pit or after_flag or decision.doubt):
            return _NO_FLAGS
        flags = {
            LapFlag.FIRST: row.fresh and row.seen == 0,
            LapFlag.PIT: decision.pit,
            LapFlag.AFTER_FLAG: after_flag,
            LapFlag.DOUBTFUL: bool(decision.doubt),
        }
        return frozenset(flag for flag, is_so in flags.items() if is_so)


def _is_ms(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
