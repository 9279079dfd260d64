"""One run: its competitors, classes and order, and what of it goes on the board."""

from collections.abc import Mapping
from itertools import product
from typing import Final

from karttime.domain.ids import CompetitorId
from karttime.domain.updates import (
    BoardRow,
    BoardShown,
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
    SessionKind,
    Status,
    StatusChanged,
    Update,
)
from karttime.feeds.base import Rejection
from karttime.feeds.rmonitor.car import Car, cells, changed_cells
from karttime.feeds.rmonitor.kinds import kind_of, ranks_by_best
from karttime.feeds.rmonitor.laps import Decision, Rule
from karttime.feeds.rmonitor.layout import COLUMNS
from karttime.feeds.rmonitor.order import arrange, best_gap, race_gap
from karttime.feeds.rmonitor.records import NO_TIMES

MAX_CARS: Final = 1000
"""The largest field seen has 90."""

CLOSED: Final = 95
"""The number of a run that was closed."""

_PITS: Final = {"PIP": True, "POP": False}
_LAP_FLAGS: Final = (LapFlag.FIRST, LapFlag.PIT, LapFlag.AFTER_FLAG, LapFlag.DOUBTFUL)
_FLAGS: Final = {
    which: frozenset(flag for flag, is_so in zip(_LAP_FLAGS, which, strict=True) if is_so)
    for which in product((False, True), repeat=len(_LAP_FLAGS))
}
"""The flags of a lap, by which of them it has."""

_SETTLED_MS: Final = 200
_HALF_DAY_MS: Final = 12 * 3_600_000


class Now:
    """What holds for every record of a frame: its ordinal and time, and the track's state."""

    __slots__ = ("at", "chequered", "flag_text", "frame")

    def __init__(self) -> None:
        self.frame = -1
        self.at = 0
        self.chequered = False
        self.flag_text = ""


