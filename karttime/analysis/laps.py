"""Figures about laps: best, mean of the clean ones, consistency."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from karttime.domain.competitor import Lap
from karttime.domain.updates import LapFlag

_UNCLEAN = frozenset({LapFlag.PIT, LapFlag.DOUBTFUL, LapFlag.FIRST})


@dataclass(frozen=True, slots=True)
class LapFigures:
    """Figures of one competitor's laps, in ms.

    Attributes:
        count: timed laps.
        best_ms: fastest that is not doubtful.
        mean_ms: mean of the clean laps: neither first nor with a stop nor doubtful.
        spread_ms: their standard deviation; smaller is more consistent.
    """

    count: int
    best_ms: int | None
    mean_ms: int | None
    spread_ms: int | None


def lap_figures(laps: Sequence[Lap]) -> LapFigures:
    """Figures of these laps; None where there are no laps to take them from."""
    sound = [lap.time_ms for lap in laps if LapFlag.DOUBTFUL not in lap.flags]
    clean = [lap.time_ms for lap in laps if not lap.flags & _UNCLEAN]
    return LapFigures(
        len(laps),
        min(sound, default=None),
        round(fmean(clean)) if clean else None,
        round(pstdev(clean)) if len(clean) > 1 else None,
    )
