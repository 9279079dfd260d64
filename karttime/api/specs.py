"""`/circuits/{id}/spec`: what reads the feed of a circuit, as data that a person can correct."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from karttime.api.access import MAY_CHANGE, MAY_READ
from karttime.api.parsers import StoredParsers
from karttime.api.runs import NotAnalysed
from karttime.api.schemas import example
from karttime.api.service import Service
from karttime.api.system import CircuitId, Serving
from karttime.circuits.circuit import CircuitConflict
from karttime.circuits.parser import PARSED, Parser
from karttime.domain.times import iso_from_ms
from karttime.errors import StorageError
from karttime.feeds.declared.spec import dump_spec, load_spec

router = APIRouter(prefix="/circuits/{circuit_id}/spec", tags=["circuits"])

_SPEC = {
    "karttime_spec": 1,
    "name": "hill karting",
    "tables": [{"rows": "runs[]", "key": "kart", "fields": [{"path": "pos", "role": "position"}]}],
}


class SpecView(BaseModel):
    """What reads the feed: a format that karttime speaks, or a spec; who said so, and when.

    `spec` is null for a known format. `frames` messages sufficed to find it out, 0 for what a person gave; `settled`
    is false while laps were not seen yet. `revision` grows with each change.
    """

    model_config = example(
        circuit_id="hill-kart", feed="spec", by="person", at="2026-05-30T10:00:00.000Z",
        settled=True, frames=0, revision=3, spec=_SPEC,
    )  # fmt: skip
    circuit_id: str
    feed: str
    by: Literal["person", "detection"]
    at: str
    settled: bool
    frames: int
    revision: int
    spec: dict[str, Any] | None


@router.get("", dependencies=[MAY_READ])
async def spec(service: Serving, circuit_id: CircuitId) -> SpecView:
    """What reads the feed of a circuit `auto` or `spec`; 404 while nothing is known or the feed has a format's name.

    Correct a `role` or `unit` in `spec`, and PUT it back: the circuit goes on with it.
    """
    circuit = await service.circuit(circuit_id)
    found = await _parsers(service).get(circuit_id) if circuit.feed in PARSED else None
    if found is None or not found.reads(circuit):
        raise NotAnalysed(f"nothing is stored about how the feed of {circuit_id!r} is read: its feed is {circuit.feed}")
    return _view(circuit_id, found)


@router.put("", dependencies=[MAY_CHANGE])
async def put_spec(service: Serving, circuit_id: CircuitId, body: dict[str, Any]) -> SpecView:
    """Read the feed as this spec declares; detection never replaces it. Its feed becomes `spec`.

    What came since the circuit was started is decoded anew, and its laps are told again, where it is still kept; else
    the circuit connects anew, and a new session begins.

    A circuit with feed `auto` that was given when the service was started stays `auto`, and uses the spec as well.
    """
    circuit = await service.circuit(circuit_id)
    declared = load_spec(body)
    if circuit.feed not in PARSED and service.store is None:
        raise CircuitConflict(f"circuit {circuit_id!r} was given with feed {circuit.feed}: start it with auto+URL")
    await service.declared(circuit, declared)
    found = await _parsers(service).get(circuit_id)
    if found is None:
        raise CircuitConflict(f"the spec of {circuit_id!r} was removed meanwhile: send it again")
    return _view(circuit_id, found)


@router.delete("", dependencies=[MAY_CHANGE], status_code=204)
async def delete_spec(service: Serving, circuit_id: CircuitId) -> None:
    """Forget what reads the feed, whoever said it: it is found out anew. A feed `spec` becomes `auto`."""
    circuit = await service.circuit(circuit_id)
    if not await service.undeclared(circuit):
        raise NotAnalysed(f"nothing is stored about how the feed of {circuit_id!r} is read")


def _parsers(service: Service) -> StoredParsers:
    if service.parsers is None:
        raise StorageError("this service keeps no data: start it with a database")
    return service.parsers


def _view(circuit_id: str, parser: Parser) -> SpecView:
    return SpecView(
        circuit_id=circuit_id,
        feed=parser.feed,
        by=parser.by,
        at=iso_from_ms(parser.at),
        settled=parser.settled,
        frames=parser.frames,
        revision=parser.revision,
        spec=None if parser.spec is None else dump_spec(parser.spec),
    )
