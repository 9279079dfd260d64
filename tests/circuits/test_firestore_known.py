"""What is known of Firestore, as it is heard of."""

import pytest

from karttime.circuits.firestore_documents import Document, Timestamp
from karttime.circuits.firestore_known import MISSING_S, VANISHED_S, Known
from karttime.circuits.firestore_remote import Heard


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def document(name: str, version: int = 1, nom: str = "Hill") -> Document:
    return Document(name, {"nom": nom, "wssUrl": "wss://hill.example/"}, Timestamp(version))


def heard(*documents: Document, selected: str | None = None) -> Heard:
    return Heard({document.id: document for document in documents}, {"selectedCircuitId": selected})


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def changes() -> list[None]:
    return []


@pytest.fixture
def known(clock: Time, changes: list[None]) -> Known:
    return Known(lambda: changes.append(None), clock)


def test_a_circuit_that_vanishes_beside_others_is_gone_at_once(known: Known) -> None:
    known.heard(heard(document("a"), document("b")))
    known.heard(heard(document("a")))
    assert list(known.circuits) == ["a"]


def test_the_last_circuit_that_is_removed_while_we_listen_is_gone_at_once(known: Known) -> None:
    """Somebody removed it."""
    known.heard(heard(document("a")), first=True)
    known.heard(heard())
    assert not known.circuits


def test_when_all_are_missing_on_a_new_connection_they_stay_for_a_while(known: Known, clock: Time) -> None:
    """A project that was reset and is restored, one circuit after the other, interrupts nobody."""
    known.heard(heard(document("a"), document("b")), first=True)
    known.heard(heard(), first=True)
    known.heard(heard(document("a", 2)))
    known.forget_vanished()
    assert sorted(known.circuits) == ["a", "b"]
    assert known.documents["a"].version == Timestamp(2)
    known.heard(heard(document("a", 2), document("b", 3)))
    clock.now += VANISHED_S
    known.forget_vanished()
    assert sorted(known.circuits) == ["a", "b"]


def test_those_that_do_not_come_back_are_gone(known: Known, clock: Time) -> None:
    """Also when the connection begins again and again."""
    known.heard(heard(document("a"), document("b")), first=True)
    for _ in range(3):
        known.heard(heard(), first=True)
        clock.now += VANISHED_S / 3
    known.forget_vanished()
    assert not known.circuits
    changed, gone = known.unsaved()
    assert (changed, sorted(gone)) == ([], ["a", "b"])


def test_some_that_are_missing_on_a_new_connection_stay_for_seconds(known: Known, clock: Time) -> None:
    """A restored project may be half there."""
    known.heard(heard(document("a"), document("b")), first=True)
    known.heard(heard(document("a")), first=True)
    assert sorted(known.circuits) == ["a", "b"]
    clock.now += MISSING_S
    known.forget_vanished()
    assert list(known.circuits) == ["a"]


def test_only_changes_are_told(known: Known, changes: list[None]) -> None:
    """A write that changes nothing of a circuit is none; a malformed document changes nothing."""
    known.heard(heard(document("a")))
    assert len(changes) == 1
    known.heard(heard(document("a"), document("bad", nom="")))
    assert len(changes) == 1
    known.heard(heard(document("a"), selected="a"))
    assert (len(changes), known.selected) == (2, "a")


def test_an_answer_that_is_older_than_what_was_heard_changes_nothing(known: Known) -> None:
    """The listener may be quicker than the answer to our own write."""
    known.heard(heard(document("a", 5, "New")))
    known.took("a", document("a", 4, "Old"))
    assert known.circuits["a"].name == "New"


def test_the_copy_is_told_what_it_lacks(known: Known) -> None:
    """Until it has it; ids that cannot be a circuit's are not kept."""
    known.heard(heard(document("a"), document("b"), document("a b")))
    changed, gone = known.unsaved()
    assert (sorted(one.id for one in changed), gone) == (["a", "b"], [])
    known.heard(heard(document("a", 2)))
    known.saved(changed, gone)
    assert known.unsaved() == ([document("a", 2)], ["b"])


def test_a_selection_that_names_nothing_is_a_fault(known: Known) -> None:
    known.heard(heard(document("a"), selected="a/b"))
    assert (known.selected, [fault.id for fault in known.faults]) == ("", ["session1"])
