import pytest

from karttime.engine.backoff import Backoff, BackoffOptions


def test_waits_double_from_the_first_to_the_longest() -> None:
    backoff = Backoff(BackoffOptions(1, 60, 2, jitter=0))
    assert [backoff.fail() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff.failures == 8


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 8.0), (0.5, 6.0), (1.0, 4.0)])
def test_chance_takes_away_at_most_the_jitters_share(chance: float, expected: float) -> None:
    backoff = Backoff(BackoffOptions(8, 60, 2, jitter=0.5), lambda: chance)
    assert backoff.fail() == expected


def test_reset_begins_again_with_the_first_wait() -> None:
    backoff = Backoff(BackoffOptions(1, 60, 2, jitter=0))
    backoff.fail()
    backoff.fail()
    backoff.reset()
    assert backoff.failures == 0
    assert backoff.fail() == 1


def test_ages_of_failures_neither_overflows_nor_slows_down() -> None:
    backoff = Backoff(BackoffOptions(1, 60, 2, jitter=0))
    backoff.failures = 10**10
    assert backoff.fail() == 60


def test_a_factor_of_one_keeps_the_wait() -> None:
    backoff = Backoff(BackoffOptions(0.01, 60, 1, jitter=0))
    assert {backoff.fail() for _ in range(5)} == {0.01}
