"""The ordered standing of a session."""

from typing import TYPE_CHECKING

import pytest

from karttime.domain.classification import classification
from karttime.domain.columns import Role
from karttime.domain.ids import CompetitorId
from karttime.domain.updates import (
    BoardRow,
    BoardShown,
    Cell,
    LapCompleted,
    LapFlag,
    Named,
    PitEntered,
    PitLeft,
    Provenance,
    SessionChanged,
    SessionKind,
)

if TYPE_CHECKING:
    from tests.domain.conftest import MakeSession

T = 1_779_004_800_000
WHY = Provenance((0,), "crossing")
GAP = (Role.NUMBER, Role.GAP, Role.INTERVAL)


def test_order_is_by_position(make_session: "MakeSession") -> None:
    """Not by the order in which rows were sent; those without a position come last."""
    rows = {"1": (3, ()), "2": (0, ()), "3": (1, ()), "4": (2, ())}
    standings = classification(make_session((), rows))
    assert [row.competitor_id for row in standings] == ["3", "4", "1", "2"]
    assert [row.position for row in standings] == [1, 2, 3, None]


def test_ties_are_broken_by_laps_then_best_then_id(make_session: "MakeSession") -> None:
    """The order is total: the same rows give the same order however they were sent."""
    roles = (Role.LAPS, Role.BEST_LAP)
    rows = {"d": (0, ("5", "1:00.000")), "c": (0, ("6", "")), "b": (0, ("5", "59.000")), "a": (0, ("5", "1:00.000"))}
    order = [row.competitor_id for row in classification(make_session(roles, rows))]
    assert order == ["c", "b", "a", "d"]
    backwards = dict(reversed(rows.items()))
    assert [row.competitor_id for row in classification(make_session(roles, backwards))] == order


def test_without_positions_who_completed_the_laps_first_is_ahead(make_session: "MakeSession") -> None:
    """However fast its best lap was; in practice and qualifying the best lap is all that counts."""
    rows = {"a": (0, ("2", "59.000")), "b": (0, ("2", "1:00.000")), "c": (0, ("3", "1:01.000"))}
    session = make_session((Role.LAPS, Role.BEST_LAP), rows)
    for at, who in enumerate("cba"):
        session.apply(LapCompleted(T + at, CompetitorId(who), 60_000, WHY))
    assert [row.competitor_id for row in classification(session)] == ["c", "b", "a"]
    session.apply(SessionChanged(T, SessionKind.QUALIFYING, "", "", ""))
    assert [row.competitor_id for row in classification(session)] == ["a", "b", "c"]


def test_gaps_of_lapped_groups_in_a_race(make_session: "MakeSession") -> None:
    """Behind a `1 Tour` row a time is the gap to that kart, one lap down; the leader's cell is no gap."""
    gaps = ("Tour 14", "12.436", "36.912", "1 Tour", "4.783", "20.500", "2 Tours", "24.813", "")
    rows = {str(n): (n, (str(n), text, "")) for n, text in enumerate(gaps, 1)}
    standings = classification(make_session(GAP, rows))
    assert [(row.gap_ms, row.gap_laps) for row in standings] == [
        (None, None),
        (12_436, None),
        (36_912, None),
        (None, 1),
        (4_783, 1),
        (20_500, 1),
        (None, 2),
        (24_813, 2),
        (None, None),
    ]
    assert [row.gap for row in standings] == list(gaps)
    assert standings[0].laps == 14


def test_in_practice_a_gap_is_to_the_best_time(make_session: "MakeSession") -> None:
    """No laps are carried along."""
    rows = {"1": (1, ("1", "1 Tour", "")), "2": (2, ("2", "0.226", ""))}
    standings = classification(make_session(GAP, rows, SessionKind.PRACTICE))
    assert [(row.gap_ms, row.gap_laps) for row in standings] == [(None, 1), (226, None)]


