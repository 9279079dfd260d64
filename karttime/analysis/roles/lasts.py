"""Last laps: times that show what has passed since their last change, or change with the counter of laps."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from karttime.analysis.roles.counters import rises
from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.view import Claim, View
from karttime.feeds.declared.paths import Path
from karttime.feeds.declared.spec import FieldRole, Unit

_FEW: Final = 3
_TOO_FAST: Final = 15
"""So often as fast as its own time a lap is not driven, not even in a recording that was played ten times as fast."""
_ENOUGH: Final = 6
_OTHERS: Final = (FieldRole.BEST_LAP, FieldRole.AVERAGE_LAP, FieldRole.INTERVAL, FieldRole.GAP, FieldRole.PIT_TIME)


def claim_last_laps(
    view: View, timed: Sequence[Shape], counters: Sequence[Shape], pairs: Mapping[tuple[Path, Path], float]
) -> None:
    """Claim last laps among times of the size of laps; `pairs` tells which change with which counter."""
    for shape in timed:
        unit = shape.unit
        if unit is None or (never_rises(shape, unit) and not shape.named(FieldRole.LAST_LAP)):
            continue
        if _only_rises(shape, unit):
            continue  # it adds up
        counted = max((pairs[counter.path, shape.path] for counter in counters if rises(counter) >= 0.7), default=0.0)
        view.claim(shape, _claim(view, shape, unit, counted))


def _claim(view: View, shape: Shape, unit: Unit, counted: float) -> Claim:
    fits, compared = _tempo(view, shape, unit)
    named = shape.named(FieldRole.LAST_LAP, FieldRole.LAP_TIME)
    if compared >= _FEW and fits >= 0.5:
        confidence, why = 0.8 + 0.15 * min(fits, 1.0), "it shows the time since its last change"
    elif counted >= 0.6 and compared >= _ENOUGH and fits < 0.2:
        confidence, why = 0.4, "it changes with the lap counter, but does not last as long as what passes"
    elif counted >= 0.6:
        confidence, why = 0.75, "it changes with the lap counter"
    elif named:
        confidence, why = 0.55 + 0.2 * named, "its name and its times fit"
    elif shape.restless >= 1:
        confidence, why = 0.5, "lap-like times that change"
    else:
        confidence, why = 0.35, "lap-like times"
    if named:
        confidence = min(confidence + 0.04, 0.99)
    if not _rises_too(shape, unit):  # while every lap is faster, a best lap does all that a last lap does
        confidence = min(confidence, 0.79 if named else 0.6)
    elif shape.named(*_OTHERS) and not named:
        confidence = min(confidence, 0.6)
    return Claim(FieldRole.LAST_LAP, confidence, unit, why=why)


def _tempo(view: View, shape: Shape, unit: Unit) -> tuple[float, int]:
    """Share of changes whose value is the time since the change before, and how many were compared."""
    fits = compared = 0
    gaps: list[int] = []
    at = view.series.section_at
    step = median([b - a for a, b in pairwise(at)]) if len(at) > 2 else 0
    slack = 1500 if view.series.update != "snapshot" else min(max(1500, step), 8000)
    for _, every in shape.changes():
        changes = [change for change in every if shape.ms(change.value, unit)]
        for before, after in pairwise(changes[1:]):
            value, passed = shape.ms(after.value, unit), after.at - before.at
            if value and passed > 0:
                compared += 1
                gaps.append(passed)
                fits += abs(passed - value) <= slack + 0.02 * value
    if not gaps or median(gaps) < 4000:  # no clock in the recording, or a field that runs
        return 0.0, 0
    return fits / compared, compared


def outruns_time(view: View, shape: Shape) -> bool:
    """Whether a time changes again and again long before it has passed: a price, or a clock, but no lap."""
    unit = shape.unit
    if unit is None or not view.series.timed:
        return False
    fast = compared = 0
    for _, changes in shape.changes():
        for before, after in pairwise(changes[1:]):
            ms = shape.ms(after.value, unit)
            if ms:
                compared += 1
                fast += _TOO_FAST * (after.at - before.at) < ms
    return compared >= _ENOUGH and fast >= 0.8 * compared


def _steps(shape: Shape, unit: Unit) -> tuple[int, int]:
    """How often a time falls and rises, of all competitors."""
    falls = ups = 0
    for _, changes in shape.changes():
        times = [ms for change in changes if (ms := shape.ms(change.value, unit))]
        for before, after in pairwise(times):
            falls += after < before
            ups += after > before
    return falls, ups


def never_rises(shape: Shape, unit: Unit) -> bool:
    """Whether a time only falls, as best laps do, apart from resets."""
    falls, ups = _steps(shape, unit)
    return falls >= _FEW and falls >= 0.95 * (falls + ups)


def _only_rises(shape: Shape, unit: Unit) -> bool:
    """Whether a time only grows, as totals do."""
    falls, ups = _steps(shape, unit)
    return ups >= _FEW and falls <= 0.05 * ups


def _rises_too(shape: Shape, unit: Unit) -> bool:
    """Whether a time rises now and then, as best laps do not; one that changed too seldom may."""
    falls, ups = _steps(shape, unit)
    return ups >= 0.2 * (falls + ups)


def often_rises(shape: Shape, unit: Unit) -> bool:
    """Whether a time rises too often for a best lap, even one that new sessions reset."""
    falls, ups = _steps(shape, unit)
    return ups >= _ENOUGH and ups >= 0.3 * (falls + ups)
