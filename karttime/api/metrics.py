"""`GET /metrics` for Prometheus: feeds, fan-out, storage and the process, as they are when they are asked for.

Labels are bounded: circuits up to `MAX_CIRCUITS`, refusal reasons up to `MAX_REASONS` of each, states from a closed
list. What a label shows is cleaned, and nothing here comes from a token, an address or a feed's text.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from karttime import __version__
from karttime.api.access import MAY_READ
from karttime.api.delivery import backlog
from karttime.api.gate import GateStatus
from karttime.api.health import readiness
from karttime.api.service import Service
from karttime.api.system import Serving
from karttime.domain.display import clean
from karttime.engine.status import CollectorState, CollectorStatus
from karttime.storage.archive import ArchiveStatus
from karttime.storage.journal import Journal

router = APIRouter(tags=["system"])

MAX_CIRCUITS: Final = 500
MAX_REASONS: Final = 50
OTHERS: Final = "others"
ARCHIVE_STATES: Final = ("ok", "failing", "losing", "closed")
JOURNAL_STATES: Final = ("off", "ok", "failing")
REFUSALS: Final = ("address", "body", "circuit", "format", "full", "key", "page", "query", "rate")

_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Figures in Prometheus' text format.",
        "content": {
            "text/plain": {
                "schema": {"type": "string"},
                "example": 'karttime_feed_frames_total{circuit="hill-kart"} 4120.0\n'
                'karttime_feed_data_age_seconds{circuit="hill-kart"} 0.18\nkarttime_ready 1.0\n',
            }
        },
    }
}


class _Figure(NamedTuple):
    """One family of figures, by circuit."""

    name: str
    text: str
    value: Callable[[CollectorStatus], float | None]


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


_COUNTERS: Final = (
    _Figure("frames", "Messages received.", lambda it: it.frames),
    _Figure("bytes", "Bytes received.", lambda it: it.bytes),
    _Figure("updates", "Facts decoded.", lambda it: it.updates),
    _Figure("reconnects", "Connections lost after they stood.", lambda it: it.reconnects),
    _Figure("crashes", "Restarts after a fault of ours.", lambda it: it.crashes),
    _Figure("slow_frames", "Frames that took longer than the limit.", lambda it: it.slow_frames),
    _Figure("tap_failures", "Publications that a tap of the hub failed on.", lambda it: it.tap_failures),
    _Figure("recorded_frames", "Frames in the raw recording.", lambda it: it.recorder.frames if it.recorder else None),
    _Figure(
        "analyses", "Analyses to find out what the feed is.", lambda it: it.detection.looks if it.detection else None
    ),
    _Figure(
        "undecoded_frames",
        "Messages given up before it was known what the feed is.",
        lambda it: it.detection.lost if it.detection else None,
    ),
    _Figure("unrecorded_frames", "Frames not recorded.", lambda it: it.recorder.missed if it.recorder else None),
)
_GAUGES: Final = (
    _Figure("data_age_seconds", "Since the last timing data.", lambda it: _seconds(it.data_age_ms)),
    _Figure("frame_age_seconds", "Since the last message, keep-alives included.", lambda it: _seconds(it.frame_age_ms)),
    _Figure(
        "kept_frames",
        "Messages kept until they are understood.",
        lambda it: it.detection.kept if it.detection else None,
    ),
    _Figure("connected", "Whether the connection to the timing system stands.", lambda it: it.timing_connected),
)


class ServiceCollector(Collector):
    """Reads a service when Prometheus asks."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: what there is depends on what runs."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield _with(
            GaugeMetricFamily("karttime_build_info", "Which version runs.", labels=["version"]), [__version__], 1
        )
        yield from self._system()
        status = self._service.engine.status()
        shown = {it.circuit_id: it for it in status.collectors[:MAX_CIRCUITS]}
        more = len(status.collectors) - len(shown)
        yield GaugeMetricFamily("karttime_circuits_not_shown", "Collectors without figures here.", value=more)
        yield from _feeds(shown.values())
        yield from self._fanout(shown)
        yield from self._refusals()
        if self._service.archive is not None:
            yield from _storage(self._service.archive.status(), backlog(self._service).rows)
            yield from _journal(self._service.gate.status(), self._service.archive.journal)

    def _system(self) -> Iterator[Metric]:
        view = readiness(self._service, named=False)
        uptime = self._service.engine.status().uptime_ms / 1000
        yield GaugeMetricFamily("karttime_ready", "What /health/ready says.", value=view.status == "ready")
        yield GaugeMetricFamily("karttime_uptime_seconds", "Since the engine began.", value=uptime)
        lag, worst = view.loop_lag_ms / 1000, view.loop_lag_max_ms / 1000
        yield GaugeMetricFamily("karttime_loop_lag_seconds", "How late the event loop is.", value=lag)
        yield GaugeMetricFamily("karttime_loop_lag_max_seconds", "The same, worst of ten seconds.", value=worst)

        if (shared := self._service.shared) is not None:
            status = shared.status()
            listening, text = status.state == "listening", "Whether circuits in Firestore are followed."
            yield GaugeMetricFamily("karttime_firestore_listening", text, value=listening)
            text = "Detected mappings that wait to be written to Firestore."
            yield GaugeMetricFamily("karttime_firestore_pending_writes", text, value=status.pending)

    def _fanout(self, shown: Mapping[str, CollectorStatus]) -> Iterator[Metric]:
        waiting = backlog(self._service)
        text = "Since the oldest publication waits on its way to clients."
        yield GaugeMetricFamily("karttime_fanout_age_seconds", text, value=waiting.held_ms / 1000)
        yield GaugeMetricFamily("karttime_fanout_held", "Publications that wait.", value=waiting.held)
        latency = self._service.gate.latency
        yield HistogramMetricFamily(
            "karttime_fanout_seconds",
            "From a publication until it was handed to clients.",
            buckets=latency.buckets(),
            sum_value=latency.sum,
        )
        clients = GaugeMetricFamily("karttime_clients", "Connected WebSocket clients.", labels=["circuit"])
        sent, size, conflated, cut = (
            CounterMetricFamily(f"karttime_client_{name}", text, labels=["circuit"])
            for name, text in (
                ("frames_sent", "Frames sent, to all clients together."),
                ("bytes_sent", "The same, in bytes."),
                ("conflated", "Backlogs that gave way to a snapshot."),
                ("cut", "Clients cut off because they read nothing."),
            )
        )
        for circuit_id, channel in self._service.channels().items():
            if circuit_id in shown:
                label = [_label(circuit_id)]
                clients.add_metric(label, channel.clients)
                sent.add_metric(label, channel.sent_frames)
                size.add_metric(label, channel.sent_bytes)
                conflated.add_metric(label, channel.conflated)
                cut.add_metric(label, channel.aborted)
        yield from (clients, sent, size, conflated, cut)

    def _refusals(self) -> Iterator[Metric]:
        text = "Calls and clients that were refused, by reason."
        refused = CounterMetricFamily("karttime_refused", text, labels=["reason"])
        for reason in REFUSALS:
            refused.add_metric([reason], self._service.refused[reason])
        yield refused
        if (keeper := self._service.keeper) is not None:
            text = "Connections of this process that were cut off: they read nothing, fell silent, or took too long."
            cut = CounterMetricFamily("karttime_connections_cut", text, labels=["reason"])
            for reason, count in (("stalled", keeper.cut), ("silent", keeper.lost), ("late", keeper.late)):
                cut.add_metric([reason], count)
            yield cut


