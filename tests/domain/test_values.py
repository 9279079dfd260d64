"""Typed values of displayed cells."""

import pytest

from karttime.domain.columns import Column, Role
from karttime.domain.times import LapsGap, LeaderLap, TimeGap
from karttime.domain.updates import Cell
from karttime.domain.values import FIELDS, Value, typed, whole_number


def value(role: Role, text: str, style: str = "") -> Value:
    fields = typed([Column(1, role, "", "")], {1: Cell(style, text)})
    assert set(fields) == {FIELDS[role][0]}
    return fields[FIELDS[role][0]]


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("12", 12), (" 12 ", 12), ("007", 7), ("999999999", 999_999_999)],
)
def test_whole_numbers(text: str, number: int) -> None:
    """Digits, blanks around them."""
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.5", "1 2", "١٢", "²", "1" * 10, "x"])
def test_what_is_no_whole_number(text: str) -> None:
    """Signs, foreign digits and absurd lengths are none."""
    assert whole_number(text) is None


@pytest.mark.parametrize(
    ("role", "text", "expected"),
    [
        (Role.NUMBER, " 222 ", "222"),
        (Role.NUMBER, "", None),
        (Role.CLASS, "PRO", "PRO"),
        (Role.LAST_LAP, "1:05.415", 65_415),
        (Role.BEST_LAP, "-", None),
        (Role.GAP, "Tour 14", LeaderLap(14)),
        (Role.GAP, "1 Tour", LapsGap(1)),
        (Role.INTERVAL, "0.226", TimeGap(226)),
        (Role.INTERVAL, "", None),
        (Role.LAPS, "76", 76),
        (Role.LAPS, "", None),
        (Role.PIT_STOPS, "3", 3),
        (Role.PIT_STOPS, "", 0),
        (Role.PIT_STOPS, "x", 0),
        (Role.PIT_TIME, "2:03.004", 123_004),
        (Role.SECTOR_1, "22.150", 22_150),
        (Role.SECTOR_9, "52.54", 52_540),
        (Role.SPEED, "54.32", "54.32"),
        (Role.PENALTY, "2 Trs 20.000", "2 Trs 20.000"),
        (Role.TOTAL_TIME, "1:02:03.004", 3_723_004),
        (Role.INFORMATION, " ", None),
    ],
)
def test_cells_by_role(role: Role, text: str, expected: Value) -> None:
    """Each role reads its text its own way; a blank stop counter means none, so a stop taken away is gone."""
    assert value(role, text) == expected


def test_time_on_track_is_not_the_pit_timer() -> None:
    """The same column shows both: `H:MM` on track, style `to` with a running timer in the pits."""
    assert value(Role.TRACK_TIMER, "0:48", "in") == 2_880_000
    assert value(Role.TRACK_TIMER, "2:23.", "to") is None


def test_a_country_stands_in_the_style() -> None:
    """The style's first word, unless there is a text."""
    assert value(Role.NATIONALITY, "", "ESP nat") == "ESP"
    assert value(Role.NATIONALITY, "Sweden", "SWE nat") == "Sweden"


def test_an_unknown_country_is_none() -> None:
    """`class=" nat"` means that no country is known."""
    assert value(Role.NATIONALITY, "", " nat") is None


def test_roles_that_come_from_events_have_no_field() -> None:
    """Position, names and status come from events; groups and unknown columns mean nothing."""
    silent = [Role.POSITION, Role.DRIVER, Role.TEAM, Role.STATUS, Role.GROUP, Role.UNKNOWN]
    columns = [Column(n, role, "", "") for n, role in enumerate(silent, 1)]
    assert typed(columns, {n: Cell("", "1") for n in range(1, 7)}) == {}
    assert set(FIELDS) | set(silent) == set(Role)


def test_of_two_columns_for_one_field_the_first_that_speaks_counts() -> None:
    """A venue may show the same role twice."""
    columns = [Column(1, Role.LAST_LAP, "", ""), Column(2, Role.LAST_LAP, "", "")]
    assert typed(columns, {1: Cell("", "1.000"), 2: Cell("", "2.000")}) == {"last_lap_ms": 1_000}
    assert typed(columns, {1: Cell("", ""), 2: Cell("", "2.000")}) == {"last_lap_ms": 2_000}


def test_cells_that_are_not_there_set_nothing() -> None:
    """A missing cell is not an empty one."""
    assert typed([Column(1, Role.LAPS, "", "")], {}) == {}
