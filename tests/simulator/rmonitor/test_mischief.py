"""Misbehaviour of simulated RMonitor feeds: on request only, repeatable, and harmless where it claims so."""

import re

import pytest

from karttime.feeds.frame import Frame
from karttime.simulator.formats import FORMATS
from karttime.simulator.mischief import STRANGERS, is_disconnect, parse
from karttime.simulator.rmonitor.mischief import RATES, RELAY_RATES
from karttime.simulator.scenarios import Options

OPTIONS = Options("endurance", karts=6, duration_ms=400_000, seed=4)
NAMES = [(name, kind) for name, rates in (("rmonitor", RATES), ("racemonitor", RELAY_RATES)) for kind in rates]


def disturbed(name: str, rates: dict[str, float], seed: int = 1) -> list[Frame]:
    spoken = FORMATS[name]
    race = spoken.make(OPTIONS)
    return list(spoken.lay(race.frames(), race.snapshot, rates, seed=seed).frames())


def joined(frames: list[Frame]) -> str:
    return "".join(frame.text if frame.text is not None else (frame.data or b"").decode("cp1252") for frame in frames)


@pytest.mark.parametrize("name", ["rmonitor", "racemonitor"])
def test_without_a_request_nothing_is_changed(name: str) -> None:
    assert disturbed(name, {}) == list(FORMATS[name].make(OPTIONS).frames())


@pytest.mark.parametrize(("name", "kind"), NAMES)
def test_every_kind_strikes_and_repeats_with_its_seed(name: str, kind: str) -> None:
    frames = disturbed(name, {kind: 5.0})
    assert frames != disturbed(name, {})
    assert frames == disturbed(name, {kind: 5.0})
    assert [frame.at for frame in frames] == sorted(frame.at for frame in frames)


@pytest.mark.parametrize("kind", ["split", "cp1252", "silence"])
def test_what_only_cuts_delays_or_encodes_loses_no_letter(kind: str) -> None:
    assert joined(disturbed("rmonitor", {kind: 20.0})) == joined(disturbed("rmonitor", {}))


@pytest.mark.parametrize(
    "kind", ["foreign", "truncated", "fused", "double", "correction", "refresh", "reset", "unknown"]
)
def test_what_adds_takes_nothing_away(kind: str) -> None:
    """Every clean line is there, in its order."""
    lines = iter(joined(disturbed("rmonitor", {kind: 10.0})).splitlines())
    assert all(any(line == found for found in lines) for line in joined(disturbed("rmonitor", {})).splitlines())


def test_cut_lines_cannot_be_taken_for_whole_ones() -> None:
    """An odd number of quotation marks, or a second record in one line."""
    clean = set(joined(disturbed("racemonitor", {})).split("\r\n"))
    found = joined(disturbed("racemonitor", {"truncated": 20, "fused": 20})).split("\r\n")
    odd = [line for line in found if line not in clean]
    assert len(odd) > 50
    assert all(line.count('"') % 2 or line.count("$") > 1 or line.endswith(',""') for line in odd)


def test_second_readings_are_some_milliseconds_off_and_count_nothing() -> None:
    before = re.findall(r"\$J,[^\r]*", joined(disturbed("rmonitor", {})))
    after = re.findall(r"\$J,[^\r]*", joined(disturbed("rmonitor", {"double": 20.0})))
    assert len(after) > len(before)
    assert joined(disturbed("rmonitor", {"double": 20.0})).count("$G,") == joined(disturbed("rmonitor", {})).count(
        "$G,"
    )


def test_strangers_and_broken_connections_are_frames_of_their_own() -> None:
    frames = disturbed("rmonitor", {"foreign": 5.0, "disconnect": 5.0})
    assert any(frame.text in STRANGERS for frame in frames)
    assert [frame for frame in frames if frame.text not in STRANGERS and not is_disconnect(frame)] == disturbed(
        "rmonitor", {}
    )


def test_under_silence_a_new_client_gets_the_state_of_before() -> None:
    spoken = FORMATS["rmonitor"]
    race = spoken.make(OPTIONS)
    bad = spoken.lay(race.frames(), race.snapshot, {"silence": 5.0}, seed=1)
    last, waited = None, 0
    for frame in bad.frames():
        if last is not None and frame.at - last.at > 20_000:
            waited += 1
        last = frame
    assert waited
    assert bad.snapshot() == race.snapshot()


def test_names_and_rates_are_read_by_format() -> None:
    assert parse("all", RATES) == {name: rate for name, rate in RATES.items() if name != "disconnect"}
    assert parse("fused=9", RELAY_RATES) == {"fused": 9.0}
