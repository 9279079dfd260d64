"""Firestore's Listen messages, folded into whole states."""

from typing import Any

import pytest
from google.cloud.firestore_v1.types import ListenResponse

from karttime.circuits.circuit import CircuitsUnavailable
from karttime.circuits.firestore_stream import Folding

CIRCUITS, SELECTION = 1, 2
READ = {"seconds": 5}


def message(**values: Any) -> Any:
    return ListenResponse.pb(ListenResponse(values))


def target(kind: str, *targets: int, at: bool = False) -> Any:
    change = {"target_change_type": kind, "target_ids": targets} | ({"read_time": READ} if at else {})
    return message(target_change=change)


def changed(name: str, *targets: int, gone: tuple[int, ...] = ()) -> Any:
    return message(document_change={"document": {"name": name}, "target_ids": targets, "removed_target_ids": gone})


CURRENT = (target("CURRENT", CIRCUITS), target("CURRENT", SELECTION))
WHOLE = target("NO_CHANGE", at=True)


@pytest.fixture
def folding() -> Folding:
    return Folding(dict.fromkeys((CIRCUITS, SELECTION), lambda document: document.name))


def told(folding: Folding, *messages: Any) -> list[list[str]]:
    """The names of the circuits at each whole state."""
    return [sorted(folding.state(CIRCUITS)) for one in messages if folding.take(one)]


def test_a_state_is_told_when_both_targets_are_whole(folding: Folding) -> None:
    """Not before; and once, until something changes."""
    assert told(folding, target("ADD", CIRCUITS), changed("a", CIRCUITS), WHOLE, CURRENT[0], WHOLE) == []
    assert told(folding, CURRENT[1], WHOLE, WHOLE) == [["a"]]
    assert told(folding, changed("s", SELECTION), WHOLE) == [["a"]]
    assert folding.state(SELECTION) == ["s"]


def test_an_empty_project_is_a_state(folding: Folding) -> None:
    assert told(folding, *CURRENT, WHOLE) == [[]]
    assert folding.state(SELECTION) == []


def test_documents_go_in_each_of_three_ways(folding: Folding) -> None:
    """Deleted, removed, or changed so that they do not belong any more."""
    told(folding, *CURRENT, *(changed(name, CIRCUITS) for name in "abc"), WHOLE)
    deleted = message(document_delete={"document": "a", "removed_target_ids": [CIRCUITS]})
    removed = message(document_remove={"document": "b", "removed_target_ids": [CIRCUITS]})
    assert told(folding, deleted, WHOLE, removed, WHOLE, changed("c", gone=(CIRCUITS,)), WHOLE) == [
        ["b", "c"],
        ["c"],
        [],
    ]


def test_a_reset_begins_anew(folding: Folding) -> None:
    """What was there is there no more unless it comes again; nothing is told in between."""
    told(folding, *CURRENT, changed("a", CIRCUITS), changed("b", CIRCUITS), WHOLE)
    again = (target("RESET", CIRCUITS), WHOLE, changed("b", CIRCUITS), WHOLE, CURRENT[0], WHOLE)
    assert told(folding, *again) == [["b"]]


def test_another_count_than_ours_ends_the_listening(folding: Folding) -> None:
    """Something was missed: everything is asked anew."""
    told(folding, *CURRENT, changed("a", CIRCUITS), WHOLE)
    folding.take(message(filter={"target_id": CIRCUITS, "count": 1}))
    with pytest.raises(CircuitsUnavailable, match="anew"):
        folding.take(message(filter={"target_id": CIRCUITS, "count": 2}))


def test_a_target_that_is_given_up_ends_the_listening(folding: Folding) -> None:
    """With the server's reason."""
    gone = {"target_change_type": "REMOVE", "target_ids": [CIRCUITS], "cause": {"code": 7, "message": "not allowed"}}
    with pytest.raises(CircuitsUnavailable, match="not allowed"):
        folding.take(message(target_change=gone))
