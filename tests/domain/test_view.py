"""Snapshots, deltas and the fold: what a client that only listens knows."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from karttime.domain.columns import Role
from karttime.domain.ids import CompetitorId
from karttime.domain.session import Session
from karttime.domain.updates import BoardRow, BoardShown, Cell, CellsChanged, PitEntered, PositionsChanged, Update
from karttime.domain.view import Snapshot, delta, fold, snapshot

if TYPE_CHECKING:
    from tests.domain.conftest import MakeSession, Updates

BEGIN = 1_779_004_800_000
ROLES = (Role.NUMBER, Role.LAST_LAP, Role.LAPS)
ROWS = {"71": (1, ("7", "", "3")), "72": (2, ("8", "1:02.003", "3"))}


def listen(session: Session, updates: Sequence[Update]) -> tuple[Snapshot, Snapshot]:
    """What a client folded, and what the session is."""
    state = snapshot(session)
    for number, update in enumerate(updates):
        change = session.apply(replace(update, at=BEGIN + number))
        if change.snapshot:
            state = snapshot(session)
        else:
            fold(state, delta(session, change))
    return state, snapshot(session)


@given(data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_snapshot_and_deltas_are_the_state(
    data: st.DataObject, make_session: "MakeSession", updates: "Updates"
) -> None:
    """For every sequence about competitors who were on a board, folding what changed gives the state itself."""
    folded, state = listen(make_session(ROLES, ROWS), data.draw(updates(("71", "72"))))
    assert folded == state


def test_a_competitor_whom_no_board_showed(make_session: "MakeSession") -> None:
    """Whoever first shows up by an update is told completely, or not at all."""
    folded, state = listen(make_session(ROLES, ROWS), [PitEntered(0, CompetitorId("99"))])
    assert folded == state


def test_those_who_left_the_board_are_not_told(make_session: "MakeSession") -> None:
    """Cells and positions of a row that is gone change nothing of what is shown."""
    session = make_session(ROLES, ROWS)
    session.apply(BoardShown(BEGIN, session.columns, {CompetitorId("71"): BoardRow(1, {})}))
    before = copy.deepcopy(snapshot(session))
    late: list[Update] = [
        CellsChanged(0, {CompetitorId("72"): {1: Cell("", "9")}}),
        PositionsChanged(0, {CompetitorId("72"): 5}),
    ]
    folded, state = listen(session, late)
    assert folded == state == before


def test_a_delta_holds_only_those_who_changed(make_session: "MakeSession") -> None:
    """One cell of one competitor: nobody else's fields."""
    session = make_session(ROLES, ROWS)
    change = session.apply(CellsChanged(BEGIN, {CompetitorId("72"): {2: Cell("tn", "1:01.000")}}))
    step = delta(session, change)
    assert set(step.competitors) == {"72"}
    assert step.competitors[CompetitorId("72")]["last_lap_ms"] == 61_000
    assert step.session == {}


def test_an_empty_cell_clears_its_field(make_session: "MakeSession") -> None:
    """None clears: a client must not go on showing the old time."""
    session = make_session(ROLES, ROWS)
    state = snapshot(session)
    change = session.apply(CellsChanged(BEGIN, {CompetitorId("72"): {2: Cell("tn", "")}}))
    fold(state, delta(session, change))
    assert state.competitors[CompetitorId("72")]["last_lap_ms"] is None
