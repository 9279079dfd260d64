"""Raw recordings on request: `/circuits/{id}/start-recording`, `…/stop-recording`.

With `RECORD_DIR` everything that is collected is recorded anyway. Without it, what is asked for goes to the folder of
recordings among the user's data. A recording that is begun in mid-session knows the board only from its next showing.
"""

from typing import Final, Literal

import platformdirs
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from karttime.api.access import MAY_CONTROL
from karttime.api.schemas import example
from karttime.api.system import CircuitId, Serving
from karttime.circuits.circuit import CircuitConflict
from karttime.engine.recordings import Recordings, Retention

router = APIRouter(prefix="/circuits/{circuit_id}", tags=["circuits"])

KEEP_FOR_EVER: Final = Retention(keep_days=0, keep_bytes=0)


class RecordingAnswer(BaseModel):
    """What became of a request to begin or end a recording."""

    model_config = example(status="recording", circuit_id="hill-kart")
    status: Literal["recording", "already_recording", "stopped", "not_recording"]
    circuit_id: str


@router.post("/start-recording", dependencies=[MAY_CONTROL])
async def start_recording(request: Request, service: Serving, circuit_id: CircuitId) -> RecordingAnswer:
    """Record what the feed sends from now on; 200 also when it is recorded already. No body is needed."""
    circuit = await service.circuit(circuit_id)
    collector = await service.engine.ensure(circuit_id)
    state = request.app.state
    if state.recordings is None:
        folder = platformdirs.user_data_path("karttime") / "recordings"
        state.recordings = await run_in_threadpool(Recordings, folder, KEEP_FOR_EVER)
    if not collector.record(state.recordings.tap(circuit)):
        return RecordingAnswer(status="already_recording", circuit_id=circuit_id)
    state.recorded.add(circuit_id)
    return RecordingAnswer(status="recording", circuit_id=circuit_id)


@router.post("/stop-recording", dependencies=[MAY_CONTROL])
async def stop_recording(request: Request, service: Serving, circuit_id: CircuitId) -> RecordingAnswer:
    """End a recording that was begun on request; 200 also when there is none."""
    await service.circuit(circuit_id)
    collector = await service.engine.ensure(circuit_id)
    recorded: set[str] = request.app.state.recorded
    if collector.status().recorder is not None and circuit_id not in recorded:
        raise CircuitConflict("RECORD_DIR records everything that is collected: stop the circuit, or start without it")
    recorded.discard(circuit_id)
    ended = collector.end_recording()
    return RecordingAnswer(status="stopped" if ended else "not_recording", circuit_id=circuit_id)
