"""The shapes of REST calls about the system and circuits. Times are ISO 8601 UTC with `Z`, durations in ms."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from karttime.circuits.local import MAX_NAME


def example(**values: Any) -> ConfigDict:
    """A shape's configuration, with an example for the documentation."""
    return ConfigDict(json_schema_extra={"examples": [values]})


class Health(BaseModel):
    """Whether the service can do its work; `degraded`: live data flows, something beside it does not work."""

    model_config = example(
        status="healthy",
        version="0.1.0",
        timestamp="2026-05-30T09:00:00.000Z",
        checks={"engine": "ok", "storage": "ok"},
    )
    status: Literal["healthy", "degraded", "unhealthy"]
    version: str
    timestamp: str
    checks: dict[str, str]


class RecorderView(BaseModel):
    """A raw recording: `error` is empty while frames reach the disk, `missed` counts those that did not."""

    model_config = example(file="hill-kart-20260530T085500Z.jsonl.zst", frames=4120, missed=0, error="", bytes=81_300)
    file: str
    frames: int
    missed: int
    error: str
    bytes: int = 0


class DetectionView(BaseModel):
    """How a feed `auto` or `spec` is read, and by whose word: `person`, `detection`, or empty while nobody knows.

    `feed` is the format that was found, `spec` for a declaration called `name`. Until it is known, messages are kept
    (`kept`, of `kept_bytes`), and read by what is found; `lost` found no room. `sufficed` messages were enough. `looks`
    analyses were made, the next one comes after `next_look_ms`. `reading` is false while what arrives is not
    understood; `reason` says why. `settled` is false while laps were not seen yet.
    """

    model_config = example(
        reading=True, feed="spec", name="Hill Kart", by="detection", settled=True, sufficed=120, revision=1,
        reason="", looks=2, next_look_ms=None, kept=0, kept_bytes=0, lost=0,
    )  # fmt: skip
    reading: bool
    feed: str
    name: str
    by: str
    settled: bool
    sufficed: int
    revision: int
    reason: str
    looks: int
    next_look_ms: int | None
    kept: int
    kept_bytes: int
    lost: int


class CollectorView(BaseModel):
    """One collector as it is now; `detection` tells of feeds that are found out or declared."""

    model_config = example(
        circuit_id="hill-kart",
        name="Hill Kart",
        state="live",
        reason="",
        running=True,
        timing_connected=True,
        connected_since="2026-05-30T08:55:00.000Z",
        data_age_ms=180,
        frames=4120,
        bytes=512_300,
        updates=20_450,
        refused={"unknown-line": 2},
        reconnects=0,
        crashes=0,
        last_error="",
        session_id="20260530T090000Z-1",
        session_title="Final",
        epoch="5f2c9a1e",
        seq=3977,
        tap_failures=0,
        slow_frames=0,
        doubts=[],
        recorder={
            "file": "hill-kart-20260530T085500Z.jsonl.zst",
            "frames": 4120,
            "missed": 0,
            "error": "",
            "bytes": 81_300,
        },
    )
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
    session_title: str = ""
    epoch: str
    seq: int
    tap_failures: int
    slow_frames: int
    doubts: list[str]
    recorder: RecorderView | None
    detection: DetectionView | None = None


class ClientsView(BaseModel):
    """WebSocket clients of one circuit, and what became of slow ones so far."""

    model_config = example(clients=3, sent_frames=12_040, conflated=1, aborted=0, sent_bytes=5_180_400)
    clients: int
    sent_frames: int
    conflated: int
    aborted: int
    sent_bytes: int


class StorageView(BaseModel):
    """The archive: rows waiting, written, dropped for want of room, refused by the database; failed writes."""

    model_config = example(state="ok", error="", queued=0, written=60_214, dropped=0, refused=0, failures=0)
    state: str
    error: str
    queued: int
    written: int
    dropped: int
    refused: int
    failures: int


class JournalView(BaseModel):
    """The journal: what clients may see is in it first, and rows wait in it for the database.

    `state` is `ok`, or `failing`: live data goes on without it, `error` says why. `held` publications wait for their
    commit, the oldest for `held_ms`; `rows` of `size` bytes wait for the database; `shed` rows were given up.
    """

    model_config = example(
        state="ok", error="", file="karttime.journal.db",
        held=0, held_ms=0, failures=0, rows=12, size=5400, commits=81_220, shed=0,
    )  # fmt: skip
    state: str
    error: str
    file: str
    held: int
    held_ms: int
    failures: int
    rows: int
    size: int
    commits: int
    shed: int


class SharedFaultView(BaseModel):
    """What is wrong with a document in Firestore; `skipped` where no circuit can be made of it."""

    model_config = example(id="Zk3vQ0u1", reason="wssUrl is missing", skipped=True)
    id: str
    reason: str
    skipped: bool


class SharedView(BaseModel):
    """Circuits that come from Firestore.

    `state` is `connecting`, `listening`, or `away`: then `reason` says why, and the circuits are those of `last_sync`.
    `pending_writes` circuits wait for their detected mapping to be written, the oldest since `pending_since`;
    `write_error` says why. `faults` are at most 50.
    """

    model_config = example(
        project="kartingapp-fef5c", state="listening", since="2026-05-30T08:55:00.000Z", reason="",
        last_sync="2026-05-30T09:00:00.000Z", circuits=12, reconnects=0, selected_circuit="hill-kart",
        pending_writes=0, pending_since=None, write_error="",
        faults=[{"id": "Zk3vQ0u1", "reason": "wssUrl is missing", "skipped": True}],
    )  # fmt: skip
    project: str
    state: Literal["connecting", "listening", "away"]
    since: str
    reason: str
    last_sync: str | None
    circuits: int
    reconnects: int
    selected_circuit: str | None
    pending_writes: int
    pending_since: str | None
    write_error: str
    faults: list[SharedFaultView]


