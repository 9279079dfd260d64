"""`/circuits`: which there are, what they do, and starting and stopping their collectors."""

from typing import Annotated

from fastapi import APIRouter, Query

from karttime.api.schemas import CircuitStatus, CircuitView, TimingAnswer
from karttime.api.system import Serving
from karttime.api.views import circuit_view, collector_view
from karttime.api.wire import iso
from karttime.engine.engine import UnknownCircuit

router = APIRouter(prefix="/circuits", tags=["circuits"])


@router.get("")
async def circuits(service: Serving) -> list[CircuitView]:
    """Every circuit, ordered by `nom`."""
    return [circuit_view(circuit) for circuit in await service.engine.circuits.list()]


@router.get("/{circuit_id}")
async def circuit(service: Serving, circuit_id: str) -> CircuitView:
    """One circuit."""
    return circuit_view(await service.circuit(circuit_id))


@router.get("/{circuit_id}/status")
async def circuit_status(service: Serving, circuit_id: str) -> CircuitStatus:
    """What a circuit's collector does now."""
    await service.circuit(circuit_id)
    try:
        collector = service.engine.collector(circuit_id)
    except UnknownCircuit:  # known, and never started
        collector = None
    return CircuitStatus(
        circuit_id=circuit_id,
        timing_active=collector is not None and collector.running,
        collector_status=collector_view(collector.status()) if collector is not None else None,
        connected_clients=service.clients_of(circuit_id),
        timestamp=iso(service.clock.wall_ms()),
    )


@router.post("/{circuit_id}/start-timing")
async def start_timing(service: Serving, circuit_id: str) -> TimingAnswer:
    """Start collecting a circuit; 200 also when it is running already. No body is needed."""
    status = await service.start(circuit_id)
    return TimingAnswer(status=status, circuit_id=circuit_id, timestamp=iso(service.clock.wall_ms()))


@router.post("/{circuit_id}/stop-timing")
async def stop_timing(
    service: Serving,
    circuit_id: str,
    force: Annotated[bool, Query(description="Stop also while others are watching.")] = False,
) -> TimingAnswer:
    """Stop collecting a circuit; 200 also when it is not running.

    While more than one client is watching the answer is `kept_running`: one person's STOP is not everybody's.
    """
    status = await service.stop(circuit_id, force=force)
    return TimingAnswer(status=status, circuit_id=circuit_id, timestamp=iso(service.clock.wall_ms()))
