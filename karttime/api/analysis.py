"""`/circuits/{id}/analyze-format` and `/circuits/{id}/analysis`: what a circuit's feed is, and what its fields mean."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from karttime.analysis.document import column_documents
from karttime.api.access import MAY_CONTROL, MAY_READ
from karttime.api.runs import NotAnalysed, database, session_in_memory
from karttime.api.schemas import example
from karttime.api.service import Service
from karttime.api.system import CircuitId, Serving
from karttime.circuits.circuit import CircuitConflict
from karttime.circuits.mapping import mapping_of
from karttime.domain.times import iso_from_ms
from karttime.engine.collector import Collector
from karttime.engine.supervisor import Job
from karttime.errors import KarttimeError
from karttime.feeds.frame import Frame
from karttime.storage import analyses
from karttime.storage.analyses import AnalysisRow
from karttime.storage.database import translated

router = APIRouter(prefix="/circuits/{circuit_id}", tags=["circuits"])

_LOOK_S: Final = 0.25


class AnalysisView(BaseModel):
    """What the last analysis of a feed found.

    `result` is what `karttime analyze --json` says, without sessions; with `verdict`, whether the feed could be shown
    by it, and `mapping`: labels that are proposed for the columns, how sure each is, and how they differ from those
    that are stored.
    """

    model_config = example(
        circuit_id="hill-kart",
        analyzed_at="2026-05-30T10:00:00.000Z",
        result={
            "format": {"name": "unknown", "confidence": 1.0, "frames": 120},
            "fields": [{"path": "runs[].pos", "role": "position", "confidence": 0.96}],
            "spec": {"karttime_spec": 1},
            "verdict": {"kind": "settled", "reason": "120 messages: 8 roles are sure, 24 laps were read"},
            "mapping": {
                "layout": "5d41402abc4b",
                "proposed": {"C1": "Classement"},
                "confidence": {"C1": 0.96},
                "differences": [{"column": "C1", "stored": "", "proposed": "Classement", "kind": "new"}],
            },
        },
    )
    circuit_id: str
    analyzed_at: str
    result: dict[str, Any]


class AnalysisRuns(BaseModel):
    """The analysis is not done yet: ask the address in `Location` later."""

    model_config = example(circuit_id="hill-kart", status="running")
    circuit_id: str
    status: Literal["running"]


@dataclass(slots=True)
class Running:
    """An analysis that somebody asked for, and what became of it."""

    job: Job | None = None
    row: AnalysisRow | None = None
    error: KarttimeError | None = None


_LATER: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": AnalysisRuns, "description": "It still runs; `Location` says where its result will be."}
}


@router.post("/analyze-format", dependencies=[MAY_CONTROL], responses=_LATER, response_model=AnalysisView)
async def analyze_format(
    request: Request,
    service: Serving,
    circuit_id: CircuitId,
    wait: Annotated[
        float, Query(ge=0, le=600, description="Seconds after which the answer is 202 at the latest.", examples=[80])
    ] = 80,
) -> AnalysisView | Response:
    """Analyse what the circuit's feed sends, and keep the result; no body is needed.

    Waits up to `ANALYSIS_DURATION` seconds until `ANALYSIS_MIN_SAMPLES` messages were received. Column labels are
    proposed for the board that is shown now, and compared with those that are stored, which stay as they are; so does
    what reads the feed. Whoever asks while an analysis of the circuit runs is told its result.
    """
    await service.circuit(circuit_id)
    analysing: dict[str, Running] = request.app.state.analysing
    running = analysing.get(circuit_id)
    if running is None or running.job is None or running.job.done:
        running = analysing[circuit_id] = _begin(service, circuit_id)
    assert running.job is not None  # noqa: S101 - it was made with it
    await asyncio.wait({running.job.task}, timeout=wait)
    if running.error is not None:
        raise running.error
    if running.row is not None:
        return _view(running.row)
    told = AnalysisRuns(circuit_id=circuit_id, status="running")
    place = str(request.url_for("analysis", circuit_id=circuit_id).path)
    headers = {"Location": place, "Retry-After": "5"}
    return Response(told.model_dump_json(), 202, headers, "application/json")


def _begin(service: Service, circuit_id: str) -> Running:
    running = Running()

    async def run() -> None:
        try:
            running.row = await _analysed(service, circuit_id)
        except KarttimeError as error:
            running.error = error

    def crashed(error: Exception, _wait: float) -> None:
        running.error = KarttimeError(f"the analysis failed by our own fault ({type(error).__name__}), see the log")
        if running.job is not None:
            running.job.task.cancel()

    running.job = service.engine.aside(f"analysis of {circuit_id}", run, crashed)
    return running


async def _analysed(service: Service, circuit_id: str) -> AnalysisRow:
    collector = await service.engine.ensure(circuit_id)
    frames = await _sample(service, collector)
    if not frames:
        raise CircuitConflict(f"nothing was received of circuit {circuit_id!r}: start it, and ask again")
    result = await service.engine.analyst.analyse(frames)
    if columns := _shown(service, circuit_id):
        result = {**result, "columns": columns}
    mapping = mapping_of(collector.circuit.column_labels, result)
    row = AnalysisRow(circuit_id, service.clock.wall_ms(), {**result, "mapping": mapping})
    if service.archive is not None:
        await run_in_threadpool(_keep, service, row)
    return row


def _shown(service: Service, circuit_id: str) -> list[dict[str, Any]]:
    """The columns of the board that is shown now: a sample from the middle of a session need not tell them."""
    session = session_in_memory(service, circuit_id, None)
    return [] if session is None else column_documents(session)


@router.get("/analysis", dependencies=[MAY_READ])
async def analysis(service: Serving, circuit_id: CircuitId) -> AnalysisView:
    """What the last analysis of the circuit's feed found; 404 before the first."""
    await service.circuit(circuit_id)
    row = await run_in_threadpool(_kept, service, circuit_id)
    if row is None:
        raise NotAnalysed(f"circuit {circuit_id!r} was not analysed yet: POST /circuits/{{id}}/analyze-format")
    return _view(row)


def _view(row: AnalysisRow) -> AnalysisView:
    return AnalysisView(circuit_id=row.circuit_id, analyzed_at=iso_from_ms(row.at), result=dict(row.result))


async def _sample(service: Service, collector: Collector) -> Sequence[Frame]:
    """The latest messages; waits for more while there are too few and the circuit is collected."""
    left = service.analysis_s
    while True:
        frames = [frame for frame in collector.recent_frames if frame.direction == "in"]
        if len(frames) >= service.analysis_samples or left <= 0 or not collector.running:
            return frames
        await asyncio.sleep(_LOOK_S)
        left -= _LOOK_S


def _keep(service: Service, row: AnalysisRow) -> None:
    with translated(database(service).url), database(service).writing() as connection:
        analyses.put(connection, row)


def _kept(service: Service, circuit_id: str) -> AnalysisRow | None:
    with database(service).reading() as connection:
        return analyses.get(connection, circuit_id)
