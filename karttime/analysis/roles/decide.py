"""All rules on one table, in the order in which they build on each other, and the verdict where they disagree."""

from typing import Final

from karttime.analysis.inference.series import Series
from karttime.analysis.roles.gaps import claim_gaps
from karttime.analysis.roles.identity import claim_identity
from karttime.analysis.roles.laptimes import claim_lap_times
from karttime.analysis.roles.positions import claim_positions
from karttime.analysis.roles.sectors import claim_sectors
from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.states import claim_states
from karttime.analysis.roles.view import CLAIMED, View
from karttime.feeds.declared.spec import FieldRole

_ONE_EACH: Final = (
    FieldRole.LAST_LAP,
    FieldRole.BEST_LAP,
    FieldRole.AVERAGE_LAP,
    FieldRole.LAPS,
    FieldRole.GAP,
    FieldRole.INTERVAL,
    FieldRole.TOTAL_TIME,
    FieldRole.TEAM,
)
_LEAD: Final = 0.03
_RIVAL: Final = 0.55
_TWIN: Final = 0.75
_MARGIN: Final = 0.04

WEIGHTS: Final = {
    FieldRole.POSITION: 3.0,
    FieldRole.LAST_LAP: 3.0,
    FieldRole.BEST_LAP: 2.0,
    FieldRole.LAPS: 2.0,
    FieldRole.NUMBER: 2.0,
    FieldRole.DRIVER: 2.0,
    FieldRole.GAP: 2.0,
    FieldRole.INTERVAL: 1.0,
    FieldRole.TEAM: 1.0,
    FieldRole.TOTAL_TIME: 1.0,
    FieldRole.SECTOR_1: 1.0,
    FieldRole.IN_PIT: 0.5,
    FieldRole.PIT_STOPS: 0.5,
    FieldRole.CLASS: 0.5,
}


def decide(series: Series) -> View:
    """Look at a table and claim roles for its fields."""
    view = View.of(series)
    claim_lap_times(view)
    claim_positions(view)
    claim_gaps(view)
    claim_sectors(view)
    claim_identity(view)
    claim_states(view)
    for role in _ONE_EACH:
        _only_one(view, role)
    for shape in view.shapes.values():
        _margin(view, shape)
    return view


def _margin(view: View, shape: Shape) -> None:
    """Two roles that fit a field nearly alike are not told apart, unless its name does."""
    ranked = sorted(view.claims.get(shape.path, ()), key=lambda claim: -claim.confidence)
    best = ranked[0] if ranked else None
    second = next((claim for claim in ranked if best is not None and claim.role is not best.role), None)
    if best is None or second is None or best.confidence - second.confidence >= _MARGIN:
        return
    if shape.named(best.role) <= shape.named(second.role):
        view.cap(shape, {best.role}, _RIVAL, f"it fits as {second.role.value} as well")
        view.cap(shape, {second.role}, _RIVAL, f"it fits as {best.role.value} as well")


def _only_one(view: View, role: FieldRole) -> None:
    """Of several fields that claim a role the surest keeps it, and those that show the same; the rest are rivals."""
    holders = view.holders(role)
    if len(holders) < 2:
        return
    first = holders[0]
    sure = _confidence(view, first)
    same = [shape for shape in holders[1:] if _same_values(view, first, shape)]
    for shape in same if first.named(role) else ():
        if not shape.named(role):
            view.cap(shape, {role}, _TWIN, "it shows the same as the field that is called so")
    rivals = [shape for shape in holders[1:] if shape not in same]
    if not rivals:
        return
    if sure - _confidence(view, rivals[0]) < _LEAD and sure < 0.9:
        close = [shape for shape in [first, *rivals] if sure - _confidence(view, shape) < _LEAD]
        called = [shape for shape in close if shape.named(role)]
        winner = called[0] if called and all(_same_values(view, called[0], shape) for shape in called[1:]) else None
        rivals = [s for s in [first, *rivals] if winner is None or (s is not winner and s not in called)]
    for shape in rivals:
        view.cap(shape, {role}, _RIVAL, "another field fits as well")


def _confidence(view: View, shape: Shape) -> float:
    claim = view.best(shape.path)
    return claim.confidence if claim else 0.0


def _same_values(view: View, one: Shape, other: Shape) -> bool:
    """Whether two fields show the same: one as text, one as a number, one rounded."""
    unit, other_unit = view.unit_of(one), view.unit_of(other)
    rows = [*view.rows(one, other)]
    times = one.unit is not None or one.clocks > 0.5 or one.decimals > 0
    if len(rows) < 2:
        return False
    fits = 0
    for first, second in rows:
        if first == second:
            fits += 1
            continue
        a, b = one.ms(first, unit), other.ms(second, other_unit)
        fits += times and a is not None and b is not None and abs(a - b) <= max(one.resolution, other.resolution, 60)
    return fits >= (0.8 if times else 0.97) * len(rows)


def worth(view: View) -> float:
    """How much a table tells of a standing."""
    roles = {claim.role for path in view.shapes if (claim := view.best(path)) and claim.confidence >= CLAIMED}
    return sum(WEIGHTS.get(role, 0.1) for role in roles)
