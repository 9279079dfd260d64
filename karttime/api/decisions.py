"""`/circuits/{id}/laps/decisions`: which laps a person excluded or restored, and why. Laps themselves stay as they are.

Decisions are only ever added; of several about one lap the last one counts.
"""

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from karttime.api.access import MAY_CHANGE, MAY_READ
from karttime.api.paging import NO_CONTROLS, Limit, SessionParameter
from karttime.api.runs import database
from karttime.api.schemas import example
from karttime.api.system import CircuitId, Serving
from karttime.api.wire import iso
from karttime.domain.display import clean
from karttime.storage import decisions as kept
from karttime.storage.database import Database
from karttime.storage.decisions import DecisionRow

router = APIRouter(prefix="/circuits/{circuit_id}/laps", tags=["timing"])

_EXAMPLE = {
    "session_id": "20260530T090000Z-1",
    "competitor_id": "24089",
    "number": 12,
    "excluded": True,
    "reason": "cut the chicane",
}


class DecisionBody(BaseModel):
    """Whether a lap counts, and why; `number` is the lap's."""

    model_config = example(**_EXAMPLE) | ConfigDict(extra="forbid")
    session_id: str = Field(min_length=1, max_length=64, pattern=NO_CONTROLS)
    competitor_id: str = Field(min_length=1, max_length=128, pattern=NO_CONTROLS)
    number: int = Field(ge=1, le=1_000_000)
    excluded: StrictBool
    reason: str = Field(min_length=1, max_length=500)


class DecisionView(BaseModel):
    """A decision as it was made."""

    model_config = example(id=3, at="2026-05-30T10:00:00.000Z", **_EXAMPLE)
    id: int
    at: str
    session_id: str
    competitor_id: str
    number: int
    excluded: bool
    reason: str


@router.get("/decisions", dependencies=[MAY_READ])
async def decisions(
    service: Serving, circuit_id: CircuitId, limit: Limit = 100, session: SessionParameter = None
) -> list[DecisionView]:
    """The newest decisions about laps, oldest first."""
    await service.circuit(circuit_id)
    rows = await run_in_threadpool(_read, database(service), circuit_id, session, limit)
    return [_view(row) for row in rows]


@router.post("/decisions", dependencies=[MAY_CHANGE], status_code=201)
async def decide(service: Serving, circuit_id: CircuitId, body: DecisionBody) -> DecisionView:
    """Exclude a lap, or restore it, with a reason. The lap stays stored as it was timed."""
    await service.circuit(circuit_id)
    row = DecisionRow(
        circuit_id,
        body.session_id,
        body.competitor_id,
        body.number,
        body.excluded,
        clean(body.reason.strip(), 500),
        service.clock.wall_ms(),
    )
    made = await run_in_threadpool(_write, database(service), row)
    word = "excluded" if row.excluded else "restored"
    told = f"lap {row.number} of {row.competitor_id} {word}: {row.reason}"
    service.note(circuit_id, row.at, "lap-decision", clean(told, 500))
    return _view(made)


def _read(known: Database, circuit_id: str, session_id: str | None, limit: int) -> list[DecisionRow]:
    with known.reading() as connection:
        return kept.newest(connection, circuit_id, session_id, limit)


def _write(known: Database, row: DecisionRow) -> DecisionRow:
    with known.writing() as connection:
        return kept.add(connection, row)


def _view(row: DecisionRow) -> DecisionView:
    return DecisionView(
        id=row.id,
        at=iso(row.at),
        session_id=row.session_id,
        competitor_id=row.competitor_id,
        number=row.number,
        excluded=row.excluded,
        reason=row.reason,
    )
