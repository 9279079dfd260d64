"""The reference of the live stream says what is really sent: messages of every format against its schemas."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import orjson
import pytest
from jsonschema.protocols import Validator  # type: ignore[import-untyped]

from karttime.api import asyncapi
from karttime.api.frames import CloseCode
from karttime.api.wire import KartingData, TimingData, WireFormat
from karttime.domain.flags import Flag
from karttime.domain.updates import (
    FlagChanged,
    LapRevised,
    MessageShown,
    Note,
    NotesAdded,
    NotesCleared,
    PitEntered,
    PitLeft,
    Provenance,
    SessionEnded,
)
from karttime.feeds.apex.decoder import ApexDecoder
from karttime.feeds.base import Rejection
from karttime.recording.reader import open_recording

from .conftest import START, Venue, kart, lap, opening
from .stage import Stage
from .test_captures import CAPTURES

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"


class Reference:
    """Validates messages against the document, as a client generated from it would."""

    def __init__(self) -> None:
        self.document = orjson.loads(orjson.dumps(asyncapi.document()))
        self.seen: set[str] = set()
        self._validators: dict[str, Validator] = {}

    def check(self, message: dict[str, Any], operations: Sequence[str]) -> None:
        """The message is one of those that these operations name, and has its shape."""
        kind = message["type"]
        allowed = {ref["$ref"].split("/")[-1] for name in operations for ref in self._operation(name)["messages"]}
        assert kind in allowed, f"{kind} is not documented for {operations}"
        self.seen.add(kind)
        if kind not in self._validators:
            schema = self.document["components"]["messages"][kind]["payload"] | {
                "components": self.document["components"]
            }
            self._validators[kind] = jsonschema.Draft202012Validator(schema)
        self._validators[kind].validate(message)

    def _operation(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.document["operations"][name]
        return found


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


def operations(formats: Iterable[str]) -> list[str]:
    return [*(f"send-{name}" for name in formats), "send-every-format"]


def test_every_example_has_the_shape_that_it_is_an_example_of() -> None:
    """Of messages both ways, and of the parts that they are made of."""
    found = Reference()
    document = found.document
    for name, message in document["components"]["messages"].items():
        assert message["examples"], name
        for example in message["examples"]:
            found.check(example["payload"], list(document["operations"]))
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name
        for example in schema.get("examples", []):
            whole = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
            jsonschema.validate(example, whole)


def test_every_reference_leads_somewhere(reference: Reference) -> None:
    """No dangling `$ref`, and no part of the document that nothing leads to."""
    text = orjson.dumps(reference.document).decode()
    targets = set(re.findall(r'"\$ref":"#/([^"]+)"', text))
    for target in targets:
        part: Any = reference.document
        for key in target.split("/"):
            part = part[key]
    schemas = {target.split("/")[-1] for target in targets if "schemas" in target}
    assert schemas == set(reference.document["components"]["schemas"])


def test_every_close_code_is_told() -> None:
    """With why, and what to do."""
    assert set(asyncapi.CLOSE_CODES) == set(CloseCode) - {CloseCode.NO_CODE}


def test_every_format_is_told(reference: Reference) -> None:
    assert {f"send-{fmt.value}" for fmt in WireFormat} < set(reference.document["operations"])


async def test_what_a_service_sends_is_as_told(venue: Venue) -> None:
    """All formats at once: greetings, changes, facts of each kind, a drop, a pong, an error, a resume."""
    reference = Reference()
    await venue.publish(*opening())
    place: dict[str, Any] = {}
    queries = {"": ["karting_data", "timing_data"], "?format=karttime.v1": ["karttime.v1"]}
    for query, formats in queries.items():
        async with venue.watch(query) as watcher:
            await play(venue)
            await watcher.socket.send("junk")
            await watcher.socket.send('{"type":"ping"}')
            last: dict[str, Any] = {}
            while last.get("type") != "pong":
                last = await watcher.next()
                reference.check(last, operations(formats))
                if last["type"] == "snapshot":
                    place = last
    async with venue.watch(f"?format=karttime.v1&epoch={place['epoch']}&seq={place['seq']}") as watcher:
        kinds = []
        while "status_update" not in kinds:
            message = await watcher.next()
            kinds.append(message["type"])
            reference.check(message, operations(["karttime.v1"]))
    assert kinds[0] == "resumed"
    async with venue.watch("?format=karttime.v1&epoch=other&seq=1") as watcher:
        message = await watcher.next()
        assert message["recovered"] is False
        reference.check(message, operations(["karttime.v1"]))
    async with venue.watch("", "dale") as watcher:
        reference.check(await watcher.next(), operations(queries[""]))
    await venue.lose("the timing system went away")
    sent = set(reference.document["components"]["messages"]) - {"ping", "auth"}
    assert reference.seen == sent


async def play(venue: Venue) -> None:
    """Something of everything that `karttime.v1` tells."""
    at, one = START + 1000, kart("24089")
    await venue.publish(*lap(at, "1:06.131", 66_131), MessageShown(at, "info", "Pit lane closed"))
    await venue.publish(LapRevised(at, one, None, Provenance((8,), "taken away")), FlagChanged(at, Flag.RED, "red"))
    await venue.publish(PitEntered(at, one), NotesAdded(at, (Note("14:05", "penalty", "27", "10 s"),)))
    await venue.publish(PitLeft(at, one), NotesCleared(at), SessionEnded(at))
    await venue.publish(*opening(("24089", "24091"), at + 1000, str(venue.service.engine.hub("hill").seq)))


SIMULATED = ("competition-es.jsonl.gz", "endurance-fr.jsonl.gz", "mischief-nl.jsonl.gz", "rental-heats-it.jsonl")
REAL = (
    "los-santos-3h-race-start.ndjson",
    "mariembourg-24h-start.jsonl",
    "onlykart-rental-day.jsonl",
    "sevilla-competition-edition.ndjson",
    "slovak-karting-center-18-columns.jsonl",
)


@pytest.mark.parametrize("name", SIMULATED)
def test_simulated_circuits_are_told_as_said(name: str) -> None:
    """Every message of `karttime.v1`, and now and then the board in the published formats."""
    follow(RECORDINGS / name, 800)


@pytest.mark.captures
@pytest.mark.parametrize("name", REAL)
def test_real_circuits_are_told_as_said(name: str) -> None:
    """The same of real traffic."""
    if not (CAPTURES / name).exists():
        pytest.skip("captures are not part of the repository")
    follow(CAPTURES / name, 800)


def follow(path: Path, limit: int) -> None:
    """Hold what the first frames of a recording are worth against the reference."""
    reference, stage, decoder = Reference(), Stage(), ApexDecoder()
    encoders = KartingData("hill"), TimingData("hill")
    reference.check(stage.join(), operations(["karttime.v1"]))
    for number, frame in enumerate(islice(open_recording(path), limit)):
        facts = [fact for fact in decoder.feed(frame) if not isinstance(fact, Rejection)]
        messages = [orjson.loads(message) for message in stage.take(*facts)] if facts else []
        session = stage.session
        if session is not None and number % 100 == 99:
            for encoder in encoders:
                messages += [orjson.loads(message) for message in encoder.full(session, frame.at)]
        for message in messages:
            reference.check(message, operations(fmt.value for fmt in WireFormat))
    assert {"snapshot", "patch", "karting_data", "timing_data"} <= reference.seen
