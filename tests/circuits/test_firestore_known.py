"""What is known of Firestore, as it is heard of."""

import pytest

from karttime.circuits.firestore_documents import Document, Timestamp
from karttime.circuits.firestore_known import VANISHED_S, Known
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


def test_when_all_vanish_they_stay_for_a_while(known: Known, clock: Time) -> None:
    """A project that was reset and is restored, one circuit after the other, interrupts nobody."""
    known.heard(heard(document("a"), document("b")))
    known.heard(heard())
    known.heard(heard(document("a", 2)))
    known.forget_vanished()
    assert sorted(known.circuits) == ["a", "b"]
    assert known.documents["a"].version == Timestamp(2)
    known.heard(heard(document("a", 2), document("b", 3)))
    clock.now += VANISHED_S
    known.forget_vanished()
    assert sorted(known.circuits) == ["a", "b"]


def test_those_that_do_not_come_back_are_gone(known: Known, clock: Time) -> None:
    """Also when the same is heard again and again."""
    known.heard(heard(document("a"), document("b")))
    for _ in range(3):
        known.heard(heard())
        clock.now += VANISHED_S / 3
    known.forget_vanished()
    assert not known.circuits
    assert known.unsaved() == ([], known.unsaved()[1])
    assert sorted(known.unsaved()[1]) == ["a", "b"]


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
