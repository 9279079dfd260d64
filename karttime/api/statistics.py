"""`/circuits/{id}/statistics`: figures of what is stored and of what runs."""

from typing import Final

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from karttime.api.access import MAY_READ
from karttime.api.system import CircuitId, Serving
from karttime.api.timing_schemas import LiveFigures, Statistics, StoredFigures
from karttime.api.views import lap_view, optional_iso
from karttime.api.wire import iso
from karttime.domain.updates import LapFlag
from karttime.engine.collector import Collector
from karttime.engine.engine import UnknownCircuit
from karttime.storage import laps
from karttime.storage.database import Database
from karttime.storage.figures import Figures, figures
from karttime.storage.laps import LapRow

router = APIRouter(prefix="/circuits/{circuit_id}", tags=["timing"])

BEST_LAPS: Final = 10
MESSAGE_WINDOW_MS: Final = 2 * 60_000
LAP_WINDOW_MS: Final = 5 * 60_000


@router.get("/statistics", dependencies=[MAY_READ])
async def statistics(service: Serving, circuit_id: CircuitId) -> Statistics:
    """Figures of a circuit: counts, first and last time, rates, sessions, best laps, refusals by reason."""
    await service.circuit(circuit_id)
    try:
        collector = service.engine.collector(circuit_id)
    except UnknownCircuit:  # known, and never started
        collector = None
    found, best = None, list[LapRow]()
    if service.archive is not None:
        found, best = await run_in_threadpool(_read, service.archive.database, circuit_id)
    return Statistics(
        circuit_id=circuit_id,
        timestamp=iso(service.clock.wall_ms()),
        stored=None if found is None else _stored(found),
        live=None if collector is None else live_figures(collector),
        best_laps=[lap_view(row) for row in best],
        refused={} if collector is None else dict(collector.status().refused),
    )


def _read(database: Database, circuit_id: str) -> tuple[Figures, list[LapRow]]:
    with database.reading() as connection:
        fastest = laps.fastest(connection, circuit_id, 10 * BEST_LAPS)
        sound = [row for row in fastest if LapFlag.DOUBTFUL.value not in row.flags]
        return figures(connection, circuit_id), sound[:BEST_LAPS]


def _stored(found: Figures) -> StoredFigures:
    return StoredFigures(
        timing_rows=found.timing_rows,
        laps=found.laps,
        sessions=sum(found.sessions_by_kind.values()),
        sessions_by_kind=dict(found.sessions_by_kind),
        first_at=optional_iso(found.first_at),
        last_at=optional_iso(found.last_at),
    )


def live_figures(collector: Collector) -> LiveFigures:
    """What a collector has seen, and how fast it came lately."""
    status = collector.status()
    return LiveFigures(
        state=status.state.value,
        messages=status.frames,
        bytes=status.bytes,
        updates=status.updates,
        data_age_ms=status.data_age_ms,
        messages_per_minute=_messages_per_minute(collector),
        laps_per_minute=_laps_per_minute(collector),
        reconnects=status.reconnects,
        crashes=status.crashes,
    )


def _messages_per_minute(collector: Collector) -> float:
    moments = [frame.at for frame in collector.recent_frames]
    recent = [at for at in moments if moments[-1] - MESSAGE_WINDOW_MS <= at <= moments[-1]]
    span = recent[-1] - recent[0] if recent else 0
    return round((len(recent) - 1) * 60_000 / span, 1) if span > 0 else 0.0


def _laps_per_minute(collector: Collector) -> float:
    session = collector.logbook.current
    if session is None:
        return 0.0
    since = max(session.started_at, session.last_at - LAP_WINDOW_MS)
    span = session.last_at - since
    recent = sum(lap.at > since for competitor in session.competitors.values() for lap in competitor.laps[-100:])
    return round(recent * 60_000 / span, 1) if span > 0 else 0.0
