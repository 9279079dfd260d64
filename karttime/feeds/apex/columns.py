"""Columns of an Apex grid: what each one means.

Evidence in this order: the type code of the header cell, then the header text in eight languages, then the shape of
the values below it. What none of them decides stays `unknown`: an operator may call a column anything.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from karttime.domain.columns import Column, Role
from karttime.domain.times import parse_gap, parse_time
from karttime.feeds.apex.codes import HEADERS, TYPES, fold

_LAP_TIME = re.compile(r"(?:\d{1,2}:)?\d{1,2}:\d{2}\.\d{3}", re.ASCII)
_SPEED = re.compile(r"\d{1,3}[.,]\d{1,3} ?(?:km/h|kph|mph|vm)", re.ASCII | re.IGNORECASE)
_SAMPLES_NEEDED = 3


@dataclass(frozen=True, slots=True)
class HeaderCell:
    """One cell of the header row: column number, type code (may be empty) and text."""

    index: int
    type: str
    label: str


def assign_roles(header: Sequence[HeaderCell], samples: Mapping[int, Sequence[str]]) -> tuple[Column, ...]:
    """Give every column its role.

    Args:
        header: the header cells in order.
        samples: texts of the body by column number, for columns that neither type nor text explains.
    """
    columns: list[Column] = []
    taken: set[Role] = {TYPES[cell.type] for cell in header if cell.type in TYPES}
    for cell in header:
        role = TYPES.get(cell.type)
        if role is None:
            role = _untyped(cell, samples.get(cell.index, ()), taken)
            taken.add(role)
        elif role is Role.DRIVER and HEADERS.get(fold(cell.label)) is Role.TEAM:
            role = Role.TEAM
        columns.append(Column(cell.index, role, cell.label, cell.type))
    return tuple(columns)


def _untyped(cell: HeaderCell, texts: Sequence[str], taken: set[Role]) -> Role:
    """A typed column of the same role is the real one: `Pos.` beside a typed rank is the place in class or grid."""
    role = HEADERS.get(fold(cell.label), Role.UNKNOWN)
    if role is not Role.UNKNOWN:
        return Role.UNKNOWN if role in taken and role is not Role.INFORMATION else role
    return _by_shape([text.strip() for text in texts if text.strip()], taken)


def _by_shape(texts: Sequence[str], taken: set[Role]) -> Role:
    if len(texts) < _SAMPLES_NEEDED:
        return Role.UNKNOWN
    if all(_SPEED.fullmatch(text) for text in texts):
        return Role.SPEED
    if Role.BEST_LAP not in taken and Role.LAST_LAP in taken and all(_LAP_TIME.fullmatch(text) for text in texts):
        best = [ms for text in texts if (ms := parse_time(text)) is not None and parse_gap(text) is not None]
        return Role.BEST_LAP if best else Role.UNKNOWN
    return Role.UNKNOWN
