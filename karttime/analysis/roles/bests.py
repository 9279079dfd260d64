"""Best laps: times that only fall, to what the last lap beside them is."""

from collections.abc import Sequence
from typing import Final

from karttime.analysis.roles.lasts import never_rises, often_rises
from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.view import Claim, View
from karttime.feeds.declared.spec import FieldRole, Unit

_NOT_LAST: Final = (
    FieldRole.BEST_LAP, FieldRole.AVERAGE_LAP, FieldRole.BEST_SECTOR, FieldRole.SECTOR_1, FieldRole.TOTAL_TIME
)  # fmt: skip


_ROWS: Final = 400
_MANY_CHANGES: Final = 2.5
"""Changes per competitor from which a time that never rises is no last lap: after a slow first lap two may fall."""


def compare(view: View, low: Shape, high: Shape) -> tuple[int, int, int]:
    """Rows where the first time is lower, the same, higher than the second."""
    lower = same = higher = 0
    low_unit, high_unit = low.unit or "text", high.unit or "text"
    slack = max(low.resolution, high.resolution)
    seen = set()
    for one, other in view.rows(low, high):
        a, b = low.ms(one, low_unit), high.ms(other, high_unit)
        if not a or not b or (a, b) in seen:
            continue
        seen.add((a, b))
        if len(seen) >= _ROWS or (len(seen) >= 120 and higher > 0.2 * len(seen)):
            break
        lower += a < b - slack
        same += abs(a - b) <= slack
        higher += a > b + slack
    return lower, same, higher


def _follows(best: Shape, last: Shape) -> float:
    """Share of new best laps that are what the last lap shows about then."""
    fits = compared = 0
    last_by_key = dict(last.changes())
    unit, last_unit = best.unit or "text", last.unit or "text"
    slack = max(best.resolution, last.resolution)
    for key, changes in best.changes():
        shown = [(change.message, last.ms(change.value, last_unit)) for change in last_by_key.get(key, ())]
        for change in changes[1:]:
            value = best.ms(change.value, unit)
            if not value:
                continue
            near = [ms for message, ms in shown if abs(message - change.message) <= 40 and ms is not None]
            compared += 1
            fits += any(abs(ms - value) <= slack for ms in near)
    return fits / compared if compared >= 2 else 0.0


def claim_best_laps(view: View, timed: Sequence[Shape]) -> None:
    """Claim best laps, and the last laps that they are proven beside."""
    lasts = [shape for shape in timed if any(c.role is FieldRole.LAST_LAP for c in view.claims.get(shape.path, ()))]
    for shape in timed:
        unit = shape.unit
        if unit is None:
            continue
        found = [(*_beside(view, shape, last, unit), last) for last in lasts if last is not shape]
        confidence, why, partner = max(found, key=lambda one: one[0], default=(0.0, "", shape))
        named = shape.named(FieldRole.BEST_LAP)
        if named and confidence < 0.5 and often_rises(shape, unit):
            confidence = 0.0  # a name that lies: new sessions alone do not make it rise above the last lap
        elif named and confidence < 0.56 + 0.2 * named and not _contradicted(view, shape, lasts):
            confidence, why = 0.56 + 0.2 * named, why or "its name and its times fit"
        elif not named and confidence and often_rises(shape, unit):
            confidence = min(confidence, 0.5)
        if confidence:
            view.claim(shape, Claim(FieldRole.BEST_LAP, min(confidence + 0.03 * bool(named), 0.99), unit, why=why))
        lies = partner.named(*_NOT_LAST) and not partner.named(FieldRole.LAST_LAP)
        if partner is not shape and confidence >= 0.84 and not lies:
            said = "the best lap beside it is never above it, and sometimes the same"
            view.claim(partner, Claim(FieldRole.LAST_LAP, 0.86, partner.unit or "", why=said))


def _beside(view: View, shape: Shape, last: Shape, unit: Unit) -> tuple[float, str]:
    """How sure a field is the best lap of another one, and why."""
    lower, same, higher = compare(view, shape, last)
    rows = lower + same + higher
    if rows < 4 or higher > 0.03 * rows or _parallel(shape, last):
        return 0.0, ""
    falls = never_rises(shape, unit) and shape.restless >= _MANY_CHANGES
    if falls and _follows(shape, last) >= 0.6:
        return 0.97, "it only falls, to what the last lap is"
    if falls and same:
        return 0.9, "it only falls, and is never above the last lap"
    if same >= 2 and lower >= 2:
        return 0.84 if rows >= 8 else 0.72, "it is never above the last lap, and sometimes the same"
    if lower >= 4 and shape.named(FieldRole.BEST_LAP):
        return 0.76, "it is never above the last lap, as its name says"
    return (0.5, "it is never above another lap time") if lower >= 4 else (0.0, "")


def _contradicted(view: View, shape: Shape, lasts: Sequence[Shape]) -> bool:
    """Whether a field that is called best is above a sure last lap."""
    for last in lasts:
        lower, same, higher = compare(view, shape, last)
        if last is not shape and last.named(FieldRole.LAST_LAP) and higher > 0.2 * (lower + same + higher):
            return True
    return False


def _parallel(one: Shape, other: Shape) -> bool:
    """Whether two fields show the same, such as a time as text and as a number."""
    a, b = one.unit or "text", other.unit or "text"
    mine, others = dict(one.changes()), dict(other.changes())
    fits = compared = 0
    slack = max(one.resolution, other.resolution)
    for key, changes in mine.items():
        for change, twin in zip(changes[-3:], others.get(key, ())[-3:], strict=False):
            first, second = one.ms(change.value, a), other.ms(twin.value, b)
            if first and second:
                compared += 1
                fits += abs(first - second) <= slack
    return compared >= 4 and fits == compared
