"""`GET /health/live` and `/health/ready`, for whoever restarts or balances: measured by what is delivered.

Neither needs a key. Which circuits there are, and what is wrong with them, is told to those who may read.
"""

from typing import Any, Final, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from karttime.api.access import token_of
from karttime.api.delivery import backlog
from karttime.api.id_tokens import SignInUnavailable
from karttime.api.policy import Action
from karttime.api.schemas import example
from karttime.api.service import Service
from karttime.api.system import Serving
from karttime.api.wire import iso
from karttime.domain.display import clean
from karttime.engine.readiness import CircuitReadiness
from karttime.errors import StorageError

router = APIRouter(prefix="/health", tags=["system"])

MAX_HELD_MS: Final = 5_000
_HIDDEN: Final = "the engine does not do its work: with a key this says why"

_CIRCUIT: Final = {
    "circuit_id": "hill-kart",
    "state": "live",
    "delivering": True,
    "frame_age_ms": 180,
    "data_age_ms": 180,
    "reason": "",
}


class LiveView(BaseModel):
    """The process answers; whether it does its work is said by `/health/ready`."""

    model_config = example(status="alive", timestamp="2026-05-30T09:00:00.000Z")
    status: Literal["alive"]
    timestamp: str


class CircuitReady(BaseModel):
    """One circuit that is being collected.

    `delivering` is false without a session on track, or while the timing system is away: the circuit is not at fault
    for either. Ages are those of the last message and of the last timing data, null before the first.
    """

    model_config = example(**_CIRCUIT)
    circuit_id: str
    state: str
    delivering: bool
    frame_age_ms: int | None
    data_age_ms: int | None
    reason: str


class ReadyView(BaseModel):
    """Whether this process does its work; timing systems that are away do not count against it.

    `loop_lag_ms` is how late the event loop is, `fanout_age_ms` how long the oldest publication waits on its way to
    clients, `storage_rows` how many rows wait for the database. Without a key, where reading needs one, `circuits` is
    empty and `reasons` name none.
    """

    model_config = example(
        status="ready",
        timestamp="2026-05-30T09:00:00.000Z",
        reasons=[],
        loop_lag_ms=1,
        loop_lag_max_ms=12,
        fanout_age_ms=0,
        storage_rows=0,
        circuits=[_CIRCUIT],
    )
    status: Literal["ready", "not-ready"]
    timestamp: str
    reasons: list[str]
    loop_lag_ms: int
    loop_lag_max_ms: int
    fanout_age_ms: int
    storage_rows: int
    circuits: list[CircuitReady]


_NOT_READY: Final[dict[int | str, dict[str, Any]]] = {
    503: {"model": ReadyView, "description": "The service does not do its work; `reasons` says why."}
}


@router.get("/live")
async def live(service: Serving, response: Response) -> LiveView:
    """Whether the process answers at all: restart it when it does not."""
    response.headers["Cache-Control"] = "no-store"
    return LiveView(status="alive", timestamp=iso(service.clock.wall_ms()))


@router.get("/ready", responses=_NOT_READY)
async def ready(service: Serving, request: Request, response: Response) -> ReadyView:
    """Whether data that comes in goes out: lag, ages of data, and what waits. 503 with the reasons when it does not."""
    view = readiness(service, named=await _may_read(service, request))
    if view.status != "ready":
        response.status_code = 503
    response.headers["Cache-Control"] = "no-store"
    return view


def readiness(service: Service, *, named: bool) -> ReadyView:
    """As it is now; without `named` nothing tells which circuits there are."""
    engine, waiting = service.engine.readiness(), backlog(service)
    reasons = list(engine.reasons) if named else [_HIDDEN] if engine.reasons else []
    if waiting.held_ms > MAX_HELD_MS:
        reasons.append(f"what was published {waiting.held_ms / 1000:.1f} s ago has not left for clients yet")
    if service.archive is not None and service.archive.status().state == "closed":
        reasons.append("the archive has ended: nothing is kept any more, restart the service")
    return ReadyView(
        status="not-ready" if reasons else "ready",
        timestamp=iso(service.clock.wall_ms()),
        reasons=[clean(reason, 500) for reason in reasons],
        loop_lag_ms=engine.loop_lag_ms,
        loop_lag_max_ms=engine.loop_lag_max_ms,
        fanout_age_ms=waiting.held_ms,
        storage_rows=waiting.rows,
        circuits=[_circuit(circuit) for circuit in engine.circuits] if named else [],
    )


async def _may_read(service: Service, request: Request) -> bool:
    try:
        return (await service.access.check(Action.READ, token_of(request))).allowed
    except (StorageError, SignInUnavailable):  # whether the token is good cannot be found out now
        return False


def _circuit(circuit: CircuitReadiness) -> CircuitReady:
    return CircuitReady(
        circuit_id=circuit.circuit_id,
        state=circuit.state.value,
        delivering=circuit.delivering,
        frame_age_ms=circuit.frame_age_ms,
        data_age_ms=circuit.data_age_ms,
        reason=clean(circuit.reason, 500),
    )
