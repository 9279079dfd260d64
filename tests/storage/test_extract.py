"""Which rows a publication is worth."""

from collections.abc import Callable
from typing import Any

import pytest

from karttime.domain.columns import Column, Role
from karttime.domain.ids import CompetitorId
from karttime.domain.updates import (
    BoardRow,
    BoardShown,
    Cell,
    CellsChanged,
    LapCompleted,
    LapFlag,
    LapRevised,
    Loop,
    Named,
    Passed,
    PitEntered,
    PitLeft,
    Provenance,
    SessionEnded,
    Update,
)
from karttime.storage.extract import Extract, Origin, without_timer

ORIGIN = Origin("hill", "wss://timing.example/", "apex")


def lap(at: int, time_ms: int, competitor: str = "11") -> LapCompleted:
    provenance = Provenance((3, 4), "last-lap-cell", "why")
    return LapCompleted(at, CompetitorId(competitor), time_ms, provenance, flags=frozenset({LapFlag.PIT}))


def cell(at: int, text: str, competitor: str = "11") -> CellsChanged:
    return CellsChanged(at, {CompetitorId(competitor): {4: Cell("tn", text)}})


def test_a_board_is_one_row_for_everybody(feed: Any, opening: Any) -> None:
    """Each row as displayed by C1…Cn, with all its cells as sent."""
    batch = Extract(ORIGIN).take(*feed.frame(*opening()))
    assert [row.competitor_id for row in batch.timing] == ["11", "12"]
    first = batch.timing[0]
    assert first.mapped == {"C1": "1", "C2": "11", "C3": "Kart 11", "C4": ""}
    assert first.raw["row"] == "r11"
    assert first.raw["cells"]["c2"] == ["no1", "11"]
    assert (first.source_url, first.source_format, first.seq) == ("wss://timing.example/", "apex", 1)
    assert [row.title for row in batch.sessions] == ["Race"]


def test_only_a_row_that_looks_different_is_kept(feed: Any, opening: Any) -> None:
    """The same cell sent twice, and the same board again, make no row; raw is what was sent for this change."""
    extract = Extract(ORIGIN)
    extract.take(*feed.frame(*opening()))
    changed = extract.take(*feed.frame(cell(2000, "1:02.003")))
    assert [(row.competitor_id, row.raw) for row in changed.timing] == [
        ("11", {"row": "r11", "cells": {"c4": ["tn", "1:02.003"]}})
    ]
    assert changed.timing[0].mapped["C4"] == "1:02.003"
    assert not extract.take(*feed.frame(cell(3000, "1:02.003")))
    assert not extract.take(*feed.frame(Passed(3500, CompetitorId("11"), Loop.LINE)))
    assert len(extract.take(*feed.frame(opening(at=4000)[1])).timing) == 1, "only kart 11 looks different"


def test_cleared_cells_are_a_change(feed: Any, opening: Any) -> None:
    """An empty text is shown as such, not left out."""
    extract = Extract(ORIGIN)
    extract.take(*feed.frame(*opening()))
    extract.take(*feed.frame(cell(2000, "1:02.003")))
    assert extract.take(*feed.frame(cell(3000, ""))).timing[0].mapped["C4"] == ""


def test_laps_carry_where_they_come_from(feed: Any, opening: Any) -> None:
    """Number, time, driver, kart, flags, frames and rule."""
    extract = Extract(ORIGIN)
    extract.take(*feed.frame(*opening()))
    batch = extract.take(*feed.frame(lap(2000, 62_003), lap(2000, 63_000, "12")))
    row = batch.laps[0]
    assert (row.competitor_id, row.number, row.time_ms, row.kart, row.team) == ("11", 1, 62_003, "11", "Lions")
    assert (row.driver, row.flags) == ("Ada", ["pit"])
    assert row.provenance == {"frames": [3, 4], "rule": "last-lap-cell", "note": "why"}
    assert [row.competitor_id for row in batch.laps] == ["11", "12"]


def test_a_revised_lap_is_written_again_with_its_number(feed: Any, opening: Any) -> None:
    """The timekeeper's correction replaces the lap, it adds none."""
    extract = Extract(ORIGIN)
    extract.take(*feed.frame(*opening()))
    extract.take(*feed.frame(lap(2000, 62_003)))
    batch = extract.take(*feed.frame(LapRevised(2500, CompetitorId("11"), 61_000, Provenance((9,), "revised"))))
    assert [(row.number, row.time_ms, row.flags) for row in batch.laps] == [(1, 61_000, ["corrected", "pit"])]


def test_a_lap_in_the_frame_that_begins_the_next_session_is_kept(feed: Any, opening: Any) -> None:
    """It belongs to the session that ends, which gets its end too."""
    extract = Extract(ORIGIN)
    extract.take(*feed.frame(*opening()))
    batch = extract.take(*feed.frame(lap(2000, 62_003), *opening("20260101T130000Z-2", 2000)))
    assert [(row.session_id, row.number) for row in batch.laps] == [("20260101T120000Z-1", 1)]
    assert [(row.session_id, row.ended_at) for row in batch.sessions] == [
        ("20260101T120000Z-1", 2000),
        ("20260101T130000Z-2", None),
    ]


def test_a_session_is_written_when_something_of_it_changes(feed: Any, opening: Any) -> None:
    """Its end is such a change; a lap is none."""
    extract = Extract(ORIGIN)
    extract.take(*feed.frame(*opening()))
    assert not extract.take(*feed.frame(lap(2000, 62_003))).sessions
    assert extract.take(*feed.frame(SessionEnded(3000))).sessions[0].ended_at == 3000


