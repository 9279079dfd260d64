"""From the engine's and the archive's values to the shapes of the REST answers."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, pstdev

from karttime.api.runs import StoredRun, best_ms, by_competitor, clean_ms, ranked
from karttime.api.schemas import CircuitView, CollectorView, DetectionView, RecorderView
from karttime.api.timing_schemas import (
    ClassificationView,
    ConnectionEventView,
    DriverView,
    LapView,
    SessionView,
    StandingView,
    TimingDataView,
)
from karttime.api.wire import iso
from karttime.circuits.circuit import Circuit
from karttime.circuits.labels import UNUSED
from karttime.domain.classification import classification
from karttime.domain.display import clean
from karttime.domain.flags import Flag
from karttime.domain.session import Session
from karttime.domain.updates import Status
from karttime.engine.status import CollectorStatus, DetectionStatus, RecorderStatus
from karttime.storage.connections import ConnectionEvent
from karttime.storage.extract import Place, lap_row
from karttime.storage.laps import LapCursor, LapRow
from karttime.storage.sessions import SessionRow
from karttime.storage.timing import TimingRow


def optional_iso(ms: int | None) -> str | None:
    """A time, null for none."""
    return None if ms is None or ms <= 0 else iso(ms)


def circuit_view(circuit: Circuit) -> CircuitView:
    labels = {name: clean(label) for name, label in circuit.column_labels.items()}
    columns = {f"c{number}": labels.get(f"C{number}") or UNUSED for number in range(1, 15)}
    return CircuitView(
        id=circuit.id,
        nom=clean(circuit.name),
        liveTimingUrl=circuit.live_timing_url,
        wssUrl=circuit.url,
        feed=circuit.feed,
        mappings=labels,
        createdAt=optional_iso(circuit.created_at),
        updatedAt=optional_iso(circuit.updated_at),
        **columns,
    )


def recorder_view(recorder: RecorderStatus) -> RecorderView:
    """Without the folder, which concerns nobody outside; an error of the disk names it."""
    error = "the disk does not take it: see the log" if recorder.error else ""
    return RecorderView(
        file=Path(recorder.path).name, frames=recorder.frames, missed=recorder.missed, error=error, bytes=recorder.bytes
    )


def collector_view(status: CollectorStatus, place: Place) -> CollectorView:
    """A collector, and where the stream of its circuit stands."""
    return CollectorView(
        circuit_id=status.circuit_id,
        name=clean(status.name),
        state=status.state.value,
        reason=clean(status.reason),
        running=status.running,
        timing_connected=status.timing_connected,
        connected_since=optional_iso(status.connected_since),
        data_age_ms=status.data_age_ms,
        frames=status.frames,
        bytes=status.bytes,
        updates=status.updates,
        refused=dict(status.refused),
        reconnects=status.reconnects,
        crashes=status.crashes,
        last_error=clean(status.last_error),
        session_id=status.session_id,
        session_title=clean(status.session_title),
        epoch=place.epoch,
        seq=place.seq,
        tap_failures=status.tap_failures,
        slow_frames=status.slow_frames,
        doubts=[clean(doubt) for doubt in status.doubts],
        recorder=None if status.recorder is None else recorder_view(status.recorder),
        detection=None if status.detection is None else detection_view(status.detection),
    )


def detection_view(detection: DetectionStatus) -> DetectionView:
    """How a feed is read."""
    told = asdict(detection) | {"name": clean(detection.name), "reason": clean(detection.reason, 500)}
    return DetectionView(**told)


def timing_view(row: TimingRow) -> TimingDataView:
    return TimingDataView(
        id=row.id,
        circuit_id=row.circuit_id,
        session_id=row.session_id,
        timestamp=iso(row.at),
        data_type="timing_data",
        mapped_data=row.mapped,
        raw_data=row.raw,
        source_url=row.source_url,
        source_format=row.source_format,
    )


def classification_view(circuit_id: str, session: Session | None) -> ClassificationView:
    if session is None:
        return ClassificationView(circuit_id=circuit_id, session=None, flag="none", flag_text="", standings=[])
    standings = []
    for standing in classification(session):
        values = {name: clean(value) if isinstance(value, str) else value for name, value in asdict(standing).items()}
        standings.append(StandingView.model_validate(values))
    return ClassificationView(
        circuit_id=circuit_id,
        session=session_view(session),
        flag=session.flag.value,
        flag_text=clean(session.flag_text),
        standings=standings,
    )


def session_view(session: Session) -> SessionView:
    return SessionView(
        id=session.id,
        kind=session.kind.value,
        event=clean(session.event),
        title=clean(session.title),
        track=clean(session.track),
        started_at=iso(session.started_at),
        ended_at=optional_iso(session.ended_at),
        running=session.ended_at is None,
    )


def stored_session_view(row: SessionRow) -> SessionView:
    return SessionView(
        id=row.session_id,
        kind=row.kind,
        event=row.event,
        title=row.title,
        track=row.track,
        started_at=iso(row.started_at),
        ended_at=optional_iso(row.ended_at),
        running=False,
    )


def event_view(row: ConnectionEvent) -> ConnectionEventView:
    return ConnectionEventView(
        id=row.id, circuit_id=row.circuit_id, timestamp=iso(row.at), event=row.event, detail=clean(row.detail, 1000)
    )


def lap_view(row: LapRow) -> LapView:
    return LapView(
        session_id=row.session_id,
        competitor_id=row.competitor_id,
        kart=row.kart,
        team=row.team,
        driver=row.driver,
        number=row.number,
        time_ms=row.time_ms,
        timestamp=iso(row.at),
        sectors_ms=row.sectors,
        flags=row.flags,
        provenance=row.provenance,
    )


def stored_classification_view(circuit_id: str, run: StoredRun) -> ClassificationView:
    """The standing of a past session as its laps tell it."""
    return ClassificationView(
        circuit_id=circuit_id,
        session=stored_session_view(run.row),
        flag=Flag.NONE.value,
        flag_text="",
        source="laps",
        standings=[_ranked_view(place, own) for place, own in enumerate(ranked(run.row.kind, run.laps), 1)],
    )


def _ranked_view(place: int, own: Sequence[LapRow]) -> StandingView:
    last = own[-1]
    return StandingView(
        position=place,
        competitor_id=last.competitor_id,
        number=last.kart,
        team=last.team,
        driver=last.driver,
        laps=len(own),
        last_lap_ms=last.time_ms,
        best_lap_ms=best_ms(own),
        gap="",
        gap_ms=None,
        gap_laps=None,
        interval="",
        interval_ms=None,
        interval_laps=None,
        pit_stops=None,  # a lap with a stop is flagged, but so may be the one that led into it
        penalty="",
        status=Status.UNKNOWN.value,
        in_pit=False,
    )


def driver_views(rows: Iterable[LapRow]) -> list[DriverView]:
    """Who drove, with figures of their laps, by competitor."""
    return [_driver_view(own) for _, own in sorted(by_competitor(rows).items())]


def _driver_view(own: Sequence[LapRow]) -> DriverView:
    last, clean_laps = own[-1], clean_ms(own)
    return DriverView(
        session_id=last.session_id,
        competitor_id=last.competitor_id,
        kart=last.kart,
        team=last.team,
        drivers=[name for name in dict.fromkeys(row.driver for row in own) if name],
        laps=len(own),
        last_lap_ms=last.time_ms,
        best_lap_ms=best_ms(own),
        mean_lap_ms=round(fmean(clean_laps)) if clean_laps else None,
        spread_ms=round(pstdev(clean_laps)) if len(clean_laps) > 1 else None,
    )


def newest_laps(
    circuit_id: str, session: Session, competitor_id: str | None, limit: int, cursor: LapCursor | None
) -> list[LapRow]:
    """Up to `limit` laps of a session in memory, newest first, behind a cursor."""
    behind = None if cursor is None else (-cursor.at, cursor.competitor_id, -cursor.number)
    found = (
        ((-lap.at, clean(competitor.id, 128), -lap.number), competitor, lap)
        for competitor in session.competitors.values()
        if competitor_id in (None, competitor.id)
        for lap in competitor.laps
    )
    wanted = (it for it in found if behind is None or it[0] > behind)
    newest = heapq.nsmallest(limit, wanted, key=lambda it: it[0])
    return [lap_row(circuit_id, session, competitor, lap) for _, competitor, lap in newest]
