"""Firestore's generated client against Google's own emulator."""

import json
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

from karttime.circuits.circuit import CircuitsUnavailable
from karttime.circuits.firestore_documents import Foreign, Timestamp, circuit_of, mapping_of
from karttime.circuits.firestore_remote import FirestoreOptions, Heard, NotAsExpected, Remote
from karttime.errors import UsageError
from tests.firebase.emulator import free_port
from tests.firebase.rest import Rest

ELSEWHERE = {"referenceValue": "projects/other/databases/(default)/documents/a/b"}


@pytest.fixture
def rest(firestore: int, project: str) -> Rest:
    return Rest(project, firestore)


@pytest.fixture
def remote(firestore: int, project: str) -> Iterator[Remote]:
    made = Remote(FirestoreOptions(project, emulator=f"127.0.0.1:{firestore}"))
    yield made
    made.close()


def test_a_circuit_is_created_once(remote: Remote) -> None:
    """Its time of creation is the server's."""
    remote.create("hill", {"nom": "Hill", "wssUrl": "wss://hill.example/"})
    found = remote.get("hill")
    assert found is not None
    assert isinstance(found.fields["createdAt"], Timestamp)
    assert abs(found.version.ms - remote.server_time()) < 60_000
    with pytest.raises(NotAsExpected, match="taken"):
        remote.create("hill", {"nom": "Dale"})
    assert [document.id for document in remote.all()] == ["hill"]


def test_a_change_counts_only_for_the_version_that_was_seen(remote: Remote) -> None:
    """Its moments are one moment of the server; null deletes a field."""
    remote.create("hill", {"nom": "Hill", "feed": "apex"})
    first = remote.get("hill")
    assert first is not None
    stamps = ("updatedAt", "autoDetectionSucceededAt")
    remote.change("hill", {"c1": "Kart", "autoDetectionSucceeded": True, "feed": None}, stamps, first.version)
    second = remote.get("hill")
    assert second is not None
    assert mapping_of(second).automatic
    assert "feed" not in second.fields
    with pytest.raises(NotAsExpected, match="changed"):
        remote.change("hill", {"c1": "Lap"}, (), first.version)
    assert remote.get("hill") == second


def test_what_is_not_there_is_said(remote: Remote) -> None:
    assert remote.get("none") is None
    with pytest.raises(NotAsExpected, match="gone"):
        remote.delete("none")
    with pytest.raises(NotAsExpected):
        remote.change("none", {"nom": "x"}, (), Timestamp(1000))


def test_any_value_can_be_in_a_document(remote: Remote, rest: Rest) -> None:
    """A reference into another project ends Google's own listener and reads; here it is told of."""
    rest.put(
        "circuits/odd", nom="Odd", wssUrl="wss://odd.example/", c1=ELSEWHERE, c2={"integerValue": "5"}, c3="x" * 5000
    )
    [document] = remote.all()
    assert document.fields["c1"] == Foreign("reference")
    assert document.fields["c3"] == Foreign("a text that is too long")
    circuit, [fault] = circuit_of(document)
    assert circuit is not None
    assert "no text" in fault.text


def test_everything_is_heard_in_whole_states(remote: Remote, rest: Rest) -> None:
    """Additions, changes, removals, the selection; a document that nobody can read does not end it."""
    rest.put("circuits/hill", nom="Hill", wssUrl="wss://hill.example/")
    states: Queue[Heard | Exception] = Queue()

    def listen() -> None:
        try:
            for heard in remote.listen():
                states.put(heard)
        except CircuitsUnavailable as error:
            states.put(error)

    Thread(target=listen, daemon=True).start()

    def until(**expected: str) -> Heard:
        while True:
            heard = states.get(timeout=10)
            assert isinstance(heard, Heard)
            if {name: it.fields["nom"] for name, it in heard.documents.items()} == expected:
                return heard

    assert until(hill="Hill").selection == {}
    rest.put("circuits/odd", nom="Odd", ref=ELSEWHERE)
    until(hill="Hill", odd="Odd")
    rest.change("circuits/hill", nom="New")
    until(hill="New", odd="Odd")
    rest.put("sessions/session1", selectedCircuitId="hill")
    assert until(hill="New", odd="Odd").selection == {"selectedCircuitId": "hill"}
    rest.delete("circuits/hill")
    until(odd="Odd")
    remote.close()
    assert isinstance(states.get(timeout=10), CircuitsUnavailable)


def test_nobody_there_is_said_at_once() -> None:
    """No call is tried again behind our back."""
    remote = Remote(FirestoreOptions("demo-none", emulator=f"127.0.0.1:{free_port()}", timeout_s=2))
    with pytest.raises(CircuitsUnavailable, match="does not answer"):
        remote.all()
    with pytest.raises(CircuitsUnavailable, match="does not answer"):
        next(remote.listen())
    remote.close()


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"type": "service_account", "client_email": "a@b"}'])
def test_a_key_that_is_none_is_one_sentence(tmp_path: Path, content: str | None) -> None:
    """Without a network."""
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match="FIREBASE_CREDENTIALS_PATH"):
        Remote(FirestoreOptions("demo-none", path, emulator=""))


def test_a_key_of_the_right_shape_that_nobody_signed_is_one_sentence(tmp_path: Path) -> None:
    """Its private key is no key."""
    path = tmp_path / "key.json"
    key = {"type": "service_account", "client_email": "a@b", "token_uri": "https://x.example", "private_key": "none"}
    path.write_text(json.dumps(key))
    with pytest.raises(UsageError, match="FIREBASE_CREDENTIALS_PATH"):
        Remote(FirestoreOptions("demo-none", path, emulator=""))
