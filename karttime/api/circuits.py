"""`/circuits`: which there are, what they do, and starting and stopping their collectors."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from karttime.api.access import MAY_CONTROL, MAY_READ, demand
from karttime.api.paging import cursor_query, decode, encode, lead_on
from karttime.api.policy import Action
from karttime.api.schemas import CircuitStatus, CircuitView, TimingAnswer
from karttime.api.system import CircuitId, Serving
from karttime.api.views import circuit_view, collector_view
from karttime.api.wire import iso
from karttime.engine.engine import UnknownCircuit

router = APIRouter(prefix="/circuits", tags=["circuits"])

ManyCircuits = Annotated[int, Query(ge=1, le=1000, description="How many at most.", examples=[100])]


@router.get("", dependencies=[MAY_READ])
async def circuits(
    service: Serving,
    request: Request,
    response: Response,
    limit: ManyCircuits = 1000,
    cursor: Annotated[str | None, cursor_query("hill kart", "hill-kart")] = None,
) -> list[CircuitView]:
    """Every circuit, ordered by `nom`."""
    behind = decode(cursor, str, str)
    known = await service.engine.circuits.list()
    if behind is not None:
        known = [circuit for circuit in known if [circuit.name.casefold(), circuit.id] > behind]
    if len(known) > limit:
        last = known[limit - 1]
        lead_on(request, response, encode(last.name.casefold(), last.id))
    return [circuit_view(circuit) for circuit in known[:limit]]


@router.get("/{circuit_id}", dependencies=[MAY_READ])
async def circuit(service: Serving, circuit_id: CircuitId) -> CircuitView:
    """One circuit."""
    return circuit_view(await service.circuit(circuit_id))


@router.get("/{circuit_id}/status", dependencies=[MAY_READ])
async def circuit_status(service: Serving, circuit_id: CircuitId) -> CircuitStatus:
    """What a circuit's collector does now."""
    await service.circuit(circuit_id)
    try:
        collector = service.engine.collector(circuit_id)
    except UnknownCircuit:  # known, and never started
        collector = None
    return CircuitStatus(
        circuit_id=circuit_id,
        timing_active=collector is not None and collector.running,
        collector_status=collector_view(collector.status(), service.place(circuit_id))
        if collector is not None
        else None,
        connected_clients=service.clients_of(circuit_id),
        timestamp=iso(service.clock.wall_ms()),
    )


@router.post("/{circuit_id}/start-timing", dependencies=[MAY_CONTROL])
async def start_timing(service: Serving, circuit_id: CircuitId) -> TimingAnswer:
    """Start collecting a circuit; 200 also when it is running already. No body is needed."""
    status = await service.start(circuit_id)
    return TimingAnswer(status=status, circuit_id=circuit_id, timestamp=iso(service.clock.wall_ms()))


@router.post("/{circuit_id}/stop-timing", dependencies=[MAY_CONTROL])
async def stop_timing(
    request: Request,
    service: Serving,
    circuit_id: CircuitId,
    force: Annotated[
        bool,
        Query(description="Stop also while others are watching; AUTH_POLICY may want a key for it.", examples=[False]),
    ] = False,
) -> TimingAnswer:
    """Stop collecting a circuit; 200 also when it is not running.

    While more than one client is watching the answer is `kept_running`: one person's STOP is not everybody's.
    """
    if force:
        await demand(request, Action.FORCE)
    status = await service.stop(circuit_id, force=force)
    return TimingAnswer(status=status, circuit_id=circuit_id, timestamp=iso(service.clock.wall_ms()))
