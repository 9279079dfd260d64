"""What happened in the running session: `/circuits/{id}/stops`; and `/marks`, which people set."""

import contextlib
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from karttime.api.access import MAY_CONTROL, MAY_READ
from karttime.api.paging import Limit, SessionParameter
from karttime.api.runs import session_in_memory
from karttime.api.schemas import example
from karttime.api.system import CircuitId, Serving
from karttime.api.views import optional_iso
from karttime.api.wire import iso
from karttime.domain.display import clean
from karttime.engine.engine import UnknownCircuit

router = APIRouter(prefix="/circuits/{circuit_id}", tags=["timing"])


class StopView(BaseModel):
    """One stop in the pit lane; a moment is null where it was not seen. `after_lap` counts timed laps before it."""

    model_config = example(
        session_id="20260530T090000Z-1",
        competitor_id="24089",
        number=1,
        in_at="2026-05-30T09:31:00.000Z",
        out_at="2026-05-30T09:33:10.000Z",
        duration_ms=130_000,
        after_lap=28,
    )
    session_id: str
    competitor_id: str
    number: int
    in_at: str | None
    out_at: str | None
    duration_ms: int | None
    after_lap: int


class MarkBody(BaseModel):
    """What a person says of this moment."""

    model_config = example(text="incident in turn 3") | ConfigDict(extra="forbid")
    text: str = Field(min_length=1, max_length=200)


class MarkView(BaseModel):
    """A mark: it stands in `/logs`, and in the raw recording while there is one."""

    model_config = example(at="2026-05-30T09:03:20.000Z", text="incident in turn 3")
    at: str
    text: str


@router.get("/stops", dependencies=[MAY_READ])
async def stops(
    service: Serving,
    circuit_id: CircuitId,
    limit: Limit = 100,
    session: SessionParameter = None,
    competitor: Annotated[
        str | None, Query(max_length=128, description="Only this competitor.", examples=["24089"])
    ] = None,
) -> list[StopView]:
    """Stops in the pit lane, newest first, of the running session or another one that is still in memory."""
    await service.circuit(circuit_id)
    found = session_in_memory(service, circuit_id, session)
    if found is None:
        return []
    views = [
        (
            stop.out_at or stop.in_at or 0,
            StopView(
                session_id=found.id,
                competitor_id=clean(it.id),
                number=stop.number,
                in_at=optional_iso(stop.in_at),
                out_at=optional_iso(stop.out_at),
                duration_ms=stop.duration_ms,
                after_lap=stop.after_lap,
            ),
        )
        for it in found.competitors.values()
        if competitor in (None, it.id)
        for stop in it.pit_stops
    ]
    views.sort(key=lambda view: (-view[0], view[1].competitor_id))
    return [view for _, view in views[:limit]]


@router.post("/marks", dependencies=[MAY_CONTROL], status_code=201)
async def mark(service: Serving, circuit_id: CircuitId, body: MarkBody) -> MarkView:
    """Mark this moment."""
    await service.circuit(circuit_id)
    text, now = clean(body.text.strip(), 200) or "mark", service.clock.wall_ms()
    service.note(circuit_id, now, "mark", text)
    with contextlib.suppress(UnknownCircuit):  # known, and never started: the log has it all the same
        service.engine.collector(circuit_id).mark(text)
    return MarkView(at=iso(now), text=text)
