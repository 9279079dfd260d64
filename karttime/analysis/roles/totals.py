"""Averages and totals: what follows from the counter of laps and the last lap."""

from collections.abc import Sequence
from itertools import pairwise, product
from statistics import fmean, median, pstdev
from typing import Final

from karttime.analysis.roles.bests import compare
from karttime.analysis.roles.counters import rises
from karttime.analysis.roles.lasts import never_rises
from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.view import Claim, View
from karttime.feeds.declared.spec import FieldRole, Unit
from karttime.feeds.declared.values import read_count

_FEW: Final = 3
_ENOUGH: Final = 6
_MAX_COUNTERS, _MAX_LASTS = 3, 5


def claim_averages(view: View, timed: Sequence[Shape]) -> None:
    """Claim means of the laps driven."""
    laps = view.holder(FieldRole.LAPS)
    last = next(
        (s for s in view.holders(FieldRole.LAST_LAP) if s.named(FieldRole.LAST_LAP)), view.holder(FieldRole.LAST_LAP)
    )
    best = view.holder(FieldRole.BEST_LAP)
    for shape in timed:
        unit = shape.unit
        if unit is None or shape is best:
            continue
        named = shape.named(FieldRole.AVERAGE_LAP)
        confidence, why = 0.0, ""
        if laps is not None and last is not None and shape is not last and _recurs(view, shape, laps, last) >= 0.6:
            confidence, why = 0.93, "it is the mean of the last laps"
        elif named and best is not None and compare(view, best, shape)[2] == 0:
            confidence, why = 0.53 + 0.28 * named, "it is never below the best lap, and is called so"
        elif named:
            confidence, why = 0.75, "its name and its times fit"
        elif last is not None and shape is not last and best is not None and _calmer(shape, last):
            confidence, why = 0.5, "it changes with the last lap, and less"
        if confidence:
            view.claim(shape, Claim(FieldRole.AVERAGE_LAP, confidence, unit, why=why))


def claim_means(view: View, timed: Sequence[Shape], counters: Sequence[Shape]) -> None:
    """Claim means whose recurrence shows which times they are made of, and those times as last laps."""
    laps = [shape for shape in counters if rises(shape) >= 0.8][:_MAX_COUNTERS]
    lasts = [shape for shape in timed if view.best(shape.path) is not None][:_MAX_LASTS]
    for count, mean, last in product(laps, lasts, lasts):
        if mean is not last and _recurs(view, mean, count, last) >= 0.6 > _recurs(view, last, count, mean):
            unit, last_unit = mean.unit or "text", last.unit or "text"
            view.cap(mean, {FieldRole.LAST_LAP}, 0.3, "it is a mean")
            view.claim(mean, Claim(FieldRole.AVERAGE_LAP, 0.93, unit, why="it is the mean of the last laps"))
            view.claim(last, Claim(FieldRole.LAST_LAP, 0.94, last_unit, why="there is a mean of it"))


def _recurs(view: View, mean: Shape, laps: Shape, last: Shape) -> float:
    """Share of steps where n times the mean, less the same before, is the last lap."""
    unit, last_unit = mean.unit or "text", last.unit or "text"
    fits = compared = 0
    before: dict[str, tuple[int, int]] = {}
    for section in view.sections:
        for key, row in section.items():
            count, value = read_count(row.get(laps.path)), mean.ms(row.get(mean.path), unit)
            lap = last.ms(row.get(last.path), last_unit)
            if not count or not value or not lap:
                continue
            if key in before and count == before[key][0] + 1:
                for n in (count, count - 1):  # the first lap, from standstill, may not be counted in
                    if n > 1 and abs(n * value - (n - 1) * before[key][1] - lap) <= (mean.resolution + 1) * n:
                        fits += 1
                        break
                compared += 1
            before[key] = (count, value)
    return fits / compared if compared >= _ENOUGH else 0.0


def _calmer(shape: Shape, last: Shape) -> bool:
    def spread(one: Shape) -> float:
        unit = one.unit or "text"
        spreads = []
        for _, changes in one.changes():
            times = [ms for change in changes if (ms := one.ms(change.value, unit))]
            if len(times) >= 4:
                spreads.append(pstdev(b - a for a, b in pairwise(times)))
        return fmean(spreads) if spreads else 0.0

    mine, others = spread(shape), spread(last)
    return 0 < mine < 0.4 * others


def claim_totals(view: View) -> None:
    """Claim times that grow by the laps driven, or that are about laps times the mean lap."""
    last, laps = view.holder(FieldRole.LAST_LAP), view.holder(FieldRole.LAPS)
    for shape in view.shapes.values():
        if shape.unit is not None and never_rises(shape, shape.unit):
            continue
        unit = _total_unit(shape)
        if unit is None:
            continue
        named = shape.named(FieldRole.TOTAL_TIME, FieldRole.CLOCK_ELAPSED)
        passing = shape.named(FieldRole.PASSING)
        grows = _grows(view, shape, unit, last)
        believable = _about(view, shape, unit, laps, last)
        if grows >= 0.6 and believable >= 0.7:
            view.claim(shape, Claim(FieldRole.TOTAL_TIME, 0.92, unit, why="it grows by the last lap"))
        elif grows >= 0.6:
            view.claim(shape, Claim(FieldRole.PASSING, 0.8, unit, why="it grows by the last lap, from another start"))
        elif believable >= 0.8 and named:
            view.claim(
                shape, Claim(FieldRole.TOTAL_TIME, 0.85, unit, why="it is laps times the lap time, as its name says")
            )
        elif believable >= 0.9 and laps is not None:
            view.claim(shape, Claim(FieldRole.TOTAL_TIME, 0.55, unit, why="it is about laps times the lap time"))
        elif passing and _median_of(shape, unit) > 20_000:
            view.claim(shape, Claim(FieldRole.PASSING, 0.7, unit, why="its name says so"))


def _median_of(shape: Shape, unit: Unit) -> float:
    times = shape.times(unit)
    return median(times) if times else 0


def _total_unit(shape: Shape) -> Unit | None:
    if shape.clocks >= 0.6:
        return "text"
    if shape.numbers < 0.8 or shape.truths > 0.1:
        return None
    return "s" if any("." in text for text in shape.texts[:200]) else "ms"


def _grows(view: View, shape: Shape, unit: Unit, last: Shape | None) -> float:
    if last is None or shape is last:
        return 0.0
    last_unit = view.unit_of(last)
    fits = compared = 0
    before: dict[str, int] = {}
    slack = 2 * max(10 ** max(3 - shape.decimals, 0) if unit in ("text", "s") else 2, last.resolution)
    for section in view.sections:
        for key, row in section.items():
            value, lap = shape.ms(row.get(shape.path), unit), last.ms(row.get(last.path), last_unit)
            if value is None or not lap:
                continue
            if key in before and value != before[key]:
                compared += 1
                fits += abs(value - before[key] - lap) <= slack
            before[key] = value
    return fits / compared if compared >= _FEW else 0.0


def _about(view: View, shape: Shape, unit: Unit, laps: Shape | None, last: Shape | None) -> float:
    if laps is None or last is None or shape is last:
        return 0.0
    last_unit = view.unit_of(last)
    fits = compared = 0
    for value, count, lap in view.rows(shape, laps, last):
        ms, n, one = shape.ms(value, unit), read_count(count), last.ms(lap, last_unit)
        if ms and n and one:
            compared += 1
            fits += 0.75 * one * max(n - 1, 1) <= ms <= 2.5 * one * (n + 1)
    return fits / compared if compared >= _FEW else 0.0
