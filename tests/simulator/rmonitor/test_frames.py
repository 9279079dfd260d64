"""The simulated RMonitor, read by a plain reader that was written from the protocol alone."""

import csv
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from karttime.errors import UsageError
from karttime.feeds.frame import Frame
from karttime.simulator.formats import FORMATS, Simulator
from karttime.simulator.scenarios import PRESETS, Options
from karttime.simulator.scenarios import simulator as apex

FORMS = {
    "$F": 6, "$A": 8, "$COMP": 8, "$B": 3, "$C": 3, "$E": 3, "$G": 5, "$H": 5, "$I": 3, "$J": 4, "$L": 6, "$SR": 6,
    "$SP": 6, "$RMDTL": 2, "$RMCA": 2, "$RMS": 2, "$RMLT": 3, "$RMHL": 7,
}  # fmt: skip
"""How many fields each record has, its own name among them."""

FLAGS = {"": "", "Green": "green", "Yellow": "yellow", "Red": "red", "Finish": "chequered"}


def ms(text: str) -> int:
    hours, minutes, rest = text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(rest) * 1000)


@dataclass
class Run:
    """What one run said: laps by registration number, the last rows, flags in their order."""

    title: str
    laps: dict[str, list[int]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    crossed: dict[str, str] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    best: dict[str, tuple[int, str]] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    history: list[tuple[str, int, int]] = field(default_factory=list)
    passings: list[tuple[str, str]] = field(default_factory=list)
    mode: str = ""


def read(frames: Iterable[Frame]) -> list[Run]:
    """All runs; the text of a relay's first message may be a dump."""
    runs = [Run("")]
    flag = ""
    for line in "".join(frame.text or "" for frame in frames).split("\r\n"):
        if not line:
            continue
        (fields,) = csv.reader([line])
        name = fields[0]
        assert len(fields) == FORMS[name], line
        if name == "$B" and fields[1] != "95" and runs[-1].title != fields[2]:
            if runs[-1].title:
                runs.append(Run(fields[2]))
            runs[-1].title = fields[2]
        if name == "$F" and fields[5].strip() != flag:
            flag = fields[5].strip()
            runs[-1].flags += [FLAGS[flag]] if flag else []
        _take(runs[-1], name, fields)
    return runs


def _take(run: Run, name: str, fields: list[str]) -> None:
    match name:
        case "$A":
            run.numbers[fields[1]] = fields[2]
        case "$J":
            run.crossed[fields[1]] = fields[2]
        case "$G":
            key, count = fields[2], int(fields[3] or 0)
            run.places[key] = int(fields[1])
            if count > run.counts.get(key, 0):
                run.laps.setdefault(key, []).append(ms(run.crossed[key]))
                assert count == len(run.laps[key])
                run.counts[key] = count
        case "$H":
            run.best[fields[2]] = (int(fields[1]), fields[4])
        case "$RMHL":
            run.history.append((fields[1], int(fields[2]), ms(fields[4])))
        case "$L":
            run.passings.append((fields[1], fields[3]))
        case "$RMS":
            run.mode = fields[1]
        case _:
            pass


KINDS = ("rmonitor", "rmonitor-speeds", "rmonitor-imsa", "racemonitor")


def made(kind: str, preset: str, *, seed: int = 3) -> Simulator:
    name, _, edition = kind.partition("-")
    options = Options(preset, karts=6, duration_ms=400_000, seed=seed, edition=edition or None)
    return FORMATS[name].make(options)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("kind", KINDS)
def test_frames_tell_the_truth(kind: str, preset: str) -> None:
    """Titles, every lap, last places, numbers, best laps and flags, in every edition and through the relay."""
    sim = made(kind, preset)
    runs = read(list(sim.frames()))
    assert [run.title for run in runs] == [true.title for true in sim.truth.sessions]
    for run, true in zip(runs, sim.truth.sessions, strict=True):
        assert run.laps == {key: [lap.time_ms for lap in laps] for key, laps in true.laps.items()}
        assert run.numbers == {row.competitor_id: row.number for row in true.classification}
        assert run.flags == [flag.flag for flag in true.flags]
        if true.ranked_by == "laps":
            assert run.places == {row.competitor_id: row.position for row in true.classification}
        else:
            assert {key: place for key, (place, _) in run.best.items()} == {
                row.competitor_id: row.position for row in true.classification
            }
        for row in true.classification:
            if row.best_lap_ms is not None:
                assert ms(run.best[row.competitor_id][1]) == row.best_lap_ms


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_race_is_the_same_in_every_format(preset: str) -> None:
    """Same preset and seed: the laps that the Apex simulator tells, to the millisecond."""
    other = apex(Options(preset, karts=6, duration_ms=400_000, seed=3))
    assert list(other.frames())
    for kind in KINDS:
        sim = made(kind, preset)
        assert list(sim.frames())
        for one, two in zip(sim.truth.sessions, other.truth.sessions, strict=True):
            assert {key: [lap.time_ms for lap in laps] for key, laps in one.laps.items()} == {
                key: [lap.time_ms for lap in laps] for key, laps in two.laps.items()
            }
            assert [row.competitor_id for row in one.classification] == [
                row.competitor_id for row in two.classification
            ]


def test_a_relay_tells_the_mode_and_every_counted_lap() -> None:
    sim = made("racemonitor", "sprint")
    frames = list(sim.frames())
    assert (frames[0].text or "").startswith('$RMDTL,""\r\n$RMCA,')
    for run, true in zip(read(frames), sim.truth.sessions, strict=True):
        assert run.mode == {"laps": "race", "best_lap": "qualifying"}[true.ranked_by]
        told = {key: [lap for reg, _, lap in run.history if reg == key] for key in true.laps}
        assert told == {key: [lap.time_ms for lap in laps] for key, laps in true.laps.items()}


def test_pits_are_told_by_the_edition_that_can() -> None:
    sim = made("rmonitor-imsa", "endurance")
    (_, run) = read(list(sim.frames()))
    entries = sum(name == "PIP" for _, name in run.passings)
    assert entries == sum(len(stops) for stops in sim.truth.sessions[1].pit_stops.values()) > 0
    assert all(row.pit_stops is not None for row in sim.truth.sessions[1].classification)
    assert "$L" not in "".join(frame.text or "" for frame in made("rmonitor", "endurance").frames())


def test_speeds_are_those_of_the_laps() -> None:
    """Thousandths of kilometres an hour, from the length of the track."""
    frames = list(made("rmonitor-speeds", "sprint").frames())
    found = re.findall(r'\$S[RP],\d+,"\d+",\d+,"([\d:.]+)",(\d+)', "".join(frame.text or "" for frame in frames))
    assert found
    assert all(int(speed) == round(1.172 / ms(lap) * 3_600_000 * 1000) for lap, speed in found)


def test_a_heartbeat_comes_every_second_and_two_cars_share_a_place_now_and_then() -> None:
    frames = list(made("rmonitor", "endurance").frames())
    beats = [frame.at for frame in frames if "$F," in (frame.text or "")]
    assert max(after - before for before, after in itertools.pairwise(beats)) <= 1000
    shared = 0
    places: dict[str, str] = {}
    for line in "".join(frame.text or "" for frame in frames).split("\r\n"):
        if line.startswith("$G,"):
            _, place, key, *_ = line.split(",")
            places[key] = place
            shared += len(set(places.values())) < len(places)
    assert shared


@pytest.mark.parametrize("kind", KINDS)
def test_who_comes_late_knows_what_the_others_know(kind: str) -> None:
    """A dump at any moment, with the frames that follow: the same rows, names and flag in the end."""
    whole = [line for frame in made(kind, "endurance").frames() for line in (frame.text or "").split("\r\n")]
    sim = made(kind, "endurance")
    late: list[str] = []
    for number, frame in enumerate(sim.frames()):
        if number == 700:
            late = sim.snapshot().split("\r\n")
        if number >= 700:
            late += (frame.text or "").split("\r\n")
    assert _state(late) == _state(whole)


def _state(lines: list[str]) -> dict[tuple[str, ...], str]:
    state: dict[tuple[str, ...], str] = {}
    for line in lines:
        name, _, rest = line.partition(",")
        if name == "$I":
            state = {key: kept for key, kept in state.items() if key[0] == "$F"}
        elif name in {"$G", "$H"}:
            state[name, rest.split(",")[1]] = line
        elif name in {"$A", "$COMP", "$C"}:
            state[name, rest.split(",")[0]] = line
        elif name in {"$B", "$F"}:
            state[(name,)] = line
    return state


@pytest.mark.parametrize(
    ("name", "edition", "says"),
    [("rmonitor", "leisure", "no edition 'leisure' of RMonitor"), ("racemonitor", "imsa", "has no editions")],
)
def test_editions_belong_to_formats(name: str, edition: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        FORMATS[name].make(Options("sprint", edition=edition))
