"""Sessions: state from updates, and what each update changes."""

from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from karttime.domain.classification import classification
from karttime.domain.columns import Column, Role
from karttime.domain.competitor import Competitor, PitStop, Stint
from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId
from karttime.domain.session import _HANDLERS, MAX_COMPETITORS, MAX_NOTES, Session
from karttime.domain.updates import (
    BoardRow,
    BoardShown,
    Cell,
    CellsChanged,
    ClockChanged,
    ClockMode,
    FlagChanged,
    LapCompleted,
    LapFlag,
    LapRevised,
    Loop,
    MessageShown,
    Named,
    Note,
    NotesAdded,
    NotesCleared,
    Passed,
    PitEntered,
    PitLeft,
    PositionsChanged,
    Provenance,
    SessionChanged,
    SessionEnded,
    SessionKind,
    Status,
    StatusChanged,
    Update,
)

if TYPE_CHECKING:
    from tests.domain.conftest import MakeSession, Updates

T = 1_779_004_800_000
A, B = CompetitorId("71"), CompetitorId("72")
WHY = Provenance((3,), "crossing")
IDS = ("71", "72", "73", "74")


@pytest.fixture
def session(make_session: "MakeSession") -> Session:
    return make_session((Role.NUMBER, Role.DRIVER, Role.LAST_LAP), {A: (1, ("7", "ANN", "")), B: (2, ("8", "BO", ""))})


def lap(who: CompetitorId, time_ms: int, at: int = T, *flags: LapFlag) -> LapCompleted:
    return LapCompleted(at, who, time_ms, WHY, (), frozenset(flags))


def test_every_update_has_a_handler() -> None:
    """The union and the table of handlers name the same classes."""
    assert set(_HANDLERS) == set(get_args(Update))


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_sequence_of_updates(data: st.DataObject, make_session: "MakeSession", updates: "Updates") -> None:
    """Laps never vanish and are numbered from 1; the classification is total; a change names its session and time."""
    session = make_session()
    laps: dict[str, int] = {}
    for number, one in enumerate(data.draw(updates(IDS))):
        update = replace(one, at=T + number)
        change = session.apply(update)
        assert (change.at, change.session_id) == (T + number, session.id)
        assert session.last_at == T + number
        if isinstance(update, LapCompleted):
            laps[update.competitor_id] = laps.get(update.competitor_id, 0) + 1
    assert {row.id: len(row.laps) for row in session.competitors.values() if row.laps} == laps
    for competitor in session.competitors.values():
        assert [lap.number for lap in competitor.laps] == [*range(1, len(competitor.laps) + 1)]
        assert [stop.number for stop in competitor.pit_stops] == [*range(1, len(competitor.pit_stops) + 1)]
        assert [stint.number for stint in competitor.stints()] == [*range(1, len(competitor.stints()) + 1)]
        assert competitor.in_pit == (competitor.status is Status.IN_PIT)
    rows = classification(session)
    assert sorted(row.competitor_id for row in rows) == sorted(c.id for c in session.competitors.values() if c.on_board)
    places = [row.position or 1_000_000 for row in rows]
    assert places == sorted(places)


def test_a_board_replaces_the_board(session: Session) -> None:
    """Columns, positions and cells are those of the new board; who is not on it leaves, who is new comes."""
    columns = (Column(1, Role.LAPS, "Tours", "tlp"),)
    new = CompetitorId("99")
    session.apply(lap(B, 60_000))
    change = session.apply(BoardShown(T + 1, columns, {A: BoardRow(4, {1: Cell("", "5")}), new: BoardRow(1, {})}))
    assert change.snapshot
    assert session.columns == columns
    assert (session.competitors[A].position, session.competitors[A].cells) == (4, {1: Cell("", "5")})
    assert [c.id for c in session.competitors.values() if c.on_board] == [A, new]
    assert len(session.competitors[B].laps) == 1
    assert session.competitors[new].started_at == T + 1


