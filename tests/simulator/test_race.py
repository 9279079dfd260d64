"""The race model: deterministic, and what it tells adds up."""

import itertools
from collections import defaultdict
from collections.abc import Iterator

import pytest

from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId
from karttime.domain.updates import SessionKind
from karttime.simulator import events
from karttime.simulator.events import Event
from karttime.simulator.model import (
    Driver,
    Entry,
    Interruption,
    Meeting,
    SessionPlan,
    Start,
    StopLap,
    Stops,
    Track,
)
from karttime.simulator.race import Race

TRACK = Track("OVAL", 1000, 50_000, sectors=(300, 400, 300))


def entries(count: int, drivers: int = 1) -> tuple[Entry, ...]:
    return tuple(
        Entry(
            competitor_id=CompetitorId(str(number)),
            number=str(number),
            team=None,
            drivers=tuple(Driver(f"D{number}.{driver}") for driver in range(drivers)),
            pace_ms=100 * number,
            spread_ms=200,
        )
        for number in range(1, count + 1)
    )


def plan(kind: SessionKind = SessionKind.RACE, karts: int = 5, track: Track = TRACK, **more: object) -> SessionPlan:
    values: dict[str, object] = {"length_ms": 400_000, **more}
    return SessionPlan(kind, "CUP", "HEAT", track, entries(karts, 2), **values)  # type: ignore[arg-type] # by name


def told(race: Race) -> Iterator[Event]:
    while race.next_at is not None:
        yield from race.step()


def run(*plans: SessionPlan, seed: int = 1) -> list[Event]:
    return list(told(Race(Meeting(plans), seed)))


def crossings(happened: list[Event]) -> dict[str, list[events.LineCrossed]]:
    by_row: dict[str, list[events.LineCrossed]] = defaultdict(list)
    for event in happened:
        if isinstance(event, events.LineCrossed):
            by_row[event.competitor_id].append(event)
    return by_row


def test_same_seed_same_race() -> None:
    assert run(plan(), seed=9) == run(plan(), seed=9)
    assert run(plan(), seed=9) != run(plan(), seed=8)


def test_events_come_in_time_order_and_sessions_one_after_another() -> None:
    happened = run(plan(), plan(SessionKind.PRACTICE))
    assert [event.at for event in happened] == sorted(event.at for event in happened)
    edges = [type(event) for event in happened if isinstance(event, events.SessionLoaded | events.SessionClosed)]
    assert edges == [events.SessionLoaded, events.SessionClosed] * 2


@pytest.mark.parametrize("start", list(Start))
def test_lap_times_are_the_differences_of_crossings(start: Start) -> None:
    for row in crossings(run(plan(start=start))).values():
        for before, after in itertools.pairwise(row):
            assert after.lap_ms == after.at - before.at


@pytest.mark.parametrize("start", [Start.FLYING, Start.PITS])
def test_the_first_crossing_has_no_time_unless_the_race_starts_from_the_grid(start: Start) -> None:
    assert all(row[0].lap_ms is None for row in crossings(run(plan(start=start))).values())


def test_from_the_grid_the_first_lap_is_timed_from_the_green_flag() -> None:
    happened = run(plan(start=Start.STANDING))
    green = next(event.at for event in happened if isinstance(event, events.FlagShown))
    assert all(row[0].lap_ms == row[0].at - green for row in crossings(happened).values())


def test_everybody_finishes_with_the_first_crossing_after_the_flag() -> None:
    happened = run(plan(karts=8))
    flag = next(e.at for e in happened if isinstance(e, events.FlagShown) and e.flag is Flag.CHEQUERED)
    for row in crossings(happened).values():
        assert [crossing.after_flag for crossing in row] == [False] * (len(row) - 1) + [True]
        assert row[-2].at < flag <= row[-1].at


def test_a_race_over_laps_ends_when_the_winner_has_them() -> None:
    happened = run(plan(laps=5))
    flag = next(e.at for e in happened if isinstance(e, events.FlagShown) and e.flag is Flag.CHEQUERED)
    winner = next(row for row in crossings(happened).values() if row[-1].at == flag)
    assert sum(crossing.lap_ms is not None for crossing in winner) == 5
    assert winner[-1].after_flag


