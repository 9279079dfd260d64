"""Lines about rows of the board: cells, positions, crossings, pit lane."""

from typing import TYPE_CHECKING

import pytest

from karttime.domain.columns import Role
from karttime.domain.updates import (
    Cell,
    CellsChanged,
    LapCompleted,
    Loop,
    Named,
    Passed,
    PitEntered,
    PitLeft,
    PositionsChanged,
    Status,
    StatusChanged,
)
from karttime.feeds.apex.reader import _MAX_STYLES, MAX_LINES

if TYPE_CHECKING:
    from tests.feeds.apex.conftest import Feed


def test_cells_of_a_frame_are_one_update(feed: "Feed") -> None:
    """By competitor and column; the last one of a cell counts; positions likewise; events after them, as sent."""
    feed.board()
    one, other = feed.row(71).id, feed.row(72).id
    updates = feed.send(
        "r71c3|no7|5", "r71c7|in|1", "r72c7|in|1", "r71c7|in|2", "r71|#|2", "r72|#|1", "r72|*i1|21000", "r71|*in|0"
    )
    assert updates == [
        CellsChanged(feed.at, {one: {3: Cell("no7", "5"), 7: Cell("in", "2")}, other: {7: Cell("in", "1")}}),
        PositionsChanged(feed.at, {one: 2, other: 1}),
        Passed(feed.at, other, Loop.SECTOR_1, 21_000),
        PitEntered(feed.at, one),
    ]


def test_an_empty_text_clears(feed: "Feed") -> None:
    """`r71c7||` empties the cell."""
    feed.board()
    feed.send("r71c7|in|3")
    feed.send("r71c7||")
    assert feed.row(71).cells[7].text == ""


def test_an_empty_style_keeps_the_style(feed: "Feed") -> None:
    """`r71c7||4` shows the new text in the old colour."""
    feed.board()
    feed.send("r71c7|ib|3")
    feed.send("r71c7||4")
    assert feed.row(71).cells[7] == Cell("ib", "4")


def test_an_icon_without_a_text(feed: "Feed") -> None:
    """`r71c1|sr|` sets the style alone."""
    feed.board()
    feed.send("r71c1|sr|")
    assert feed.row(71).cells[1] == Cell("sr", "")


def test_a_text_may_hold_bars(feed: "Feed") -> None:
    """Only the first two bars part a line."""
    feed.board()
    feed.send("r71c4|dr|LES | BIELLES")
    assert feed.row(71).cells[4].text == "LES | BIELLES"


def test_a_kart_swap(feed: "Feed") -> None:
    """Another number on the same row: the same competitor, with all laps."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    feed.send("r71c3|no20|36")
    assert feed.row(71).values(feed.session.columns)["number"] == "36"
    assert feed.laps(71) == [60_000]


def test_a_pit_counter_goes_back_to_blank(feed: "Feed") -> None:
    """The timekeeper took a stop away."""
    feed.board()
    feed.send("r71c8|in|1")
    assert feed.row(71).values(feed.session.columns)["pit_stops"] == 1
    feed.send("r71c8|in|")
    assert feed.row(71).values(feed.session.columns)["pit_stops"] == 0


@pytest.mark.parametrize(
    ("style", "status"),
    [
        ("sr", Status.ON_TRACK),
        ("su", Status.ON_TRACK),
        ("sd", Status.ON_TRACK),
        ("si", Status.IN_PIT),
        ("so", Status.OUT_LAP),
        ("ss", Status.STOPPED),
        ("sf", Status.FINISHED),
    ],
)
def test_states(feed: "Feed", style: str, status: Status) -> None:
    """Told when they change; the end of a flash (`in`) and unknown states change nothing."""
    feed.board()
    feed.send(f"r71c1|{style}|")
    assert feed.row(71).status is status
    told = len(feed.of(StatusChanged))
    for same in (style, "in", "sl", "zz"):
        feed.send(f"r71c1|{same}|")
    assert feed.row(71).status is status
    assert len(feed.of(StatusChanged)) == told


def test_pit_lane(feed: "Feed") -> None:
    """In and out, with status and stop."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    feed.send("r71c1|si|", "r71|*in|0", after=30)
    assert feed.row(71).in_pit
    feed.send("r71c1|so|", "r71|*out|0", after=90)
    assert not feed.row(71).in_pit
    assert feed.row(71).status is Status.OUT_LAP
    (stop,) = feed.row(71).pit_stops
    assert stop.duration_ms == 90_000
    assert len(feed.of(PitEntered)) == len(feed.of(PitLeft)) == 1


@pytest.mark.parametrize(
    ("verb", "value", "loop", "expected"),
    [
        ("*", "60000|20000", Loop.LINE, 60_000),
        ("*", "|", Loop.LINE, None),
        ("*i1", "38563", Loop.SECTOR_1, 38_563),
        ("*i2", "", Loop.SECTOR_2, None),
        ("*i3", "7", Loop.SECTOR_3, 7),
    ],
)
def test_passings(feed: "Feed", verb: str, value: str, loop: Loop, expected: int | None) -> None:
    """Line and beams, with what the feed expects of the lap or sector that begins."""
    feed.board()
    assert feed.send(f"r71|{verb}|{value}") == [Passed(feed.at, feed.row(71).id, loop, expected)]


