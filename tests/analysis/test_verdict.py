"""What may be shown live by what an analysis found: timing of any kind, and nothing else that has rows and numbers."""

import json
import random
from collections.abc import Callable, Iterator

import pytest

from karttime.analysis.report import analyze
from karttime.analysis.verdict import still_read, verdict
from karttime.feeds.frame import Frame
from tests.analysis import synthetic

RNG = random.Random(4)


def framed(texts: Iterator[str], step: int = 1000) -> list[Frame]:
    return [Frame(synthetic.START + step * number + RNG.randint(0, 40), text) for number, text in enumerate(texts)]


def words() -> str:
    return " ".join(RNG.choice(("hello", "race", "kart", "lap", "12", "63.2", "box", "yes")) for _ in range(7))


def chat() -> Iterator[str]:
    for number in range(150):
        yield json.dumps({"type": "message", "user": RNG.choice("abcd"), "id": number, "text": words()})


def prose() -> Iterator[str]:
    for _ in range(150):
        yield words()


def ticker() -> Iterator[str]:
    for number in range(150):
        yield json.dumps(
            {
                "quotes": [
                    {
                        "symbol": f"S{place}",
                        "rank": place,
                        "price": round(RNG.uniform(50, 70), 3),
                        "volume": number * place,
                        "change": round(RNG.gauss(0, 1), 2),
                    }
                    for place in range(1, 9)
                ]
            }
        )


def machines() -> Iterator[str]:
    served = [0] * 6
    for _ in range(150):
        served = [count + RNG.randint(0, 3) for count in served]
        yield json.dumps(
            {
                "hosts": [
                    {
                        "id": place,
                        "name": f"host {place}",
                        "requests": count,
                        "latency": round(RNG.uniform(40, 90), 1),
                    }
                    for place, count in enumerate(served)
                ]
            }
        )


def page() -> Iterator[str]:
    for _ in range(20):
        yield "<html><body><table><tr><th>Name</th><th>Phone</th></tr><tr><td>Ada</td><td>555</td></tr></table>"


@pytest.mark.parametrize("texts", [chat, prose, ticker, machines, page])
def test_what_is_no_timing_is_undecided_with_a_reason(texts: Callable[[], Iterator[str]]) -> None:
    """Also where it has ranks, counters and numbers like lap times."""
    frames = framed(texts())
    for sample in (frames, frames[:30]):
        found = verdict(analyze(sample))
        assert found.kind == "undecided"
        assert f"{len(sample)} messages" in found.reason


def test_binary_messages_and_silence_are_told_as_they_are() -> None:
    found = verdict(analyze([Frame(n, None, bytes((1, 2, n))) for n in range(20)]))
    assert (found.kind, "20 binary messages" in found.reason) == ("binary", True)
    found = verdict(analyze([Frame(n, "\n") for n in range(20)]))
    assert (found.kind, "keep-alives" in found.reason) == ("undecided", True)
    assert verdict(analyze([])).reason == "no message was received"


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_a_feed_is_settled_when_laps_were_read_and_not_before(seed: int) -> None:
    """Before the first laps it is early at most; the whole is settled."""
    frames = list(synthetic.make(seed).frames)
    assert verdict(analyze(frames)).kind == "settled"
    assert verdict(analyze(frames[:9])).kind in ("early", "undecided")


def test_a_known_format_needs_no_parser() -> None:
    frames = [Frame(number, f"r{number}c5|tn|1:02.123\n") for number in range(20)]
    assert verdict(analyze(frames)).kind == "known"


def test_a_spec_reads_what_stands_still_and_not_what_became_another_feed() -> None:
    frames = list(synthetic.make(8).frames)
    spec = analyze(frames).spec
    assert spec is not None
    assert still_read(spec, [frames[-1]._replace(at=frames[-1].at + n) for n in range(50)])
    assert not still_read(spec, framed(ticker()))
    assert not still_read(spec, framed(prose()))
