"""Counters of laps: counts that rise when the last lap changes, or at the pace of laps."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from karttime.analysis.roles.shapes import LAP_MAX, LAP_MIN, Shape
from karttime.analysis.roles.view import Claim, View
from karttime.feeds.declared.paths import Path
from karttime.feeds.declared.spec import FieldRole
from karttime.feeds.declared.values import read_count

_FEW: Final = 3
_ENOUGH: Final = 6
_NEAR: Final = 0.15


def counters_of(view: View) -> list[Shape]:
    """Fields that count."""
    return [
        shape
        for shape in view.shapes.values()
        if shape.counts >= 0.9 and shape.truths < 0.5 and all((read_count(v) or 0) < 5000 for v in shape.values[:2000])
    ]


def rises(shape: Shape) -> float:
    """Share of changes of a count that rise by one or a little; zero without any."""
    steps = shape.steps
    if len(steps) < _FEW:
        return 0.0
    ones = sum(after == before + 1 for before, after in steps)
    some = sum(before < after <= before + 5 for before, after in steps)
    resets = sum(after < before and after <= 1 for before, after in steps)
    good = some / max(len(steps) - resets, 1)
    return good if ones >= 0.4 * some and some else 0.0


def _by_one(shape: Shape) -> float:
    """Share of the rises of a count that are by one: the number of the best lap jumps."""
    up = [after - before for before, after in shape.steps if after > before]
    return sum(step == 1 for step in up) / len(up) if up else 0.0


def _moments(shape: Shape) -> dict[str, list[int]]:
    """When each competitor's value changed, but for the first time."""
    return {key: [change.message for change in changes[1:]] for key, changes in shape.changes()}


def together(view: View, one: Shape, other: Shape) -> float:
    """Share of changes of two fields that come in the same message, or in neighbouring ones of a delta feed."""
    near = 0 if view.series.update == "snapshot" else 3
    first, second = _moments(one), _moments(other)
    total = max(sum(map(len, first.values())), sum(map(len, second.values())))
    if total < _FEW:
        return 0.0
    both = 0
    for key, moments in first.items():
        others = second.get(key, [])
        at = 0
        for moment in moments:
            while at < len(others) and others[at] < moment - near:
                at += 1
            if at < len(others) and others[at] <= moment + near:
                both += 1
                at += 1
    return both / total


def claim_laps(
    view: View, counters: Sequence[Shape], timed: Sequence[Shape], pairs: Mapping[tuple[Path, Path], float]
) -> None:
    """Claim counters of laps; `pairs` tells which change with which time."""
    lasts = view.holders(FieldRole.LAST_LAP, 0.5)
    surest = max((claim.confidence for s in lasts if (claim := view.best(s.path))), default=0.0)
    lasts = [s for s in lasts if s in timed and (claim := view.best(s.path)) and claim.confidence >= surest - _NEAR]
    for shape in counters:
        named = shape.named(FieldRole.LAPS)
        rising = rises(shape)
        coupled = max((pairs[shape.path, last.path] for last in lasts), default=0.0)
        confidence, why = 0.0, ""
        if rising >= 0.8 and coupled >= 0.5:
            confidence, why = (
                0.8 + 0.08 * min(coupled, 1.0) + 0.06 * _by_one(shape),
                "it counts up when the last lap changes",
            )
            if not named and _slower(view, shape, lasts):
                confidence, why = 0.6, "it counts up with the last lap, but not with each"
        elif rising >= 0.8 and shape.restless >= 1 and named:
            confidence, why = 0.85, "it counts up, and is called so"
        elif rising >= 0.8 and shape.restless >= 2 and _pace(shape):
            confidence, why = 0.75, "it counts up at the pace of laps"
        elif named and (rising >= 0.8 or not shape.steps):
            confidence, why = 0.5 + 0.25 * named, "its name and its counts fit"
        elif rising >= 0.8:
            confidence, why = 0.4, "it counts up"
        if named and confidence > 0.8:
            confidence = min(confidence + 0.04, 0.99)
        if confidence:
            view.claim(shape, Claim(FieldRole.LAPS, confidence, why=why))


def _slower(view: View, shape: Shape, lasts: Sequence[Shape]) -> bool:
    """Whether a count rises far less often than laps are driven, as stops do."""
    laps = [ms for last in lasts for ms in last.times(view.unit_of(last)) if ms > 0]
    gaps = _between_rises(shape)
    return bool(laps and gaps) and median(gaps) > 2.2 * median(laps)


def _between_rises(shape: Shape) -> list[int]:
    return [after.at - before.at for _, changes in shape.changes() for before, after in pairwise(changes[1:])]


def _pace(shape: Shape) -> bool:
    """Whether a counter rises about every lap time, ms."""
    gaps = _between_rises(shape)
    return len(gaps) >= _ENOUGH and LAP_MIN <= median(gaps) <= LAP_MAX