class SystemStatus(BaseModel):
    """The whole system as it is now; `firestore` is null where circuits do not come from there."""

    model_config = example(
        version="0.1.0",
        timestamp="2026-05-30T09:00:00.000Z",
        started_at="2026-05-30T08:55:00.000Z",
        uptime_ms=300_000,
        collectors=[],
        clients={"hill-kart": {"clients": 3, "sent_frames": 12_040, "conflated": 1, "aborted": 0}},
        connected_clients=3,
        storage={"state": "ok", "error": "", "queued": 0, "written": 60_214, "dropped": 0, "refused": 0},
        journal=None,
        firestore=None,
    )
    version: str
    timestamp: str
    started_at: str
    uptime_ms: int
    collectors: list[CollectorView]
    clients: dict[str, ClientsView]
    connected_clients: int
    storage: StorageView | None
    journal: JournalView | None
    firestore: SharedView | None


class CircuitView(BaseModel):
    """A circuit; `c1`…`c14` are its column labels as the app stores them."""

    model_config = example(
        id="hill-kart",
        nom="Hill Kart",
        liveTimingUrl="",
        wssUrl="wss://timing.example:8523/",
        feed="apex",
        mappings={"C1": "Classement", "C2": "Kart"},
        c1="Classement",
        c2="Kart",
        **{f"c{number}": "Non utilisé" for number in range(3, 15)},
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


class _AppColumns(BaseModel):
    c1: str | None = None
    c2: str | None = None
    c3: str | None = None
    c4: str | None = None
    c5: str | None = None
    c6: str | None = None
    c7: str | None = None
    c8: str | None = None
    c9: str | None = None
    c10: str | None = None
    c11: str | None = None
    c12: str | None = None
    c13: str | None = None
    c14: str | None = None


class CircuitBody(_AppColumns):
    """A whole circuit as somebody describes it.

    What is left out gets its default; without a `feed`, `wssUrl` tells it: `apex` for a WebSocket, `rmonitor` for
    `rmonitor://host:50000`, `racemonitor` for `racemonitor:RACE_ID`. With feed `auto` it is found out what the feed is;
    with a `spec` it is read as that declares, whatever `feed` was before. Columns are told once, as `mappings` or as
    `c1`…`c14`. `createdAt` and `updatedAt` are ours, so that what GET answers can be sent back: nothing changes where
    somebody else changed the circuit since (409). Without an `id` one is made from `nom`.
    """

    model_config = example(
        nom="Hill Kart",
        liveTimingUrl="https://www.hillkart.example/live",
        wssUrl="wss://timing.example:8523/",
        mappings={"C1": "Classement", "C2": "Kart", "C3": "Pilote"},
    ) | ConfigDict(extra="forbid")
    id: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    nom: str = Field(min_length=1, max_length=MAX_NAME)
    wssUrl: str = Field(max_length=2000)  # noqa: N815 - published name
    liveTimingUrl: str = Field("", max_length=2000)  # noqa: N815 - published name
    feed: str = Field("", max_length=32)
    spec: dict[str, Any] | None = None
    mappings: dict[str, str | None] | None = None
    createdAt: str | None = None  # noqa: N815 - published name
    updatedAt: str | None = None  # noqa: N815 - published name


class CircuitPatch(_AppColumns):
    """What is to change of a circuit; the rest stays. Null clears a column's label.

    With the `updatedAt` that GET answered nothing changes where somebody else changed the circuit since: 409.
    """

    model_config = example(nom="Hill Kart Indoor", mappings={"C3": "Equipe", "C9": None}) | ConfigDict(extra="forbid")
    nom: str = Field("", min_length=1, max_length=MAX_NAME)
    wssUrl: str = Field("", max_length=2000)  # noqa: N815 - published name
    liveTimingUrl: str = Field("", max_length=2000)  # noqa: N815 - published name
    feed: str = Field("", max_length=32)
    spec: dict[str, Any] | None = None
    mappings: dict[str, str | None] | None = None
    updatedAt: str | None = None  # noqa: N815 - published name


class CircuitStatus(BaseModel):
    """What one circuit does now; `collector_status` is null until it was started for the first time."""

    model_config = example(
        circuit_id="hill-kart",
        timing_active=False,
        collector_status=None,
        connected_clients=0,
        timestamp="2026-05-30T09:00:00.000Z",
    )
    circuit_id: str
    timing_active: bool
    collector_status: CollectorView | None
    connected_clients: int
    timestamp: str


class TimingAnswer(BaseModel):
    """What became of a request to start or stop."""

    model_config = example(status="started", circuit_id="hill-kart", timestamp="2026-05-30T09:00:00.000Z")
    status: Literal["started", "already_running", "stopped", "not_running", "kept_running"]
    circuit_id: str
    timestamp: str


class Problem(BaseModel):
    """What went wrong (RFC 9457): `detail` is a sentence that says what to do.

    A conflict (409) about a circuit that somebody else changed has the circuit as it is now, as `current`.
    """

    model_config = example(
        type="urn:karttime:problem:unknown-circuit",
        title="Not Found",
        status=404,
        detail="there is no circuit 'hil-kart': GET /circuits lists the known ones",
    )
    type: str
    title: str
    status: int
    detail: str
    current: dict[str, Any] | None = None
