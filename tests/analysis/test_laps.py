"""Figures about laps."""

import pytest

from karttime.analysis.laps import lap_figures
from karttime.domain.competitor import Lap
from karttime.domain.updates import LapFlag, Provenance


def laps(*times: int | tuple[int, LapFlag]) -> list[Lap]:
    made = []
    for number, one in enumerate(times, 1):
        time_ms, flags = (one, frozenset[LapFlag]()) if isinstance(one, int) else (one[0], frozenset({one[1]}))
        made.append(Lap(number, time_ms, number, Provenance((number,), "crossing"), (), flags))
    return made


def test_no_laps_no_figures() -> None:
    """None, not zero."""
    found = lap_figures([])
    assert (found.count, found.best_ms, found.mean_ms, found.spread_ms) == (0, None, None, None)


def test_one_lap() -> None:
    """Best and mean, but no spread of one."""
    found = lap_figures(laps(60_000))
    assert (found.count, found.best_ms, found.mean_ms, found.spread_ms) == (1, 60_000, 60_000, None)


def test_several_laps() -> None:
    """Population standard deviation, rounded to ms."""
    found = lap_figures(laps(60_000, 61_000, 62_000))
    assert (found.best_ms, found.mean_ms, found.spread_ms) == (60_000, 61_000, 816)


@pytest.mark.parametrize("flag", [LapFlag.PIT, LapFlag.DOUBTFUL, LapFlag.FIRST])
def test_unclean_laps_do_not_count_for_the_mean(flag: LapFlag) -> None:
    """A stop, a doubt, a first lap from the grid."""
    found = lap_figures(laps(60_000, (180_000, flag), 62_000))
    assert (found.count, found.mean_ms) == (3, 61_000)


@pytest.mark.parametrize("flag", [LapFlag.AFTER_FLAG, LapFlag.CORRECTED])
def test_laps_after_the_flag_and_corrected_ones_are_clean(flag: LapFlag) -> None:
    """They were driven."""
    assert lap_figures(laps(60_000, (62_000, flag))).mean_ms == 61_000


def test_a_doubtful_lap_is_no_best() -> None:
    """A first or pit lap may be."""
    assert lap_figures(laps(60_000, (6_586, LapFlag.DOUBTFUL))).best_ms == 60_000
    assert lap_figures(laps(60_000, (59_000, LapFlag.PIT))).best_ms == 59_000


def test_only_unclean_laps() -> None:
    """No mean of nothing."""
    found = lap_figures(laps((60_000, LapFlag.FIRST)))
    assert (found.best_ms, found.mean_ms, found.spread_ms) == (60_000, None, None)
