"""Columns of an Apex grid: what each one means.

Evidence in this order: the type code of the header cell, then the header text in eight languages, then the shape of
the values below it. What none of them decides stays `unknown`: an operator may call a column anything.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from karttime.domain.columns import Column, Role
from karttime.domain.times import parse_time
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
        samples: texts of the body by column number, row by row, for columns that neither type nor text explains.
    """
    last = next((samples.get(cell.index, ()) for cell in header if TYPES.get(cell.type) is Role.LAST_LAP), ())
    columns: list[Column] = []
    taken: set[Role] = {TYPES[cell.type] for cell in header if cell.type in TYPES}
    for cell in header:
        role = TYPES.get(cell.type)
        if role is None:
            role = _untyped(cell, samples.get(cell.index, ()), last, taken)
            taken.add(role)
        elif role is Role.DRIVER and HEADERS.get(fold(cell.label)) is Role.TEAM:
            role = Role.TEAM
        columns.append(Column(cell.index, role, cell.label, cell.type))
    return tuple(columns)


def _untyped(cell: HeaderCell, texts: Sequence[str], last: Sequence[str], taken: set[Role]) -> Role:
    """A typed column of the same role is the real one: `Pos.` beside a typed rank is the place in class or grid."""
    role = HEADERS.get(fold(cell.label), Role.UNKNOWN)
    if role is not Role.UNKNOWN:
        return Role.UNKNOWN if role in taken and role is not Role.INFORMATION else role
    shown = [text.strip() for text in texts if text.strip()]
    if len(shown) < _SAMPLES_NEEDED:
        return Role.UNKNOWN
    if all(_SPEED.fullmatch(text) for text in shown):
        return Role.SPEED
    times = all(_LAP_TIME.fullmatch(text) for text in shown)
    return Role.BEST_LAP if times and Role.BEST_LAP not in taken and _is_best(texts, last) else Role.UNKNOWN


def _is_best(texts: Sequence[str], last: Sequence[str]) -> bool:
    """A best lap is never slower than the last one, in any row, and faster in some."""
    pairs = [(parse_time(text), parse_time(lap)) for text, lap in zip(texts, last, strict=False)]
    known = [(best, lap) for best, lap in pairs if best is not None and lap is not None]
    enough = len(known) >= _SAMPLES_NEEDED
    return enough and all(best <= lap for best, lap in known) and any(best < lap for best, lap in known)
