"""Lap times, lap counters, averages and totals: told apart by how they behave together.

A last lap changes when the counter of laps does, and shows what has passed since its last change. A best lap never
rises, and becomes what the last lap is. An average is what the recurrence of averages says. A total grows by laps.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median, pstdev
from typing import Final

from karttime.analysis.roles.shapes import LAP_MAX, LAP_MIN, Shape
from karttime.analysis.roles.view import Claim, View
from karttime.feeds.declared.paths import Path
from karttime.feeds.declared.spec import FieldRole, Unit
from karttime.feeds.declared.values import read_count

_FEW: Final = 3
_ENOUGH: Final = 6
_MAX_TIMES: Final = 24


def claim_lap_times(view: View) -> None:
    """Claim last, best and average laps, the counter of laps, and total times."""
    timed = [shape for shape in view.shapes.values() if shape.unit is not None and not _is_speed(shape)]
    timed = sorted(timed, key=_told)[:_MAX_TIMES]
    counters = _counters(view)
    pairs = {(counter.path, time.path): _together(view, counter, time) for counter in counters for time in timed}
    _last_laps(view, timed, counters, pairs)
    _best_laps(view, timed)
    _laps(view, counters, timed, pairs)
    _averages(view, timed)
    _totals(view)


def _told(shape: Shape) -> tuple[bool, int]:
    """Times that are called so first, then in the order of the feed."""
    roles = (FieldRole.LAST_LAP, FieldRole.BEST_LAP, FieldRole.LAP_TIME, FieldRole.AVERAGE_LAP)
    return not shape.named(*roles), shape.column.index


def _is_speed(shape: Shape) -> bool:
    return shape.named(FieldRole.SPEED) > 0


def _counters(view: View) -> list[Shape]:
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


def _moments(shape: Shape) -> dict[str, list[int]]:
    """When each competitor's value changed, but for the first time."""
    return {key: [change.message for change in changes[1:]] for key, changes in shape.changes()}


def _together(view: View, one: Shape, other: Shape) -> float:
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


# --- last lap -------------------------------------------------------------------------------------------------------


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


def _last_laps(
    view: View, timed: Sequence[Shape], counters: Sequence[Shape], pairs: dict[tuple[Path, Path], float]
) -> None:
    for shape in timed:
        unit = shape.unit
        if unit is None or (_never_rises(shape, unit) and not shape.named(FieldRole.LAST_LAP)):
            continue
        fits, compared = _tempo(view, shape, unit)
        counted = max((pairs[counter.path, shape.path] for counter in counters if rises(counter) >= 0.7), default=0.0)
        named = shape.named(FieldRole.LAST_LAP, FieldRole.LAP_TIME)
        confidence, why = 0.0, ""
        if compared >= _FEW and fits >= 0.5:
            confidence, why = 0.8 + 0.15 * min(fits, 1.0), "it shows the time since its last change"
        elif counted >= 0.6:
            confidence, why = 0.85, "it changes with the lap counter"
        elif named:
            confidence, why = 0.55 + 0.2 * named, "its name and its times fit"
        elif shape.restless >= 1:
            confidence, why = 0.5, "lap-like times that change"
        else:
            confidence, why = 0.35, "lap-like times"
        if named:
            confidence = min(confidence + 0.04, 0.99)
        view.claim(shape, Claim(FieldRole.LAST_LAP, confidence, unit, why=why))


def _never_rises(shape: Shape, unit: Unit) -> bool:
    """Whether a time only falls, as best laps do, apart from resets."""
    falls = stays = 0
    for _, changes in shape.changes():
        times = [ms for change in changes if (ms := shape.ms(change.value, unit))]
        for before, after in pairwise(times):
            falls += after < before
            stays += after > before
    return falls >= _FEW and falls >= 0.95 * (falls + stays)


# --- best lap -------------------------------------------------------------------------------------------------------


def _compare(view: View, low: Shape, high: Shape) -> tuple[int, int, int]:
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
        if len(seen) >= 120 and higher > 0.2 * len(seen):
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


