"""The alarm of frames that take too long."""

import logging

import pytest

from karttime.engine.slow import SlowFrames


def test_only_what_is_above_the_limit_counts() -> None:
    slow = SlowFrames("hill", 0.05)
    for took in (0.001, 0.05, 0.06, 0.2, 0.07):
        slow.add(took, 0.0)
    assert (slow.count, slow.slowest_s) == (3, 0.2)


def test_the_log_tells_it_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    slow = SlowFrames("hill", 0.05)
    with caplog.at_level(logging.WARNING):
        for second in range(61):
            slow.add(0.1, float(second))
    assert [record.getMessage() for record in caplog.records] == [
        "hill: a frame took 100 ms; 1 slow ones so far",
        "hill: a frame took 100 ms; 61 slow ones so far",
    ]
