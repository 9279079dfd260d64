"""What a circuit showed and shows: stored timing data, classification, laps, drivers, sessions, connection events."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, BeforeValidator, Field

from karttime.api import views
from karttime.api.access import MAY_CHANGE, MAY_READ
from karttime.api.paging import NO_CONTROLS, Limit, SessionParameter, cursor_query, decode, encode, lead_on
from karttime.api.runs import database, in_memory, laps_of, session_in_memory, stored_run
from karttime.api.service import Service
from karttime.api.statistics import counting_of
from karttime.api.system import CircuitId, Serving
from karttime.api.timing_schemas import (
    ClassificationView,
    ConnectionEventView,
    Deleted,
    DriverView,
    LapView,
    SessionView,
    TimingDataView,
)
from karttime.errors import UsageError
from karttime.storage import connections, laps, sessions, timing
from karttime.storage.laps import LapCursor, LapRow
from karttime.storage.retention import delete_timing
from karttime.storage.timing import Cursor, Wanted

router = APIRouter(prefix="/circuits/{circuit_id}", tags=["timing"])

_CURSOR = re.compile(r"(-?\d{1,18})-(\d{1,18})", re.ASCII)

_NUMBER = re.compile(r"[-+]?[0-9_]*\.?[0-9]*(?:[eE][-+]?[0-9]+)?")

_T = TypeVar("_T")


def _no_number(value: object) -> object:
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return value
    raise ValueError("a date with or without time is wanted, such as 2026-05-30T10:00:00Z")


Moment = Annotated[datetime, BeforeValidator(_no_number)]  # seconds since 1970 would be taken as well, by mistake


class Page(BaseModel):
    """Which stored rows are wanted."""

    limit: int = Field(100, ge=1, le=1000, description="How many at most.", examples=[100])
    before: Moment | None = Field(None, description="Only what is older, ISO 8601.", examples=["2026-05-30T10:00:00Z"])
    after: Moment | None = Field(None, description="Only what is newer, ISO 8601.", examples=["2026-05-30T09:00:00Z"])
    session: str | None = Field(
        None, max_length=64, pattern=NO_CONTROLS, description="Only this session.", examples=["20260530T090000Z-1"]
    )
    cursor: str | None = Field(
        None, max_length=40, description="From the `Link` header of the page before.", examples=["1780131666131-4711"]
    )


def _ms(moment: datetime) -> int:
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise UsageError("cursor: follow the Link header of the page before, or leave it out")
    return Cursor(int(found[1]), int(found[2]))


async def _read(service: Service, query: Callable[..., _T], *arguments: object) -> _T:
    """Ask the database, beside the event loop."""
    known = database(service)

    def ask() -> _T:
        with known.reading() as connection:
            return query(connection, *arguments)

    return await run_in_threadpool(ask)


@router.get("/data", dependencies=[MAY_READ])
async def data(
    service: Serving, request: Request, response: Response, circuit_id: CircuitId, page: Annotated[Page, Query()]
) -> list[TimingDataView]:
    """What was displayed, newest first; the `Link` header leads to the next page."""
    await service.circuit(circuit_id)
    before, after = (None if moment is None else _ms(moment) for moment in (page.before, page.after))
    wanted = Wanted(circuit_id, before, after, page.session, _cursor(page.cursor))
    rows = await _read(service, timing.newest, wanted, page.limit)
    if len(rows) == page.limit:
        lead_on(request, response, f"{rows[-1].at}-{rows[-1].id}")
    return [views.timing_view(row) for row in rows]


@router.delete("/data", dependencies=[MAY_CHANGE])
async def delete_data(
    service: Serving,
    request: Request,
    circuit_id: CircuitId,
    before: Annotated[Moment, Query(description="Delete what is older, ISO 8601.", examples=["2026-01-01T00:00:00Z"])],
) -> Deleted:
    """Delete stored timing rows that are older than a moment; sessions and laps stay."""
    await service.circuit(circuit_id)
    deleted = await run_in_threadpool(delete_timing, database(service), circuit_id, _ms(before))
    counting_of(request).forget(circuit_id)
    return Deleted(deleted=deleted)


@router.get("/classification", dependencies=[MAY_READ])
async def classification(
    service: Serving, circuit_id: CircuitId, session: SessionParameter = None
) -> ClassificationView:
    """The standing of the running session, or of a past one, typed: times and gaps in milliseconds."""
    await service.circuit(circuit_id)
    found = session_in_memory(service, circuit_id, session)
    if found is None and session is not None:
        return views.stored_classification_view(circuit_id, await stored_run(service, circuit_id, session))
    return views.classification_view(circuit_id, found)


@router.get("/laps", dependencies=[MAY_READ])
async def get_laps(
    service: Serving,
    request: Request,
    response: Response,
    circuit_id: CircuitId,
    limit: Limit = 100,
    session: SessionParameter = None,
    competitor: Annotated[
        str | None,
        Query(max_length=128, pattern=NO_CONTROLS, description="Only this competitor.", examples=["24089"]),
    ] = None,
    cursor: Annotated[str | None, cursor_query(1780131666131, "24089", 3)] = None,
) -> list[LapView]:
    """Timed laps with where they come from, newest first.

    Of one session, by default of the running one; before there is one since the start of the service, of all.
    """
    await service.circuit(circuit_id)
    key = decode(cursor, int, str, int)
    behind = None if key is None else LapCursor(*key)
    live = session_in_memory(service, circuit_id, session)
    if live is not None:
        rows = views.newest_laps(circuit_id, live, competitor, limit, behind)
    else:
        rows = await _read(service, laps.newest, circuit_id, limit, session, competitor, behind)
    if len(rows) == limit:
        of_live = None if live is None else live.id
        lead_on(request, response, encode(rows[-1].at, rows[-1].competitor_id, rows[-1].number), of_live)
    return [views.lap_view(row) for row in rows]


@router.get("/drivers", dependencies=[MAY_READ])
async def drivers(
    service: Serving,
    request: Request,
    response: Response,
    circuit_id: CircuitId,
    limit: Limit = 100,
    session: SessionParameter = None,
    cursor: Annotated[str | None, cursor_query("24089")] = None,
) -> list[DriverView]:
    """Competitors with a timed lap, by id, with who drove and figures of their laps.

    Of one session, by default of the running one, which is the latest stored one after a restart.
    """
    await service.circuit(circuit_id)
    behind = decode(cursor, str)
    live = session_in_memory(service, circuit_id, session)
    rows: list[LapRow]
    if live is not None:
        rows = await laps_of(circuit_id, live)
    elif session is None and not await _read(service, sessions.newest, circuit_id, 1):
        rows = []
    else:
        rows = list((await stored_run(service, circuit_id, session)).laps)
    found = [it for it in views.driver_views(rows) if behind is None or [it.competitor_id] > behind]
    if len(found) > limit:
        lead_on(request, response, encode(found[limit - 1].competitor_id), found[limit - 1].session_id)
    return found[:limit]


@router.get("/sessions", dependencies=[MAY_READ])
async def get_sessions(
    service: Serving,
    request: Request,
    response: Response,
    circuit_id: CircuitId,
    limit: Limit = 100,
    cursor: Annotated[str | None, cursor_query(1780131600000, "20260530T090000Z-1")] = None,
) -> list[SessionView]:
    """Sessions, newest first: those in memory, and those that are stored."""
    await service.circuit(circuit_id)
    key = decode(cursor, int, str)
    behind = None if key is None else (key[0], key[1])
    found = {(it.started_at, str(it.id)): views.session_view(it) for it in in_memory(service, circuit_id)}
    known = {session_id for _, session_id in found}
    if service.archive is not None:
        for row in await _read(service, sessions.newest, circuit_id, limit, behind):
            if row.session_id not in known:
                found[row.started_at, row.session_id] = views.stored_session_view(row)
    places = sorted((place for place in found if behind is None or place < behind), reverse=True)
    if len(places) >= limit:
        lead_on(request, response, encode(*places[limit - 1]))
    return [found[place] for place in places[:limit]]


@router.get("/logs", dependencies=[MAY_READ])
async def logs(
    service: Serving,
    request: Request,
    response: Response,
    circuit_id: CircuitId,
    limit: Limit = 50,
    cursor: Annotated[str | None, cursor_query(4711)] = None,
) -> list[ConnectionEventView]:
    """What became of the circuit's connection, sessions and column mapping, and what race control did; newest first."""
    await service.circuit(circuit_id)
    key = decode(cursor, int)
    rows = await _read(service, connections.newest, circuit_id, limit, None if key is None else key[0])
    if len(rows) == limit:
        lead_on(request, response, encode(rows[-1].id))
    return [views.event_view(row) for row in rows]
