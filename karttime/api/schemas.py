"""The shapes of the REST answers. Times are ISO 8601 UTC with `Z`, durations whole milliseconds."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class Health(BaseModel):
    """Whether the service can do its work; `degraded`: live data flows, something beside it does not work."""

    model_config = _example(
        status="healthy",
        version="0.1.0",
        timestamp="2026-05-30T09:00:00.000Z",
        checks={"engine": "ok", "storage": "ok"},
    )
    status: Literal["healthy", "degraded", "unhealthy"]
    version: str
    timestamp: str
    checks: dict[str, str]


class CollectorView(BaseModel):
    """One collector as it is now."""

    circuit_id: str
    name: str
    state: str
    reason: str
    running: bool
    timing_connected: bool
    connected_since: str | None
    data_age_ms: int | None
    frames: int
    bytes: int
    updates: int
    refused: dict[str, int]
    reconnects: int
    crashes: int
    last_error: str
    session_id: str | None
    epoch: str
    seq: int
    tap_failures: int
    doubts: list[str]


class ClientsView(BaseModel):
    """WebSocket clients of one circuit, and what became of slow ones so far."""

    clients: int
    sent_frames: int
    conflated: int
    aborted: int


class StorageView(BaseModel):
    """The archive: rows waiting, written, dropped because the queue was full, refused by the database."""

    state: str
    error: str
    queued: int
    written: int
    dropped: int
    refused: int


class SystemStatus(BaseModel):
    """The whole system as it is now."""

    version: str
    timestamp: str
    started_at: str
    uptime_ms: int
    collectors: list[CollectorView]
    clients: dict[str, ClientsView]
    connected_clients: int
    storage: StorageView | None


class CircuitView(BaseModel):
    """A circuit; `c1`…`c14` are its column labels as the app stores them."""

    model_config = _example(
        id="hill-kart",
        nom="Hill Kart",
        liveTimingUrl="",
        wssUrl="wss://timing.example:8523/",
        feed="apex",
        mappings={"C1": "Classement", "C2": "Kart"},
        c1="Classement",
        c2="Kart",
        c3="Non utilisé",
        createdAt=None,
        updatedAt=None,
    )
    id: str
    nom: str
    liveTimingUrl: str  # noqa: N815 - published name
    wssUrl: str  # noqa: N815 - published name
    feed: str
    mappings: dict[str, str]
    c1: str
    c2: str
    c3: str
    c4: str
    c5: str
    c6: str
    c7: str
    c8: str
    c9: str
    c10: str
    c11: str
    c12: str
    c13: str
    c14: str
    createdAt: str | None  # noqa: N815 - published name
    updatedAt: str | None  # noqa: N815 - published name


class CircuitStatus(BaseModel):
    """What one circuit does now; `collector_status` is null until it was started for the first time."""

    circuit_id: str
    timing_active: bool
    collector_status: CollectorView | None
    connected_clients: int
    timestamp: str


class TimingAnswer(BaseModel):
    """What became of a request to start or stop."""

    model_config = _example(status="started", circuit_id="hill-kart", timestamp="2026-05-30T09:00:00.000Z")
    status: Literal["started", "already_running", "stopped", "not_running", "kept_running"]
    circuit_id: str
    timestamp: str


class TimingDataView(BaseModel):
    """One competitor's row as displayed at a moment, and what the feed sent."""

    model_config = _example(
        id=4711,
        circuit_id="hill-kart",
        session_id="20260530T090000Z-1",
        timestamp="2026-05-30T09:01:06.131Z",
        data_type="timing_data",
        mapped_data={"C1": "1", "C2": "27", "C3": "LIONS", "C4": "1:06.131"},
        raw_data={"row": "r24089", "cells": {"c4": ["ti", "1:06.131"]}},
        source_url="wss://timing.example:8523/",
        source_format="apex",
    )
    id: int
    circuit_id: str
    session_id: str
    timestamp: str
    data_type: Literal["timing_data"]
    mapped_data: dict[str, str]
    raw_data: dict[str, Any]
    source_url: str
    source_format: str


class StandingView(BaseModel):
    """One row of the classification."""

    position: int | None
    competitor_id: str
    number: str
    team: str
    driver: str
    laps: int | None
    last_lap_ms: int | None
    best_lap_ms: int | None
    gap: str
    gap_ms: int | None
    gap_laps: int | None
    interval: str
    interval_ms: int | None
    interval_laps: int | None
    pit_stops: int
    status: str
    in_pit: bool


class ClassificationView(BaseModel):
    """The running session and its standing; `session` is null before the first."""

    circuit_id: str
    session: "SessionView | None"
    flag: str
    flag_text: str
    standings: list[StandingView]


class LapView(BaseModel):
    """One timed lap and where it comes from."""

    session_id: str
    competitor_id: str
    kart: str
    team: str
    driver: str
    number: int
    time_ms: int
    timestamp: str
    sectors_ms: list[int | None]
    flags: list[str]
    provenance: dict[str, Any]


class SessionView(BaseModel):
    """One run on track; `running` is true for the one that updates go to now."""

    id: str
    kind: str
    event: str
    title: str
    track: str
    started_at: str
    ended_at: str | None
    running: bool


class ConnectionEventView(BaseModel):
    """One event of a circuit's connection."""

    model_config = _example(
        id=12, circuit_id="hill-kart", timestamp="2026-05-30T09:00:00.000Z", event="live", detail=""
    )
    id: int
    circuit_id: str
    timestamp: str
    event: str
    detail: str
