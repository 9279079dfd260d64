"""The simulator's meetings through specs: the same laps and classifications as they really were."""

from functools import cache

import pytest

from karttime.analysis.report import Report, analyze
from karttime.domain.classification import classification
from karttime.simulator.scenarios import PRESETS, Options

from . import declared_race
from .declared_race import Told

LANGUAGES = sorted(declared_race.SPECS)


@cache
def told(language: str, preset: str) -> Told:
    return declared_race.tell(language, Options(preset, karts=7, duration_ms=300_000, seed=3, language="en"))


def check(report: Report, true: Told, *, standings: bool = True) -> None:
    sessions = report.logbook.sessions
    assert [session.title for session in sessions] == [one.title for one in true.sessions]
    for session, one in zip(sessions, true.sessions, strict=True):
        numbers = {row.id: str(row.values(session.columns)["number"]) for row in session.competitors.values()}
        laps = {numbers[row.id]: [lap.time_ms for lap in row.laps] for row in session.competitors.values() if row.laps}
        assert laps == one.laps
        rows = [(r.position, r.number, r.laps or 0, r.last_lap_ms, r.best_lap_ms) for r in classification(session)]
        assert not standings or rows == list(one.rows)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("language", LANGUAGES)
def test_laps_and_classification_are_the_truth(language: str, preset: str) -> None:
    """To the millisecond, in every session: snapshots, changes by competitor, lines of fields."""
    made = told(language, preset)
    report = analyze(made.frames, spec=declared_race.SPECS[language])
    assert report.refused == {}
    check(report, made)


@pytest.mark.parametrize("speed", [10, 100])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fast_replay_finds_the_same(language: str, speed: int) -> None:
    """Frames that come ten or a hundred times as fast."""
    made = told(language, "endurance")
    start = made.frames[0].at
    faster = [frame._replace(at=start + (frame.at - start) // speed) for frame in made.frames]
    check(analyze(faster, spec=declared_race.SPECS[language]), made)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_told_twice_is_counted_once(language: str) -> None:
    """Every frame comes twice, as after a reconnect that sends all again."""
    made = told(language, "sprint")
    twice = [frame for one in made.frames for frame in (one, one._replace(at=one.at + 1))]
    check(analyze(twice, spec=declared_race.SPECS[language]), made)