def _best_laps(view: View, timed: Sequence[Shape]) -> None:
    lasts = [shape for shape in timed if any(c.role is FieldRole.LAST_LAP for c in view.claims.get(shape.path, ()))]
    for shape in timed:
        unit = shape.unit
        if unit is None:
            continue
        found = [(*_beside(view, shape, last, unit), last) for last in lasts if last is not shape]
        confidence, why, partner = max(found, key=lambda one: one[0], default=(0.0, "", shape))
        named = shape.named(FieldRole.BEST_LAP)
        if named and confidence < 0.6 + 0.2 * named and not _contradicted(view, shape, lasts):
            confidence, why = 0.6 + 0.2 * named, why or "its name and its times fit"
        if confidence:
            view.claim(shape, Claim(FieldRole.BEST_LAP, min(confidence + 0.03 * bool(named), 0.99), unit, why=why))
        if partner is not shape and confidence >= 0.84:
            said = "the best lap beside it is never above it, and sometimes the same"
            view.claim(partner, Claim(FieldRole.LAST_LAP, 0.86, partner.unit or "", why=said))


def _beside(view: View, shape: Shape, last: Shape, unit: Unit) -> tuple[float, str]:
    """How sure a field is the best lap of another one, and why."""
    lower, same, higher = _compare(view, shape, last)
    rows = lower + same + higher
    if rows < 4 or higher > 0.03 * rows or _parallel(shape, last):
        return 0.0, ""
    falls = _never_rises(shape, unit)
    if falls and _follows(shape, last) >= 0.6:
        return 0.97, "it only falls, to what the last lap is"
    if falls and same:
        return 0.9, "it only falls, and is never above the last lap"
    if same >= 2 and lower >= 2:
        return 0.84, "it is never above the last lap, and sometimes the same"
    if lower >= 4 and shape.named(FieldRole.BEST_LAP):
        return 0.8, "it is never above the last lap, as its name says"
    return (0.5, "it is never above another lap time") if lower >= 4 else (0.0, "")


def _contradicted(view: View, shape: Shape, lasts: Sequence[Shape]) -> bool:
    """Whether a field that is called best is above a sure last lap."""
    for last in lasts:
        lower, same, higher = _compare(view, shape, last)
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


# --- the counter of laps --------------------------------------------------------------------------------------------


def _laps(view: View, counters: Sequence[Shape], timed: Sequence[Shape], pairs: dict[tuple[Path, Path], float]) -> None:
    lasts = [s for s in timed if (claim := view.best(s.path)) and claim.role is FieldRole.LAST_LAP]
    for shape in counters:
        named = shape.named(FieldRole.LAPS)
        rising = rises(shape)
        coupled = max((pairs[shape.path, last.path] for last in lasts), default=0.0)
        confidence, why = 0.0, ""
        if rising >= 0.8 and coupled >= 0.5:
            confidence, why = 0.93, "it counts up when the last lap changes"
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


def _pace(shape: Shape) -> bool:
    """Whether a counter rises about every lap time, ms."""
    gaps = [after.at - before.at for _, changes in shape.changes() for before, after in pairwise(changes[1:])]
    return len(gaps) >= _ENOUGH and LAP_MIN <= median(gaps) <= LAP_MAX


# --- averages and totals --------------------------------------------------------------------------------------------


def _averages(view: View, timed: Sequence[Shape]) -> None:
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
        elif named and best is not None and _compare(view, best, shape)[2] == 0:
            confidence, why = 0.6 + 0.28 * named, "it is never below the best lap, and is called so"
        elif named:
            confidence, why = 0.75, "its name and its times fit"
        elif last is not None and shape is not last and best is not None and _calmer(shape, last):
            confidence, why = 0.5, "it changes with the last lap, and less"
        if confidence:
            view.claim(shape, Claim(FieldRole.AVERAGE_LAP, confidence, unit, why=why))


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


def _totals(view: View) -> None:
    """Times that grow by the laps driven, or that are about laps times the mean lap."""
    last, laps = view.holder(FieldRole.LAST_LAP), view.holder(FieldRole.LAPS)
    for shape in view.shapes.values():
        if shape.unit is not None and _never_rises(shape, shape.unit):
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
