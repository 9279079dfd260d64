"""Order, gaps and marks of a session, crossing by crossing."""

from karttime.domain.ids import CompetitorId
from karttime.domain.updates import SessionKind
from karttime.simulator.model import Driver, Entry, SessionPlan, Track
from karttime.simulator.session import Behind, Mark, SessionState, Standing, classified

TRACK = Track("OVAL", 1000, 50_000, sectors=(300, 400, 300))


def session(kind: SessionKind, karts: int = 3) -> tuple[SessionState, list[Standing]]:
    rows = tuple(
        Entry(CompetitorId(name), name, None, (Driver(name),), pace_ms=0, spread_ms=0) for name in "ABCDEF"[:karts]
    )
    state = SessionState(SessionPlan(kind, "", "", TRACK, rows))
    return state, [state.add(row, in_pit=False) for row in rows]


def order(state: SessionState) -> str:
    return "".join(standing.number for standing in state.order)


def test_a_race_ranks_by_laps_then_by_who_crossed_first() -> None:
    state, (a, b, c) = session(SessionKind.RACE)
    assert state.cross(b, 1_000, None) == 1
    state.cross(a, 1_500, None)
    state.cross(c, 2_000, None)
    assert order(state) == "BAC"
    state.cross(c, 50_000, 48_000)
    assert order(state) == "CBA"
    assert [standing.number for standing in classified(state.order)] == ["C"]


def test_gaps_of_a_race_are_times_on_the_same_lap_and_laps_below() -> None:
    state, (a, b, c) = session(SessionKind.RACE)
    for standing, at in ((a, 1_000), (b, 1_400), (c, 1_900)):
        state.cross(standing, at, None)
    assert (a.gap, b.gap, c.gap) == (None, Behind(ms=400), Behind(ms=900))
    assert (b.interval, c.interval) == (Behind(ms=400), Behind(ms=500))
    state.cross(a, 51_000, 50_000)
    state.cross(a, 101_000, 50_000)
    assert b.gap == Behind(laps=1), "the first of its lap is a lap down when the leader passed twice more"
    assert c.gap == Behind(ms=900), "the next ones of that lap keep their time"
    state.cross(b, 102_000, 100_600)
    state.cross(c, 102_700, 100_800)
    assert b.gap == Behind(laps=1)
    assert c.gap == Behind(ms=700), "seconds to the first kart of the same lap"
    assert b.interval == Behind(laps=1)


def test_an_interval_is_unknown_once_somebody_else_is_ahead() -> None:
    state, (a, b, c) = session(SessionKind.RACE)
    for standing, at in ((a, 1_000), (b, 1_400), (c, 1_900)):
        state.cross(standing, at, None)
    state.cross(c, 50_000, 48_100)
    assert order(state) == "CAB"
    assert a.interval is None
    assert b.interval is None


def test_timed_sessions_rank_by_best_lap_and_measure_against_it() -> None:
    state, (a, b, c) = session(SessionKind.QUALIFYING)
    state.cross(a, 1_000, 51_000)
    state.cross(b, 2_000, 50_500)
    assert order(state) == "BAC"
    assert (b.gap, a.gap, c.gap) == (None, Behind(ms=500), None)
    state.cross(a, 52_000, 50_000)
    assert (a.gap, b.gap, b.interval) == (None, Behind(ms=500), Behind(ms=500))


def test_equal_best_laps_rank_who_set_it_first() -> None:
    state, (a, b, _) = session(SessionKind.QUALIFYING)
    state.cross(b, 1_000, 50_000)
    state.cross(a, 2_000, 50_000)
    assert order(state) == "BAC"


def test_a_beaten_overall_best_becomes_a_personal_best() -> None:
    state, (a, b, _) = session(SessionKind.RACE)
    state.cross(a, 1_000, 50_000)
    assert a.last_mark is Mark.OVERALL
    state.cross(b, 2_000, 49_900)
    assert (a.last_mark, b.last_mark) == (Mark.PERSONAL, Mark.OVERALL)
    state.cross(b, 52_000, 50_000)
    assert b.last_mark is Mark.NORMAL
    assert state.best is b


def test_the_first_sector_of_a_lap_clears_the_others_and_bests_are_kept() -> None:
    state, (a, b, _) = session(SessionKind.PRACTICE)
    for sector, ms in ((1, 15_000), (2, 20_000), (3, 15_000)):
        state.split(a, sector, ms)
    state.split(b, 1, 15_100)
    state.split(a, 1, 15_200)
    assert [split and split.ms for split in a.splits] == [15_200, None, None]
    assert [split and split.mark for split in a.splits] == [Mark.NORMAL, None, None]
    assert a.best_splits == [15_000, 20_000, 15_000]
    assert b.splits[0] is not None
    assert b.splits[0].mark is Mark.PERSONAL


def test_a_driver_s_time_counts_on_track_alone() -> None:
    state, (a, *_) = session(SessionKind.RACE)
    assert a.driving_ms(5_000) == 0
    a.track_since = 1_000
    assert a.driving_ms(5_000) == 4_000
    a.driven_ms[0], a.in_pit = 4_000, True
    assert a.driving_ms(9_000) == 4_000
    assert state.leader_laps == 0
