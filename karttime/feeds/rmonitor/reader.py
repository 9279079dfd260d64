"""One line at a time: what it says, checked, handed to a `Sink`.

Nine of ten lines of a day are standings that repeat what was said, ticks and crossings in one spelling. Those take the
short way: a line that its competitor sent last is passed over, the parts of the others are looked up in tables of the
spellings that are known, and one expression checks what is in none of them.
Every other spelling goes the long way, which is the one that decides what is refused.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from karttime.domain.updates import SessionKind
from karttime.feeds.rmonitor.kinds import SORT_MODES
from karttime.feeds.rmonitor.records import MAX_ID, MAX_TEXT, duration, fields_of, integer, why_not
from karttime.feeds.rmonitor.run import Run

_TEXT: Final = rf'([^"$\x00-\x1f]{{1,{MAX_ID}}})'
_SPAN: Final = r"(\d\d:[0-5]\d:[0-5]\d\.\d{3})"
_CLOCK: Final = r"(\d\d:[0-5]\d:[0-5]\d)"
_STANDING: Final = re.compile(rf'\$S?[GR],(\d{{1,4}}),"{_TEXT}",(\d{{0,6}}),"{_SPAN}"(?:,(\d{{1,9}}))?', re.ASCII)
_BEST: Final = re.compile(rf'\$S?[HP],(\d{{1,4}}),"{_TEXT}",(\d{{1,6}}),"{_SPAN}"(?:,(\d{{1,9}}))?', re.ASCII)
_CROSSING: Final = re.compile(rf'\$J,"{_TEXT}","{_SPAN}","{_SPAN}"', re.ASCII)
_TICK: Final = re.compile(rf'\$F,(\d{{1,4}}),"{_CLOCK}","{_CLOCK}","{_CLOCK}","([^"$\x00-\x1f]{{0,12}})"', re.ASCII)
_PASSING: Final = re.compile(rf"\$RMLT,([^\",$\x00-\x1f]{{1,{MAX_ID}}}),(\d{{13}})", re.ASCII)
_HISTORY: Final = re.compile(
    rf'\$RMHL,"{_TEXT}","(\d{{1,6}})","\d{{1,4}}","{_SPAN}","[^"$\x00-\x1f]{{0,12}}","\d\d:[0-5]\d:[0-5]\d\.\d{{3}}"',
    re.ASCII,
)
_MAX_PARSED: Final = 4096
_MAX_FLAGS: Final = 64

_NUMBERS: Final = {",9999,": 9999} | {f",{number},": number for number in range(1000)}
"""Numbers between their commas; others take longer."""

_MINUTES: Final = {f"{n // 60:02d}:{n % 60:02d}:": n * 60_000 for n in range(48 * 60)}
_SECONDS: Final = {f"{n:02d}": n * 1000 for n in range(60)}
_THOUSANDTHS: Final = {f".{n:03d}": n for n in range(1000)}
"""The parts of a time; races of more than two days take longer."""


class Sink(Protocol):
    """Who takes what the lines say. Times in ms; each returns an empty text, or why the record is refused."""

    @property
    def target(self) -> Run | None: ...
    def tick(self, laps_to_go: int, to_go_ms: int, race_ms: int, flag: str) -> str: ...
    def standing(self, reg: str, position: int, laps: int, total_ms: int, *, blank: bool) -> str: ...
    def best(self, reg: str, position: int, number: int, best_ms: int) -> str: ...
    def crossing(self, reg: str, lap_ms: int, total_ms: int) -> str: ...
    def last_lap(self, reg: str, laps: int, last_ms: int, speed: str) -> str: ...
    def wants_history(self) -> bool: ...
    def history(self, reg: str, lap: int, lap_ms: int) -> str: ...
    def correction(self, reg: str, laps: int, total_ms: int, correction_ms: int) -> str: ...
    def entry(self, reg: str, number: str, class_no: str, name: str, more: Mapping[str, str]) -> str: ...
    def run_named(self, number: int, title: str) -> str: ...
    def class_name(self, number: str, name: str) -> str: ...
    def track(self, name: str) -> str: ...
    def reset(self) -> str: ...
    def loop(self, number: str, name: str, day_ms: int) -> str: ...
    def greeting(self) -> str: ...
    def sort_mode(self, kind: SessionKind) -> str: ...


class Reader:
    """Takes lines apart; `read` returns why a line is refused, or an empty text."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._flags: set[str] = set()
        self._parsed: dict[str, tuple[Callable[[Sink, tuple[str, ...]], str], tuple[str, ...]]] = {}
        self.short: Mapping[str, Callable[[str], str | None]] = {
            "$G,": self._standing,
            "$H,": self._best,
            "$SR": self._last_lap,
            "$SP": self._best_speed,
            "$F,": self._tick,
            "$J,": self._crossing,
            "$RM": self._relayed,
        }

    def read(self, line: str) -> str:
        """Take a line in, without its end."""
        short = self.short.get(line[:3])
        if short is not None:
            answer = short(line)
            if answer is not None:
                return answer
        return self.long(line)

    def long(self, line: str) -> str:
        """The long way. Dumps tell the same entries again and again: they are taken apart once."""
        parsed = self._parsed.get(line)
        if parsed is None:
            why = why_not(line)
            if why:
                return why
            taken = fields_of(line)
            if taken is None:
                return "malformed"
            command, fields = taken
            if any(len(field) > MAX_TEXT for field in fields):
                return "bad-value"
            parsed = _LONG[command], fields
            if len(self._parsed) >= _MAX_PARSED:
                self._parsed.clear()
            self._parsed[line] = parsed
        take, fields = parsed
        return take(self._sink, fields)

    # -- the short way: None sends a line the long way -------------------------------------------------------------
    # What is known already, numbers, times, competitors, is looked up; what is not goes through the expression.

    def _standing(self, line: str) -> str | None:
        try:
            head, reg, laps, time, end = line.split('"')
        except ValueError:
            return None
        run = self._sink.target
        if run is not None:
            lines = run.shown_lines["G"]
            if lines.get(reg) == line:
                return ""
            car = run.cars.get(reg)
            count = 0 if laps == ",," else _NUMBERS.get(laps)
            position, ms = _NUMBERS.get(head[2:]), _ms(time)
            if car is not None and position is not None and count is not None and ms is not None and not end:
                run.standing(car, position, count, ms, blank=laps == ",,")
                lines[reg] = line
                return ""
        found = _STANDING.fullmatch(line)
        if found is None or found[5]:
            return None
        place, reg, laps, time, _ = found.groups()
        why = self._sink.standing(reg, int(place), int(laps or 0), _span(time), blank=not laps)
        self._remember("G", reg, line, why)
        return why

    def _best(self, line: str) -> str | None:
        try:
            head, reg, lap, time, end = line.split('"')
        except ValueError:
            return None
        run = self._sink.target
        if run is not None:
            lines = run.shown_lines["H"]
            if lines.get(reg) == line:
                return ""
            car = run.cars.get(reg)
            position, number, ms = _NUMBERS.get(head[2:]), _NUMBERS.get(lap), _ms(time)
            if car is not None and position is not None and number is not None and ms is not None and not end:
                run.best(car, position, number, ms)
                lines[reg] = line
                return ""
        found = _BEST.fullmatch(line)
        if found is None or found[5]:
            return None
        place, reg, lap, time, _ = found.groups()
        why = self._sink.best(reg, int(place), int(lap), _span(time))
        self._remember("H", reg, line, why)
        return why

    def _last_lap(self, line: str) -> str | None:
        try:
            _, reg, _, _, _ = line.split('"')
        except ValueError:
            return None
        run = self._sink.target
        if run is not None and run.shown_lines["SR"].get(reg) == line:
            return ""
        found = _STANDING.fullmatch(line)
        if found is None or not found[5]:
            return None
        laps, time, speed = found[3], found[4], found[5]
        why = self._sink.last_lap(reg, int(laps or 0), _span(time), speed)
        self._remember("SR", reg, line, why)
        return why

    def _best_speed(self, line: str) -> str | None:
        """`$H` says the rest."""
        try:
            head, reg, lap, time, speed = line.split('"')
        except ValueError:
            return None
        run = self._sink.target
        if run is not None:
            lines = run.shown_lines["SP"]
            if lines.get(reg) == line:
                return ""
            known = reg in run.cars and head[3:] in _NUMBERS and lap in _NUMBERS and _ms(time) is not None
            digits = speed[1:]
            if known and speed[:1] == "," and digits.isascii() and digits.isdigit() and len(digits) <= 9:
                lines[reg] = line
                return ""
        found = _BEST.fullmatch(line)
        if found is None or not found[5]:
            return None
        self._remember("SP", reg, line, "")
        return ""

    def _remember(self, kind: str, reg: str, line: str, why: str) -> None:
        """The same line again is passed over."""
        run = self._sink.target
        if run is not None and not why:
            run.shown_lines[kind][reg] = line

    def _tick(self, line: str) -> str | None:
        try:
            head, to_go, a, day, b, race, c, flag, end = line.split('"')
            laps_to_go = _NUMBERS[head[2:]]
            to_go_ms = _MINUTES[to_go[:6]] + _SECONDS[to_go[6:]]
            race_ms = _MINUTES[race[:6]] + _SECONDS[race[6:]]
            known = a == b == c == "," and not end and day[:6] in _MINUTES and day[6:] in _SECONDS
        except (ValueError, KeyError):
            pass  # another spelling
        else:
            if known and flag in self._flags:
                return self._sink.tick(laps_to_go, to_go_ms, race_ms, flag)
        found = _TICK.fullmatch(line)
        if found is None:
            return None
        laps, to_go, _, race, flag = found.groups()
        if len(self._flags) < _MAX_FLAGS:
            self._flags.add(flag)
        return self._sink.tick(int(laps), _span(to_go), _span(race), flag)

    def _crossing(self, line: str) -> str | None:
        try:
            head, reg, between, lap, comma, total, end = line.split('"')
        except ValueError:
            return None
        run, lap_ms, total_ms = self._sink.target, _ms(lap), _ms(total)
        plain = run is not None and reg in run.cars and head == "$J," and between == comma == "," and not end
        if plain and lap_ms is not None and total_ms is not None:
            return self._sink.crossing(reg, lap_ms, total_ms)
        found = _CROSSING.fullmatch(line)
        if found is None:
            return None
        reg, lap, total = found.groups()
        return self._sink.crossing(reg, _span(lap), _span(total))

    def _relayed(self, line: str) -> str | None:
        """`$RMLT`: `$J` says the rest, and of the track's own clock. `$RMHL`: a counted lap."""
        if _PASSING.fullmatch(line):
            return ""
        found = _HISTORY.fullmatch(line)
        if found is None:
            return None
        if self._sink.wants_history():
            self._sink.history(found[1], int(found[2]), _span(found[3]))
        return ""


