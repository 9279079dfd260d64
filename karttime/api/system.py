"""`GET /health` and `GET /status`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi import Path as InPath

from karttime import __version__
from karttime.api.access import MAY_READ
from karttime.api.schemas import (
    ClientsView,
    Health,
    JournalView,
    SharedFaultView,
    SharedView,
    StorageView,
    SystemStatus,
)
from karttime.api.service import Service
from karttime.api.views import collector_view, optional_iso
from karttime.api.wire import iso
from karttime.domain.display import clean

router = APIRouter(tags=["system"])


def service_of(request: Request) -> Service:
    """The service behind this application."""
    service: Service = request.app.state.service
    return service


Serving = Annotated[Service, Depends(service_of)]
CircuitId = Annotated[str, InPath(max_length=128, description="Which circuit.", examples=["hill-kart"])]

_UNHEALTHY: Final[dict[int | str, dict[str, Any]]] = {
    503: {"model": Health, "description": "The service cannot do its work; `checks` says why."}
}


@router.get("/health", responses=_UNHEALTHY)
async def health(service: Serving, response: Response) -> Health:
    """Whether the service can do its work. Asks no database.

    A database that cannot be written makes it `degraded` with 200: live data flows, and what is to be kept waits.
    """
    archive = service.archive.status() if service.archive is not None else None
    storage = "off" if archive is None else f"{archive.state}: {archive.error}" if archive.error else archive.state
    journal, sound = service.gate.status(), service.engine.readiness().ready
    status = "healthy"
    away = service.shared is not None and service.shared.status().state == "away"
    if not sound or away or journal.state == "failing" or (archive is not None and archive.state != "ok"):
        status = "degraded"
    if archive is not None and archive.state == "closed":
        status, response.status_code = "unhealthy", 503
    response.headers["Cache-Control"] = "no-store"
    return Health(
        status=status,  # type: ignore[arg-type]  # one of the three words above
        version=__version__,
        timestamp=iso(service.clock.wall_ms()),
        checks={
            "engine": "ok" if sound else "not ready: see /health/ready",
            "storage": storage,
            "journal": f"failing: {journal.error}" if journal.error else journal.state,
            **({} if service.shared is None else {"firestore": service.shared.status().state}),
        },
    )


def journal_view(service: Service) -> JournalView | None:
    """The journal as it is now; None without one."""
    journal = None if service.archive is None else service.archive.journal
    if journal is None:
        return None
    gate, file = service.gate.status(), journal.status()
    return JournalView(
        state=gate.state,
        error=gate.error or file.error,
        file=Path(file.path).name,
        held=gate.held,
        held_ms=gate.held_ms,
        failures=gate.failures,
        rows=file.rows,
        size=file.size,
        commits=file.commits,
        shed=file.shed,
    )


@router.get("/status", dependencies=[MAY_READ])
async def status(service: Serving) -> SystemStatus:
    """The whole system: collectors with their refusals by reason, clients by circuit, storage."""
    engine = service.engine.status()
    return SystemStatus(
        version=__version__,
        timestamp=iso(service.clock.wall_ms()),
        started_at=iso(engine.started_at),
        uptime_ms=engine.uptime_ms,
        collectors=[collector_view(it, service.place(it.circuit_id)) for it in engine.collectors],
        clients={name: ClientsView(**asdict(channel)) for name, channel in service.channels().items()},
        connected_clients=service.clients,
        storage=StorageView(**asdict(service.archive.status())) if service.archive is not None else None,
        journal=journal_view(service),
        firestore=shared_view(service),
    )


def shared_view(service: Service) -> SharedView | None:
    """How it stands with Firestore; None where circuits do not come from there."""
    if service.shared is None:
        return None
    status = service.shared.status()
    return SharedView(
        project=status.project,
        state=status.state,
        since=iso(status.since),
        reason=clean(status.reason, 500),
        last_sync=optional_iso(status.synced_at),
        circuits=status.circuits,
        reconnects=status.reconnects,
        selected_circuit=status.selected or None,
        pending_writes=status.pending,
        pending_since=optional_iso(status.pending_since),
        write_error=status.write_error,
        faults=[SharedFaultView(id=it.id, reason=it.text, skipped=it.skipped) for it in status.faults[:50]],
    )
