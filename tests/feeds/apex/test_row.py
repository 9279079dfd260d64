"""One row of the board: names, counters, sectors."""

import pytest

from karttime.domain.columns import SECTORS, Column, Role
from karttime.domain.updates import Cell, Status
from karttime.feeds.apex.laps import Tempo
from karttime.feeds.apex.row import Row


def new_row() -> Row:
    return Row("71", Tempo())


def row(roles: list[Role], *cells: tuple[str, str]) -> Row:
    made = new_row()
    columns = [Column(number, role, "", "") for number, role in enumerate(roles, 1)]
    made.lay_out(columns, {number: Cell(*cell) for number, cell in enumerate(cells, 1)})
    return made


def test_names_take_turns_in_one_cell() -> None:
    """Style `dr` is the team, `drteam` the driver with the time he has driven."""
    made = new_row()
    assert made.named("dr", " LES BIELLES ", as_team=True)
    assert made.named("drteam", "RENZO [1:00]", as_team=True)
    assert (made.team, made.driver) == ("LES BIELLES", "RENZO")
    assert not made.named("dr", "LES BIELLES", as_team=True)
    assert not made.named("drteam", "RENZO [1:01]", as_team=True)
    assert made.named("drteam", "BLANCA [0:00]", as_team=True)
    assert (made.team, made.driver) == ("LES BIELLES", "BLANCA")


def test_a_driver_without_a_team() -> None:
    """Where nobody alternates and the header speaks of drivers."""
    made = new_row()
    assert made.named("dr", "RENZO", as_team=False)
    assert (made.team, made.driver) == ("", "RENZO")


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("RENZO [0:00]", "RENZO"),
        ("RENZO [125:59] ", "RENZO"),
        ("RENZO [PRO]", "RENZO [PRO]"),
        ("[1:00]", ""),
        ("R [1:00] [2:00]", "R [1:00]"),
        ("ELOWE <3 [0:48]", "ELOWE <3"),
    ],
)
def test_driving_time_is_no_part_of_the_name(text: str, driver: str) -> None:
    """Only a time in brackets at the end goes."""
    made = new_row()
    made.named("drteam", text, as_team=True)
    assert made.driver == driver


@pytest.mark.parametrize(
    ("texts", "sectors"),
    [
        (("20.000", "21.500", "19.100"), (20_000, 21_500, 19_100)),
        (("20.00", "21.5", "19.100"), (20_000, 21_500, 19_100)),
        (("20.000", "", "19.100"), (20_000, None, 19_100)),
        (("", "", ""), (None, None, None)),
        (("20.000", "21.500", "29.100"), (None, None, None)),
        (("59.000", "", "19.100"), (None, None, None)),
    ],
)
def test_sectors_that_belong_to_the_lap(texts: tuple[str, ...], sectors: tuple[int | None, ...]) -> None:
    """They add up, within what narrow columns cut off; a missing one is unknown, not computed."""
    made = row(list(SECTORS[:3]), *(("tn", text) for text in texts))
    assert made.sector_times(60_600) == sectors


def test_best_sectors_in_the_pits_are_not_the_laps() -> None:
    """Style `ib`."""
    made = row(list(SECTORS[:2]), ("ib", "30.000"), ("tn", "30.000"))
    assert made.sector_times(60_000) == (None, 30_000)


def test_no_sector_columns_no_sectors() -> None:
    """Nothing instead of nothings."""
    assert row([Role.LAST_LAP], ("tn", "1:00.000")).sector_times(60_000) == ()


def test_what_the_board_shows() -> None:
    """Last lap and lap count; None where it shows none."""
    made = row([Role.LAPS, Role.LAST_LAP], ("in", "12"), ("tn", "1:00.000"))
    assert (made.counted(), made.last_lap()) == (12, 60_000)
    blank = row([Role.LAPS, Role.LAST_LAP], ("in", ""), ("tn", "-"))
    assert (blank.counted(), blank.last_lap()) == (None, None)
    assert (row([]).counted(), row([]).last_lap()) == (None, None)


@pytest.mark.parametrize(
    ("style", "status"),
    [
        ("si", Status.IN_PIT),
        ("sr", Status.ON_TRACK),
        ("sf", Status.FINISHED),
        ("in", Status.UNKNOWN),
        ("zz", Status.UNKNOWN),
    ],
)
def test_status_of_a_new_board(style: str, status: Status) -> None:
    """A known state counts, also for whether the row is in the pits."""
    made = row([Role.STATUS], (style, ""))
    assert made.status is status
    assert made.tracker.in_pit is (status is Status.IN_PIT)


def test_a_row_that_was_under_way_when_first_seen() -> None:
    """What the board shows was driven before: not fresh, and no lap of ours."""
    made = row([Role.STATUS, Role.LAST_LAP], ("si", ""), ("tn", "1:00.000"))
    made.first_shown()
    assert not made.fresh
    assert (made.tracker.last_ms, made.tracker.in_pit) == (60_000, True)
    blank = row([Role.LAST_LAP])
    blank.first_shown()
    assert blank.fresh
