"""Lap times, lap counters, averages and totals: told apart by how they behave together.

A last lap changes when the counter of laps does, and shows what has passed since its last change (`lasts.py`). A best
lap never rises, and becomes what the last lap is (`bests.py`). A counter rises when the last lap changes
(`counters.py`). An average is what the recurrence of averages says, a total grows by laps (`totals.py`). Times that
are much shorter or longer than the surest lap are parts of one, or several together. What changes far faster than its
own time passes is no lap at all.
"""

from collections.abc import Sequence
from statistics import median
from typing import Final

from karttime.analysis.roles.bests import claim_best_laps
from karttime.analysis.roles.counters import claim_laps, counters_of, together
from karttime.analysis.roles.lasts import claim_last_laps, outruns_time
from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.totals import claim_averages, claim_means, claim_totals
from karttime.analysis.roles.view import View
from karttime.feeds.declared.spec import FieldRole
from karttime.feeds.declared.values import read_count

_MAX_TIMES: Final = 24
_LEAST_SHARE, _MOST_SHARE = 0.62, 1.9
"""What a lap may be of the surest one: the longest of three sectors seen is 0.6; out laps of qualifying are 1.8."""
_LEAST_SEQUENCE: Final = 4
_OF_ANOTHER_SIZE: Final = 0.4
_LAPS: Final = (FieldRole.LAST_LAP, FieldRole.BEST_LAP, FieldRole.AVERAGE_LAP)


def claim_lap_times(view: View) -> None:
    """Claim last, best and average laps, the counter of laps, and total times."""
    timed = [shape for shape in view.shapes.values() if shape.unit is not None and not shape.named(FieldRole.SPEED)]
    timed = [s for s in sorted(timed, key=_told) if not outruns_time(view, s) and not _is_sequence(s)][:_MAX_TIMES]
    counters = counters_of(view)
    pairs = {(counter.path, time.path): together(view, counter, time) for counter in counters for time in timed}
    claim_last_laps(view, timed, counters, pairs)
    claim_means(view, timed, counters)
    claim_best_laps(view, timed)
    _drop_other_sizes(view, timed)
    claim_laps(view, counters, timed, pairs)
    claim_averages(view, timed)
    _drop_other_sizes(view, timed)
    claim_totals(view)


def _is_sequence(shape: Shape) -> bool:
    """Whether values are numbers one after the other, such as 10001 to 10009: ids, or places, but no measured times."""
    whole = {count for text in shape.distinct if (count := read_count(text)) is not None}
    return len(whole) >= _LEAST_SEQUENCE and max(whole) - min(whole) < 2 * len(whole)


def _told(shape: Shape) -> tuple[bool, int]:
    """Times that are called so first, then in the order of the feed."""
    roles = (FieldRole.LAST_LAP, FieldRole.BEST_LAP, FieldRole.LAP_TIME, FieldRole.AVERAGE_LAP)
    return not shape.named(*roles), shape.column.index


def _typical(shape: Shape) -> float:
    times = [ms for ms in shape.times(shape.unit or "text") if ms > 0]
    return median(times) if times else 0.0


def _drop_other_sizes(view: View, timed: Sequence[Shape]) -> None:
    """Sectors beside their best ones behave like laps beside best laps: what is not as long as a lap is none."""
    lap = _size_of_a_lap(view, timed)
    for shape in timed if lap else ():
        if not _LEAST_SHARE * lap <= _typical(shape) <= _MOST_SHARE * lap:
            view.cap(shape, _LAPS, _OF_ANOTHER_SIZE, "it is not as long as a lap")


def _size_of_a_lap(view: View, timed: Sequence[Shape]) -> float:
    """The median of the surest last lap, else of the surest best lap; of equally sure ones the longest."""
    for role in (FieldRole.LAST_LAP, FieldRole.BEST_LAP):
        sure = {
            shape.path: claim.confidence + (0.1 if shape.named(role) and claim.confidence < 0.85 else 0.0)
            for shape in timed
            for claim in view.claims.get(shape.path, ())
            if claim.role is role and claim.confidence >= 0.5
        }
        if sure:
            surest = max(sure.values())
            return max(_typical(view.shapes[path]) for path, value in sure.items() if value >= surest - 0.02)
    return 0.0