def test_team_and_driver_take_turns(feed: "Feed") -> None:
    """Where drivers are registered the cell alternates: each change is told once, whatever the driving time says."""
    rows = {71: {4: ("dr", "LES BIELLES")}, 72: {4: ("drteam", "BLANCA [0:10]")}}
    feed.board(rows, labels={4: "Equipe"})
    for minute in range(3):
        feed.send(f"r71c4|drteam|RENZO [0:0{minute}]", f"r72c4|drteam|BLANCA [0:1{minute}]", after=20)
        feed.send("r71c4|dr|LES BIELLES", "r72c4|dr|KERB HUNTERS", after=10)
    assert (feed.row(71).team, feed.row(71).driver) == ("LES BIELLES", "RENZO")
    assert (feed.row(72).team, feed.row(72).driver) == ("KERB HUNTERS", "BLANCA")
    told = [update for update in feed.of(Named) if isinstance(update, Named)]
    named = [(update.competitor_id, update.team or None, update.driver or None) for update in told]
    assert named == [
        ("71", "LES BIELLES", None),
        ("72", None, "BLANCA"),
        ("71", "LES BIELLES", "RENZO"),
        ("72", "KERB HUNTERS", "BLANCA"),
    ]


def test_another_driver(feed: "Feed") -> None:
    """A driver change: laps from then on are hers."""
    feed.board({71: {4: ("dr", "LES BIELLES")}}, labels={4: "Equipe"})
    feed.green(71)
    feed.send("r71c4|drteam|RENZO [0:00]")
    feed.lap(71, "1:00.000", 60)
    feed.send("r71c4|drteam|BLANCA [0:00]", after=30)
    feed.lap(71, "1:01.000", 31)
    feed.settle()
    assert [lap.driver for lap in feed.row(71).laps] == ["RENZO", "BLANCA"]


def test_a_driver_is_no_team_where_nobody_alternates(feed: "Feed") -> None:
    """Style `dr` under a header that speaks of drivers."""
    feed.board({71: {4: ("dr", "RENZO")}}, labels={4: "Pilote"})
    assert (feed.row(71).team, feed.row(71).driver) == ("", "RENZO")


def test_teams_under_a_drivers_header(feed: "Feed") -> None:
    """The board alternates, so style `dr` was the team all along, whatever the header says."""
    feed.board({71: {4: ("dr", "LES BIELLES")}}, labels={4: "Pilote"})
    feed.send("r71c4|drteam|RENZO [0:10]", after=20)
    feed.send("r71c4|dr|LES BIELLES", after=10)
    assert (feed.row(71).team, feed.row(71).driver) == ("LES BIELLES", "RENZO")


def test_an_emptied_name(feed: "Feed") -> None:
    """The operator took the name away."""
    feed.board({71: {4: ("dr", "RENZO")}}, labels={4: "Pilote"})
    feed.send("r71c4|dr|")
    assert feed.row(71).driver == ""


def test_an_unknown_country(feed: "Feed") -> None:
    """`class=" nat"`: no country is known."""
    feed.board({71: {2: ("ESP nat", "")}, 72: {2: (" nat", "")}}, ("no", "nat"))
    values = [feed.row(row).values(feed.session.columns)["nationality"] for row in (71, 72)]
    assert values == ["ESP", None]


def test_a_stale_board_is_closed(feed: "Feed") -> None:
    """Another layout's values for several rows: the board is out of date, its cells change no more."""
    feed.board((71, 72, 73))
    for row in (71, 72, 73):
        feed.send(f"r{row}c7|tn|1:00.000", f"r{row}c5|in|17")
    feed.send("r71c5|tn|1:02.000", "r71|*|60000|")
    feed.settle()
    assert feed.decoder.refused["layout-mismatch"] >= 4
    assert not feed.of(LapCompleted)
    feed.board((71, 72, 73), letter="p", title="NEXT")
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    assert feed.laps(71) == [60_000]


def test_one_misfit_row_closes_no_board(feed: "Feed") -> None:
    """A stranger who writes nonsense about one row does not stop the others."""
    feed.board()
    feed.green(71, 72)
    for _ in range(20):
        feed.send("r71c7|tn|1:00.000", "r71c5|in|17")
    feed.lap(72, "1:00.000", 60)
    assert feed.laps(72) == [60_000]


def test_styles_are_remembered_up_to_a_bound(feed: "Feed") -> None:
    """Ten thousand different styles are all read, and memory does not grow with them."""
    feed.board()
    for start in range(0, 10_000, 500):
        feed.send(*(f"r71c3|s{number}|5" for number in range(start, start + 500)))
    assert feed.row(71).cells[3].style == "s9999"
    assert len(feed.decoder._reader._styles) <= _MAX_STYLES
    assert feed.decoder.refused == {}


def test_roles_decide_not_column_numbers(feed: "Feed") -> None:
    """Whatever the order of columns, laps are read from the last-lap column."""
    types = ("dr", "llp", "no")
    feed.board({71: {}}, types)
    assert [column.role for column in feed.session.columns] == [Role.DRIVER, Role.LAST_LAP, Role.NUMBER]
    feed.green(71)
    feed.send("r71c2|tn|1:00.000", "r71|*|60000|", after=60)
    assert feed.laps(71) == [60_000]


def test_lines_of_a_frame_are_bounded(feed: "Feed") -> None:
    """A megabyte of line breaks is refused beyond its first lines, and counted."""
    feed.board()
    feed.raw("\n" * 1_000_000 + "r71c5|tn|1:00.000\n")
    assert feed.decoder.refused["too-many-lines"] == 1_000_001 - MAX_LINES
    assert feed.laps(71) == []
