"""What reads a circuit's feed, over REST: seen, corrected, forgotten."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from karttime.api.parsers import StoredParsers
from karttime.circuits.parser import FEEDS, Parser

from .conftest import START, Venue, serving
from .test_rest import detail

SPEC = {
    "karttime_spec": 1,
    "name": "hill karting",
    "tables": [{"rows": "runs[]", "key": "no", "fields": [{"path": "no", "role": "number"}]}],
}
NEW = {"nom": "New Hill", "wssUrl": "wss://new.example/", "feed": "auto"}


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[Venue]:
    """A running service that keeps parsers."""
    async with serving(tmp_path, feeds=("script", *FEEDS)) as running:
        assert running.service.archive is not None
        running.service.parsers = StoredParsers(running.service.archive.database)
        yield running


async def circuit(venue: Venue, **more: Any) -> Any:
    answer = await venue.http.post("/circuits", json=NEW | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_spec_that_a_person_gives_becomes_the_feed(venue: Venue) -> None:
    """It comes back as it was sent, with who gave it; giving it again is another revision."""
    await circuit(venue)
    assert (await venue.http.get("/circuits/new-hill/spec")).status_code == 404
    for revision in (1, 2):
        answer = await venue.http.put("/circuits/new-hill/spec", json=SPEC)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["spec"], told["by"], told["feed"], told["revision"]) == (SPEC, "person", "spec", revision)
        assert (await venue.http.get("/circuits/new-hill/spec")).json() == told
    assert (await venue.http.get("/circuits/new-hill")).json()["feed"] == "spec"


async def test_a_circuit_can_be_added_and_changed_with_its_spec(venue: Venue) -> None:
    """What GET answers can be sent back, without the spec, which stays."""
    made = await circuit(venue, feed="", spec=SPEC)
    assert made["feed"] == "spec"
    assert (await venue.http.put("/circuits/new-hill", json=made)).json()["feed"] == "spec"
    changed = await venue.http.patch("/circuits/new-hill", json={"spec": SPEC | {"name": "other"}})
    assert changed.status_code == 200, changed.text
    assert (await venue.http.get("/circuits/new-hill/spec")).json()["spec"]["name"] == "other"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"spec": {"karttime_spec": 7}}, "version"),
        ({"spec": {"no": "spec"}}, "no spec"),
        ({"spec": SPEC, "feed": "apex"}, "with a spec it is spec"),
        ({"feed": "spec"}, "needs one"),
        ({"feed": "telepathy"}, "known are"),
        ({"spec": SPEC | {"tables": [{"rows": "a[", "key": "x", "fields": []}]}}, "tables"),
    ],
)
async def test_a_spec_that_is_none_is_refused_and_changes_nothing(venue: Venue, body: Any, said: str) -> None:
    await circuit(venue)
    before = (await venue.http.get("/circuits/new-hill")).json()
    assert said in detail(await venue.http.patch("/circuits/new-hill", json=body), 422)
    assert (await venue.http.get("/circuits/new-hill")).json() == before


async def test_what_is_forgotten_is_found_out_anew(venue: Venue) -> None:
    await circuit(venue, feed="", spec=SPEC)
    assert (await venue.http.delete("/circuits/new-hill/spec")).status_code == 204
    assert (await venue.http.delete("/circuits/new-hill/spec")).status_code == 404
    assert (await venue.http.get("/circuits/new-hill")).json()["feed"] == "auto"
    assert (await venue.http.get("/circuits/new-hill/spec")).status_code == 404


async def test_a_circuit_of_the_command_line_with_a_formats_name_cannot_be_given_one(venue: Venue) -> None:
    assert "given when the service was started" in detail(await venue.http.put("/circuits/hill/spec", json=SPEC), 409)
    assert (await venue.http.put("/circuits/nowhere/spec", json=SPEC)).status_code == 404


async def test_what_was_found_is_kept_with_its_analysis_and_never_over_a_person(venue: Venue) -> None:
    """The mapping that is proposed comes along."""
    await circuit(venue)
    hill = await venue.service.circuit("new-hill")
    parsers = venue.service.parsers
    assert parsers is not None
    found = Parser("apex", None, "detection", START, "wss://new.example/", frames=4)
    result = {"format": {"name": "apex"}, "columns": [{"column": "C1", "role": "laps", "label": "L", "type": "tlp"}]}
    assert await parsers.found(hill, found, result)
    told = (await venue.http.get("/circuits/new-hill/analysis")).json()
    assert told["result"]["mapping"]["proposed"] == {"C1": "Lap"}
    assert (await venue.http.get("/circuits/new-hill/spec")).json()["feed"] == "apex"
    await venue.http.put("/circuits/new-hill/spec", json=SPEC)
    assert not await parsers.found(hill, found, result)
    assert (await venue.http.get("/circuits/new-hill/spec")).json()["by"] == "person"


async def test_detection_is_told_in_the_status(venue: Venue) -> None:
    """And stopped and started like any other."""
    await circuit(venue)
    await venue.http.post("/circuits/new-hill/start-timing")
    told = (await venue.http.get("/circuits/new-hill/status")).json()["collector_status"]["detection"]
    assert (told["feed"], told["by"], told["reading"]) == ("", "", False)
    assert (await venue.http.get("/circuits/hill/status")).json()["collector_status"]["detection"] is None
    assert (await venue.http.post("/circuits/new-hill/stop-timing")).json()["status"] == "stopped"
