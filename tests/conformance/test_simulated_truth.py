"""The decoder against a race whose truth is known: both editions, every preset, languages and seeds."""

from collections.abc import Sequence
from functools import cache

import pytest

from karttime.analysis.report import Report, analyze
from karttime.domain.classification import classification
from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId
from karttime.domain.session import Session
from karttime.domain.updates import FlagChanged, LapFlag, Update
from karttime.feeds.apex.decoder import ApexDecoder
from karttime.feeds.base import Rejection
from karttime.feeds.frame import Frame
from karttime.simulator.mischief import Mischief
from karttime.simulator.scenarios import Options, simulator
from karttime.simulator.truth import TrueSession

TOLD_WITHIN_MS = 400  # a crossing is told by a frame that follows it

Meeting = tuple[Sequence[Frame], Sequence[TrueSession]]

MEETINGS = [
    *(Options(preset="endurance", karts=9, duration_ms=600_000, seed=seed) for seed in (1, 2, 3)),
    *(Options(preset="pit-lane", karts=8, duration_ms=600_000, seed=seed) for seed in (1, 2)),
    *(Options(preset="sprint", karts=8, duration_ms=400_000, language=lang) for lang in ("en", "fr", "sv")),
    *(Options(preset="rental", karts=6, duration_ms=300_000, seed=seed) for seed in (1, 5)),
    *(Options(preset="rental", karts=4, duration_ms=190_000, language=lang) for lang in ("pt", "de", "nl")),
    *(Options(preset="competition", karts=6, duration_ms=300_000, language=lang, seed=8) for lang in ("es", "en")),
    Options(preset="sprint", karts=5, duration_ms=200_000, edition="competition", language="it"),
    Options(preset="endurance", karts=5, duration_ms=300_000, edition="competition", language="es"),
]


def name(options: Options) -> str:
    return f"{options.preset}-{options.edition or 'own'}-{options.language or 'own'}-{options.seed}"


@cache
def run(options: Options) -> Meeting:
    made = simulator(options)
    frames = tuple(made.frames())
    return frames, made.truth.sessions


@cache
def report(options: Options) -> Report:
    return analyze(run(options)[0])


@pytest.fixture(params=MEETINGS, ids=name)
def options(request: pytest.FixtureRequest) -> Options:
    chosen: Options = request.param
    return chosen


@pytest.fixture
def pairs(options: Options) -> list[tuple[Session, TrueSession]]:
    """What was decoded beside what was true, session by session."""
    return list(zip(report(options).logbook.sessions, run(options)[1], strict=True))


def test_sessions(pairs: list[tuple[Session, TrueSession]]) -> None:
    """As many, in their order: titles, track, when they were loaded, and whether laps or best laps rank."""
    for session, true in pairs:
        assert (session.event, session.title) == (true.event.strip(), true.title.strip())
        assert session.track.startswith(true.track)
        assert (session.kind == "race") == (true.ranked_by == "laps")
        assert 0 <= session.started_at - true.loaded_at <= TOLD_WITHIN_MS


def test_every_lap(pairs: list[tuple[Session, TrueSession]]) -> None:
    """Time and order of every lap of every competitor; told within 400 ms, unless no session was shown then."""
    for session, true in pairs:
        mine = {row.id: row.laps for row in session.competitors.values() if row.laps}
        assert {row: [lap.time_ms for lap in laps] for row, laps in mine.items()} == {
            row: [lap.time_ms for lap in laps] for row, laps in true.laps.items()
        }
        for row, laps in true.laps.items():
            for lap, known in zip(mine[CompetitorId(row)], laps, strict=True):
                late = lap.at - known.at
                assert 0 <= late <= TOLD_WITHIN_MS or (known.told == "board" and late >= 0), (row, lap, known)


def test_flags_of_laps(pairs: list[tuple[Session, TrueSession]]) -> None:
    """Stops and laps after the flag are marked; no lap of a clean feed is doubtful."""
    for session, true in pairs:
        for row in session.competitors.values():
            known = true.laps.get(row.id, [])
            for lap, real in zip(row.laps, known, strict=True):
                assert LapFlag.DOUBTFUL not in lap.flags, lap
                assert (LapFlag.PIT in lap.flags) == (LapFlag.PIT in real.flags), (row.id, lap, real)
                assert (LapFlag.AFTER_FLAG in lap.flags) == (LapFlag.AFTER_FLAG in real.flags), (row.id, lap, real)


def test_final_classification(pairs: list[tuple[Session, TrueSession]]) -> None:
    """Position, number, names, last and best lap, stops, gaps as displayed."""
    for session, true in pairs:
        rows = classification(session)
        assert [row.competitor_id for row in rows] == [
            row.competitor_id for row in sorted(true.classification, key=lambda row: row.position)
        ]
        for row, known in zip(rows, sorted(true.classification, key=lambda row: row.position), strict=True):
            assert (row.position, row.number) == (known.position, known.number)
            assert row.best_lap_ms == known.best_lap_ms, known
            assert row.last_lap_ms in (known.last_lap_ms, None), known
            assert row.gap == (known.gap or ""), known
            assert row.interval == (known.interval or ""), known
            if known.pit_stops is not None:
                assert row.pit_stops == known.pit_stops, known
            if known.team is not None:
                assert row.team == known.team.strip(), known