def _ms(text: str) -> int | None:
    """Milliseconds of `HH:MM:SS.mmm`; None for what is no such time, or one of many hours."""
    try:
        return _MINUTES[text[:6]] + _SECONDS[text[6:8]] + _THOUSANDTHS[text[8:]]
    except KeyError:
        return None


def _span(text: str) -> int:
    """Milliseconds of `HH:MM:SS` or `HH:MM:SS.mmm`, checked before."""
    return int(text[:2]) * 3_600_000 + int(text[3:5]) * 60_000 + int(text[6:8]) * 1000 + int(text[9:] or 0)


# -- the long way ------------------------------------------------------------------------------------------------------

_BAD: Final = "bad-value"


def _long_tick(sink: Sink, fields: tuple[str, ...]) -> str:
    laps, to_go, race = integer(fields[0] or "0"), duration(fields[1]), duration(fields[3])
    if laps is None or to_go is None or race is None or duration(fields[2]) is None or len(fields[4]) > 24:
        return _BAD
    return sink.tick(laps, to_go, race, fields[4])


def _long_standing(sink: Sink, fields: tuple[str, ...]) -> str:
    position, laps, total = _place(fields[0]), integer(fields[2] or "0"), duration(fields[3])
    if position is None or laps is None or total is None or not _is_id(fields[1]):
        return _BAD
    return sink.standing(fields[1], position, laps, total, blank=not fields[2])