def test_after_a_lost_batch_everything_is_said_again(feed: Any, opening: Any) -> None:
    """The next lap brings every lap of the session, so that a full queue costs no lap for good."""
    extract = Extract(ORIGIN)
    extract.take(*feed.frame(*opening()))
    extract.take(*feed.frame(lap(2000, 62_003)))
    extract.forget()
    batch = extract.take(*feed.frame(lap(3000, 63_000, "12")))
    assert [(row.competitor_id, row.number) for row in batch.laps] == [("11", 1), ("12", 1)]
    assert batch.sessions


def test_hostile_text_is_cleaned(feed: Any, opening: Any) -> None:
    """Escape sequences, bidi overrides, NUL and lone surrogates never reach the database; lengths are bounded."""
    extract = Extract(ORIGIN)
    extract.take(*feed.frame(*opening()))
    row = extract.take(*feed.frame(cell(2000, "\x1b]52;\x00A\u202eB\ud800" + "x" * 9999))).timing[0]
    assert row.mapped["C4"] == ("]52;AB" + "x" * 9999)[:256]
    assert row.raw["cells"]["c4"][1] == row.mapped["C4"]


ENDURANCE = (
    Column(1, Role.NUMBER, "Kart", "no"),
    Column(2, Role.TEAM, "Equipe", "dr"),
    Column(3, Role.TRACK_TIMER, "En piste", "otr"),
    Column(4, Role.PIT_TIME, "Stands", "pit"),
    Column(5, Role.LAST_LAP, "Dernier T.", "llp"),
)


@pytest.fixture
def stored(feed: Any, opening: Callable[..., tuple[Update, ...]]) -> Callable[..., int]:
    """How many timing rows a frame makes on a board with timers, in an endurance race."""
    extract = Extract(ORIGIN)
    cells = {1: Cell("no1", "11"), 2: Cell("dr", "Lions"), 3: Cell("in", "0:41"), 4: Cell("in", ""), 5: Cell("", "")}
    board = BoardShown(1000, ENDURANCE, {CompetitorId("11"): BoardRow(1, cells)})

    def take(*updates: Update) -> int:
        return len(extract.take(*feed.frame(*updates)).timing)

    assert take(opening()[0], board, Named(1000, CompetitorId("11"), "Lions", "Ada")) == 1
    return take


def shows(at: int, column: int, text: str) -> CellsChanged:
    return CellsChanged(at, {CompetitorId("11"): {column: Cell("in", text)}})


def test_a_running_timer_makes_no_row(stored: Any) -> None:
    """It is stored as it stands when something else changes."""
    assert [stored(shows(2000 + n, 3, f"0:{42 + n}")) for n in range(5)] == [0] * 5
    assert stored(shows(3000, 3, "0:50"), shows(3000, 5, "1:02.003")) == 1


def test_a_row_holds_the_timers_of_its_moment(feed: Any, opening: Any) -> None:
    """What is left out of the comparison is not left out of the row."""
    extract = Extract(ORIGIN)
    extract.take(*feed.frame(opening()[0], BoardShown(1000, ENDURANCE, {CompetitorId("11"): BoardRow(1, {})})))
    extract.take(*feed.frame(shows(2000, 3, "0:42")))
    [row] = extract.take(*feed.frame(shows(3000, 5, "1:02.003"))).timing
    assert row.mapped == {"C1": "", "C2": "", "C3": "0:42", "C4": "", "C5": "1:02.003"}


def test_a_cell_that_alternates_between_team_and_driver_makes_no_row(stored: Any) -> None:
    """Nor does the driving time behind the driver's name."""
    texts = ("Ada [0:41]", "Lions", "Ada [0:42]", "Lions", "Ada")
    assert [stored(shows(2000 + n, 2, text)) for n, text in enumerate(texts)] == [0] * 5


def test_another_driver_makes_a_row(stored: Any) -> None:
    """Once, whatever the cell shows just then; so does a name that nobody has told of."""
    assert stored(Named(2000, CompetitorId("11"), "Lions", "Bea"), shows(2000, 2, "Lions")) == 1
    assert stored(shows(2500, 2, "Bea [0:00]")) == 0
    assert stored(shows(3000, 2, "Carl")) == 1


def test_entering_and_leaving_the_pit_lane_make_a_row_each(stored: Any) -> None:
    """The pit time runs in between, and counts again as soon as it stands still."""
    kart = CompetitorId("11")
    assert stored(PitEntered(2000, kart), shows(2000, 3, "0:00")) == 1
    assert [stored(shows(2000 + n, 4, f"0:0{n}")) for n in range(1, 5)] == [0] * 4
    assert stored(PitLeft(3000, kart), shows(3000, 3, "0:00")) == 1
    assert stored(shows(3001, 4, "1:07")) == 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ada [1:07]", "Ada"),
        ("Ada B [12:00]", "Ada B"),
        ("Ada [12]", "Ada [12]"),
        ("Lions [B]", "Lions [B]"),
        ("Ada [1:07] x", "Ada [1:07] x"),
        ("[1:07]", "[1:07]"),
        ("Ada [:]", "Ada [:]"),
        ("", ""),
    ],
)
def test_only_a_driving_time_is_taken_off_a_name(text: str, name: str) -> None:
    """Other brackets belong to the name."""
    assert without_timer(text) == name


def test_rows_know_their_place_in_the_stream(feed: Any, opening: Any) -> None:
    """As it was given: epoch and seq of the message that says the same to clients."""
    [row, _] = Extract(ORIGIN).take(*feed.frame(*opening())).timing
    assert (row.epoch, row.seq) == ("e", 1)
