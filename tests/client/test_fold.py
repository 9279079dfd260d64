"""The fold: snapshot and messages to states, and what is not taken for one."""

from typing import Any

import pytest

from karttime.client.fold import OutOfStepError, State, fold, merged

SNAPSHOT: dict[str, Any] = {
    "type": "snapshot",
    "circuit_id": "hill",
    "epoch": "e1",
    "seq": 4,
    "at": "2026-01-01T12:00:00.000Z",
    "session": {"id": "s", "flag": "green", "flag_text": "lg"},
    "columns": [{"id": "C1", "role": "gap", "label": "Ecart", "field": "gap"}],
    "competitors": [{"id": "8", "position": 2}, {"id": "7", "position": 1, "gap": 226}, {"id": "9"}],
}


def begun() -> State:
    """The state of the snapshot."""
    state = fold(None, SNAPSHOT)
    assert state is not None
    return state


def patch(seq: int = 5, **parts: Any) -> dict[str, Any]:
    """A patch of these parts."""
    return {"type": "patch", "seq": seq, "at": "later", **parts}


def test_a_snapshot_is_a_state() -> None:
    """Competitors by id, without the id among their fields."""
    state = begun()
    assert (state.circuit_id, state.epoch, state.seq) == ("hill", "e1", 4)
    assert state.competitors == {"8": {"position": 2}, "7": {"position": 1, "gap": 226}, "9": {}}
    assert [name for name, _ in state.standings()] == ["7", "8", "9"]


def test_a_patch_sets_clears_adds_and_removes() -> None:
    """And leaves the rest."""
    state = fold(
        begun(),
        patch(
            session={"flag": "red", "flag_text": None},
            columns=[],
            competitors={"7": {"gap": None, "laps": 3}, "10": {"position": 4}},
            removed=["8"],
        ),
    )
    assert state is not None
    assert (state.seq, state.at, state.columns) == (5, "later", ())
    assert state.session == {"id": "s", "flag": "red"}
    assert state.competitors == {"7": {"position": 1, "laps": 3}, "9": {}, "10": {"position": 4}}


def test_a_state_is_kept_by_whoever_holds_it() -> None:
    """Folding makes the next one; what was not touched is shared."""
    before = begun()
    after = fold(before, patch(session={"flag": None}, competitors={"7": {"gap": 2}}))
    assert after is not None
    assert (before.session["flag"], before.competitors["7"]) == ("green", {"position": 1, "gap": 226})
    assert after.competitors["8"] is before.competitors["8"]


@pytest.mark.parametrize("seq", [3, 4, 6])
def test_a_hole_or_a_repetition_is_refused(seq: int) -> None:
    """Never a wrong state: the client asks for a snapshot."""
    with pytest.raises(OutOfStepError, match=f"seq {seq} came after seq 4"):
        fold(begun(), patch(seq))
    with pytest.raises(OutOfStepError, match="no snapshot"):
        fold(None, patch(seq))


def test_going_on_elsewhere_is_refused() -> None:
    """`resumed` has to name the position that we asked for."""
    state = begun()
    resumed = {"type": "resumed", "epoch": "e1", "seq": 4, "recovered": True}
    assert fold(state, resumed) is state
    for wrong in ({"epoch": "e2"}, {"seq": 3}):
        with pytest.raises(OutOfStepError):
            fold(state, resumed | wrong)
    with pytest.raises(OutOfStepError):
        fold(None, resumed)


@pytest.mark.parametrize("kind", ["status_update", "pong", "error", "something-new", None])
def test_other_messages_leave_the_state(kind: str | None) -> None:
    """Also those that a later server may invent."""
    state = begun()
    assert fold(state, {"type": kind}) is state


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "snapshot"},
        SNAPSHOT | {"competitors": [{"position": 1}]},
        SNAPSHOT | {"competitors": 7},
        SNAPSHOT | {"seq": "x"},
        patch(competitors=[1]),
        patch(competitors={"7": 1}),
        patch(columns=5),
        {"type": "patch"},
        {"type": "resumed"},
    ],
)
def test_what_is_not_shaped_as_promised_is_refused(broken: dict[str, Any]) -> None:
    """One kind of error, whatever is wrong."""
    with pytest.raises(OutOfStepError):
        fold(begun(), broken)


def test_null_clears() -> None:
    """Also what was not there."""
    assert merged({"a": 1, "b": False}, {"a": None, "c": 0, "d": None}) == {"b": False, "c": 0}