def _long_best(sink: Sink, fields: tuple[str, ...]) -> str:
    position, number, time = _place(fields[0]), integer(fields[2] or "0"), duration(fields[3])
    if position is None or number is None or time is None or not _is_id(fields[1]):
        return _BAD
    return sink.best(fields[1], position, number, time)


def _long_last_lap(sink: Sink, fields: tuple[str, ...]) -> str:
    laps, time = integer(fields[2] or "0"), duration(fields[3])
    speed = fields[4]
    if _place(fields[0]) is None or laps is None or time is None or not _is_id(fields[1]):
        return _BAD
    if not speed.isascii() or not speed.isdigit() or len(speed) > 9:
        return _BAD
    return sink.last_lap(fields[1], laps, time, speed)


def _long_best_speed(_sink: Sink, fields: tuple[str, ...]) -> str:
    good = _place(fields[0]) is not None and duration(fields[3]) is not None and _is_id(fields[1])
    return "" if good else _BAD


def _long_crossing(sink: Sink, fields: tuple[str, ...]) -> str:
    lap, total = duration(fields[1]), duration(fields[2])
    if lap is None or total is None or not _is_id(fields[0]):
        return _BAD
    return sink.crossing(fields[0], lap, total)


def _history(sink: Sink, fields: tuple[str, ...]) -> str:
    lap, time = integer(fields[1]), duration(fields[3])
    if lap is None or time is None or duration(fields[5]) is None or not _is_id(fields[0]):
        return _BAD
    return sink.history(fields[0], lap, time)


