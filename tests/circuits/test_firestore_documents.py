"""Circuits out of Firestore's documents, which anybody with the app can write."""

from dataclasses import replace

import pytest

from karttime.circuits.circuit import Circuit
from karttime.circuits.firestore_documents import (
    Document,
    Foreign,
    Labels,
    Timestamp,
    Value,
    changes_of,
    circuit_of,
    fields_of,
    mapping_of,
    packed,
    selection_of,
    unpacked,
)
from karttime.errors import UsageError

AT = Timestamp(1_795_388_986_727_000_123)
UNUSED = dict.fromkeys((f"c{number}" for number in range(1, 15)), "Non utilisé")
HILL = Circuit("hill", "Hill Kart", "wss://hill.example/", "apex", {"C1": "Classement", "C2": "Kart"})


def document(**fields: Value) -> Document:
    """One that is sound, but for what is said."""
    sound: dict[str, Value] = {"nom": "Hill Kart", "wssUrl": "wss://hill.example/", "liveTimingUrl": "", **UNUSED}
    return Document("hill", sound | fields, AT)


def test_what_the_app_writes_is_a_circuit() -> None:
    """Unset columns are none, blank ones too; times are the server's."""
    it, faults = circuit_of(document(c1=" Classement ", c2="", c3=None, c4="Kart", createdAt=Timestamp(5_000_000_000)))
    assert it == Circuit(
        "hill", "Hill Kart", "wss://hill.example/", "apex", {"C1": "Classement", "C4": "Kart"}, "", 5000, AT.ms
    )
    assert it.version == str(AT.ns)
    assert not faults


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"nom": None}, "nom is missing"),
        ({"nom": Foreign("integer")}, "nom is no text"),
        ({"nom": "a\nb"}, "control characters"),
        ({"nom": "x" * 201}, "200 characters"),
        ({"wssUrl": True}, "wssUrl is no text"),
        ({"wssUrl": ""}, "ws://"),
        ({"wssUrl": "http://hill.example/"}, "ws://"),
        ({"wssUrl": "wss://me:secret@hill.example/"}, "user name"),
    ],
)
def test_a_document_that_is_no_circuit_is_left_out_and_told_of(fields: dict[str, Value], says: str) -> None:
    """By its id."""
    it, [fault] = circuit_of(document(**fields))
    assert it is None
    assert (fault.id, fault.skipped) == ("hill", True)
    assert says in fault.text


@pytest.mark.parametrize("name", ["a b", "é", "..", "-a", "a.b", "a" * 129, "x\x1b[31m", ""])
def test_an_id_that_no_address_can_hold_is_none(name: str) -> None:
    it, [fault] = circuit_of(Document(name, document().fields, AT))
    assert it is None
    assert "id" in fault.text
    assert fault.id.isprintable()


def test_what_is_beside_the_circuit_is_left_out_and_the_circuit_stays() -> None:
    """A page that no browser opens, labels that are no texts."""
    it, faults = circuit_of(document(liveTimingUrl="javascript:alert(1)", c1=Foreign("integer"), c2="Kart"))
    assert it is not None
    assert (it.live_timing_url, it.column_labels) == ("", {"C2": "Kart"})
    assert [fault.skipped for fault in faults] == [False, False]


def test_the_address_tells_the_feed_unless_the_document_does() -> None:
    """What is no name of a feed does not."""
    for feed, expected in (("rmonitor", "rmonitor"), (None, "apex"), ("../x", "apex"), (True, "apex")):
        it, _ = circuit_of(document(feed=feed))
        assert it is not None
        assert it.feed == expected


def test_labels_are_cleaned_and_bounded() -> None:
    it, _ = circuit_of(document(c1="Ka\u202ert" + "x" * 200))
    assert it is not None
    assert it.column_labels["C1"] == ("Kart" + "x" * 200)[:100]


@pytest.mark.parametrize(
    ("fields", "automatic"),
    [
        ({"autoDetectionSucceeded": True, "autoDetectionSucceededAt": AT, "updatedAt": AT}, True),
        ({"autoDetectionSucceeded": True, "autoDetectionSucceededAt": AT, "updatedAt": Timestamp(AT.ns + 1)}, False),
        ({"autoDetectionSucceeded": False, "autoDetectionSucceededAt": AT, "updatedAt": AT}, False),
        ({"autoDetectionSucceeded": True}, False),
        ({}, False),
    ],
)
def test_a_mapping_is_automatic_until_somebody_saves_it(fields: dict[str, Value], automatic: bool) -> None:
    """The app sets `updatedAt` when a person does."""
    assert mapping_of(document(c1="Kart", **fields)) == Labels({"C1": "Kart"}, automatic)


def test_fields_of_a_circuit_are_those_that_the_app_writes() -> None:
    """Never null; the feed only where the address does not tell it."""
    assert fields_of(HILL) == {
        "nom": "Hill Kart",
        "wssUrl": "wss://hill.example/",
        "liveTimingUrl": "",
        **UNUSED,
        "c1": "Classement",
        "c2": "Kart",
    }
    assert fields_of(replace(HILL, feed="rmonitor"))["feed"] == "rmonitor"


def test_a_column_that_the_app_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match="C15"):
        fields_of(replace(HILL, column_labels={"C15": "Kart"}))


def test_an_edit_changes_what_it_names() -> None:
    """A mapping is saved whole, as the app does; a feed that the address tells again is deleted."""
    assert changes_of(HILL, replace(HILL, name="Dale")) == {"nom": "Dale"}
    assert changes_of(HILL, replace(HILL, column_labels={"C2": "Kart"})) == {**UNUSED, "c2": "Kart"}
    assert changes_of(replace(HILL, feed="rmonitor"), HILL) == {"feed": None}
    assert changes_of(HILL, replace(HILL, updated_at=5)) == {}


def test_a_document_survives_the_copy() -> None:
    """To JSON and back, with everything that decides about it."""
    it = document(updatedAt=AT, c1=Foreign("reference"), c2=None, autoDetectionSucceeded=True)
    assert unpacked(packed(it)) == it.fields
    assert unpacked({"a": 5, "b": [], "c": {"ns": "x"}}) == {}


def test_the_selection_is_a_circuits_id_or_none() -> None:
    """Another type loses the app's screen, and nothing here."""
    assert selection_of({"selectedCircuitId": "hill"}) == ("hill", "")
    assert selection_of({"selectedCircuitId": None}) == ("", "")
    assert selection_of({}) == ("", "")
    for bad in (Foreign("integer"), "a/b", True):
        selected, fault = selection_of({"selectedCircuitId": bad})
        assert selected == ""
        assert "selectedCircuitId" in fault
