"""Which format a sample is in."""

from collections.abc import Sequence
from itertools import count

import pytest

from karttime.analysis.detection import GOOD_ENOUGH, SAMPLE_FRAMES, UNKNOWN, detect, sample_of
from karttime.feeds.apex.decoder import ApexDecoder
from karttime.feeds.base import FeedFormat, Score
from karttime.feeds.frame import Frame
from karttime.simulator.scenarios import Options, simulator


def fixed(name: str, value: float, *evidence: str) -> FeedFormat:
    def score(sample: Sequence[Frame]) -> Score:
        assert sample is not None
        return Score(value, evidence)

    return FeedFormat(name, ApexDecoder, score)


def formats(**values: float) -> dict[str, FeedFormat]:
    return {name: fixed(name, value, f"{name} was seen") for name, value in values.items()}


def test_the_best_score_wins() -> None:
    """With its evidence; the ranking holds every format, best first."""
    found = detect([Frame(0, "x")], formats(low=0.4, high=0.9, none=0.0))
    assert (found.name, found.confidence, found.evidence, found.frames) == ("high", 0.9, ("high was seen",), 1)
    assert [(one.name, one.score) for one in found.ranking] == [("high", 0.9), ("low", 0.4), ("none", 0.0)]


@pytest.mark.parametrize(("value", "name"), [(GOOD_ENOUGH, "a"), (GOOD_ENOUGH - 0.01, UNKNOWN), (0.0, UNKNOWN)])
def test_good_enough(value: float, name: str) -> None:
    """Below the bound it is unknown, which is as certain as the best score is low."""
    found = detect([], formats(a=value))
    assert found.name == name
    if name == UNKNOWN:
        assert found.confidence == round(1 - value, 3)


def test_of_equal_scores_the_first_format_wins() -> None:
    """The table's order is the order of preference."""
    assert detect([], formats(first=0.8, second=0.8)).name == "first"


def test_unknown_has_a_reason() -> None:
    """Always at least one sentence."""
    assert detect([], {"a": fixed("a", 0.0)}).evidence == ("no known format explains these frames",)


def test_a_simulated_feed_is_apex() -> None:
    """From its first frames on."""
    frames = list(simulator(Options(preset="sprint", karts=3, duration_ms=145_000)).frames())
    for many in (1, 5, len(frames)):
        found = detect(frames[:many])
        assert (found.name, found.evidence != ()) == ("apex", True)


def test_a_relay_is_told_from_plain_rmonitor() -> None:
    """Both are the same records; the relay adds its own."""
    plain = '$G,1,"9",14,"00:12:48.075"\n'
    assert detect([Frame(n, plain) for n in range(50)]).name == "rmonitor"
    assert detect([Frame(n, plain + "$RMLT,9,1610909938000\n") for n in range(50)]).name == "racemonitor"


@pytest.mark.parametrize("text", ["", "\n", "hello\n", '{"a": 1}\n', "<html></html>\n", "$GPGGA,123519,4807.03,N\n"])
def test_other_things_are_unknown(text: str) -> None:
    """Nothing is guessed."""
    assert detect([Frame(n, text) for n in range(50)]).name == UNKNOWN


def test_a_quiet_hour_is_waited_for() -> None:
    """Keep-alives do not use up the sample; what is said after them decides, and a stream of them alone ends too."""
    frames = [Frame(n, "\n") for n in range(3000)] + [Frame(3000 + n, "r72c9|tn|41.956\n") for n in range(500)]
    sample = sample_of(iter(frames))
    assert len(sample) == 3000 + SAMPLE_FRAMES
    assert detect(sample).name == "apex"
    silence = sample_of(Frame(n, "\n") for n in count())
    assert detect(silence).name == UNKNOWN
    assert detect(silence).evidence == ("only keep-alives were sent",)