def _correction(sink: Sink, fields: tuple[str, ...]) -> str:
    laps, total, correction = integer(fields[2] or "0"), duration(fields[3]), duration(fields[4])
    if laps is None or total is None or correction is None or not _is_id(fields[0]):
        return _BAD
    return sink.correction(fields[0], laps, total, correction)


def _entry(sink: Sink, fields: tuple[str, ...]) -> str:
    reg, number, transponder, first, last, nationality, class_no = fields[:7]
    if not _is_id(reg) or len(number) > MAX_ID:
        return _BAD
    more = {"transponder": transponder, "nationality": nationality}
    return sink.entry(reg, number, class_no, " ".join(part for part in (first, last) if part), more)


def _company(sink: Sink, fields: tuple[str, ...]) -> str:
    reg, number, class_no, first, last, nationality = fields[:6]
    if not _is_id(reg) or len(number) > MAX_ID:
        return _BAD
    more = {"nationality": nationality, "additional": fields[6] if len(fields) > 6 else ""}
    return sink.entry(reg, number, class_no, " ".join(part for part in (first, last) if part), more)


def _run(sink: Sink, fields: tuple[str, ...]) -> str:
    number = integer(fields[0])
    return _BAD if number is None else sink.run_named(number, fields[1])


def _class_name(sink: Sink, fields: tuple[str, ...]) -> str:
    return sink.class_name(fields[0], fields[1]) if fields[0] else _BAD


def _track(sink: Sink, fields: tuple[str, ...]) -> str:
    return sink.track(fields[1]) if fields[0] == "TRACKNAME" else ""


def _loop(sink: Sink, fields: tuple[str, ...]) -> str:
    day_ms = duration(fields[4])
    return _BAD if day_ms is None or not _is_id(fields[0]) else sink.loop(fields[0], fields[2], day_ms)


def _sort_mode(sink: Sink, fields: tuple[str, ...]) -> str:
    kind = SORT_MODES.get(fields[0].casefold())
    return _BAD if kind is None else sink.sort_mode(kind)


def _long_passing(_sink: Sink, fields: tuple[str, ...]) -> str:
    reg, moment = fields[:2]
    return "" if _is_id(reg) and moment.isascii() and moment.isdigit() and 12 <= len(moment) <= 14 else _BAD


def _nothing(_sink: Sink, _fields: tuple[str, ...]) -> str:
    return ""


_LONG: Final[Mapping[str, Callable[[Sink, tuple[str, ...]], str]]] = {
    "F": _long_tick,
    "A": _entry,
    "COMP": _company,
    "B": _run,
    "C": _class_name,
    "E": _track,
    "G": _long_standing,
    "H": _long_best,
    "I": lambda sink, _fields: sink.reset(),
    "J": _long_crossing,
    "COR": _correction,
    "L": _loop,
    "T": _nothing,
    "SR": _long_last_lap,
    "SP": _long_best_speed,
    "RMDTL": lambda sink, _fields: sink.greeting(),
    "RMCA": _nothing,
    "RMS": _sort_mode,
    "RMLT": _long_passing,
    "RMHL": _history,
    "RMRDQ": _nothing,
}
"""One for each command of `FIELDS`; a test holds the two against each other."""


def _is_id(text: str) -> bool:
    return 0 < len(text) <= MAX_ID


def _place(text: str) -> int | None:
    """A place; 0 for none."""
    if not text:
        return 0
    place = integer(text)
    return place if place is not None and 0 <= place <= 9999 else None
