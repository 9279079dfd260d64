"""`/circuits/{id}/statistics`: figures of what is stored, counted now and then, and of what runs."""

from typing import Final, NamedTuple

from fastapi import APIRouter, Request

from karttime.api.access import MAY_READ
from karttime.api.counting import Counting
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
async def statistics(service: Serving, request: Request, circuit_id: CircuitId) -> Statistics:
    """Figures of a circuit: counts, first and last time, rates, sessions, best laps, refusals by reason.

    What is stored is counted at most every ten seconds, and seldom where that takes long: `counted_at` says when.
    """
    await service.circuit(circuit_id)
    try:
        collector = service.engine.collector(circuit_id)
    except UnknownCircuit:  # known, and never started
        collector = None
    counted: _Counted | None = None
    if service.archive is not None:
        database, wall_ms = service.archive.database, service.clock.wall_ms
        counted = await counting_of(request).get(circuit_id, lambda: _read(database, circuit_id, wall_ms()))
    return Statistics(
        circuit_id=circuit_id,
        timestamp=iso(service.clock.wall_ms()),
        stored=None if counted is None else _stored(counted),
        live=None if collector is None else live_figures(collector),
        best_laps=[] if counted is None else [lap_view(row) for row in counted.best],
        refused={} if collector is None else dict(collector.status().refused),
    )


class _Counted(NamedTuple):
    at: int
    figures: Figures
    best: list[LapRow]


def counting_of(request: Request) -> Counting[_Counted]:
    """What this application has counted."""
    found: Counting[_Counted] = request.app.state.counting
    return found


def _read(database: Database, circuit_id: str, at: int) -> _Counted:
    with database.reading() as connection:
        fastest = laps.fastest(connection, circuit_id, 10 * BEST_LAPS)
        sound = [row for row in fastest if LapFlag.DOUBTFUL.value not in row.flags]
        return _Counted(at, figures(connection, circuit_id), sound[:BEST_LAPS])


def _stored(counted: _Counted) -> StoredFigures:
    found = counted.figures
    return StoredFigures(
        counted_at=iso(counted.at),
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
