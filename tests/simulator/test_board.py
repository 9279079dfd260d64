"""The parts of the board, one by one: cells, groups, the HTML of a burst, clocks, race control, timers, differences."""

import re
from dataclasses import replace

import pytest

from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId
from karttime.domain.updates import SessionKind
from karttime.simulator.apex import board, burst
from karttime.simulator.apex.cells import Cell, View, groups, render
from karttime.simulator.apex.clock import Clocks
from karttime.simulator.apex.dialect import STYLES, Clock, Dialect, Edition
from karttime.simulator.apex.race_control import RaceControl
from karttime.simulator.model import Action, Driver, Entry, Intervention, SessionPlan, Track
from karttime.simulator.session import SessionState, Standing
from karttime.simulator.timers import Timers

COLUMNS = ("grp", "sta", "rk", "no", "dr", "llp", "blp", "gap", "int", "tlp", "otr", "pit", "pen")
DIALECT = Dialect(Edition.LEISURE, "fr", (COLUMNS,), team_header=True, alternates=True)
COMPETITION = replace(DIALECT, edition=Edition.COMPETITION, language="es")
TRACK = Track("OVAL", 987, 60_000, sectors=(300, 400, 300))
START_AT = 1_780_131_600_000  # 11:00 local


def session(kind: SessionKind = SessionKind.RACE, karts: int = 4, laps: int | None = None) -> SessionState:
    rows = tuple(
        Entry(
            competitor_id=CompetitorId(str(100 + number)),
            number=str(number),
            team=f"TEAM {number} & <CO>",
            drivers=(Driver(f"Driver {number}"), Driver("Other")),
            pace_ms=0,
            spread_ms=0,
            nation="ESP" if number == 1 else "",
            category="PRO",
            colour=number,
        )
        for number in range(1, karts + 1)
    )
    state = SessionState(SessionPlan(kind, "CUP", "RACE", TRACK, rows, laps=laps))
    for row in rows:
        state.add(row, in_pit=False)
    return state


def view(state: SessionState, standing: Standing, dialect: Dialect = DIALECT) -> View:
    return View(state, standing, dialect, 100_000, "sr", "gs", names_drivers=False, best_splits=False, timer_ms=None)


def driven(kind: SessionKind = SessionKind.RACE) -> SessionState:
    """Everybody crossed twice: karts 1 and 2 close together, 3 two seconds later, 4 has no time."""
    state = session(kind)
    first, second, third, _ = state.order
    for standing, at, lap in ((first, 60_000, 60_000), (second, 60_400, 60_400), (third, 62_500, 62_500)):
        state.cross(standing, at, lap)
    return state


def test_an_unclassified_row_is_blank_but_for_who_it_is() -> None:
    state = session()
    shown = {key: render(key, view(state, state.order[3])) for key in COLUMNS}
    assert shown["no"] == Cell("no4", "4")
    assert shown["dr"] == Cell("dr", "TEAM 4 & <CO>")
    assert shown["otr"] == Cell("in", "0:00")
    blank = {"rk", "llp", "blp", "gap", "int", "tlp", "pit", "pen"}
    assert {key for key, cell in shown.items() if not cell.text} == blank | {"grp", "sta"}


def test_the_cells_of_a_leader_and_a_follower() -> None:
    state = driven()
    leader, follower = (
        {key: render(key, view(state, standing)) for key in COLUMNS} for standing in (state.order[0], state.order[1])
    )
    assert (leader["rk"], leader["gap"], leader["int"]) == (Cell("", "1"), Cell("ib", "Tour 1"), Cell("in", ""))
    assert (leader["llp"], leader["blp"]) == (Cell("tb", "1:00.000"), Cell("tb", "1:00.000"))
    assert (follower["llp"], follower["blp"]) == (Cell("ti", "1:00.400"), Cell("in", "1:00.400"))
    assert (follower["gap"], follower["int"], follower["tlp"]) == (
        Cell("ib", "0.400"),
        Cell("in", "0.400"),
        Cell("in", "1"),
    )


def test_timed_sessions_show_best_laps_bold_and_no_lap_for_the_leader() -> None:
    state = driven(SessionKind.QUALIFYING)
    leader = state.order[0]
    assert render("blp", view(state, leader)) == Cell("ib", "1:00.000")
    assert render("gap", view(state, leader)) == Cell("in", "")
    assert render("gap", view(state, state.order[2])) == Cell("in", "2.500")


