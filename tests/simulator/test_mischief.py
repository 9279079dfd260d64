"""Misbehaviour: on request only, repeatable, and harmless to what the frames tell where it claims so."""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pytest

from karttime.errors import UsageError
from karttime.feeds.frame import Frame
from karttime.simulator.apex import ApexSimulator
from karttime.simulator.mischief import RATES, STRANGERS, Mischief, is_disconnect, parse
from karttime.simulator.scenarios import Options, simulator

if TYPE_CHECKING:
    from tests.simulator.conftest import Step, Wire

Walk = Callable[[Iterable[Frame]], "Iterator[Step]"]

OPTIONS = Options("endurance", karts=6, duration_ms=400_000, seed=4)


def disturbed(rates: dict[str, float], seed: int = 1) -> tuple[list[Frame], ApexSimulator]:
    sim = simulator(OPTIONS)
    return list(Mischief(sim.frames(), sim.snapshot, rates, seed=seed).frames()), sim


def last(steps: "Iterator[Step]") -> "Wire":
    return list(steps)[-1].after


def clean() -> list[Frame]:
    return list(simulator(OPTIONS).frames())


def test_without_a_request_nothing_is_changed() -> None:
    assert disturbed({})[0] == clean()


@pytest.mark.parametrize("name", sorted(RATES))
def test_every_kind_strikes_and_repeats_with_its_seed(name: str) -> None:
    frames, _ = disturbed({name: 5.0})
    assert frames != clean()
    assert frames == disturbed({name: 5.0})[0]
    assert frames != disturbed({name: 5.0}, seed=2)[0]
    assert [frame.at for frame in frames] == sorted(frame.at for frame in frames)


def test_foreign_bytes_come_as_frames_of_their_own() -> None:
    frames, _ = disturbed({"foreign": 5.0})
    assert [frame for frame in frames if frame.text not in STRANGERS] == clean()


def test_titles_flicker_and_come_back() -> None:
    frames, _ = disturbed({"flicker": 5.0})
    real = ("Essais libres", "Course")
    wrong_since: int | None = None
    flickers = 0
    for frame in frames:
        shown = re.search(r"(?:^|\n)title2\|\|(.*)\n", frame.text or "")
        if shown and shown[1] not in real:
            wrong_since, flickers = frame.at, flickers + 1
        elif shown:
            wrong_since = None
        assert wrong_since is None or frame.at - wrong_since <= 15_000
    assert flickers > 4
    assert wrong_since is None


@pytest.mark.parametrize("name", ["duplicates", "late", "reinit", "blip", "silence", "flicker", "foreign"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_the_end_the_board_is_the_same(name: str, seed: int, walk: Walk, wire: "Wire") -> None:
    frames, _ = disturbed({name: 6.0}, seed)
    for frame in frames:
        if frame.text not in STRANGERS:
            wire.feed(frame.text or "")
    expected = last(walk(clean()))
    assert (wire.cells, wire.positions, wire.types) == (expected.cells, expected.positions, expected.types)
    assert wire.lines["title2"] == expected.lines["title2"]


@pytest.mark.parametrize("name", ["duplicates", "late", "reinit", "blip", "silence", "flicker", "foreign"])
def test_no_row_event_is_lost_added_or_reordered(name: str) -> None:
    def events(frames: list[Frame]) -> list[str]:
        lines = [line for f in frames if f.text not in STRANGERS for line in (f.text or "").split("\n")]
        return [line for line in lines if "|*" in line.partition("c")[0]]

    assert events(disturbed({name: 4.0})[0]) == events(clean())


def test_silence_is_silent_then_tells_all_at_once() -> None:
    frames, _ = disturbed({"silence": 3.0})
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(frames)]
    assert max(gaps) >= 19_000
    assert gaps.count(0) > 20
    assert [frame.text for frame in frames] == [frame.text for frame in clean()]


def test_a_blip_is_no_session_for_some_seconds_and_then_the_board_of_before() -> None:
    frames, _ = disturbed({"blip": 3.0})
    blanks = [number for number, frame in enumerate(frames) if (frame.text or "").startswith("init|n|")]
    assert len(blanks) > 3
    for number in blanks[:-1]:
        assert (frames[number + 1].text or "").startswith("init|")
        assert frames[number + 1].at - frames[number].at >= 2_800


def test_a_client_who_returns_after_a_disconnect_misses_nothing(wire: "Wire", walk: Walk) -> None:
    sim = simulator(OPTIONS)
    mischief = Mischief(sim.frames(), sim.snapshot, {"disconnect": 3.0, "silence": 1.0}, seed=1)
    broken = 0
    for frame in mischief.frames():
        if is_disconnect(frame):
            broken += 1
            wire.feed(mischief.snapshot())
        else:
            wire.feed(frame.text or "")
    expected = last(walk(clean()))
    assert broken > 3
    assert wire.cells == expected.cells


def test_names_and_rates_are_read() -> None:
    assert parse("foreign, blip=0.5") == {"foreign": RATES["foreign"], "blip": 0.5}
    assert parse("") == {}
    assert set(parse("all")) == set(RATES) - {"disconnect"}


@pytest.mark.parametrize(
    "text", ["nonsense", "foreign=", "foreign=x", "foreign=0", "foreign=-1", "foreign=nan", "all=2"]
)
def test_nonsense_is_refused_with_a_sentence(text: str) -> None:
    if text == "foreign=":
        assert parse(text) == {"foreign": RATES["foreign"]}
        return
    with pytest.raises(UsageError, match=r"choose from|is not a rate"):
        parse(text)
