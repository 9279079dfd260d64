"""What stands above a field: `Sectors.0.Status` is about a sector, `pit_stops.3.rank` about one stop of several.

A role of the competitor is not believed of a field inside of something smaller, however well its values fit.
"""

from functools import lru_cache
from typing import Final

from karttime.analysis.roles.names import suggested
from karttime.analysis.roles.words import is_generic
from karttime.feeds.declared.paths import Path
from karttime.feeds.declared.spec import FieldRole

_R = FieldRole
_SMALLER: Final = frozenset(
    {_R.LAST_LAP, _R.BEST_LAP, _R.LAP_TIME, _R.AVERAGE_LAP, _R.SECTOR_1, _R.BEST_SECTOR, _R.SPEED}
    | {_R.PIT_STOPS, _R.PIT_TIME, _R.GAP, _R.INTERVAL, _R.PENALTY, _R.BEST_LAP_NUMBER}
)
"""Containers called so hold what is about a lap, a sector, a stop, not about the competitor."""

_OF_COMPETITOR: Final = frozenset(
    {_R.POSITION, _R.NUMBER, _R.DRIVER, _R.TEAM, _R.NATIONALITY, _R.CLASS, _R.CLASS_POSITION, _R.STATUS, _R.IN_PIT}
    | {_R.PIT_STOPS, _R.LAPS, _R.FLAG, _R.TRANSPONDER, _R.ID, _R.COLOUR}
)
_PEOPLE: Final = frozenset({_R.DRIVER, _R.TEAM, _R.NATIONALITY})
_SECTORS: Final = frozenset(FieldRole(f"sector_{number}") for number in range(1, 10))
_INSIDE, _LISTED = 0.35, 0.5


def most(path: Path, role: FieldRole, confidence: float) -> float:
    """How sure a role of a field may be, for where the field stands."""
    if len(path) < 2:
        return confidence
    if role in _OF_COMPETITOR and _is_inside(path, role):
        return min(confidence, _INSIDE)
    if _is_listed(path) and not (role in _SECTORS and (confidence >= 0.9 or _is_sector(path))) and role not in _PEOPLE:
        return min(confidence, _LISTED)
    return confidence


@lru_cache(maxsize=4096)
def _is_inside(path: Path, role: FieldRole) -> bool:
    """Whether a field with a name of its own stands in something smaller than a competitor."""
    if is_generic(path[-1]):
        return False
    above = next((found for end in range(len(path) - 1, 0, -1) if (found := suggested(path[:end]))), {})
    return role not in above and any(one in _SMALLER for one in above)


@lru_cache(maxsize=4096)
def _is_listed(path: Path) -> bool:
    """Whether a field is of one of several things that are listed in the row: laps, stints, stops, but not cells."""
    listed = [at for at, segment in enumerate(path[:-1]) if segment.isdigit() and at]
    return any(not is_generic(path[-1]) or bool(suggested(path[:at])) for at in listed)


@lru_cache(maxsize=4096)
def _is_sector(path: Path) -> bool:
    return any(_R.SECTOR_1 in suggested(path[:end]) for end in range(1, len(path)))