def test_lap_counts(options: Options, pairs: list[tuple[Session, TrueSession]]) -> None:
    """The board's own counter where it has one (some count the first crossing, too), else the laps that were timed."""
    counts_first = 1 if options.preset == "pit-lane" else 0
    for session, true in pairs:
        timed = {row: len(laps) for row, laps in true.laps.items()}
        for row in classification(session):
            known = timed.get(row.competitor_id, 0)
            assert row.laps in (known, known + counts_first, None), row


def test_drivers(pairs: list[tuple[Session, TrueSession]]) -> None:
    """Who drove each lap, where the board shows drivers at all."""
    for session, true in pairs:
        for known in true.classification:
            row = session.competitors[CompetitorId(known.competitor_id)]
            if known.team is None:
                assert row.driver == known.driver.strip()


def unseen(frames: Sequence[Frame]) -> list[tuple[int, int]]:
    """When no session was shown: from `init|n|` to the next board."""
    blanks: list[tuple[int, int]] = []
    since: int | None = None
    for frame in frames:
        if (frame.text or "").startswith("init|n|"):
            since = frame.at
        elif since is not None and (frame.text or "").startswith("init|"):
            blanks.append((since, frame.at))
            since = None
    return blanks


def test_pit_stops(options: Options, pairs: list[tuple[Session, TrueSession]]) -> None:
    """Every drive through the pit lane, told within 400 ms; an entry is unknown only while no session was shown."""
    blanks = unseen(run(options)[0])
    for session, true in pairs:
        for row in session.competitors.values():
            known = true.pit_stops.get(row.id, [])
            assert len(row.pit_stops) == len(known), (row.id, row.pit_stops, known)
            for stop, real in zip(row.pit_stops, known, strict=True):
                if stop.in_at is None:
                    assert any(start - TOLD_WITHIN_MS <= real.in_at <= end for start, end in blanks)
                else:
                    assert 0 <= stop.in_at - real.in_at <= TOLD_WITHIN_MS
                assert (stop.out_at is None) == (real.out_at is None)


def test_track_flags(options: Options) -> None:
    """Every flag, in order, within 400 ms; a light at rest is no flag."""
    decoder = ApexDecoder()
    updates: list[Update | Rejection] = [one for frame in run(options)[0] for one in decoder.feed(frame)]
    seen = [one for one in updates if isinstance(one, FlagChanged) and one.flag is not Flag.NONE]
    true = [flag for session in run(options)[1] for flag in session.flags]
    assert [one.flag.value for one in seen] == [flag.flag for flag in true]
    assert all(0 <= one.at - flag.at <= TOLD_WITHIN_MS for one, flag in zip(seen, true, strict=True))


def test_nothing_is_refused_or_doubted(options: Options) -> None:
    """The decoder understands every line of a feed that behaves."""
    assert report(options).refused == {}
    assert list(report(options).doubts) == []


MISCHIEF = ("foreign", "duplicates", "late", "flicker", "reinit", "blip", "silence")
SEEDS = {"endurance": 11, "rental": 12, "competition": 11}


@pytest.mark.parametrize("preset", SEEDS)
@pytest.mark.parametrize("kind", MISCHIEF)
def test_misbehaviour_costs_no_lap(preset: str, kind: str) -> None:
    """Strangers' bytes, repeated, late and held-back lines, title flicker, new boards: the same sessions and laps."""
    made = simulator(Options(preset=preset, karts=6, duration_ms=300_000, seed=SEEDS[preset]))
    frames = list(Mischief(made.frames(), made.snapshot, {kind: 2.0}, seed=5).frames())
    found = analyze(frames)
    true = made.truth.sessions
    assert len(found.logbook.sessions) == len(true)
    for session, known in zip(found.logbook.sessions, true, strict=True):
        mine = {row.id: [lap.time_ms for lap in row.laps] for row in session.competitors.values() if row.laps}
        assert mine == {row: [lap.time_ms for lap in laps] for row, laps in known.laps.items()}


@pytest.mark.parametrize("speed", [10, 50])
def test_a_fast_replay_costs_no_lap(options: Options, speed: int) -> None:
    """The same recording replayed faster."""
    frames, true = run(options)
    start = frames[0].at
    found = analyze([frame._replace(at=start + (frame.at - start) // speed) for frame in frames])
    assert len(found.logbook.sessions) == len(true)
    for session, known in zip(found.logbook.sessions, true, strict=True):
        mine = {row.id: [lap.time_ms for lap in row.laps] for row in session.competitors.values() if row.laps}
        assert mine == {row: [lap.time_ms for lap in laps] for row, laps in known.laps.items()}
