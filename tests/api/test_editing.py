"""Circuits are created, changed and removed over REST, and what runs follows."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from karttime.api.stored import StoredCircuits

from .conftest import CIRCUITS, Venue, opening, until
from .test_rest import detail

NEW = {"nom": "New Hill", "wssUrl": "wss://new.example:8523/", "feed": "script"}


async def created(venue: Venue, **more: Any) -> dict[str, Any]:
    """A new circuit."""
    answer = await venue.http.post("/circuits", json=NEW | more)
    assert answer.status_code == 201, answer.text
    circuit: dict[str, Any] = answer.json()
    return circuit


async def test_a_created_circuit_is_where_location_says(venue: Venue) -> None:
    """201, an id from the name, labels in both notations, and times."""
    answer = await venue.http.post("/circuits", json=NEW | {"mappings": {"C2": "Kart", "C1": "Classement"}})
    assert (answer.status_code, answer.headers["location"]) == (201, "/circuits/new-hill")
    circuit = answer.json()
    assert (circuit["id"], circuit["nom"], circuit["wssUrl"]) == ("new-hill", "New Hill", "wss://new.example:8523/")
    assert list(circuit["mappings"].items()) == [("C1", "Classement"), ("C2", "Kart")]
    assert (circuit["c2"], circuit["c3"]) == ("Kart", "Non utilisé")
    assert circuit["createdAt"] == circuit["updatedAt"] is not None
    assert (await venue.http.get("/circuits/new-hill")).json() == circuit
    assert "new-hill" in {it["id"] for it in (await venue.http.get("/circuits")).json()}


async def test_a_created_circuit_can_be_started(venue: Venue) -> None:
    """It is one like any other."""
    await created(venue)
    assert (await venue.http.post("/circuits/new-hill/start-timing")).json()["status"] == "started"


async def test_the_apps_own_columns_are_understood(venue: Venue) -> None:
    """What the app's create screen sends: `c1`…`c14`, unused ones in its own words."""
    columns = {f"c{number}": "Non utilisé" for number in range(1, 15)} | {"c1": "Classement", "c4": " Pilote "}
    assert (await created(venue, **columns))["mappings"] == {"C1": "Classement", "C4": "Pilote"}


async def test_equal_names_get_ids_of_their_own_and_the_same_circuit_twice_is_a_conflict(venue: Venue) -> None:
    """Name and address together are the circuit."""
    await created(venue)
    assert (await created(venue, wssUrl="wss://other.example/"))["id"] == "new-hill-2"
    assert "new-hill" in detail(await venue.http.post("/circuits", json=NEW), 409)
    taken = NEW | {"nom": "Third", "id": "new-hill"}
    assert "choose another id" in detail(await venue.http.post("/circuits", json=taken), 409)


async def test_put_replaces_and_takes_back_what_get_answers(venue: Venue) -> None:
    """Id and creation stay; a label that is not sent is gone."""
    before = await created(venue, mappings={"C1": "Classement", "C2": "Kart"})
    same = await venue.http.put("/circuits/new-hill", json=before)
    assert same.status_code == 200
    assert {**same.json(), "updatedAt": None} == {**before, "updatedAt": None}
    after = (await venue.http.put("/circuits/new-hill", json=NEW | {"nom": "Old Hill"})).json()
    assert (after["id"], after["nom"], after["mappings"]) == ("new-hill", "Old Hill", {})
    assert after["createdAt"] == before["createdAt"]
    assert after["updatedAt"] > before["updatedAt"]


async def test_patch_changes_what_it_names(venue: Venue) -> None:
    """Null clears a label, in either notation."""
    await created(venue, mappings={"C1": "Classement", "C2": "Kart", "C20": "Far"})
    body = {"liveTimingUrl": "https://hill.example/live", "mappings": {"C2": None, "C3": "Equipe"}}
    after = (await venue.http.patch("/circuits/new-hill", json=body)).json()
    assert (after["nom"], after["liveTimingUrl"]) == ("New Hill", "https://hill.example/live")
    assert after["mappings"] == {"C1": "Classement", "C3": "Equipe", "C20": "Far"}
    after = (await venue.http.patch("/circuits/new-hill", json={"c1": "Non utilisé", "c3": "Pilote"})).json()
    assert after["mappings"] == {"C3": "Pilote", "C20": "Far"}


