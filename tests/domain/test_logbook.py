"""All sessions of one feed."""

import pytest

from karttime.domain.ids import CompetitorId, SessionId
from karttime.domain.logbook import Logbook
from karttime.domain.session import Change
from karttime.domain.updates import (
    BoardRow,
    BoardShown,
    LapCompleted,
    Provenance,
    SessionEnded,
    SessionKind,
    SessionStarted,
)

T = 1_779_004_800_000
WHY = Provenance((0,), "board")
ROW = CompetitorId("71")


def start(ordinal: int) -> SessionStarted:
    at = T + ordinal * 1000
    return SessionStarted(at, SessionId(f"s-{ordinal}"), SessionKind.RACE, "", f"Session {ordinal}", "", WHY)


def test_before_the_first_session_nothing_changes() -> None:
    """Updates without a session are answered with an empty change."""
    book = Logbook()
    assert book.apply(LapCompleted(T, ROW, 60_000, WHY)) == Change(T, None)
    assert book.sessions == []


def test_a_new_session_ends_the_one_before() -> None:
    """Its laps are kept; updates go to the new one."""
    book = Logbook()
    book.apply(start(1))
    book.apply(LapCompleted(T + 1500, ROW, 60_000, WHY))
    change = book.apply(start(2))
    assert change.snapshot
    assert change.session_id == "s-2"
    book.apply(LapCompleted(T + 2500, ROW, 61_000, WHY))
    first, second = book.sessions
    assert book.current is second
    assert (first.ended_at, second.ended_at) == (T + 2000, None)
    assert [len(s.competitors[ROW].laps) for s in (first, second)] == [1, 1]


def test_an_end_that_was_told_is_kept() -> None:
    """The next session does not move it."""
    book = Logbook()
    book.apply(start(1))
    book.apply(SessionEnded(T + 1200))
    book.apply(start(2))
    assert book.sessions[0].ended_at == T + 1200


@pytest.mark.parametrize(("keep", "kept"), [(None, 5), (1, 1), (3, 3)])
def test_only_so_many_sessions_are_kept(keep: int | None, kept: int) -> None:
    """The newest ones; the running one always."""
    book = Logbook(keep)
    for ordinal in range(1, 6):
        book.apply(start(ordinal))
    assert [s.id for s in book.sessions] == [f"s-{n}" for n in range(6 - kept, 6)]
    assert book.current is book.sessions[-1]


def test_boards_go_to_the_running_session() -> None:
    """Not to any before it."""
    book = Logbook()
    book.apply(start(1))
    book.apply(start(2))
    book.apply(BoardShown(T, (), {ROW: BoardRow(1, {})}))
    assert [len(s.competitors) for s in book.sessions] == [0, 1]