def test_intervals(make_session: "MakeSession") -> None:
    """To the competitor ahead: a time or laps."""
    rows = {"1": (1, ("1", "", "")), "2": (2, ("2", "", "0.226")), "3": (3, ("3", "", "2 Tours"))}
    standings = classification(make_session(GAP, rows))
    assert [(row.interval, row.interval_ms, row.interval_laps) for row in standings] == [
        ("", None, None),
        ("0.226", 226, None),
        ("2 Tours", None, 2),
    ]


def test_missing_columns_are_filled_from_what_was_seen(make_session: "MakeSession") -> None:
    """Laps, best, last and stops come from events where the board shows none."""
    session = make_session((), {"1": (1, ())})
    row = CompetitorId("1")
    for time_ms in (60_000, 59_000, 61_000):
        flags = frozenset({LapFlag.FIRST}) if time_ms == 60_000 else frozenset()
        session.apply(LapCompleted(T, row, time_ms, WHY, flags=flags))
    session.apply(PitEntered(T, row))
    session.apply(PitLeft(T, row))
    session.apply(Named(T, row, "LES BIELLES", "RENZO"))
    (standing,) = classification(session)
    assert (standing.laps, standing.last_lap_ms, standing.best_lap_ms, standing.pit_stops) == (3, 61_000, 59_000, 1)
    assert (standing.team, standing.driver, standing.status, standing.in_pit) == (
        "LES BIELLES",
        "RENZO",
        "out-lap",
        False,
    )


def test_columns_go_before_what_was_seen(make_session: "MakeSession") -> None:
    """The board counts laps and stops from before we listened; an empty last lap stays empty, as in the pits."""
    roles = (Role.LAPS, Role.LAST_LAP, Role.BEST_LAP, Role.PIT_STOPS)
    session = make_session(roles, {"1": (1, ("76", "", "58.000", ""))})
    session.apply(LapCompleted(T, CompetitorId("1"), 60_000, WHY))
    session.apply(PitEntered(T, CompetitorId("1")))
    (standing,) = classification(session)
    assert (standing.laps, standing.last_lap_ms, standing.best_lap_ms, standing.pit_stops) == (76, None, 58_000, 0)


def test_a_blank_lap_counter(make_session: "MakeSession") -> None:
    """Falls back to the leader's cell, then to the laps that were timed."""
    session = make_session((Role.LAPS, Role.GAP), {"1": (1, ("", "Lap 9")), "2": (2, ("", "1.0"))})
    session.apply(LapCompleted(T, CompetitorId("2"), 60_000, WHY, flags=frozenset({LapFlag.FIRST})))
    assert [row.laps for row in classification(session)] == [9, 1]


def test_laps_that_nobody_counted(make_session: "MakeSession") -> None:
    """No counter, and the first lap seen was not the first one driven: how many there were is not known."""
    session = make_session((), {"1": (1, ())})
    session.apply(LapCompleted(T, CompetitorId("1"), 60_000, WHY))
    (standing,) = classification(session)
    assert standing.laps is None


@pytest.mark.parametrize("number", ["", "7", "222", "A1"])
def test_a_kart_number_is_a_text(make_session: "MakeSession", number: str) -> None:
    """It may be empty, and is never an identity."""
    rows = {"1": (1, (number,)), "2": (2, (number,))}
    assert [row.number for row in classification(make_session((Role.NUMBER,), rows))] == [number, number]


def test_who_left_the_board_is_not_classified(make_session: "MakeSession") -> None:
    """Only those on the board, and only its texts."""
    session = make_session((Role.NUMBER,), {"1": (1, ("7",)), "2": (2, ("8",))})
    session.apply(BoardShown(T, session.columns, {CompetitorId("2"): BoardRow(1, {1: Cell("", " 9 ")})}))
    assert [(row.competitor_id, row.number) for row in classification(session)] == [("2", "9")]


def test_an_empty_board(make_session: "MakeSession") -> None:
    """Nobody is classified."""
    assert classification(make_session()) == []
