"""`/circuits/{id}/session/export`: a whole session as one file."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool

from karttime.analysis.document import csv_safe
from karttime.api.access import MAY_READ
from karttime.api.paging import SessionParameter
from karttime.api.runs import laps_of, session_in_memory, stored_run
from karttime.api.system import CircuitId, Serving
from karttime.api.timing_schemas import ClassificationView, SessionExport
from karttime.api.views import classification_view, lap_view, stored_classification_view
from karttime.api.wire import iso
from karttime.storage.laps import LapRow

router = APIRouter(prefix="/circuits/{circuit_id}", tags=["timing"])

COLUMNS: Final = (
    *("session", "title", "competitor_id", "kart", "team", "driver", "lap", "time_ms", "at", "sectors_ms", "flags"),
    *("rule", "frames", "note"),
)
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": SessionExport,
        "description": "The session, as a file.",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": ",".join(COLUMNS)
                + "\r\n20260530T090000Z-1,Final,24089,27,LIONS,Ada,3,66131,2026-05-30T09:03:20.000Z,"
                "21040/22301/22790,,last-lap-cell,412,\r\n",
            }
        },
    }
}

Format = Annotated[
    Literal["json", "csv"],
    Query(alias="format", description="JSON with everything, or one line of CSV per lap.", examples=["csv"]),
]


@router.get("/session/export", dependencies=[MAY_READ], responses=_ANSWERS, response_class=Response)
async def export(
    service: Serving, circuit_id: CircuitId, form: Format = "json", session: SessionParameter = None
) -> Response:
    """A whole session with its standing and every timed lap, by default the running or latest one."""
    await service.circuit(circuit_id)
    live = session_in_memory(service, circuit_id, session)
    if live is not None:
        head, rows = classification_view(circuit_id, live), await laps_of(circuit_id, live)
    else:
        run = await stored_run(service, circuit_id, session)
        head, rows = stored_classification_view(circuit_id, run), list(run.laps)
    content = await run_in_threadpool(_as_csv if form == "csv" else _as_json, head, rows)
    name = re.sub(r"[^0-9A-Za-z_-]", "-", f"{circuit_id}-{head.session.id if head.session else ''}")
    media = "text/csv; charset=utf-8" if form == "csv" else "application/json"
    return Response(content, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'})


def _as_json(head: ClassificationView, rows: Sequence[LapRow]) -> bytes:
    return orjson.dumps(head.model_dump(by_alias=True) | {"laps": [lap_view(row).model_dump() for row in rows]})


def _as_csv(head: ClassificationView, rows: Sequence[LapRow]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    title = head.session.title if head.session else ""
    for row in rows:
        values = (
            *(row.session_id, title, row.competitor_id, row.kart, row.team, row.driver, row.number, row.time_ms),
            iso(row.at),
            "/".join("" if ms is None else str(ms) for ms in row.sectors),
            " ".join(row.flags),
            row.provenance.get("rule", ""),
            " ".join(map(str, row.provenance.get("frames", ()))),
            row.provenance.get("note", ""),
        )
        writer.writerow([csv_safe(value) for value in values])
    return text.getvalue().encode()
