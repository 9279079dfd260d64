"""What a field shows on the board: its column, and its values as the board's texts and the decoder's facts."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from karttime.domain.columns import Column, Role
from karttime.domain.times import format_time, parse_gap, parse_time
from karttime.feeds.declared.spec import FeedSpec, FieldRole, FieldSpec, TableSpec
from karttime.feeds.declared.values import gap_text, read_count, read_gap, read_ms, read_text

COLUMN_ROLES: Final[Mapping[FieldRole, Role]] = {
    role: Role(role.value) for role in FieldRole if role.value in {shown.value for shown in Role}
}
"""Roles that have a column on the board; the others are events or are about the session."""

LAP_ROLES: Final = frozenset({FieldRole.LAST_LAP, FieldRole.BEST_LAP, FieldRole.AVERAGE_LAP, FieldRole.LAP_TIME})
SECTOR_ROLES: Final[Sequence[FieldRole]] = tuple(FieldRole(f"sector_{number}") for number in range(1, 10))
TIME_ROLES: Final = LAP_ROLES | {*SECTOR_ROLES, FieldRole.TOTAL_TIME, FieldRole.PIT_TIME, FieldRole.BEST_SECTOR}
GAP_ROLES: Final = frozenset({FieldRole.GAP, FieldRole.INTERVAL})
COUNT_ROLES: Final = frozenset(
    {FieldRole.LAPS, FieldRole.PIT_STOPS, FieldRole.POSITION, FieldRole.CLASS_POSITION, FieldRole.LAP_NUMBER}
)


def lap_ms(value: Any, unit: str) -> int | None:
    """A lap or sector time; zero and less mean that there is none."""
    ms = read_ms(value, unit)
    return ms if ms is not None and ms > 0 else None


def _time_text(value: Any, unit: str) -> str:
    ms = lap_ms(value, unit)
    text = read_text(value)
    if ms is None:
        return "" if read_ms(value, unit) is not None else text
    return text if unit in ("", "text") and parse_time(text) == ms else format_time(ms)


def _gap_text(value: Any, unit: str) -> str:
    gap = read_gap(value, unit)
    text = read_text(value)
    if gap is None or (isinstance(value, str) and parse_gap(text) == gap and unit in ("", "text")):
        return text
    return gap_text(gap)


def _count_text(value: Any, _: str) -> str:
    count = read_count(value)
    return read_text(value) if count is None else str(count)


def _plain(value: Any, _: str) -> str:
    return read_text(value)


def shower(role: FieldRole) -> Callable[[Any, str], str]:
    """How values of a role become the board's text; takes the value and its unit."""
    if role in TIME_ROLES:
        return _time_text
    if role in GAP_ROLES:
        return _gap_text
    return _count_text if role in COUNT_ROLES else _plain


def reading_of(field: FieldSpec) -> Callable[[Any], bool]:
    """Tells whether a value makes sense under its field's role; nothing and dashes always do."""
    read: Callable[[Any], object]
    unit = field.unit
    if field.role in TIME_ROLES:
        read = partial(read_ms, unit=unit)
    elif field.role in GAP_ROLES:
        read = partial(read_gap, unit=unit)
    elif field.role in COUNT_ROLES:
        read = read_count
    else:
        told = field.role is not FieldRole.UNDECIDED
        return lambda value: not (told and isinstance(value, dict | list))

    def makes_sense(value: Any) -> bool:
        if value is None or value == "":
            return True
        return read(value) is not None or not any(c.isdigit() for c in read_text(value))

    return makes_sense


def used_fields(spec: FeedSpec) -> Mapping[tuple[FieldRole, str], tuple[TableSpec, FieldSpec]]:
    """The field that speaks for each role, and part of a name: the first that claims it."""
    used: dict[tuple[FieldRole, str], tuple[TableSpec, FieldSpec]] = {}
    for table in spec.tables:
        if table.holds == "standings":
            for field in table.fields:
                if field.role is not FieldRole.UNDECIDED:
                    used.setdefault((field.role, field.part), (table, field))
    return used


def board_columns(spec: FeedSpec) -> tuple[Column, ...]:
    """The columns of the board: one for each role that a field claims, in the order of the spec."""
    columns: list[Column] = []
    taken: set[Role] = set()
    for role, _ in used_fields(spec):
        shown = COLUMN_ROLES.get(role)
        if shown is not None and shown not in taken:
            taken.add(shown)
            _, field = next(pair for (other, _), pair in used_fields(spec).items() if other is role)
            columns.append(Column(len(columns) + 1, shown, field.label or field.path, ""))
    return tuple(columns)
