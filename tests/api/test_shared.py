"""Circuits of Firestore over REST, and their copy in the database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from karttime.api.shared import StoredCopy
from karttime.circuits.firestore import FirestoreCircuits
from karttime.circuits.firestore_documents import Document, Foreign, Timestamp
from karttime.circuits.firestore_mapping import Detected
from karttime.circuits.firestore_remote import FirestoreOptions
from karttime.circuits.local import LocalCircuits
from karttime.storage.database import Database
from tests.firebase.proxy import Way
from tests.firebase.rest import Rest

from .conftest import CIRCUITS, Venue, serving, until
from .test_rest import detail

NEW = {"nom": "New Hill", "wssUrl": "wss://new.example:8523/"}
HILL = Document("hill", {"nom": "Hill", "c1": None, "c2": Foreign("map"), "updatedAt": Timestamp(5)}, Timestamp(7))


@pytest.fixture
def rest(firestore: int, project: str) -> Rest:
    return Rest(project, firestore)


@asynccontextmanager
async def shared_venue(folder: Path, project: str, port: int) -> AsyncIterator[Venue]:
    """A service whose circuits come from Firestore, beside those of its command line."""
    database = Database(f"sqlite:///{folder}/copy.db")
    options = FirestoreOptions(project, emulator=f"127.0.0.1:{port}", timeout_s=2)
    circuits = FirestoreCircuits(options, StoredCopy(database, project), LocalCircuits(CIRCUITS))
    running = asyncio.create_task(circuits.run())
    try:
        await until(lambda: circuits.status().state == "listening")
        async with serving(folder, store=circuits, shared=circuits) as venue:
            yield venue
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        circuits.close()
        database.close()


def test_the_copy_has_what_it_was_told(database: Database) -> None:
    """Each project its own; every value that decides something survives."""
    copy, other = StoredCopy(database, "one"), StoredCopy(database, "two")
    dale = Document("dale", {}, Timestamp(2**62))
    copy.keep([HILL, dale], [])
    other.keep([HILL], [])
    copy.keep([], ["hill", "never"])
    assert list(copy.documents()) == [dale]
    assert list(other.documents()) == [HILL]


def test_what_was_detected_is_kept_one_of_a_circuit(database: Database) -> None:
    """Pending or written."""
    copy = StoredCopy(database, "one")
    first = Detected("hill", {"C1": "Kart"}, 5, pending=True)
    second = Detected("hill", {"C1": "Lap"}, 6, written={"C1": "Kart"})
    copy.put(first)
    assert copy.detected_of("hill") == first
    copy.put(second)
    assert list(copy.detected()) == [second]
    assert copy.detected_of("dale") is None
    assert not StoredCopy(database, "two").detected()


async def test_every_call_reaches_firestore(firestore: int, project: str, rest: Rest, tmp_path: Path) -> None:
    """And answers what is there; what others write is there as well, and can be started."""
    async with shared_venue(tmp_path, project, firestore) as venue:
        made = await venue.http.post("/circuits", json=NEW | {"feed": "script", "c1": "Kart"})
        assert (made.status_code, made.headers["location"]) == (201, "/circuits/new-hill")
        assert rest.get("circuits/new-hill")["c1"] == "Kart"
        assert made.json()["createdAt"] is not None
        rest.put("circuits/phone", nom="Phone", wssUrl="wss://phone.example/", feed="script")
        shared = venue.service.shared
        assert shared is not None
        await until(lambda: "phone" in shared.known.circuits)
        listed = (await venue.http.get("/circuits")).json()
        assert {one["id"] for one in listed} == {"hill", "dale", "wild", "new-hill", "phone"}
        assert (await venue.http.post("/circuits/phone/start-timing")).json()["status"] == "started"
        changed = await venue.http.patch("/circuits/phone", json={"nom": "Renamed"})
        assert changed.json()["nom"] == rest.get("circuits/phone")["nom"] == "Renamed"
        assert venue.service.engine.collector("phone").circuit.name == "Renamed"
        assert (await venue.http.delete("/circuits/phone")).status_code == 204
        assert (await venue.http.get("/circuits/phone")).status_code == 404
        body = {"mappings": {"C15": "Kart"}}
        assert "C1 to C14" in detail(await venue.http.patch("/circuits/new-hill", json=body), 422)
        evil = {"nom": "Evil", "wssUrl": "ws://169.254.169.254/"}
        assert "not a public address" in detail(await venue.http.post("/circuits", json=evil), 422)


async def test_an_edit_that_is_heard_of_as_well_connects_anew_once(
    firestore: int, project: str, tmp_path: Path
) -> None:
    """Our own write comes back from Firestore while the call is answered."""
    async with shared_venue(tmp_path, project, firestore) as venue:
        await venue.http.post("/circuits", json=NEW | {"feed": "script"})
        await venue.http.post("/circuits/new-hill/start-timing")
        collector = venue.service.engine.collector("new-hill")
        patch = venue.http.patch("/circuits/new-hill", json={"wssUrl": "wss://moved.example/"})
        await asyncio.gather(patch, *(venue.service.follow() for _ in range(3)))
        await venue.service.follow()
        assert [item.state.value for item in collector.history].count("stopped") == 1
        assert collector.circuit.url == "wss://moved.example/"


async def test_addresses_from_firestore_are_held_to_the_rules(
    firestore: int, project: str, rest: Rest, tmp_path: Path
) -> None:
    """Whoever has the app can write them: this machine and its network are not reached that way."""
    rest.put("circuits/evil", nom="Evil", wssUrl="ws://127.0.0.1:8000/")
    async with shared_venue(tmp_path, project, firestore) as venue:
        venue.service.engine._plugged_source = None  # addresses are looked at
        answer = await venue.http.post("/circuits/evil/start-timing")
        assert "--allow-private" in detail(answer, 422)


async def test_a_conflict_brings_the_other_sides_value(
    firestore: int, project: str, rest: Rest, tmp_path: Path
) -> None:
    """Whether we had heard of it or not, and nothing is written."""
    rest.put("circuits/phone", **NEW)
    async with shared_venue(tmp_path, project, firestore) as venue:
        shared = venue.service.shared
        assert shared is not None
        seen: dict[str, Any] = (await venue.http.get("/circuits/phone")).json()
        rest.change("circuits/phone", nom="Theirs")
        await until(lambda: shared.known.circuits["phone"].name == "Theirs")
        for method, body in (("PUT", seen | {"nom": "Mine"}), ("PATCH", {"c1": "Lap", "updatedAt": seen["updatedAt"]})):
            answer = await venue.http.request(method, "/circuits/phone", json=body)
            assert "current" in detail(answer, 409)
            assert answer.json()["current"]["nom"] == "Theirs"
        assert rest.get("circuits/phone")["nom"] == "Theirs"


async def test_without_firestore_reading_works_and_changing_is_503(
    firestore: int, project: str, rest: Rest, tmp_path: Path
) -> None:
    """Health and status say so."""
    rest.put("circuits/phone", **NEW)
    rest.put("circuits/bad", nom="Bad")
    with Way(firestore) as way:
        async with shared_venue(tmp_path, project, way.port) as venue:
            status = (await venue.http.get("/status")).json()["firestore"]
            assert (status["state"], status["circuits"], status["project"]) == ("listening", 1, project)
            assert status["faults"] == [{"id": "bad", "reason": "wssUrl is missing", "skipped": True}]
            assert (await venue.http.get("/health")).json()["checks"]["firestore"] == "listening"
            assert "karttime_firestore_listening 1.0" in (await venue.http.get("/metrics")).text
            way.cut()
            shared = venue.service.shared
            assert shared is not None
            await until(lambda: shared.status().state == "away")
            answer = await venue.http.get("/health")
            assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
            assert (await venue.http.get("/circuits/phone")).json()["nom"] == "New Hill"
            changed = await venue.http.patch("/circuits/phone", json={"nom": "Mine"})
            assert "does not answer" in detail(changed, 503)
            status = (await venue.http.get("/status")).json()["firestore"]
            assert "does not answer" in status["reason"]
            assert status["last_sync"] is not None


async def test_without_firestore_configured_status_says_nothing(venue: Venue) -> None:
    assert (await venue.http.get("/status")).json()["firestore"] is None
    assert "firestore" not in (await venue.http.get("/health")).json()["checks"]


async def test_an_edit_that_was_based_on_an_older_state_is_a_conflict(venue: Venue) -> None:
    """Of circuits in the database, too."""
    await venue.http.post("/circuits", json=NEW | {"feed": "script"})
    seen = (await venue.http.get("/circuits/new-hill")).json()
    assert (await venue.http.patch("/circuits/new-hill", json={"nom": "Theirs"})).status_code == 200
    answer = await venue.http.put("/circuits/new-hill", json=seen | {"nom": "Mine"})
    assert "changed since" in detail(answer, 409)
    assert answer.json()["current"]["nom"] == "Theirs"
    now = answer.json()["current"]["updatedAt"]
    again = await venue.http.patch("/circuits/new-hill", json={"nom": "Mine", "updatedAt": now})
    assert again.json()["nom"] == "Mine"
