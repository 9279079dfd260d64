"""The shapes of REST calls about what circuits showed. Times are ISO 8601 UTC with `Z`, durations in ms."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from karttime.api.schemas import example

_SESSION = {
    "id": "20260530T090000Z-1",
    "kind": "race",
    "event": "Summer Cup",
    "title": "Final",
    "track": "Hill",
    "started_at": "2026-05-30T09:00:00.000Z",
    "ended_at": None,
    "running": True,
}
_LAP = {
    "session_id": "20260530T090000Z-1",
    "competitor_id": "24089",
    "kart": "27",
    "team": "LIONS",
    "driver": "Ada",
    "number": 3,
    "time_ms": 66_131,
    "timestamp": "2026-05-30T09:03:20.000Z",
    "sectors_ms": [21_040, 22_301, 22_790],
    "flags": [],
    "provenance": {"frames": [412], "rule": "last-lap-cell", "note": ""},
}
_STANDING = {
    "position": 1,
    "competitor_id": "24089",
    "number": "27",
    "team": "LIONS",
    "driver": "Ada",
    "laps": 3,
    "last_lap_ms": 66_131,
    "best_lap_ms": 65_902,
    "gap": "",
    "gap_ms": None,
    "gap_laps": None,
    "interval": "",
    "interval_ms": None,
    "interval_laps": None,
    "pit_stops": 0,
    "penalty": "",
    "status": "running",
    "in_pit": False,
    "total_ms": 201_533,
    "class": "Pro",
}


class TimingDataView(BaseModel):
    """One competitor's row as displayed at a moment, and what the feed sent."""

    model_config = example(
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


class Deleted(BaseModel):
    """How many stored rows were deleted."""

    model_config = example(deleted=51_200)
    deleted: int


class StandingView(BaseModel):
    """One row of the classification.

    `total_ms` (the total time) and `class` are what the board shows; null and empty where the feed has none.
    """

    model_config = example(**_STANDING)
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
    pit_stops: int | None
    penalty: str
    status: str
    in_pit: bool
    total_ms: int | None = None
    class_name: str = Field(default="", serialization_alias="class")


class SessionView(BaseModel):
    """One run on track; `running` is true for the one that updates go to now."""

    model_config = example(**_SESSION)
    id: str
    kind: str
    event: str
    title: str
    track: str
    started_at: str
    ended_at: str | None
    running: bool


class ClassificationView(BaseModel):
    """A session and its standing; `session` is null before the first.

    `source` is `board` where the standing is what the board shows. Of a past session that is only in the database it
    is `laps`: ranked from the timed laps, races by their number, others by the best; gaps are unknown.
    """

    model_config = example(
        circuit_id="hill-kart", session=_SESSION, flag="green", flag_text="", source="board", standings=[_STANDING]
    )
    circuit_id: str
    session: SessionView | None
    flag: str
    flag_text: str
    source: Literal["board", "laps"] = "board"
    standings: list[StandingView]


class LapView(BaseModel):
    """One timed lap and where it comes from."""

    model_config = example(**_LAP)
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


class SessionExport(ClassificationView):
    """A whole session: its standing, and every timed lap with where it comes from, oldest first."""

    model_config = example(
        circuit_id="hill-kart",
        session=_SESSION,
        flag="green",
        flag_text="",
        source="board",
        standings=[_STANDING],
        laps=[_LAP],
    )
    laps: list[LapView]


class DriverView(BaseModel):
    """One competitor of a session: the kart, who drove it, and figures of its laps in milliseconds.

    `mean_lap_ms` and `spread_ms` (standard deviation) are of the clean laps: not first, without a stop, not doubtful.
    """

    model_config = example(
        session_id="20260530T090000Z-1",
        competitor_id="24089",
        kart="27",
        team="LIONS",
        drivers=["Ada", "Grace"],
        laps=34,
        last_lap_ms=66_131,
        best_lap_ms=65_902,
        mean_lap_ms=66_480,
        spread_ms=312,
    )
    session_id: str
    competitor_id: str
    kart: str
    team: str
    drivers: list[str]
    laps: int
    last_lap_ms: int | None
    best_lap_ms: int | None
    mean_lap_ms: int | None
    spread_ms: int | None


class StoredFigures(BaseModel):
    """What the database held of a circuit at `counted_at`."""

    model_config = example(
        counted_at="2026-05-30T09:03:20.500Z",
        timing_rows=51_200,
        laps=1_210,
        sessions=6,
        sessions_by_kind={"race": 2, "practice": 4},
        first_at="2026-05-30T07:00:00.000Z",
        last_at="2026-05-30T09:03:20.000Z",
    )
    counted_at: str
    timing_rows: int
    laps: int
    sessions: int
    sessions_by_kind: dict[str, int]
    first_at: str | None
    last_at: str | None


class LiveFigures(BaseModel):
    """What the collector has seen since the service was started; rates are of the last minutes of timing data."""

    model_config = example(
        state="live",
        messages=4_120,
        bytes=512_300,
        updates=20_450,
        data_age_ms=180,
        messages_per_minute=412.0,
        laps_per_minute=24.5,
        reconnects=0,
        crashes=0,
    )
    state: str
    messages: int
    bytes: int
    updates: int
    data_age_ms: int | None
    messages_per_minute: float = Field(ge=0)
    laps_per_minute: float = Field(ge=0)
    reconnects: int
    crashes: int


class Statistics(BaseModel):
    """Figures of a circuit: what is stored, what runs (null before it was first started), best laps, refusals.

    `stored` is null when the service keeps no data. Best laps are of all sessions, without doubtful ones.
    """

    model_config = example(
        circuit_id="hill-kart",
        timestamp="2026-05-30T09:03:21.000Z",
        stored=None,
        live=None,
        best_laps=[_LAP],
        refused={"unknown-line": 2},
    )
    circuit_id: str
    timestamp: str
    stored: StoredFigures | None
    live: LiveFigures | None
    best_laps: list[LapView]
    refused: dict[str, int]


class ConnectionEventView(BaseModel):
    """One event of a circuit's connection."""

    model_config = example(id=12, circuit_id="hill-kart", timestamp="2026-05-30T09:00:00.000Z", event="live", detail="")
    id: int
    circuit_id: str
    timestamp: str
    event: str
    detail: str