def _feeds(collectors: Iterable[CollectorStatus]) -> Iterator[Metric]:
    collectors = list(collectors)
    for figures, kind in ((_COUNTERS, CounterMetricFamily), (_GAUGES, GaugeMetricFamily)):
        for name, text, value in figures:
            family = kind(f"karttime_feed_{name}", text, labels=["circuit"])
            for it in collectors:
                if (found := value(it)) is not None:
                    family.add_metric([_label(it.circuit_id)], float(found))
            yield family
    state = GaugeMetricFamily("karttime_feed_state", "1 for what a collector does.", labels=["circuit", "state"])
    refused = CounterMetricFamily("karttime_feed_refused", "What was refused.", labels=["circuit", "reason"])
    for it in collectors:
        label = _label(it.circuit_id)
        for each in CollectorState:
            state.add_metric([label, each.value], float(it.state is each))
        for reason, count in _bounded(it.refused).items():
            refused.add_metric([label, reason], count)
    yield from (state, refused)


def _bounded(refused: Mapping[str, int]) -> Mapping[str, int]:
    """The most frequent reasons by their cleaned names, the rest together."""
    counts: dict[str, int] = {}
    for reason, count in sorted(refused.items(), key=lambda item: -item[1]):
        name = _label(reason)
        if name not in counts and len(counts) >= MAX_REASONS:
            name = OTHERS
        counts[name] = counts.get(name, 0) + count
    return counts


def _storage(archive: ArchiveStatus, rows: int) -> Iterator[Metric]:
    state = GaugeMetricFamily("karttime_storage_state", "1 for what the archive does.", labels=["state"])
    for each in ARCHIVE_STATES:
        state.add_metric([each], float(archive.state == each))
    yield state
    yield GaugeMetricFamily("karttime_storage_queued_rows", "Rows that wait for the database.", value=rows)
    for name, text, count in (
        ("written", "Rows that the database took.", archive.written),
        ("dropped", "Rows that found no room.", archive.dropped),
        ("refused", "Rows that the database will never take.", archive.refused),
    ):
        yield CounterMetricFamily(f"karttime_storage_{name}_rows", text, value=count)
    yield CounterMetricFamily(
        "karttime_storage_failures", "Writes that failed, to be repeated.", value=archive.failures
    )


def _journal(gate: GateStatus, journal: Journal | None) -> Iterator[Metric]:
    state = GaugeMetricFamily("karttime_journal_state", "1 for what the journal does.", labels=["state"])
    for each in JOURNAL_STATES:
        state.add_metric([each], float(gate.state == each))
    yield state
    yield CounterMetricFamily("karttime_journal_failures", "How often its disk failed.", value=gate.failures)
    if journal is None:
        return
    file = journal.status()
    yield GaugeMetricFamily("karttime_journal_rows", "Rows in it that wait for the database.", value=file.rows)
    yield GaugeMetricFamily("karttime_journal_bytes", "Their size.", value=file.size)
    yield CounterMetricFamily("karttime_journal_commits", "Transactions.", value=file.commits)
    yield CounterMetricFamily("karttime_journal_shed_rows", "Rows given up: too much waited.", value=file.shed)


def _with(family: GaugeMetricFamily, labels: list[str], value: float) -> GaugeMetricFamily:
    family.add_metric(labels, value)
    return family


def _label(text: str) -> str:
    return clean(text, 128)


def registry(service: Service) -> CollectorRegistry:
    """The figures of one service."""
    made = CollectorRegistry(auto_describe=False)
    made.register(ServiceCollector(service))
    ProcessCollector(registry=made)
    return made


@router.get("/metrics", dependencies=[MAY_READ], responses=_ANSWER, response_class=Response)
async def metrics(service: Serving) -> Response:
    """Figures for Prometheus."""
    return Response(
        generate_latest(registry(service)),
        media_type=CONTENT_TYPE_PLAIN_0_0_4,
        headers={"Cache-Control": "no-store"},
    )
