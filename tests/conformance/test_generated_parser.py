"""Parsers generated from frames alone: every lap and place of the simulator's meetings, to the millisecond."""

import pytest

from karttime.analysis.report import analyze
from karttime.domain.classification import classification
from karttime.simulator.scenarios import Options

from . import declared_race


@pytest.mark.parametrize(
    ("language", "preset"),
    [("snapshots", "sprint"), ("changes", "sprint"), ("changes", "endurance"), ("snapshots", "rental")],
)
def test_the_generated_parser_tells_the_truth(language: str, preset: str) -> None:
    """Sessions, laps, positions, last and best laps; and nothing contradicts the part that inference did not see."""
    options = Options(preset, karts=8, duration_ms=400_000, seed=5, language="en")
    true = declared_race.tell(language, options)
    report = analyze(true.frames)
    assert [session.title for session in report.logbook.sessions] == [one.title for one in true.sessions]
    for session, one in zip(report.logbook.sessions, true.sessions, strict=True):
        numbers = {row.id: str(row.values(session.columns)["number"]) for row in session.competitors.values()}
        laps = {numbers[row.id]: [lap.time_ms for lap in row.laps] for row in session.competitors.values() if row.laps}
        assert laps == one.laps
        rows = [(r.position, r.number, r.laps or 0, r.last_lap_ms, r.best_lap_ms) for r in classification(session)]
        assert rows == list(one.rows)
    assert report.findings is not None
    assert report.findings.check is not None
    assert report.findings.check.in_time == 1.0
    assert not report.findings.check.contradictions