def test_stops_lie_inside_one_long_lap() -> None:
    happened = run(plan(stops=Stops(1, 30_000, change_driver=True), length_ms=600_000))
    for row in crossings(happened).values():
        (with_stop,) = [crossing for crossing in row if crossing.had_stop]
        assert with_stop.lap_ms is not None
        assert 80_000 < with_stop.lap_ms < 110_000
        assert not with_stop.in_pit_lane


def test_where_laps_end_in_the_pit_lane_the_lap_is_the_stop() -> None:
    track = Track("LANE", 1000, 50_000, stop_lap=StopLap.EXIT)
    happened = run(plan(track=track, stops=Stops(1, 30_000), length_ms=600_000))
    entered = {e.competitor_id: e.at for e in happened if isinstance(e, events.PitEntered)}
    ended = [e for row in crossings(happened).values() for e in row if e.in_pit_lane]
    assert len(ended) == 5
    assert all(event.lap_ms == event.at - entered[event.competitor_id] for event in ended)


def test_pit_entries_and_exits_pair() -> None:
    happened = run(plan(stops=Stops(3, 30_000), length_ms=1_800_000))
    inside: set[str] = set()
    for event in happened:
        if isinstance(event, events.PitEntered):
            assert event.competitor_id not in inside
            inside.add(event.competitor_id)
        elif isinstance(event, events.PitLeft):
            inside.remove(event.competitor_id)
    assert not inside


def test_a_swapped_kart_number_is_never_in_use_twice() -> None:
    race = Race(Meeting((plan(stops=Stops(3, 30_000, swap_kart=True), length_ms=1_800_000),)), 1)
    swaps = 0
    for event in told(race):
        numbers = [standing.number for standing in race.session.order]
        assert len(set(numbers)) == len(numbers)
        swaps += isinstance(event, events.CrewChanged)
    assert swaps == 15
    assert {standing.number for standing in race.session.order} != {"1", "2", "3", "4", "5"}


def test_under_red_nobody_moves() -> None:
    red = Interruption(120_000, Flag.RED, 60_000)
    happened = run(plan(interruptions=(red,)))
    (since,) = [e.at for e in happened if isinstance(e, events.FlagShown) and e.flag is Flag.RED]
    held = [e for e in happened if since < e.at < since + 60_000]
    assert held == []


def test_under_yellow_laps_are_slower() -> None:
    yellow = Interruption(100_000, Flag.YELLOW, 60_000)
    laps = [e.lap_ms or 0 for row in crossings(run(plan(interruptions=(yellow,)))).values() for e in row]
    calm = [e.lap_ms or 0 for row in crossings(run(plan())).values() for e in row]
    assert max(laps) > 62_000
    assert sum(lap > 62_000 for lap in calm) == 0


def test_late_entries_join_and_are_classified() -> None:
    race = Race(Meeting((plan(SessionKind.PRACTICE, start=Start.PITS, late=2),)), 1)
    added = [event for event in told(race) if isinstance(event, events.EntryAdded)]
    assert [event.competitor_id for event in added] == ["4", "5"]
    assert {standing.entry.competitor_id for standing in race.session.order} == {"1", "2", "3", "4", "5"}


def test_a_kart_that_retires_is_overdue_and_does_not_hold_up_the_end() -> None:
    race = Race(Meeting((plan(karts=4, retire_per_mille=1000),)), 2)
    happened = list(told(race))
    assert sum(isinstance(event, events.Overdue) for event in happened) >= 3
    assert isinstance(happened[-1], events.SessionClosed)
    assert any(standing.stopped and not standing.finished for standing in race.session.order)


def test_sectors_add_up_to_the_lap() -> None:
    race = Race(Meeting((plan(),)), 1)
    seen = 0
    for event in told(race):
        if isinstance(event, events.LineCrossed) and event.lap_ms is not None:
            splits = race.session.standings[event.competitor_id].splits
            assert sum(split.ms for split in splits if split) == event.lap_ms
            seen += 1
    assert seen > 20


def test_some_laps_equal_the_one_before() -> None:
    laps = [[e.lap_ms for e in row] for row in crossings(run(plan(karts=20, length_ms=1_500_000))).values()]
    assert sum(a == b for row in laps for a, b in itertools.pairwise(row)) > 3
