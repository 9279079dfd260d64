"""Invented sessions, and a strategy for everything that may happen in one."""

from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from karttime.domain.columns import Column, Role
from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId, SessionId
from karttime.domain.session import Session
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
    SessionStarted,
    Status,
    StatusChanged,
    Update,
)

BEGIN = 1_779_004_800_000
WHY = Provenance((0,), "crossing")
LAYOUTS = (
    (Role.NUMBER, Role.DRIVER, Role.LAST_LAP, Role.BEST_LAP, Role.GAP, Role.INTERVAL, Role.LAPS, Role.PIT_STOPS),
    (Role.LAPS, Role.NUMBER, Role.LAST_LAP, Role.LAST_LAP, Role.SECTOR_1, Role.TRACK_TIMER, Role.UNKNOWN),
    (),
)
TEXTS = ("", "-", "12", "1:02.003", "27.5", "Tour 14", "2 Tours", "0.226", "0:48", "x", "<3", "=1+1")

MakeSession = Callable[..., Session]
Updates = Callable[[Sequence[str]], SearchStrategy[list[Update]]]


def columns(roles: Sequence[Role]) -> tuple[Column, ...]:
    return tuple(Column(number, role, role.value, "") for number, role in enumerate(roles, 1))


def started(at: int = BEGIN, kind: SessionKind = SessionKind.RACE, ordinal: int = 1) -> SessionStarted:
    return SessionStarted(at, SessionId(f"20260517T080000Z-{ordinal}"), kind, "event", "title", "track", WHY)


@pytest.fixture(scope="session")
def make_session() -> MakeSession:
    """A session with a board: roles of the columns, and per id its position and the texts of its cells."""

    def make(
        roles: Sequence[Role] = (),
        rows: Mapping[str, tuple[int, Sequence[str]]] | None = None,
        kind: SessionKind = SessionKind.RACE,
    ) -> Session:
        session = Session(SessionId("20260517T080000Z-1"), BEGIN)
        session.apply(started(kind=kind))
        board = {
            CompetitorId(row): BoardRow(position, {n: Cell("", text) for n, text in enumerate(texts, 1)})
            for row, (position, texts) in (rows or {}).items()
        }
        session.apply(BoardShown(BEGIN, columns(roles), board))
        return session

    return make


@pytest.fixture(scope="session")
def updates() -> Updates:
    """Any sequence of updates about these competitors: a strategy."""
    return _updates


_TIMES = st.integers(1, 600_000)
_CELLS = st.builds(Cell, st.sampled_from(("", "tn", "to", "ESP nat")), st.sampled_from(TEXTS))
_ROW_CELLS = st.dictionaries(st.integers(1, 9), _CELLS, max_size=9)
_BOARD_ROWS = st.builds(BoardRow, st.integers(0, 9), _ROW_CELLS)
_FLAGS = st.frozensets(st.sampled_from(LapFlag))
_NAMES = st.none() | st.sampled_from(("", "LES BIELLES", "RENZO"))
_KINDS = st.sampled_from(SessionKind)
_NOTES = st.builds(Note, st.just("20:41"), st.just("green"), st.just(""), st.text(max_size=3))
_SECTORS = st.lists(st.none() | _TIMES, max_size=3).map(tuple)


def _updates(ids: Sequence[str]) -> SearchStrategy[list[Update]]:
    who = st.sampled_from([CompetitorId(row) for row in ids])
    at = st.just(0)
    why = st.just(WHY)
    one: SearchStrategy[Update] = st.one_of(
        st.builds(SessionChanged, at, _KINDS, st.text(max_size=3), st.text(max_size=3), st.just("t")),
        st.builds(SessionEnded, at),
        st.builds(BoardShown, at, st.sampled_from(LAYOUTS).map(columns), st.dictionaries(who, _BOARD_ROWS, max_size=4)),
        st.builds(CellsChanged, at, st.dictionaries(who, _ROW_CELLS, max_size=4)),
        st.builds(PositionsChanged, at, st.dictionaries(who, st.integers(0, 9), max_size=4)),
        st.builds(Named, at, who, _NAMES, _NAMES),
        st.builds(Passed, at, who, st.sampled_from(Loop)),
        st.builds(LapCompleted, at, who, _TIMES, why, _SECTORS, _FLAGS),
        st.builds(LapRevised, at, who, st.none() | _TIMES, why),
        st.builds(PitEntered, at, who),
        st.builds(PitLeft, at, who),
        st.builds(StatusChanged, at, who, st.sampled_from(Status)),
        st.builds(FlagChanged, at, st.sampled_from(Flag), st.just("lg")),
        st.builds(ClockChanged, at, st.sampled_from(ClockMode), st.none() | _TIMES, st.just("")),
        st.builds(NotesAdded, at, st.lists(_NOTES, max_size=2).map(tuple)),
        st.builds(NotesCleared, at),
        st.builds(MessageShown, at, st.just("info"), st.text(max_size=3)),
    )
    return st.lists(one, max_size=30)