def test_the_driver_turn_shows_name_and_time_driven() -> None:
    state = session()
    standing = state.order[0]
    standing.track_since = 100_000 - 61_000
    turn = replace(view(state, standing), names_drivers=True)
    assert render("dr", turn) == Cell("drteam", "Driver 1 [0:01]")
    standing.driver = 1
    assert render("dr", replace(turn, now=39_000)) == Cell("drteam", "Other [0:00]")


def test_the_pit_timer_takes_the_place_of_the_time_on_track() -> None:
    state = session()
    state.order[0].track_since = 0
    assert render("otr", view(state, state.order[0])) == Cell("in", "0:01")
    assert render("otr", replace(view(state, state.order[0]), timer_ms=62_000)) == Cell("to", "1:02.")


def test_competition_cells_have_their_own_classes() -> None:
    state = session()
    one, three = view(state, state.order[0], COMPETITION), view(state, state.order[2], COMPETITION)
    assert (render("no", one), render("no", three)) == (Cell(" no255", "1"), Cell("", "3"))
    assert (render("nat", one), render("nat", three)) == (Cell("ESP nat", ""), Cell(" nat", ""))
    assert render("class", one) == Cell("dr", "PRO")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(SessionKind.RACE, ["gf", "gl", "gs", "in"]), (SessionKind.QUALIFYING, ["gf", "gl", "gs", "in"])],
)
def test_groups_are_karts_close_together_or_in_the_same_second(kind: SessionKind, expected: list[str]) -> None:
    state = driven(kind)
    shown = groups(state)
    assert [shown[standing.entry.competitor_id] for standing in state.order] == expected


def test_a_group_of_three_has_a_middle() -> None:
    state = session(karts=3)
    for standing, at in zip(list(state.order), (60_000, 60_300, 60_900), strict=True):
        state.cross(standing, at, at)
    assert list(groups(state).values()) == ["gf", "gm", "gl"]


def whole(state: SessionState, dialect: Dialect) -> str:
    lines = {s: f"{s}||" for s in ("title1", "title2", "dyn1", "dyn2", "light", "com", "msg", "gridb")}
    positions = {standing.entry.competitor_id: standing.position for standing in state.standings.values()}

    def cell(standing: Standing, key: str) -> Cell:
        return render(key, view(state, standing, dialect))

    return burst.burst(state, dialect, burst.Board(COLUMNS, lines, positions, cell))


def test_rows_stand_in_entry_order_with_their_position_as_attribute() -> None:
    state = driven()
    state.cross(state.order[2], 100_000, 37_500)
    rows = re.findall(r'<tr data-id="r(\d+)" data-pos="(\d+)">', whole(state, DIALECT))
    assert rows == [("101", "2"), ("102", "3"), ("103", "1"), ("104", "4")]


def test_rank_and_number_carry_their_id_on_an_inner_element_and_names_are_not_escaped() -> None:
    html = whole(driven(), DIALECT)
    assert '<td class="rk"><div><p data-id="r101c3" class="">1</p></div></td>' in html
    assert '<td class="no"><div data-id="r101c4" class="no1">1</div></td>' in html
    assert '<td data-id="r101c5" class="dr">TEAM 1 & <CO></td>' in html


def test_header_cells_name_type_priority_and_width() -> None:
    html = whole(session(), DIALECT)
    assert '<td data-id="c3" data-type="rk" data-pr="1">Clt</td>' in html
    assert '<td data-id="c5" data-type="dr" data-pr="1" data-width="24" data-min="16">Equipe</td>' in html
    assert '<td data-id="c13" data-type="" data-pr="6" data-width="8" data-min="5">Péna.</td>' in html
    assert all(DIALECT.header(key) for key in STYLES if key not in ("grp", "sta"))


def test_tracks_are_named_as_their_edition_does() -> None:
    assert burst.track_line(TRACK, competition=False) == "track||OVAL (987m)"
    assert burst.track_line(TRACK, competition=True) == "track||OVAL - 0.987 km"


def test_the_best_table_knows_who_holds_what_and_the_ideal_lap() -> None:
    state = session()
    one, two = state.order[:2]
    for standing, times in ((one, (18_000, 24_100, 18_000)), (two, (18_100, 24_000, 18_200))):
        for sector, ms in enumerate(times, 1):
            state.split(standing, sector, ms)
        state.cross(standing, sum(times), sum(times))
    cells = burst.best_table(state, COMPETITION)
    assert [cells[row, 2].text for row in (1, 2, 3, 4)] == ["1", "2", "1", "1"]
    assert [cells[row, 3].text for row in (1, 4, 5)] == ["18.000", "1:00.100", "1:00.000"]
    assert cells[4, 3].style == "ib"
    assert burst.best_table_line(cells, COMPETITION).count("data-id=") == 15


