"""`/circuits/{id}/analyze-format` and `/circuits/{id}/analysis`: what a circuit's feed is, and what its fields mean."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from karttime.api.access import MAY_CONTROL, MAY_READ
from karttime.api.runs import database
from karttime.api.schemas import example
from karttime.api.service import Service
from karttime.api.system import CircuitId, Serving
from karttime.circuits.circuit import Circuit, CircuitConflict
from karttime.circuits.mapping import compare, layout_key, propose
from karttime.domain.columns import Column, Role
from karttime.domain.times import iso_from_ms
from karttime.engine.analyst import analyse
from karttime.engine.collector import Collector
from karttime.feeds.frame import Frame
from karttime.storage import analyses
from karttime.storage.analyses import AnalysisRow

router = APIRouter(prefix="/circuits/{circuit_id}", tags=["circuits"])

_LOOK_S: Final = 0.25


class AnalysisView(BaseModel):
    """What the last analysis of a feed found; `result` is what `karttime analyze --json` says, without laps."""

    model_config = example(
        circuit_id="hill-kart",
        analyzed_at="2026-05-30T10:00:00.000Z",
        result={"format": {"name": "unknown"}, "fields": [{"path": "runs[].pos", "role": "position"}], "spec": {}},
    )
    circuit_id: str
    analyzed_at: str
    result: dict[str, Any]


@router.post("/analyze-format", dependencies=[MAY_CONTROL])
async def analyze_format(service: Serving, circuit_id: CircuitId) -> AnalysisView:
    """Analyse what the circuit's feed sends, and keep the result; no body is needed.

    Waits up to `ANALYSIS_DURATION` seconds until `ANALYSIS_MIN_SAMPLES` messages were received. Column labels are
    proposed and compared with those that are stored, which stay as they are.
    """
    circuit = await service.circuit(circuit_id)
    collector = await service.engine.ensure(circuit_id)
    frames = await _sample(service, collector)
    if not frames:
        raise CircuitConflict(f"nothing was received of circuit {circuit_id!r}: start it, and ask again")
    result = await analyse(frames)
    row = AnalysisRow(circuit_id, service.clock.wall_ms(), {**result, "mapping": _mapping(circuit, result)})
    if service.archive is not None:
        await run_in_threadpool(_keep, service, row)
    return _view(row)


@router.get("/analysis", dependencies=[MAY_READ])
async def analysis(service: Serving, circuit_id: CircuitId) -> AnalysisView:
    """What the last analysis of the circuit's feed found."""
    await service.circuit(circuit_id)
    row = await run_in_threadpool(_kept, service, circuit_id)
    if row is None:
        raise CircuitConflict(f"circuit {circuit_id!r} was not analysed yet: POST /circuits/{{id}}/analyze-format")
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


def _mapping(circuit: Circuit, result: dict[str, Any]) -> dict[str, Any]:
    columns = [
        Column(int(one["column"][1:]), Role(one["role"]), one["label"], one["type"])
        for one in result.get("columns", ())
    ]
    proposed = propose(columns)
    differences = compare(circuit.column_labels, proposed)
    return {
        "layout": layout_key(columns),
        "proposed": proposed,
        "differences": [
            {"column": one.column, "stored": one.stored, "proposed": one.proposed, "kind": one.kind}
            for one in differences
        ],
    }


def _keep(service: Service, row: AnalysisRow) -> None:
    with database(service).writing() as connection:
        analyses.put(connection, row)


def _kept(service: Service, circuit_id: str) -> AnalysisRow | None:
    with database(service).reading() as connection:
        return analyses.get(connection, circuit_id)