async def test_delete_stops_and_forgets(venue: Venue) -> None:
    """204, then 404; its collector is gone."""
    await created(venue)
    await venue.http.post("/circuits/new-hill/start-timing")
    assert (await venue.http.delete("/circuits/new-hill")).status_code == 204
    assert "GET /circuits" in detail(await venue.http.delete("/circuits/new-hill"), 404)
    assert "new-hill" not in {it.circuit_id for it in venue.service.engine.status().collectors}
    assert "new-hill" not in venue.service.channels()
    await created(venue)
    assert (await venue.http.post("/circuits/new-hill/start-timing")).json()["status"] == "started"


async def test_a_running_circuit_connects_to_its_new_address(venue: Venue) -> None:
    """It goes on running, and what is stored says where it came from."""
    await created(venue)
    await venue.http.post("/circuits/new-hill/start-timing")
    collector = venue.service.engine.collector("new-hill")
    await until(lambda: collector.status().timing_connected)
    assert (await venue.http.patch("/circuits/new-hill", json={"wssUrl": "wss://moved.example/"})).status_code == 200
    await until(lambda: collector.status().timing_connected)
    states = [item.state.value for item in collector.history]
    assert states.count("stopped") == 1, "it was connected anew"
    assert collector.running
    assert collector.circuit.url == "wss://moved.example/"
    assert venue.service._channels["new-hill"].circuit.url == "wss://moved.example/"


async def test_another_name_leaves_the_connection_alone(venue: Venue) -> None:
    """Only another address or wire format is a reason to connect anew."""
    await created(venue)
    await venue.http.post("/circuits/new-hill/start-timing")
    collector = venue.service.engine.collector("new-hill")
    await venue.http.patch("/circuits/new-hill", json={"nom": "Renamed", "c1": "Clt"})
    assert collector.circuit.name == "Renamed"
    assert "stopped" not in {item.state.value for item in collector.history}


async def test_a_changed_mapping_is_logged(venue: Venue) -> None:
    """With the labels as they are now; so is a new session."""
    await created(venue)
    await venue.http.patch("/circuits/new-hill", json={"c1": "Clt"})
    await venue.publish(*opening())
    archive = venue.service.archive
    assert archive is not None
    await venue.service.gate.settled()
    await until(lambda: not archive.status().queued)
    [event] = (await venue.http.get("/circuits/new-hill/logs")).json()
    assert (event["event"], event["detail"]) == ("mapping-change", "C1 Clt")
    events = (await venue.http.get("/circuits/hill/logs")).json()
    assert ("session-change", "20260101T120000Z-1 Race") in {(it["event"], it["detail"]) for it in events}


async def test_what_others_edit_in_the_database_is_followed(venue: Venue) -> None:
    """Another process changed one circuit and removed another, both collected here."""
    for name in ("one", "two"):
        await created(venue, nom=name)
        await venue.http.post(f"/circuits/{name}/start-timing")
    assert venue.service.archive is not None
    elsewhere = StoredCircuits(venue.service.archive.database)
    one = await elsewhere.get("one")
    assert one is not None
    moved = type(one)(one.id, one.name, "wss://moved.example/", one.feed)
    await elsewhere.replace(moved)
    await elsewhere.remove("two")
    assert isinstance(venue.service.store, StoredCircuits)
    venue.service.store._read_at = float("-inf")  # as after a few seconds
    await venue.service.follow()
    assert venue.service.engine.collector("one").circuit.url == "wss://moved.example/"
    assert [it.circuit_id for it in venue.service.engine.status().collectors] == ["hill", "one"]


@pytest.mark.parametrize("circuit", [circuit.id for circuit in CIRCUITS[:2]])
async def test_circuits_of_the_command_line_cannot_be_edited(venue: Venue, circuit: str) -> None:
    """409, and where to change them."""
    for method, body in (("PUT", NEW), ("PATCH", {"nom": "x"}), ("DELETE", None)):
        answer = await venue.http.request(method, f"/circuits/{circuit}", json=body)
        assert "given when the service was started" in detail(answer, 409)


BAD: Sequence[tuple[dict[str, Any], str]] = (
    ({"wssUrl": "http://new.example/"}, "ws://"),
    ({"wssUrl": "wss://user:secret@new.example/"}, "user name"),
    ({"wssUrl": "wss://"}, "no host"),
    ({"liveTimingUrl": "javascript:alert(1)"}, "https://"),
    ({"liveTimingUrl": "https://"}, "https://"),
    ({"nom": "  "}, "name"),
    ({"nom": "a\u0007b"}, "control"),
    ({"nom": 5}, "nom"),
    ({"feed": "telepathy"}, "known are apex, racemonitor, rmonitor, script"),
    ({"mappings": {"X": "Kart"}}, "C1 to C99"),
    ({"mappings": {"C0": "Kart"}}, "C1 to C99"),
    ({"mappings": {"C1": "Kart"}, "c1": "Pilote"}, "disagree about C1"),
    ({"mappings": ["C1"]}, "mappings"),
    ({"id": "a/b"}, "id"),
    ({"wsUrl": "wss://new.example/"}, "wsUrl"),
)


