"""Gaps and intervals: what follows from the order of a table.

Gaps grow down the table and are sums of intervals; in practice they are differences of best laps. Which of the two a
lone column is follows from that alone, never from its name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median
from typing import Any, Final

from karttime.analysis.roles.positions import permuted
from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.view import CLAIMED, Claim, View
from karttime.domain.times import TimeGap
from karttime.feeds.declared.paths import Path
from karttime.feeds.declared.spec import FieldRole, Unit
from karttime.feeds.declared.tables import PLACE
from karttime.feeds.declared.values import read_count

_MIN_ROWS: Final = 3
_MANY_ROWS: Final = 6
_MAX_CANDIDATES: Final = 24


class _Tally:
    """How often a relation held among those that were looked at."""

    def __init__(self) -> None:
        self.good = 0
        self.looked = 0

    def add(self, good: bool) -> None:
        self.looked += 1
        self.good += good

    def share(self, least: int) -> float:
        return self.good / self.looked if self.looked >= least else 0.0


def gap_like(view: View) -> list[tuple[Shape, Unit]]:
    """Fields that can be gaps: times and laps, small or empty for the leader."""
    found: list[tuple[Shape, Unit]] = []
    for shape in view.shapes.values():
        claim = view.best(shape.path)
        sure = 0.88 if claim is not None and claim.role is FieldRole.LAST_LAP and not shape.named(claim.role) else 0.85
        if claim is not None and claim.confidence >= sure and claim.role not in (FieldRole.GAP, FieldRole.INTERVAL):
            continue
        if shape.truths > 0.1 or shape.dates > 0.2 or len(shape.distinct) < 3 or shape.path == (PLACE,):
            continue
        if _is_small(shape) or permuted(view, shape) >= 0.7:
            continue
        found += [(shape, unit) for unit in _gap_units(view, shape) if shape.gaps(unit) >= 0.75]
    return sorted(found, key=lambda one: -one[0].named(FieldRole.GAP, FieldRole.INTERVAL))[:_MAX_CANDIDATES]


def _is_small(shape: Shape) -> bool:
    """Whether values are small counts or whole seconds, which satisfy sums and orders by chance."""
    if shape.decimals or any(":" in text and shape.decimals for text in shape.texts[:100]):
        return False
    whole = [count for value in shape.values[:2000] if (count := read_count(value)) is not None]
    return not whole or max(whole) < 300 or len(whole) < 0.5 * len(shape.values[:2000])


def _gap_units(view: View, shape: Shape) -> Sequence[Unit]:
    if any(isinstance(value, str) and not value.lstrip("+-").isdigit() for value in shape.values[:500]):
        return ("text",)
    numbers = [value for value in shape.values[:2000] if isinstance(value, int | float)]
    if any(isinstance(value, float) and value != int(value) for value in numbers):
        laps = any(value < 0 and value == int(value) for value in numbers)
        return ("s-or-laps",) if laps else ("s",)
    last = view.holder(FieldRole.LAST_LAP) or view.holder(FieldRole.BEST_LAP)
    unit = "ms" if last is None else view.unit_of(last)
    return ("ms" if unit not in ("us", "100ns") else unit,)


def claim_gaps(view: View) -> None:
    """Claim gaps and intervals from their sums, from best laps, from totals, and from growing down the table."""
    position = view.holder(FieldRole.POSITION)
    candidates = gap_like(view)
    if position is None:
        _by_name(view, candidates)
        return
    tables = view.ordered(position)
    ladders = [_Ladder(tables, shape, unit) for shape, unit in candidates]
    proven: dict[Path, Claim] = {}
    for gap in ladders:
        for interval in ladders if gap.leads else ():
            if gap is not interval and gap.unit == interval.unit and _sums(gap, interval):
                path, other = gap.shape.path, interval.shape.path
                proven[path] = Claim(FieldRole.GAP, 0.96, gap.unit, why="it is the sum of the intervals")
                proven[other] = Claim(FieldRole.INTERVAL, 0.96, gap.unit, why="it is the difference of the gaps")
    for shape, unit in candidates:
        claim = proven.get(shape.path) or _from_times(view, tables, shape, unit) or _alone(tables, shape, unit)
        if claim is not None and shape.path not in proven and _may_be_a_lap(view, shape, unit):
            claim = replace(claim, confidence=min(claim.confidence, 0.55))
        if claim is not None and _worth(shape, claim):
            view.claim(shape, claim)


def _may_be_a_lap(view: View, shape: Shape, unit: Unit) -> bool:
    """Whether values are as long as laps: in practice the lap times of a board grow down it as gaps do."""
    last = view.holder(FieldRole.LAST_LAP) or view.holder(FieldRole.BEST_LAP)
    if last is None or last is shape or shape.named(FieldRole.GAP, FieldRole.INTERVAL):
        return False
    laps = [ms for ms in last.times(view.unit_of(last)) if ms > 0]
    mine = [ms for ms in shape.times(unit) if ms > 0]
    return bool(laps and mine) and 0.6 <= median(mine) / median(laps) <= 1.6


class _Ladder:
    """A gap-like field down the table, at every moment, in ms; None for laps and for nothing.

    `leads`: the leader's own cell is one: nothing, zero, or something far longer, such as his total time.
    """

    def __init__(self, tables: Sequence[Sequence[Mapping[Path, Any]]], shape: Shape, unit: Unit) -> None:
        self.shape, self.unit = shape, unit
        self.slack = _slack(shape, unit)
        self.moments = [[_gap(row, shape, unit) for row in rows] for rows in tables]
        self.leads = [_leads(moment) for moment in self.moments] if any(map(_leads, self.moments)) else []


def _leads(moment: Sequence[int | None]) -> bool:
    own = moment[0] if moment else None
    others = [ms for ms in moment[1:] if ms is not None]
    return bool(others) and (not own or own > max(others))


def _sums(gap: _Ladder, interval: _Ladder) -> bool:
    tally, differs, seen = _Tally(), 0, set[int]()
    slack = 2 * max(gap.slack, interval.slack) + 2
    for leads, gaps, intervals in zip(gap.leads, gap.moments, interval.moments, strict=True):
        if not leads:
            continue
        before: int | None = 0
        for here, between in zip(gaps[1:], intervals[1:], strict=True):
            if here and between and before:  # the second's two are the same; zero is how some feeds show laps behind
                tally.add(abs(here - before - between) <= slack)
                differs += abs(here - between) > slack
                seen.add(between)
            before = here or None
        if tally.looked >= 40 and tally.good < 0.2 * tally.looked:
            return False
    proven = tally.share(3) >= 0.8 or (tally.share(12) >= 0.5 and tally.good >= 10)
    return proven and differs >= 2 and len(seen) >= 3


def _slack(shape: Shape, unit: Unit) -> int:
    return 10 ** max(3 - shape.decimals, 0) if unit in ("text", "s", "s-or-laps") else 1


def _gap(row: Mapping[Path, Any], shape: Shape, unit: Unit) -> int | None:
    gap = shape.gap(row.get(shape.path), unit)
    return abs(gap.ms) if isinstance(gap, TimeGap) else None


def _from_times(view: View, tables: Sequence[Sequence[Mapping[Path, Any]]], shape: Shape, unit: Unit) -> Claim | None:
    """Differences of best laps in practice, of total times in a race."""
    for role in (FieldRole.BEST_LAP, FieldRole.TOTAL_TIME, FieldRole.PASSING):
        for times in view.holders(role, 0.5):
            times_unit = view.unit_of(times)
            slack = 2 * max(times.resolution, _slack(shape, unit)) + 2
            to_leader, to_ahead = _Tally(), _Tally()
            for rows in tables:
                shown = [(times.ms(row.get(times.path), times_unit), _gap(row, shape, unit)) for row in rows]
                first = shown[0][0] if shown else None
                for (before, _), (here, value) in zip(shown[:1] + shown[1:], shown[1:], strict=False):
                    if not here or not value or not first or not before or here == before:
                        continue
                    to_leader.add(abs(here - first - value) <= slack)
                    to_ahead.add(abs(here - before - value) <= slack)
            what = "best laps" if role is FieldRole.BEST_LAP else "times"
            gap, interval = to_leader.share(_MIN_ROWS), to_ahead.share(_MIN_ROWS)
            if gap >= 0.8 and gap > interval:
                return Claim(FieldRole.GAP, 0.95, unit, why=f"it is the difference of {what} to the leader")
            if interval >= 0.8 and interval > gap:
                return Claim(FieldRole.INTERVAL, 0.95, unit, why=f"it is the difference of {what} to the one ahead")
    return None


def _alone(tables: Sequence[Sequence[Mapping[Path, Any]]], shape: Shape, unit: Unit) -> Claim | None:
    """A column that nothing explains: gaps grow down the table, intervals do not."""
    grows, leader = _growth(tables, shape, unit)
    named, at_leader, growing = shape.named(FieldRole.GAP, FieldRole.INTERVAL), leader.share(1), grows.share(4)
    if at_leader < 0.8 and not named:
        return None
    if growing >= 0.96 or (growing >= 0.92 and grows.looked >= 30):
        many = max(map(len, tables), default=0) >= _MANY_ROWS  # two intervals behind one another may always grow
        sure = 0.9 if at_leader >= 0.8 and grows.looked >= 6 and many else 0.75
        return Claim(FieldRole.GAP, sure if grows.looked >= 6 or named else 0.55, unit, why="it grows down the table")
    if grows.looked >= 6 and growing <= 0.75 and (named or at_leader >= 0.9):
        sure = 0.78 if named else 0.62
        return Claim(FieldRole.INTERVAL, sure, unit, why="it does not grow down the table, the leader shows none")
    return Claim(FieldRole.GAP, 0.5, unit, why="a gap or an interval: too few rows to tell") if named else None


def _growth(tables: Sequence[Sequence[Mapping[Path, Any]]], shape: Shape, unit: Unit) -> tuple[_Tally, _Tally]:
    """How often it grows from row to row behind the leader, and how often the leader shows none."""
    grows, leader, seen = _Tally(), _Tally(), set[tuple[int, int]]()
    for rows in tables:
        values: list[int] = []
        for row in rows[1:]:
            gap = shape.gap(row.get(shape.path), unit)
            if gap is not None and (not isinstance(gap, TimeGap) or gap.ms <= 0):
                break  # from there on they are laps behind
            if gap is not None:
                values.append(abs(gap.ms))
        for before, after in pairwise(values):
            if before != after and (before, after) not in seen:
                seen.add((before, after))
                grows.add(after > before)
        if rows and values:
            own = shape.gap(rows[0].get(shape.path), unit)
            leader.add(own is None or not isinstance(own, TimeGap) or own.ms == 0)
    return grows, leader


def _worth(shape: Shape, claim: Claim) -> bool:
    """Numbers of any kind can grow down a table; without proof a claim wants texts of times or a name."""
    if claim.confidence >= 0.9 or shape.named(FieldRole.GAP, FieldRole.INTERVAL):
        return True
    return claim.confidence >= CLAIMED and (shape.clocks >= 0.4 or shape.decimals >= 2)


def _by_name(view: View, candidates: Sequence[tuple[Shape, Unit]]) -> None:
    for shape, unit in candidates:
        for role in (FieldRole.GAP, FieldRole.INTERVAL):
            if shape.named(role):
                view.claim(shape, Claim(role, 0.5, unit, why="its name says so; without positions nobody can tell"))
