"""Sectors: times shorter than a lap that add up to one."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import combinations, pairwise
from statistics import median
from typing import Final

from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.view import Claim, View
from karttime.analysis.roles.words import words
from karttime.feeds.declared.cells import SECTOR_ROLES
from karttime.feeds.declared.paths import Path
from karttime.feeds.declared.spec import FieldRole, Unit

_MAX_UNNAMED: Final = 9
_BEFORE: Final = frozenset({"previous", "prev", "before"})
_AT_ONCE_MS: Final = 800
_TRIED, _MAX_LASTS = 120, 4
_ALIKE: Final = 0.9


def claim_sectors(view: View) -> None:
    """Claim sectors, by their sums, else by numbered names; those that only fall are best sectors."""
    lasts = view.holders(FieldRole.LAST_LAP, 0.5)
    surest = max((_sure(view, shape) for shape in lasts), default=0.0)
    close = [shape for shape in lasts if _sure(view, shape) >= surest - 0.1]
    typical = max((_median(shape, view.unit_of(shape)) for shape in close), default=0)
    if not typical:
        typical = max((_median(s, view.unit_of(s)) for s in view.holders(FieldRole.BEST_LAP, 0.5)), default=0)
    candidates = _candidates(view, typical)
    taken: set[Path] = set()
    for group in _groups(candidates):
        _claim_group(view, group, lasts, taken, typical)
    loose = [shape for shape, _ in candidates if shape.path not in taken][:_MAX_UNNAMED]
    units = {shape.path: unit for shape, unit in candidates}
    for size in (3, 2, 4):
        for chosen in combinations(loose, size):
            if not any(shape.path in taken for shape in chosen) and _adds_up(
                view, [(shape, units[shape.path]) for shape in chosen], lasts, typical, loose=True
            ):
                taken |= {shape.path for shape in chosen}
                _claim_loose(view, [(shape, units[shape.path]) for shape in chosen])


def _claim_loose(view: View, shapes: Sequence[tuple[Shape, Unit]]) -> None:
    """Sectors whose names have no numbers: in the order in which they are told within a lap, if that can be seen."""
    last = view.holder(FieldRole.LAST_LAP)
    phases = [None if last is None else _phase(shape, unit, last) for shape, unit in shapes]
    known = sorted(phase for phase in phases if phase is not None)
    apart = all(after - before >= _AT_ONCE_MS for before, after in pairwise(known))
    others = any(shape.names and not shape.named(*SECTOR_ROLES) for shape, _ in shapes)
    if len(known) == len(shapes) and apart and not others:
        ordered = [pair for _, pair in sorted(zip(phases, shapes, strict=True), key=lambda one: one[0] or 0)]
        _claim_all(view, ordered, 0.92, "they add up to the last lap, in this order")
    else:
        ordered = sorted(shapes, key=lambda pair: pair[0].column.index)
        _claim_all(view, ordered, 0.62, "they add up to the last lap; their order is that of the fields")


def _sure(view: View, shape: Shape) -> float:
    claim = view.best(shape.path)
    return claim.confidence if claim is not None else 0.0


def _median(shape: Shape, unit: Unit) -> float:
    times = [ms for ms in shape.times(unit) if ms > 0]
    return median(times) if times else 0


def _candidates(view: View, typical: float) -> list[tuple[Shape, Unit]]:
    found: list[tuple[Shape, Unit]] = []
    for shape in view.shapes.values():
        claim = view.best(shape.path)
        if claim is not None and claim.confidence >= 0.8 and claim.role not in (FieldRole.LAPS, FieldRole.LAST_LAP):
            continue
        if shape.named(FieldRole.SPEED) or shape.truths > 0.1 or shape.dates > 0.1 or _few_codes(shape):
            continue
        units: Sequence[Unit] = ("text",) if shape.clocks >= 0.6 else ("s", "ms", "us") if shape.numbers >= 0.8 else ()
        for unit in units:
            middle = _median(shape, unit)
            low, high = (0.01 * typical, 0.85 * typical) if typical else (2000, 200_000)
            if middle and low <= middle <= high and (unit != "s" or shape.decimals):
                found.append((shape, unit))
                break
    return found


def _few_codes(shape: Shape) -> bool:
    """Whether the values are a few codes that come again, which times do not."""
    return len(shape.values) >= 10 and len(shape.distinct) < max(5, 0.15 * min(len(shape.values), 100))


def _template(path: Path) -> tuple[str, int] | None:
    """A path with its number taken out, and the number."""
    text = "\0".join(path)
    if len(path) == 1 and path[0].isdigit():
        return None  # a row that is a list: the number is a column, not a sector
    digits = [at for at, c in enumerate(text) if c.isdigit()]
    if not digits:
        return None
    end = digits[-1] + 1
    start = end
    while start and text[start - 1].isdigit():
        start -= 1
    # the number may stand before other words: `S1TIME`; of several numbers the first that varies is taken by grouping
    return f"{text[:start]}#{text[end:]}", int(text[start:end])


def _groups(candidates: Sequence[tuple[Shape, Unit]]) -> list[list[tuple[int, Shape, Unit]]]:
    found: dict[str, list[tuple[int, Shape, Unit]]] = {}
    for shape, unit in candidates:
        template = _template(shape.path)
        if template is not None:
            found.setdefault(template[0], []).append((template[1], shape, unit))
    return [sorted(group, key=lambda one: one[0]) for group in found.values() if 2 <= len(group) <= 9]


def _claim_group(
    view: View, group: list[tuple[int, Shape, Unit]], lasts: Sequence[Shape], taken: set[Path], typical: float
) -> None:
    shapes = [(shape, unit) for _, shape, unit in group]
    falling = sum(_falls(shape, unit) for shape, unit in shapes)
    best = max(shape.named(FieldRole.BEST_SECTOR) for shape, _ in shapes)
    named = max(shape.named(FieldRole.SECTOR_1) for shape, _ in shapes)
    adds = _adds_up(view, shapes, lasts, typical)
    if adds:
        confidence, why = 0.94, "they add up to the last lap"
    elif falling * 2 > len(shapes) or best:
        for shape, unit in shapes:
            why = "a numbered time that only falls" if falling else "a numbered time that is called best"
            view.claim(shape, Claim(FieldRole.BEST_SECTOR, 0.75, unit, why=why))
        taken |= {shape.path for shape, _ in shapes}
        return
    elif named:
        before = any(word in _BEFORE for shape, _ in shapes for word in words(shape.path).split())
        confidence, why = 0.5 if before else 0.78, "numbered times shorter than a lap, called so"
    else:
        confidence, why = 0.45, "numbered times shorter than a lap"
    taken |= {shape.path for shape, _ in shapes}
    numbers = [number for number, _, _ in group]
    shift = 1 if _counts_from_zero(view, shapes[0][0].path) else 0
    if numbers[-1] + shift > len(SECTOR_ROLES):
        _claim_all(view, shapes, confidence, why)
        return
    for number, shape, unit in group:
        view.claim(shape, Claim(SECTOR_ROLES[number + shift - 1], confidence, unit, why=why))


def _counts_from_zero(view: View, path: Path) -> bool:
    """Whether there is a field with the number 0 in the same place, even one that shows no times."""
    template = _template(path)
    return template is not None and any(_template(other) == (template[0], 0) for other in view.series.columns)


def _claim_all(view: View, shapes: Sequence[tuple[Shape, Unit]], confidence: float, why: str) -> None:
    for role, (shape, unit) in zip(SECTOR_ROLES, shapes, strict=False):
        view.claim(shape, Claim(role, confidence, unit, why=why))


def _falls(shape: Shape, unit: Unit) -> bool:
    falls = rises = 0
    for _, changes in shape.changes():
        times = [ms for change in changes if (ms := shape.ms(change.value, unit))]
        falls += sum(b < a for a, b in pairwise(times))
        rises += sum(b > a for a, b in pairwise(times))
    return falls >= 2 and falls >= 0.95 * (falls + rises)


def _adds_up(
    view: View, shapes: Sequence[tuple[Shape, Unit]], lasts: Sequence[Shape], typical: float, *, loose: bool = False
) -> bool:
    """Whether the times of most rows are together one of the lap times beside them; in mid-lap they are not.

    `loose`: nothing but the sum says that they belong together, so it must hold more often.
    """
    least, share = (5, 0.5 if view.series.update == "snapshot" else 0.3) if loose else (3, 0.2)
    found: list[tuple[float, Shape]] = []
    for last in lasts[:_MAX_LASTS]:
        if any(shape is last for shape, _ in shapes) or _median(last, view.unit_of(last)) < 0.85 * typical:
            continue
        good, seen = _sums(view, shapes, last)
        if good >= least and good >= share * seen:
            found.append((good / seen, last))
    if not found:
        return False
    found.sort(key=lambda pair: -pair[0])
    share, last = found[0]
    alone = len(found) == 1 or found[1][0] < _ALIKE * share or last.named(FieldRole.LAST_LAP)
    sure = 0.95 if alone else 0.7  # a mean or a total is the last lap as long as there is but one
    view.claim(last, Claim(FieldRole.LAST_LAP, sure, view.unit_of(last), why="it is the sum of its sectors"))
    return True


def _sums(view: View, shapes: Sequence[tuple[Shape, Unit]], last: Shape) -> tuple[int, int]:
    """How many different rows add up to a lap time, of how many."""
    unit = view.unit_of(last)
    slack = sum(10 ** max(3 - shape.decimals, 0) if kind in ("text", "s") else 1 for shape, kind in shapes)
    good: set[tuple[int, ...]] = set()
    seen: set[tuple[int, ...]] = set()
    for values in view.rows(last, *(shape for shape, _ in shapes)):
        lap = last.ms(values[0], unit)
        times = [shape.ms(value, kind) for (shape, kind), value in zip(shapes, values[1:], strict=True)]
        if not lap or not all(times):
            continue
        known = (lap, *(ms for ms in times if ms))
        seen.add(known)
        if abs(sum(known[1:]) - lap) <= slack + last.resolution:
            good.add(known)
        if len(seen) >= _TRIED and len(good) < 0.05 * len(seen):
            break
    return len(good), len(seen)


def _phase(shape: Shape, unit: Unit, last: Shape) -> float | None:
    """When within a lap a sector is told: ms since the last lap changed before; None where that cannot be seen."""
    laps = {key: [change.at for change in changes] for key, changes in last.changes()}
    phases = []
    for key, changes in shape.changes():
        crossed = laps.get(key, [])
        for change in changes[1:60]:
            before = bisect_left(crossed, change.at - _AT_ONCE_MS) - 1
            if before >= 0 and shape.ms(change.value, unit):
                phases.append(change.at - crossed[before])
    return median(phases) if len(phases) >= 3 else None