class Run:
    """A run as records build it. What they make happen is gathered in `events`, what they change goes to `flush`.

    Attributes:
        number: of the run, None until `$B`.
        driven: somebody completed a lap.
        board_due: since when the whole board is to be shown; None while it need not.
        dumping: what is told was before we listened.
        race_ms: the race time when it was ticking last.
        fallen: who was stated to be at nothing after laps, and in which place.
        shown_lines: the last `$G`, `$H`, `$SR` and `$SP` of each competitor, which come again and again.
    """

    def __init__(self, now: Now) -> None:
        self.number: int | None = None
        self.title = ""
        self.closed = False
        self.track = self.told_track = ""
        self.sort_mode: SessionKind | None = None
        self.counts_laps_down = False
        self.kind = SessionKind.UNKNOWN
        self.cars: dict[str, Car] = {}
        self.classes: dict[str, str] = {}
        self.driven = False
        self.dumping = True
        self.race_ms = 0
        self.events: list[Update] = []
        self.passings: dict[CompetitorId, int] = {}
        self.shown_lines: dict[str, dict[str, str]] = {"G": {}, "H": {}, "SR": {}, "SP": {}}
        self.fallen: dict[str, int] = {}
        self.waiting: dict[str, Car] = {}
        self._now = now
        self._stamp = 0
        self._field = 0
        self._fast_field = 0
        self._dirty: dict[str, Car] = {}
        self._order_dirty = False
        self.board_due: int | None = None
        self._order: list[Car] = []

    # -- who -------------------------------------------------------------------------------------------------------

    def car(self, reg: str) -> Car | None:
        """The competitor with a registration number, new if need be; None when there are too many."""
        car = self.cars.get(reg)
        if car is None:
            if len(self.cars) >= MAX_CARS:
                return None
            car = self.cars[reg] = Car(reg)
            self.board_changes()
        return car

    def entered(self, car: Car, number: str, class_no: str, name: str, more: Mapping[str, str]) -> None:
        """`$A` and `$COMP`; `more` is what only one of them says."""
        car.entered = True
        car.number = number or str(car.id)
        car.class_no = class_no
        car.class_name = self.classes.get(class_no, car.class_name or class_no)
        car.transponder = more.get("transponder", car.transponder)
        car.nationality = more.get("nationality", car.nationality)
        car.additional = more.get("additional", car.additional)
        if name != car.name:
            car.name = name
            self.events.append(Named(self._now.at, car.id, None, name))
        self._dirty[car.id] = car

    def named_class(self, number: str, name: str) -> None:
        """`$C`: a class has a name."""
        if len(self.classes) < MAX_CARS:
            self.classes[number] = name
        for car in self.cars.values():
            if car.class_no == number and car.class_name != name:
                car.class_name = name
                self._dirty[car.id] = car

    def by_number(self, number: str) -> Car | None:
        """Who drives with this number; for `Tx…`, with this transponder. None unless it is one alone."""
        car = self.cars.get(number)
        if car is not None and car.number == number:
            return car
        if number.startswith("Tx"):
            found = [car for car in self.cars.values() if car.transponder == number[2:]]
        else:
            found = [car for car in self.cars.values() if car.number == number]
        return found[0] if len(found) == 1 else None

    # -- laps and places ---------------------------------------------------------------------------------------------

    def standing(self, car: Car, position: int, laps: int, total_ms: int, *, blank: bool) -> None:
        """`$G`: laps, total time and place."""
        if laps == 0 and car.rule.laps > 0 and total_ms in NO_TIMES:
            self.fallen.setdefault(car.id, position)  # a dump may begin with everybody at nothing: it is waited for
            return
        if position:
            self._stamp += 1
            car.race = position, self._stamp
            self._field = max(self._field, position)
        if self.fallen:
            self.fallen.pop(car.id, None)
        car.laps_blank = blank
        total_ms = 0 if total_ms in NO_TIMES else total_ms
        rule = car.rule
        if self.dumping:
            rule.restated(laps, total_ms)
        elif laps != rule.count or total_ms != rule.total_ms:  # else only the place may be another one
            self._decide(car, car.rule.counted(self._now.frame, self._now.at, laps, total_ms))
        self.driven = self.driven or laps > 0
        self._order_dirty = True
        self._dirty[car.id] = car

    def best(self, car: Car, position: int, best_no: int, best_ms: int) -> None:
        """`$H`: best lap and place by it."""
        if position:
            self._stamp += 1
            car.fast = position, self._stamp
            self._fast_field = max(self._fast_field, position)
        if best_ms in NO_TIMES or best_ms < 0:
            if not (car.id in self.fallen or (car.best_ms is not None and car.rule.laps > 0)):
                car.best_ms, car.best_no = None, 0
        else:
            car.best_ms, car.best_no = best_ms, best_no
            if car.rule.waits:
                self.recorded(car, "best-lap-record", best_no, best_ms)
        self._order_dirty = self._order_dirty or ranks_by_best(self.kind)
        self._dirty[car.id] = car

    def crossed(self, car: Car, lap_ms: int, total_ms: int, *, live: bool) -> None:
        """`$J`; in the relay's dump it is the last one of before."""
        now = self._now
        if lap_ms in NO_TIMES or lap_ms < 0:
            lap_ms = 0
        car.crossing = lap_ms, total_ms
        self._decide(car, car.rule.crossed(now.frame, now.at, lap_ms, total_ms))
        if live:
            self.passings[car.id] = now.at
            if not lap_ms:  # a lap begins here, and what was before is no part of it
                car.pitted = car.in_pit
            status = Status.FINISHED if now.chequered else Status.ON_TRACK
            if not car.in_pit and car.status is not status:
                car.status = status
                self.events.append(StatusChanged(now.at, car.id, status))
            if self.board_due is not None:
                self.board_due = -1
        self._dirty[car.id] = car

    def recorded(self, car: Car, rule: Rule, number: int, time_ms: int) -> None:
        """`$RMHL`, `$SR` and `$H` tell lap times, too."""
        self._decide(car, car.rule.recorded(self._now.frame, rule, number, time_ms))
        self._dirty[car.id] = car

    def take_back_fallen(self) -> None:
        """Whoever fell back to nothing has nothing."""
        now = self._now
        for reg, position in self.fallen.items():
            car = self.cars[reg]
            self._stamp += 1
            car.race, car.laps_blank = (position, self._stamp), False
            self._decide(car, car.rule.counted(now.frame, now.at, 0, 0))
            self._dirty[reg] = car
        self.fallen.clear()
        self._order_dirty = True

    def corrected(self, car: Car, laps: int, total_ms: int, correction_ms: int) -> None:
        """`$COR`: a corrected total time."""
        self._decide(car, car.rule.counted(self._now.frame, self._now.at, laps, total_ms))
        car.rule.penalty_ms = max(correction_ms, 0)
        for lines in self.shown_lines.values():
            lines.pop(car.id, None)
        self._order_dirty = True
        self._dirty[car.id] = car

    def passed_loop(self, car: Car, name: str, day_ms: int) -> None:
        """`$L`; records of loops may come minutes late, and then tell nothing of where somebody is now."""
        inside = _PITS.get(name)
        if inside is None:
            return
        car.pitted = True
        late = car.pit_at >= 0 and 0 < car.pit_at - day_ms < _HALF_DAY_MS
        if late or inside is car.in_pit:
            return
        car.pit_at, car.in_pit = day_ms, inside
        if inside:
            car.status, car.pits = Status.IN_PIT, (car.pits or 0) + 1
            self.events.append(PitEntered(self._now.at, car.id))
        else:
            car.status, car.pits = Status.OUT_LAP, car.pits or 0
            self.events.append(PitLeft(self._now.at, car.id))
        self._dirty[car.id] = car

    def _decide(self, car: Car, decisions: list[Decision]) -> None:
        for made in decisions:
            provenance = Provenance(made.frames, made.rule, made.doubt)
            if made.rule in ("taken-away", "given-back"):
                self.events.append(LapRevised(made.at, car.id, made.time_ms, provenance, made.number))
                car.seen_best_ms = car.rule.best_timed()
                continue
            if made.time_ms is None:
                continue
            flags = _FLAGS[made.number == 1, car.pitted, self._now.chequered, bool(made.doubt)]
            car.pitted = car.in_pit
            if not made.doubt and (car.seen_best_ms is None or made.time_ms < car.seen_best_ms):
                car.seen_best_ms = made.time_ms
            self.events.append(LapCompleted(made.at, car.id, made.time_ms, provenance, (), flags, made.number))
        if car.rule.waits:
            self.waiting[car.id] = car
        elif self.waiting:
            self.waiting.pop(car.id, None)

    # -- the session -------------------------------------------------------------------------------------------------

    def ticked(self) -> None:
        """The clock ticked: laps that wait for their time do not wait for ever."""
        for car in [*self.waiting.values()]:
            self._decide(car, car.rule.tick())
            self._dirty[car.id] = car
        if self.board_due is not None:
            self.board_due = -1

    def end(self) -> None:
        """The run is over: decide what waits."""
        for car in [*self.waiting.values()]:
            self._decide(car, car.rule.settle())
        self.waiting.clear()

    def guess_kind(self) -> bool:
        """Take the sort mode, else the evidence; True when the kind is another one than before."""
        kind = self.sort_mode or kind_of(self.title, counts_laps_down=self.counts_laps_down)
        if kind is self.kind:
            return False
        self._order_dirty = self._order_dirty or ranks_by_best(kind) is not ranks_by_best(self.kind)
        self.kind = kind
        return True

    def reflag(self) -> None:
        """The flag changed: every row shows it."""
        self._dirty.update(self.cars)

    def remove(self, gone: list[str]) -> None:
        """Who was not told of after a reset leaves the board."""
        for reg in gone:
            del self.cars[reg]
            self._dirty.pop(reg, None)
            self.waiting.pop(reg, None)
            self.fallen.pop(reg, None)
            for lines in self.shown_lines.values():
                lines.pop(reg, None)
        if gone:
            self._field = max((car.race[0] for car in self.cars.values()), default=0)
            self._fast_field = max((car.fast[0] for car in self.cars.values()), default=0)
            self.board_changes()

    # -- the board -----------------------------------------------------------------------------------------------------

    def board_changes(self) -> None:
        """The whole board will be shown, once the burst that told so is over."""
        self._order_dirty = True
        if self.board_due is None:
            self.board_due = self._now.at

    def board_is_due(self, *, silent: bool) -> bool:
        """Whether competitors came or went, and the burst that told so is over."""
        due = self.board_due
        return due is not None and (silent or due < 0 or self._now.at - due >= _SETTLED_MS)

    def flush(self, updates: list[Update | Rejection], *, silent: bool = False, events_only: bool = False) -> None:
        """Append the board or the cells and places that changed, then what happened."""
        if self.board_is_due(silent=silent):
            self._show_board(updates)
        elif (self._dirty or self._order_dirty) and not events_only:
            self._show_changes(updates)
        if self.passings and not events_only:
            updates += [Passed(at, who, Loop.LINE) for who, at in self.passings.items()]
            self.passings.clear()
        if self.events:
            updates += self.events
            self.events.clear()

    def _show_board(self, updates: list[Update | Rejection]) -> None:
        self.board_due = None
        self._reorder()
        flag = self._now.flag_text
        rows: dict[CompetitorId, BoardRow] = {}
        for car in self.cars.values():
            car.shown = car.texts(flag)
            rows[car.id] = BoardRow(car.position, cells(car.shown))
        self._dirty.clear()
        updates.append(BoardShown(self._now.at, COLUMNS, rows))

    def _show_changes(self, updates: list[Update | Rejection]) -> None:
        self._reorder()
        flag, at = self._now.flag_text, self._now.at
        rows: dict[CompetitorId, dict[int, Cell]] = {}
        places: dict[CompetitorId, int] = {}
        for car in self._dirty.values():
            if not car.shown:
                continue  # not on the board yet
            texts = car.texts(flag)
            if texts == car.shown:
                continue
            rows[car.id] = changed_cells(car.shown, texts)
            if texts[0] != car.shown[0]:
                places[car.id] = car.position
            car.shown = texts
        self._dirty.clear()
        if rows:
            updates.append(CellsChanged(at, rows))
        if places:
            updates.append(PositionsChanged(at, places))

    def _reorder(self) -> None:
        if not self._order_dirty:
            return
        self._order_dirty = False
        by_best = ranks_by_best(self.kind)
        before = {car.id: (car.position, car.gap, car.interval) for car in self.cars.values()}
        placed = arrange(self.cars.values(), by_best=by_best, field=self._fast_field if by_best else self._field)
        leader = placed[0] if placed and placed[0].position == 1 else None
        ahead: Car | None = None
        for car in self.cars.values():
            car.gap = car.interval = ""
        for car in placed:
            if leader is not None and car is not leader:
                car.gap = _gap(leader, car, by_best)
            if ahead is not None and car.position == ahead.position + 1:
                car.interval = _gap(ahead, car, by_best)
            ahead = car
        if leader is not None and not by_best and leader.rule.laps > 0:
            leader.gap = f"Lap {leader.rule.laps}"
        for car in self.cars.values():
            if before[car.id] != (car.position, car.gap, car.interval):
                self._dirty[car.id] = car


def _gap(ahead: Car, car: Car, by_best: bool) -> str:
    return best_gap(ahead.best, car.best) if by_best else race_gap(ahead.rule, car.rule)
