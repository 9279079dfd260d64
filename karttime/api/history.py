"""What a circuit showed and shows: stored timing data, classification, laps, sessions."""

import re
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from karttime.api.schemas import ClassificationView, ConnectionEventView, LapView, SessionView, TimingDataView
from karttime.api.service import Service
from karttime.api.system import Serving
from karttime.api.views import (
    classification_view,
    event_view,
    lap_view,
    session_laps,
    session_view,
    stored_session_view,
    timing_view,
)
from karttime.domain.session import Session
from karttime.engine.engine import UnknownCircuit
from karttime.errors import StorageError, UsageError
from karttime.storage import connections, timing
from karttime.storage import laps as stored_laps
from karttime.storage import sessions as stored_sessions
from karttime.storage.database import Database
from karttime.storage.timing import Cursor, Wanted

router = APIRouter(prefix="/circuits/{circuit_id}", tags=["timing"])

Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
SessionParameter = Annotated[str | None, Query(alias="session", max_length=64, description="Only this session.")]

_CURSOR = re.compile(r"(-?\d{1,18})-(\d{1,18})", re.ASCII)


class Page(BaseModel):
    """Which stored rows are wanted."""

    limit: int = Field(100, ge=1, le=1000, description="How many at most.")
    before: datetime | None = Field(None, description="Only what is older, ISO 8601.")
    after: datetime | None = Field(None, description="Only what is newer, ISO 8601.")
    session: str | None = Field(None, max_length=64, description="Only this session.")
    cursor: str | None = Field(None, max_length=40, description="From the `Link` header of the page before.")


def _ms(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise UsageError("cursor: follow the Link header of the page before, or leave it out")
    return Cursor(int(found[1]), int(found[2]))


def _database(service: Service) -> Database:
    if service.archive is None:
        raise StorageError("this service keeps no data: start it with a database")
    return service.archive.database


def _sessions(service: Service, circuit_id: str) -> list[Session]:
    """The sessions in memory, oldest first; none for a circuit that was never started."""
    try:
        return list(service.engine.collector(circuit_id).logbook.sessions)
    except UnknownCircuit:
        return []


@router.get("/data")
async def data(
    service: Serving, request: Request, response: Response, circuit_id: str, page: Annotated[Page, Query()]
) -> list[TimingDataView]:
    """What was displayed, newest first; the `Link` header leads to the next page."""
    await service.circuit(circuit_id)
    wanted = Wanted(circuit_id, _ms(page.before), _ms(page.after), page.session, _cursor(page.cursor))
    rows = await run_in_threadpool(_read_data, _database(service), wanted, page.limit)
    if len(rows) == page.limit:
        last = rows[-1]
        query = dict(request.query_params) | {"cursor": f"{last.at}-{last.id}"}
        address = f"/circuits/{quote(circuit_id, safe='')}/data?{urlencode(query)}"
        response.headers["Link"] = f'<{address}>; rel="next"'
    return [timing_view(row) for row in rows]


def _read_data(database: Database, wanted: Wanted, limit: int) -> list[timing.TimingRow]:
    with database.reading() as connection:
        return timing.newest(connection, wanted, limit)


@router.get("/classification")
async def classification(service: Serving, circuit_id: str) -> ClassificationView:
    """The standing of the running session, typed: times and gaps in milliseconds."""
    await service.circuit(circuit_id)
    sessions = _sessions(service, circuit_id)
    return classification_view(circuit_id, sessions[-1] if sessions else None)


@router.get("/laps")
async def laps(
    service: Serving,
    circuit_id: str,
    limit: Limit = 100,
    session: SessionParameter = None,
    competitor: Annotated[str | None, Query(max_length=128, description="Only this competitor.")] = None,
) -> list[LapView]:
    """Timed laps with where they come from, newest first: of one session, by default of the running one."""
    await service.circuit(circuit_id)
    in_memory = {found.id: found for found in _sessions(service, circuit_id)}
    if session is None and in_memory:
        session = list(in_memory)[-1]
    live = next((found for found in in_memory.values() if found.id == session), None)
    if live is not None:
        return [lap_view(row) for row in list(session_laps(circuit_id, live, competitor))[:limit]]
    rows = await run_in_threadpool(_read_laps, _database(service), circuit_id, limit, session, competitor)
    return [lap_view(row) for row in rows]


def _read_laps(
    database: Database, circuit_id: str, limit: int, session_id: str | None, competitor_id: str | None
) -> list[stored_laps.LapRow]:
    with database.reading() as connection:
        return stored_laps.newest(connection, circuit_id, limit, session_id, competitor_id)


@router.get("/sessions")
async def sessions(service: Serving, circuit_id: str, limit: Limit = 100) -> list[SessionView]:
    """Sessions, newest first: those in memory, then those that are stored."""
    await service.circuit(circuit_id)
    views = {found.id: session_view(found) for found in reversed(_sessions(service, circuit_id))}
    if service.archive is not None:
        for row in await run_in_threadpool(_read_sessions, service.archive.database, circuit_id, limit):
            views.setdefault(row.session_id, stored_session_view(row))  # type: ignore[arg-type]  # an id is a text
    return list(views.values())[:limit]


def _read_sessions(database: Database, circuit_id: str, limit: int) -> list[stored_sessions.SessionRow]:
    with database.reading() as connection:
        return stored_sessions.newest(connection, circuit_id, limit)


@router.get("/logs")
async def logs(service: Serving, circuit_id: str, limit: Limit = 50) -> list[ConnectionEventView]:
    """What became of the circuit's connection, newest first."""
    await service.circuit(circuit_id)
    rows = await run_in_threadpool(_read_logs, _database(service), circuit_id, limit)
    return [event_view(row) for row in rows]


def _read_logs(database: Database, circuit_id: str, limit: int) -> list[connections.ConnectionEvent]:
    with database.reading() as connection:
        return connections.newest(connection, circuit_id, limit)