def test_a_competitor_comes_back_to_the_board(session: Session) -> None:
    """With all laps of before."""
    session.apply(lap(B, 60_000))
    session.apply(BoardShown(T, session.columns, {A: BoardRow(1, {})}))
    session.apply(BoardShown(T, session.columns, {A: BoardRow(1, {}), B: BoardRow(2, {})}))
    assert session.competitors[B].on_board
    assert len(session.competitors[B].laps) == 1


def test_the_board_that_was_given_is_not_kept(session: Session) -> None:
    """Later cells must not write into the update that brought the board."""
    row = BoardRow(1, {1: Cell("", "7")})
    session.apply(BoardShown(T, session.columns, {A: row}))
    session.apply(CellsChanged(T, {A: {1: Cell("", "8")}}))
    assert row.cells == {1: Cell("", "7")}


def test_cells_change_and_clear(session: Session) -> None:
    """Only the cells that were sent; unknown competitors are not made up from cells."""
    change = session.apply(CellsChanged(T, {A: {3: Cell("tn", "1:00.000")}, CompetitorId("5"): {1: Cell("", "x")}}))
    assert session.competitors[A].cells[3] == Cell("tn", "1:00.000")
    assert session.competitors[A].cells[1].text == "7"
    assert "5" not in session.competitors
    assert change.cells[A] == {3: Cell("tn", "1:00.000")}


def test_positions(session: Session) -> None:
    """A zero is no position."""
    change = session.apply(PositionsChanged(T, {A: 2, B: 0}))
    assert (session.competitors[A].position, session.competitors[B].position) == (2, 0)
    assert change.values == {A: {"position": 2}, B: {"position": None}}


def test_names_change_alone(session: Session) -> None:
    """None says nothing, an empty text takes the name away."""
    session.apply(Named(T, A, "LES BIELLES", "RENZO"))
    session.apply(Named(T, A, None, "BLANCA"))
    assert (session.competitors[A].team, session.competitors[A].driver) == ("LES BIELLES", "BLANCA")
    change = session.apply(Named(T, A, "", None))
    assert (session.competitors[A].team, session.competitors[A].driver) == ("", "BLANCA")
    assert change.values == {A: {"team": None}}


def test_passings(session: Session) -> None:
    """Only the line counts as the last crossing; every passing is a fact."""
    beam = Passed(T + 1, A, Loop.SECTOR_1, 30_000)
    assert session.apply(beam).facts == (beam,)
    assert session.competitors[A].last_line_at is None
    session.apply(Passed(T + 2, A, Loop.LINE))
    assert session.competitors[A].last_line_at == T + 2


def test_laps_remember_who_drove(session: Session) -> None:
    """The driver at the moment of the lap, not the one who drives now."""
    session.apply(Named(T, A, "LES BIELLES", "RENZO"))
    session.apply(lap(A, 60_000, T + 1, LapFlag.FIRST))
    session.apply(Named(T + 2, A, None, "BLANCA"))
    change = session.apply(lap(A, 59_000, T + 60_000))
    laps = session.competitors[A].laps
    assert [(one.number, one.time_ms, one.at, one.driver) for one in laps] == [
        (1, 60_000, T + 1, "RENZO"),
        (2, 59_000, T + 60_000, "BLANCA"),
    ]
    assert laps[0].flags == {LapFlag.FIRST}
    assert laps[0].provenance is WHY
    assert change.values == {A: {"laps_timed": 2, "last_timed_ms": 59_000, "best_timed_ms": 59_000}}


def test_the_best_lap_stays_when_a_slower_one_follows(session: Session) -> None:
    """Minimum, not last."""
    for time_ms in (61_000, 60_000, 62_000):
        session.apply(lap(A, time_ms))
    assert session.competitors[A].best_timed_ms == 60_000


