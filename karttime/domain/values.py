"""Typed values of displayed cells: which field a column feeds, and how its text is read."""

from collections.abc import Callable, Iterable, Mapping

from karttime.domain.columns import SECTORS, Column, Role
from karttime.domain.times import Gap, parse_gap, parse_hours_minutes, parse_time
from karttime.domain.updates import Cell

Value = str | int | bool | Gap | None
"""A typed field: text, whole number (times in ms), truth, gap, or None for nothing shown."""

_MAX_DIGITS = 9


def whole_number(text: str) -> int | None:
    """A non-negative whole number of at most nine digits; None when the text is none."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None


def _text(cell: Cell) -> Value:
    return cell.text.strip() or None


def _time(cell: Cell) -> Value:
    return parse_time(cell.text)


def _gap(cell: Cell) -> Value:
    return parse_gap(cell.text)


def _laps(cell: Cell) -> Value:
    """Timekeepers' corrections may leave less than none."""
    text = cell.text.strip()
    below = text.startswith("-")
    count = whole_number(text[1:] if below else text)
    return -count if below and count is not None else count


def _stops(cell: Cell) -> Value:
    return whole_number(cell.text) or 0  # a blank cell means none, also after the timekeeper took one away


def _country(cell: Cell) -> Value:
    return cell.text.strip() or cell.style.split(" ")[0] or None


def _timer(cell: Cell) -> Value:
    """Time since the last stop counts in `H:MM`; the pit timer, style `to`, in `M:SS.`, is another field."""
    return None if cell.style == "to" else parse_hours_minutes(cell.text)


FIELDS: Mapping[Role, tuple[str, Callable[[Cell], Value]]] = {
    Role.NUMBER: ("number", _text),
    Role.NATIONALITY: ("nationality", _country),
    Role.CLASS: ("class", _text),
    Role.LAST_LAP: ("last_lap_ms", _time),
    Role.BEST_LAP: ("best_lap_ms", _time),
    Role.AVERAGE_LAP: ("average_lap_ms", _time),
    Role.GAP: ("gap", _gap),
    Role.INTERVAL: ("interval", _gap),
    Role.LAPS: ("laps", _laps),
    Role.TRACK_TIMER: ("on_track_ms", _timer),
    Role.PIT_TIME: ("pit_time_ms", _time),
    Role.PIT_STOPS: ("pit_stops", _stops),
    Role.PENALTY: ("penalty", _text),
    Role.SPEED: ("speed", _text),
    Role.TOTAL_TIME: ("total_time_ms", _time),
    Role.FLAG: ("flag", _text),
    Role.INFORMATION: ("information", _text),
    **{role: (f"{role.value}_ms", _time) for role in SECTORS},
}
"""Fields that come from one cell. Position, team, driver and status come from events, not from cells."""


def typed(columns: Iterable[Column], cells: Mapping[int, Cell]) -> dict[str, Value]:
    """Typed fields of these cells under these columns; of two columns for one field, the first that speaks counts."""
    fields: dict[str, Value] = {}
    for column in columns:
        cell = cells.get(column.index)
        if cell is None or column.role not in FIELDS:
            continue
        name, read = FIELDS[column.role]
        if fields.get(name) is None:
            fields[name] = read(cell)
    return fields