async def test_a_description_that_is_no_good_is_422_and_changes_nothing(venue: Venue) -> None:
    """The sentence names what is wrong."""
    for change, says in BAD:
        assert says in detail(await venue.http.post("/circuits", json=NEW | change), 422), change
    assert len((await venue.http.get("/circuits")).json()) == len(CIRCUITS)


@pytest.mark.parametrize(
    "url",
    [
        "ws://127.0.0.1:8000/",
        "ws://10.0.0.1/",
        "ws://[::1]/",
        "ws://169.254.169.254/",
        "ws://2130706433/",
        "ws://a:22/",
    ],
)
async def test_addresses_that_must_not_be_connected_to_are_refused(venue: Venue, url: str) -> None:
    """By every call that sets one, and the circuit stays as it was."""
    await created(venue)
    before = (await venue.http.get("/circuits/new-hill")).json()
    for method, path in (("POST", "/circuits"), ("PUT", "/circuits/new-hill"), ("PATCH", "/circuits/new-hill")):
        answer = await venue.http.request(method, path, json=NEW | {"nom": "Evil", "wssUrl": url})
        assert url in detail(answer, 422)
    assert (await venue.http.get("/circuits/new-hill")).json() == before
    assert "Evil" not in (await venue.http.get("/circuits")).text


async def test_put_with_another_id_is_refused(venue: Venue) -> None:
    """A circuit keeps its id: clients and stored data know it by that."""
    await created(venue)
    assert "keeps its id" in detail(await venue.http.put("/circuits/new-hill", json=NEW | {"id": "other"}), 422)


async def test_a_null_name_is_refused(venue: Venue) -> None:
    """Null clears labels, nothing else."""
    await created(venue)
    assert "nom" in detail(await venue.http.patch("/circuits/new-hill", json={"nom": None}), 422)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[]", 422),
        (b'{"nom": "\xff"}', 400),
        (b'{"nom": "\\ud800", "wssUrl": "ws://a/"}', 422),
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(venue: Venue, content: bytes, status: int) -> None:
    """Never with a 500."""
    answer = await venue.http.post("/circuits", content=content, headers={"content-type": "application/json"})
    detail(answer, status)


async def test_two_who_add_the_same_id_at_once(venue: Venue) -> None:
    """One wins, the other is told."""
    body = NEW | {"id": "same"}
    bodies = [body | {"wssUrl": f"wss://{number}.example/"} for number in range(4)]
    answers = await asyncio.gather(*(venue.http.post("/circuits", json=it) for it in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


@pytest.mark.parametrize(
    ("url", "feed"),
    [
        ("wss://new.example/", "apex"),
        ("rmonitor://new.example", "rmonitor"),
        ("racemonitor:37872", "racemonitor"),
        ("wss://relay.example/instance/209/abcdefgh-1234", "racemonitor"),
    ],
)
async def test_the_address_tells_the_feed_where_nobody_does(venue: Venue, url: str, feed: str) -> None:
    """And goes on to, when it is changed; a feed that somebody said stays."""
    body = {"nom": "New Hill", "wssUrl": url}
    assert (await venue.http.post("/circuits", json=body)).json()["feed"] == feed
    changed = await venue.http.patch("/circuits/new-hill", json={"wssUrl": "rmonitor://other.example:60000"})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["wssUrl"], changed.json()["feed"]) == ("rmonitor://other.example:60000", "rmonitor")
    put = await venue.http.put("/circuits/new-hill", json=body | {"feed": "script"})
    assert put.json()["feed"] == "script"
    assert (await venue.http.patch("/circuits/new-hill", json={"wssUrl": "racemonitor:7"})).json()["feed"] == "script"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("rmonitor://10.0.0.7", "private network"),
        ("rmonitor://169.254.169.254:8000", "not a public address"),
        ("rmonitor://new.example:22", "port 22"),
        ("racemonitor:../x", "names no race"),
        ("tcp://new.example:50000", "does not begin with"),
    ],
)
async def test_addresses_of_every_scheme_are_held_to_the_rules(venue: Venue, url: str, says: str) -> None:
    answer = await venue.http.post("/circuits", json={"nom": "New Hill", "wssUrl": url})
    assert says in detail(answer, 422)
