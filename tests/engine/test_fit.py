"""Whether a feed is still what its parser reads."""

import pytest

from karttime.engine.fit import Fit

from .conftest import HandClock


@pytest.fixture
def fit(hand_clock: HandClock) -> Fit:
    return Fit(hand_clock.clock)


def test_refusals_are_suspicious_when_there_are_enough_of_them(fit: Fit) -> None:
    for _ in range(49):
        fit.saw(told=False, refused=True)
    assert not fit.suspicion
    fit.saw(told=False, refused=True)
    assert fit.suspicion == fit.refusing == "50 of the last 50 messages are refused"
    fit.begin()
    assert not fit.suspicion


def test_a_feed_that_tells_something_now_and_then_is_not_suspicious(fit: Fit) -> None:
    for number in range(200):
        fit.saw(told=number % 5 == 0, refused=number % 5 != 0)
    assert not fit.suspicion


def test_messages_that_say_nothing_are_suspicious_after_a_minute(fit: Fit, hand_clock: HandClock) -> None:
    for _ in range(200):
        fit.saw(told=False, refused=False)
    before = fit.suspicion
    hand_clock.advance(60)
    assert not before
    assert fit.suspicion == "the last 200 messages, in 60 s, said nothing"
    assert not fit.refusing
    fit.saw(told=True, refused=False)
    assert not fit.suspicion


def test_it_is_sound_when_the_latest_messages_are_understood(fit: Fit) -> None:
    for _ in range(100):
        fit.saw(told=False, refused=True)
    for _ in range(2):
        fit.saw(told=True, refused=False)
    assert not fit.sound
    for _ in range(9):
        fit.saw(told=True, refused=False)
    assert fit.sound
