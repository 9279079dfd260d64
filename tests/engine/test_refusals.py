import pytest

from karttime.engine.refusals import Refusals
from karttime.feeds.base import Rejection

from .conftest import BEGIN, HandClock


def bad(number: int = 0, reason: str = "unknown-word", sample: str = "x") -> Rejection:
    return Rejection(BEGIN, number, reason, sample)


def test_refusals_are_counted_by_reason_and_the_last_ones_kept() -> None:
    refusals = Refusals("hill", keep=3)
    for number in range(5):
        refusals.add(bad(number))
    refusals.add(bad(5, "too-long"))
    assert refusals.counts == {"unknown-word": 5, "too-long": 1}
    assert [rejection.frame for rejection in refusals.recent] == [3, 4, 5]


def test_a_feed_of_rubbish_makes_one_log_line_a_minute_for_each_reason(
    hand_clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    refusals = Refusals("hill", clock=hand_clock.clock)
    for _ in range(1000):
        refusals.add(bad())
        refusals.add(bad(reason="too-long"))
    assert len(caplog.records) == 2
    hand_clock.advance(60)
    refusals.add(bad())
    assert "1000 new" in caplog.messages[-1]


def test_a_sample_cannot_write_escape_sequences_or_lines_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    Refusals("hill").add(bad(sample="\x1b]0;owned\x07\n2026-01-01 ERROR invented\x9b\u202e" + "y" * 5000))
    assert caplog.messages[0].isprintable()
    assert len(caplog.messages[0]) < 200
