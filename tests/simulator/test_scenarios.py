"""Presets and what a person may choose."""

import re

import pytest

from karttime.errors import UsageError
from karttime.simulator import names
from karttime.simulator.scenarios import PRESETS, Options, simulator


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (Options("rally"), "no preset 'rally': choose from endurance"),
        (Options(language="xx"), "no language 'xx': choose from fr, es"),
        (Options(edition="gold"), "no edition 'gold': choose from leisure, competition"),
        (Options(karts=0), "0 karts cannot race"),
        (Options(karts=201), "201 karts cannot race"),
        (Options(duration_ms=1_000), r"lasts from 180s \(three laps\) to 24h"),
        (Options(duration_ms=90_000_000), "to 24h"),
    ],
)
def test_nonsense_is_refused_with_a_sentence_that_says_what_can_be_chosen(options: Options, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        simulator(options)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("karts", [1, 40])
def test_every_preset_runs_with_one_kart_and_with_many(preset: str, karts: int) -> None:
    sim = simulator(Options(preset, karts=karts, duration_ms=3 * PRESETS[preset].track.lap_ms, seed=2))
    assert sum(1 for _ in sim.frames()) > 10
    assert all(session.classification for session in sim.truth.sessions)
    assert len(sim.truth.sessions[-1].classification) <= karts


def test_frames_are_made_as_they_are_asked_for() -> None:
    day = simulator(Options("endurance", karts=60, duration_ms=86_400_000))
    frames = day.frames()
    assert (next(frames).text or "").startswith("init|p|")
    assert len(day.truth.sessions) == 1


def test_names_are_many_different_and_partly_odd() -> None:
    import random

    people = names.drivers(random.Random(1), 500)
    assert len(set(people)) == 500
    assert len(set(people) & set(names.ODD_DRIVERS)) == len(names.ODD_DRIVERS)
    crews = names.teams(random.Random(1), 200)
    assert len(set(crews)) == 200
    assert not any(re.search(r"[|\n\r]", name) for name in people + crews)
    assert not set(names.drivers(random.Random(1), 100, odd=False)) & set(names.ODD_DRIVERS)
