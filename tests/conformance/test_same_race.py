"""One simulated meeting through every format: the same laps, the same classification, and what each alone can tell."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import pytest

from karttime.analysis.report import Report, analyze
from karttime.domain.classification import classification
from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId
from karttime.domain.session import Session
from karttime.domain.updates import FlagChanged, LapFlag, SessionKind
from karttime.feeds.formats import FORMATS as FEEDS
from karttime.feeds.frame import Frame
from karttime.simulator.formats import FORMATS
from karttime.simulator.scenarios import PRESETS, Options
from karttime.simulator.truth import TrueRow, TrueSession

TOLD_WITHIN_MS = 400
KINDS = ("apex", "rmonitor", "rmonitor-speeds", "rmonitor-imsa", "racemonitor")
OTHERS = KINDS[1:]


class Made(NamedTuple):
    """A meeting in one format: what was sent, what was understood, what was true."""

    frames: Sequence[Frame]
    report: Report
    true: Sequence[TrueSession]

    @property
    def pairs(self) -> list[tuple[Session, TrueSession]]:
        return list(zip(self.report.logbook.sessions, self.true, strict=True))


@cache
def made(kind: str, preset: str, seed: int = 3) -> Made:
    """Titles are English, which says of every session but a rental heat what it is."""
    name, _, edition = kind.partition("-")
    options = Options(preset, karts=7, duration_ms=400_000, seed=seed, language="en", edition=edition or None)
    simulator = FORMATS[name].make(options)
    frames = tuple(simulator.frames())
    return Made(frames, analyze(frames), simulator.truth.sessions)


def laps_of(session: Session) -> dict[str, list[int]]:
    return {row.id: [lap.time_ms for lap in row.laps] for row in session.competitors.values() if row.laps}


def true_laps(session: TrueSession) -> dict[str, list[int]]:
    return {key: [lap.time_ms for lap in laps] for key, laps in session.laps.items()}


def in_order(session: TrueSession) -> list[TrueRow]:
    return sorted(session.classification, key=lambda row: row.position)


def ranking_is_told(kind: str, session: TrueSession) -> bool:
    """Plain RMonitor has no word for it, and `Session 1` tells a person no more."""
    return not (kind.startswith("rmonitor") and session.title.startswith("Session"))


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("kind", OTHERS)
def test_the_same_laps_as_over_apex(kind: str, preset: str) -> None:
    """To the millisecond, in every session, for every competitor; and both are what really happened."""
    mine, apex = made(kind, preset), made("apex", preset)
    for (session, true), (other, _) in zip(mine.pairs, apex.pairs, strict=True):
        assert laps_of(session) == laps_of(other) == true_laps(true)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("kind", OTHERS)
def test_the_same_classification_as_over_apex(kind: str, preset: str) -> None:
    """Order, number, laps, last and best lap."""
    mine, apex = made(kind, preset), made("apex", preset)
    for (session, true), (other, _) in zip(mine.pairs, apex.pairs, strict=True):
        if not ranking_is_told(kind, true):
            continue
        rows, known = classification(session), in_order(true)
        assert [row.competitor_id for row in rows] == [row.competitor_id for row in known]
        assert [row.competitor_id for row in rows] == [row.competitor_id for row in classification(other)]
        assert [(row.position, row.number, row.laps or 0, row.last_lap_ms, row.best_lap_ms) for row in rows] == [
            (row.position, row.number, row.laps, row.last_lap_ms, row.best_lap_ms) for row in known
        ]


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("kind", OTHERS)
def test_sessions_flags_and_marks_of_laps(kind: str, preset: str) -> None:
    """Runs begin when they were loaded; the kind is known where it is told; first, late and pit laps are marked."""
    for session, true in made(kind, preset).pairs:
        assert session.title == true.title
        assert session.track == true.track or (kind == "racemonitor" and not session.track)  # its dump lacks the track
        assert 0 <= session.started_at - true.loaded_at <= TOLD_WITHIN_MS
        if ranking_is_told(kind, true):
            assert (session.kind is SessionKind.RACE) == (true.ranked_by == "laps")
        for key, laps in true.laps.items():
            for lap, real in zip(session.competitors[CompetitorId(key)].laps, laps, strict=True):
                assert 0 <= lap.at - real.at <= TOLD_WITHIN_MS
                assert LapFlag.DOUBTFUL not in lap.flags
                for flag in (LapFlag.FIRST, LapFlag.AFTER_FLAG):
                    assert (flag in lap.flags) == (flag in real.flags), (key, lap, real)
                told = kind == "rmonitor-imsa" and LapFlag.PIT in real.flags
                assert (LapFlag.PIT in lap.flags) == told, (key, lap, real)


@pytest.mark.parametrize("kind", OTHERS)
def test_track_flags_in_their_order(kind: str) -> None:
    decoder = FEEDS[kind.partition("-")[0]].decoder()
    updates = [update for frame in made(kind, "endurance").frames for update in decoder.feed(frame)]
    seen = [one for one in updates if isinstance(one, FlagChanged) and one.flag is not Flag.NONE]
    true = [flag for session in made(kind, "endurance").true for flag in session.flags]
    assert [one.flag.value for one in seen] == [flag.flag for flag in true]
    assert all(0 <= one.at - flag.at <= TOLD_WITHIN_MS for one, flag in zip(seen, true, strict=True))


def test_pit_stops_where_lines_tell_them() -> None:
    for preset in ("endurance", "pit-lane"):
        for session, true in made("rmonitor-imsa", preset).pairs:
            for row in session.competitors.values():
                known = true.pit_stops.get(row.id, [])
                assert [(stop.in_at, stop.out_at) for stop in row.pit_stops] == [
                    (stop.in_at, stop.out_at) for stop in known
                ]


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("kind", OTHERS)
def test_nothing_is_refused_or_doubted_and_the_format_is_found(kind: str, preset: str) -> None:
    report = made(kind, preset).report
    assert report.refused == {}
    assert list(report.doubts) == []
    assert report.detection.name == kind.partition("-")[0]


MISCHIEF = [
    (name, kind)
    for name in ("rmonitor", "racemonitor")
    for kind in (*FORMATS[name].rates, "all")
    if kind != "disconnect"
]


@pytest.mark.parametrize("preset", ["endurance", "competition"])
@pytest.mark.parametrize(("name", "kind"), MISCHIEF)
def test_misbehaviour_costs_no_lap_and_no_place(name: str, kind: str, preset: str) -> None:
    """Cut and fused lines, second readings, corrections, resets, other line ends, torn reads, cp1252, silence."""
    spoken = FORMATS[name]
    rates: Mapping[str, float] = spoken.rates if kind == "all" else {kind: 4.0}
    rates = {one: rate for one, rate in rates.items() if one != "disconnect"}
    simulator = spoken.make(Options(preset, karts=6, duration_ms=300_000, seed=11, language="en"))
    found = analyze(list(spoken.lay(simulator.frames(), simulator.snapshot, rates, seed=5).frames()))
    assert len(found.logbook.sessions) == len(simulator.truth.sessions)
    for session, true in zip(found.logbook.sessions, simulator.truth.sessions, strict=True):
        assert laps_of(session) == true_laps(true)
        assert [row.competitor_id for row in classification(session)] == [row.competitor_id for row in in_order(true)]
    if kind in {"truncated", "fused", "unknown", "foreign", "all"}:
        assert sum(found.refused.values()) >= 5


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("speed", [10, 100])
def test_a_fast_replay_finds_the_same(kind: str, speed: int) -> None:
    mine = made(kind, "endurance")
    start = mine.frames[0].at
    found = analyze([replace_at(frame, start + (frame.at - start) // speed) for frame in mine.frames])
    for session, (_, true) in zip(found.logbook.sessions, mine.pairs, strict=True):
        assert laps_of(session) == true_laps(true)
        assert [row.competitor_id for row in classification(session)] == [row.competitor_id for row in in_order(true)]


def replace_at(frame: Frame, at: int) -> Frame:
    return frame._replace(at=at)


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("from_frame", [300, 700])
def test_who_comes_late_takes_a_dump_for_no_lap(kind: str, from_frame: int) -> None:
    """From the dump on connecting, every lap that follows and none before; the classification is whole."""
    name, _, edition = kind.partition("-")
    options = Options("sprint", karts=7, duration_ms=400_000, seed=3, language="en", edition=edition or None)
    simulator = FORMATS[name].make(options)
    frames: list[Frame] = []
    for number, frame in enumerate(simulator.frames()):
        if number == from_frame:
            frames.append(frame._replace(text=simulator.snapshot()))
        if number >= from_frame:
            frames.append(frame)
    late = analyze(frames).logbook.sessions
    joined = frames[0].at
    for session, true in zip(late[::-1], simulator.truth.sessions[::-1], strict=False):
        for key, laps in true.laps.items():
            mine = [lap.time_ms for lap in session.competitors[CompetitorId(key)].laps]
            assert mine == [lap.time_ms for lap in laps if lap.at >= joined - TOLD_WITHIN_MS][-len(mine) :]
            assert len(mine) >= sum(lap.at >= joined for lap in laps)
        rows = classification(session)
        assert [(row.competitor_id, row.laps or 0, row.best_lap_ms) for row in rows] == [
            (row.competitor_id, row.laps, row.best_lap_ms) for row in in_order(true)
        ]