def test_a_doubtful_lap_is_no_best_lap(session: Session) -> None:
    """The best lap is the fastest one that is not doubtful, whether or not another one was revised."""
    session.apply(lap(A, 60_000))
    session.apply(lap(A, 6_586, T, LapFlag.DOUBTFUL))
    assert session.competitors[A].best_timed_ms == 60_000


def test_the_timekeeper_revises_the_last_lap(session: Session) -> None:
    """The lap keeps number, moment and driver, has the new time, and says that it was corrected."""
    session.apply(Named(T, A, None, "RENZO"))
    session.apply(lap(A, 60_000, T + 1))
    session.apply(lap(A, 58_000, T + 2))
    session.apply(Named(T, A, None, "BLANCA"))
    change = session.apply(LapRevised(T + 9, A, 63_000, Provenance((9,), "revised")))
    last = session.competitors[A].laps[-1]
    assert (last.number, last.time_ms, last.at, last.driver) == (2, 63_000, T + 2, "RENZO")
    assert last.flags == {LapFlag.CORRECTED}
    assert last.provenance.rule == "revised"
    assert session.competitors[A].best_timed_ms == 60_000
    assert change.values == {A: {"laps_timed": 2, "last_timed_ms": 63_000, "best_timed_ms": 60_000}}


def test_a_lap_that_was_taken_away_stays_doubtful(session: Session) -> None:
    """It is shown, and does not count as best any more."""
    session.apply(lap(A, 60_000))
    session.apply(lap(A, 58_000))
    session.apply(LapRevised(T, A, None, WHY))
    assert [one.time_ms for one in session.competitors[A].laps] == [60_000, 58_000]
    assert session.competitors[A].laps[-1].flags == {LapFlag.CORRECTED, LapFlag.DOUBTFUL}
    assert session.competitors[A].best_timed_ms == 60_000


def test_a_revision_without_a_lap_makes_none(session: Session) -> None:
    """There is nothing to correct."""
    assert session.apply(LapRevised(T, A, 60_000, WHY)).values[A]["laps_timed"] == 0
    assert session.competitors[A].laps == []


def drive(session: Session, *what: int | str) -> Competitor:
    """Minute by minute: a lap time, `in` or `out`."""
    for minute, one in enumerate(what, 1):
        at = T + minute * 60_000
        session.apply(lap(A, one, at) if isinstance(one, int) else PitEntered(at, A) if one == "in" else PitLeft(at, A))
    return session.competitors[A]


def minute(number: int) -> int:
    return T + number * 60_000


def test_a_pit_stop(session: Session) -> None:
    """In and out make one stop with its duration, between two stints."""
    row = drive(session, 60_000, 60_000, "in", "out", 60_000)
    assert row.pit_stops == [PitStop(1, minute(3), minute(4), 2)]
    assert row.pit_stops[0].duration_ms == 60_000
    assert row.stints() == [Stint(1, T, minute(3), 1, 2), Stint(2, minute(4), None, 3, 3)]
    assert not row.in_pit


def test_a_stop_under_way(session: Session) -> None:
    """Open: no duration, no stint after it yet."""
    row = drive(session, 60_000, "in")
    assert (row.in_pit, row.status) == (True, Status.IN_PIT)
    assert row.pit_stops[0].duration_ms is None
    assert row.stints() == [Stint(1, T, minute(2), 1, 1)]


def test_leaving_the_pits_at_the_start_is_no_stop(session: Session) -> None:
    """Karts leave the pit lane for the first time before any lap."""
    row = drive(session, "out", 60_000)
    assert row.pit_stops == []
    assert len(row.stints()) == 1


def test_an_entry_that_was_not_seen(session: Session) -> None:
    """The stop counts, its length is unknown."""
    row = drive(session, 60_000, "out", 60_000)
    assert row.pit_stops == [PitStop(1, None, minute(2), 1)]
    assert row.pit_stops[0].duration_ms is None
    assert row.stints() == [Stint(1, T, minute(2), 1, 1), Stint(2, minute(2), None, 2, 2)]