def test_only_what_differs_is_sent_and_committing_makes_it_the_same() -> None:
    shown = board.Shown()
    row = CompetitorId("7")
    found = board.changed_cells(shown, [row], lambda _row: [Cell("", "1"), Cell("in", "x")])
    change = board.Change(["r7c1||1"], found, {row: 1}, {"light": "light|lg|"})
    assert list(found) == [(row, 1), (row, 2)]
    assert change.text == "r7c1||1\n"
    change.commit(shown)
    assert board.changed_cells(shown, [row], lambda _row: [Cell("", "1"), Cell("ib", "x")]) == {(row, 2): ("ib", "x")}
    assert board.changed_lines(shown, {"light": "light|lg|", "msg": "msg||"}) == {"msg": "msg||"}


def test_row_events_are_sorted_by_row_passings_first() -> None:
    rows = [CompetitorId(row) for row in ("24", "9", "100")]
    passings = [(rows[2], "*||"), (rows[0], "*in|0"), (rows[0], "*|1|2")]
    assert board.row_events(passings, {rows[1]: 3, rows[0]: 1}) == [
        "r9|#|3",
        "r24|*in|0",
        "r24|*|1|2",
        "r24|#|1",
        "r100|*||",
    ]


def clocks(dialect: Dialect, state: SessionState) -> tuple[Clocks, Timers]:
    timers = Timers()
    now = Clocks(dialect, timers, lambda: None)
    now.load(state)
    return now, timers


def test_the_countdown_runs_from_green_to_chequered() -> None:
    state = session()
    now, timers = clocks(DIALECT, state)
    assert now.dyn1 == now.now(5_000) == "dyn1|text|00:10:00"
    state.green_at = 20_000
    now.flag(20_000, Flag.GREEN)
    assert now.dyn1 == "dyn1|countdown|600000"
    timers.run_next()
    assert now.dyn1 == "dyn1|countdown|570000"
    assert now.now(50_123) == "dyn1|countdown|569877"
    state.chequered_at = 60_000
    now.flag(60_000, Flag.CHEQUERED)
    assert now.dyn1 == "dyn1|text|"
    timers.run_next()
    assert timers.next_at is None


def test_an_open_session_counts_up() -> None:
    state = session()
    now, timers = clocks(replace(DIALECT, clock=Clock.COUNT_UP), state)
    state.green_at = 0
    now.flag(0, Flag.GREEN)
    timers.run_next()
    assert now.dyn1 == "dyn1|count|30000"


def test_a_restart_after_yellow_does_not_restart_the_clock() -> None:
    state = session()
    now, timers = clocks(COMPETITION, state)
    state.green_at = 0
    now.flag(0, Flag.GREEN)
    now.flag(40_000, Flag.GREEN)
    timers.run_next()
    assert (now.dyn2, timers.next_at) == ("dyn2|count|15000", 30_000)


def test_race_control_writes_flags_and_decisions_and_forgets_them_for_a_new_session() -> None:
    state = driven()
    control = RaceControl(DIALECT, START_AT)
    control.flag(0, Flag.GREEN)
    control.flag(1_000, Flag.YELLOW)
    control.decide(60_000, Intervention(0, Action.PENALTY, text="contact - 10.000"), state.order[1])
    assert control.com_line() == (
        'com||<p><b>11:01</b><span data-flag="penalty"></span><span class="com_no no2">2</span>'
        'Pénalité - contact - 10.000</p><p><b>11:00</b><span data-flag="green"></span>Départ</p>'
    )
    assert control.msg_line() == "msg|msgp|N°2 TEAM 2 & <CO> : Pénalité - contact - 10.000"
    control.best_lap(state, state.order[0])
    assert control.msg_line() == "msg||Meilleur Tour : TEAM 1 & <CO> - 1:00.000 (59.22 km/h)"
    control.clear()
    assert (control.com_line(), control.msg_line()) == ("com||", "msg||")


def test_timers_run_in_order_and_repeat_while_they_are_wanted() -> None:
    timers, calls = Timers(), list[tuple[str, int]]()

    def tick(now: int) -> bool:
        calls.append(("tick", now))
        return now < 200

    timers.every(100, 50, tick)
    timers.at(120, lambda now: calls.append(("once", now)))
    while timers.next_at is not None:
        timers.run_next()
    assert calls == [("tick", 100), ("once", 120), ("tick", 150), ("tick", 200)]
    timers.at(1, lambda _now: None)
    timers.clear()
    assert timers.next_at is None