def test_two_exits_in_a_row_are_one_stop(session: Session) -> None:
    """A feed that says `*out` twice does not make a stop of the second one."""
    assert len(drive(session, 60_000, "in", "out", "out").pit_stops) == 1


def test_an_exit_that_was_not_seen(session: Session) -> None:
    """In, in, out: the stints after the open stop are still told."""
    row = drive(session, 60_000, "in", 60_000, "in", "out", 60_000)
    assert [(stop.in_at, stop.out_at) for stop in row.pit_stops] == [
        (minute(2), None),
        (minute(4), minute(5)),
    ]
    assert row.stints()[-1].last_lap == 3


def test_status_tells_of_the_pits(session: Session) -> None:
    """A status cell alone moves a competitor in and out."""
    session.apply(StatusChanged(T, A, Status.IN_PIT))
    assert session.competitors[A].in_pit
    change = session.apply(StatusChanged(T, A, Status.ON_TRACK))
    assert change.values == {A: {"status": "on-track", "in_pit": False}}


def test_session_fields(session: Session) -> None:
    """Titles, flag, clock, message and end are session fields of a change and of the facts."""
    steps: list[tuple[Update, dict[str, object]]] = [
        (
            SessionChanged(T, SessionKind.QUALIFYING, "E", "Q1", "TR"),
            {"kind": "qualifying", "event": "E", "title": "Q1", "track": "TR"},
        ),
        (FlagChanged(T, Flag.GREEN, "lg"), {"flag": "green", "flag_text": "lg"}),
        (
            ClockChanged(T, ClockMode.COUNTDOWN, 600_000),
            {"clock_at": T, "clock_mode": "countdown", "clock_ms": 600_000, "clock_text": ""},
        ),
        (MessageShown(T, "warning", "SLOW"), {"message": "SLOW", "message_level": "warning"}),
        (SessionEnded(T), {"ended_at": T}),
    ]
    for update, fields in steps:
        assert session.apply(update).session == fields
        assert {name: session.facts()[name] for name in fields} == fields


def test_a_board_opens_an_ended_session_again(session: Session) -> None:
    """A blip of the feed ends nothing."""
    session.apply(SessionEnded(T))
    assert session.ended_at == T
    session.apply(BoardShown(T + 1, session.columns, {}))
    assert session.ended_at is None


def test_notes_stay_as_history(session: Session) -> None:
    """An emptied list does not take back what was decided."""
    note = Note("20:41", "green", "", "Start")
    session.apply(NotesAdded(T, (note,)))
    session.apply(NotesCleared(T))
    assert session.notes == [note]


def test_columns_by_role(session: Session) -> None:
    """`has_column` knows what the board shows now."""
    assert session.has_column(Role.LAST_LAP)
    assert not session.has_column(Role.GAP)


def test_notes_are_bounded(session: Session) -> None:
    """A race-control list that is made anew all day long costs bounded memory; the latest entries are kept."""
    for number in range(MAX_NOTES + 10):
        session.apply(NotesAdded(T, (Note("", "msg", "", str(number)),)))
    assert len(session.notes) == MAX_NOTES
    assert session.notes[-1].text == str(MAX_NOTES + 9)


def test_passers_by_are_bounded(session: Session) -> None:
    """Boards with other rows each time: who left without a lap is dropped, who drove one is kept."""
    session.apply(BoardShown(T, (), {A: BoardRow(1, {})}))
    session.apply(lap(A, 60_000))
    for board in range(8):
        rows = {CompetitorId(f"{board}-{row}"): BoardRow(row, {}) for row in range(500)}
        session.apply(BoardShown(T, (), rows))
    assert len(session.competitors) <= MAX_COMPETITORS + 500
    assert [driven.time_ms for driven in session.competitors[A].laps] == [60_000]
