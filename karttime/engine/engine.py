"""The engine: the collectors of all circuits, behind one door."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Final, Literal, Self

from karttime.circuits.circuit import Circuit, CircuitSource
from karttime.circuits.parser import PARSED, Parsers, is_other_feed
from karttime.engine.addresses import AddressPolicy
from karttime.engine.analyst import Analyst
from karttime.engine.awaiting import DetectionOptions, Undecided
from karttime.engine.backoff import BackoffOptions
from karttime.engine.clock import Clock
from karttime.engine.collector import Collector, CollectorOptions
from karttime.engine.detecting import Detector
from karttime.engine.hub import Hub
from karttime.engine.lookup import BASE
from karttime.engine.past import ReadPast
from karttime.engine.readiness import BEAT_S, Heartbeat, Readiness, readiness
from karttime.engine.reconnecting import LinkOptions
from karttime.engine.source import FrameSource
from karttime.engine.sources import SourceOptions, Sources
from karttime.engine.status import CollectorState, EngineStatus
from karttime.engine.supervisor import Crashed, Job, Supervisor
from karttime.engine.taps import RecorderTap
from karttime.engine.viewers import Viewers
from karttime.engine.websocket import WebSocketOptions
from karttime.errors import KarttimeError
from karttime.feeds.base import Decoder, FeedFormat
from karttime.feeds.formats import FORMATS

SourceFactory = Callable[[Circuit], FrameSource]
RecorderFactory = Callable[[Circuit], RecorderTap]

_MAX_LAG_S: Final = 1.0


class UnknownCircuit(KarttimeError, KeyError):  # noqa: N818 - it names what is wrong, as KeyError does
    """There is no circuit with this id; `circuit_id` is what was asked for."""

    def __init__(self, circuit_id: str) -> None:
        super().__init__(f"there is no circuit {circuit_id!r}")
        self.circuit_id = circuit_id

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show its repr


class UnknownFeed(KarttimeError):  # noqa: N818 - beside UnknownCircuit
    """A circuit names a wire format that does not exist; the text lists those that do."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Settings of the engine.

    Attributes:
        websocket: how circuits are connected over WebSocket, with the attempts until one is given up.
        tcp: how they are connected over TCP.
        race_monitor: address of Race Monitor's lookup.
        collector: what a collector keeps, and when it is silent.
        detection: how feeds `auto` are found out.
        mailbox: items a subscription holds before it is conflated.
        restart: waits after a crash of a collector.
        addresses: where circuits may be; public addresses only, unless it says otherwise.
        on_demand_s: a viewer's arrival starts a circuit, and it is stopped this long after the last viewer left;
            None leaves starting and stopping to `start` and `stop`.
    """

    websocket: WebSocketOptions = field(default_factory=WebSocketOptions)
    tcp: LinkOptions = field(default_factory=LinkOptions)
    race_monitor: str = BASE
    collector: CollectorOptions = field(default_factory=CollectorOptions)
    detection: DetectionOptions = field(default_factory=DetectionOptions)
    mailbox: int = 256
    restart: BackoffOptions = field(default_factory=BackoffOptions)
    addresses: AddressPolicy = field(default_factory=AddressPolicy)
    on_demand_s: float | None = None


class Engine:
    """The collectors of all circuits: an asynchronous context manager; leaving it stops everything within 2 s.

    `start` and `ensure` ask the circuit source; `collector` and `hub` know what was started or ensured before.

    Args:
        circuits: where circuits come from.
        formats: the wire formats by name.
        options: settings.
        source_factory: where a circuit's frames come from, a new source for each start; by default its
            address. The place for a simulator or a player.
        recorder_factory: records what each circuit sends; by default nothing is recorded.
        past: reads what a circuit's recordings lead to, at its first start; by default it begins anew.
        parsers: where it is kept how feeds `auto` and `spec` are read; None keeps nothing.
        clock: replaced by tests.
    """

    def __init__(
        self,
        circuits: CircuitSource,
        *,
        formats: Mapping[str, FeedFormat] = FORMATS,
        options: EngineOptions | None = None,
        source_factory: SourceFactory | None = None,
        recorder_factory: RecorderFactory | None = None,
        past: ReadPast | None = None,
        parsers: Parsers | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.circuits = circuits
        self.options = options or EngineOptions()
        self._formats = formats
        self._clock = clock or Clock()
        self._plugged_source = source_factory
        options = self.options
        self._sources = Sources(
            SourceOptions(options.websocket, options.tcp, options.addresses, options.race_monitor), clock=self._clock
        )
        self._recorder_factory = recorder_factory
        self._past = past
        self._parsers = parsers
        self.analyst = Analyst()
        self._supervisor = Supervisor(backoff=self.options.restart, clock=self._clock)
        self._collectors: dict[str, Collector] = {}
        self._jobs: dict[str, Job] = {}
        self._detecting: dict[str, Job] = {}
        self._viewers = Viewers()
        self._heartbeat = Heartbeat(self._clock.monotonic())
        self._started = self._clock.monotonic()
        self.started_at = self._clock.wall_ms()

    async def __aenter__(self) -> Self:
        await self._supervisor.__aenter__()
        self._started, self.started_at = self._clock.monotonic(), self._clock.wall_ms()
        self._heartbeat = Heartbeat(self._started)
        self._supervisor.start("ticker", self._ticks, lambda _error, _wait: None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._supervisor.__aexit__(kind, error, trace)
        finally:
            for collector in self._collectors.values():
                if collector.running:
                    collector.stopped()
                collector.hub.close()

    async def start(self, circuit_id: str) -> Literal["started", "already_running"]:
        """Collect a circuit until `stop`, also after it gave up or was edited.

        Raises:
            UnknownCircuit: the circuit source does not know it.
            UnknownFeed: its wire format does not exist.
            UsageError: its address is none, or one that must not be connected to.
        """
        self._viewers.pin(circuit_id)
        return await self._start(circuit_id)

    async def stop(self, circuit_id: str) -> Literal["stopped", "not_running"]:
        """Stop collecting; sessions, hub and listeners stay. Raises `UnknownCircuit` as `start` does."""
        self._viewers.pin(circuit_id)
        if circuit_id not in self._collectors:
            await self.ensure(circuit_id)
        return await self._stop(circuit_id)

    async def viewer_joined(self, circuit_id: str) -> None:
        """Somebody watches: with `on_demand_s`, a circuit that does not run is started. Raises as `start` does."""
        self._viewers.joined(circuit_id)
        if self.options.on_demand_s is None:
            return
        known = self._collectors.get(circuit_id)
        wanted = self._viewers[circuit_id] == 1 or (known is not None and known.state is CollectorState.GAVE_UP)
        if wanted and await self._start(circuit_id) == "started":
            self._viewers.started(circuit_id)

    def viewer_left(self, circuit_id: str) -> None:
        """Somebody does not watch any more; for each `viewer_joined`, also for one that raised."""
        self._viewers.left(circuit_id, self._clock.monotonic())

    async def ensure(self, circuit_id: str) -> Collector:
        """The collector of a circuit as the source describes it now, made but not started where there is none.

        Raises:
            UnknownCircuit: the circuit source does not know it.
            UnknownFeed: its wire format does not exist.
        """
        circuit = await self.circuits.get(circuit_id)
        if circuit is None:
            raise UnknownCircuit(circuit_id)
        decoder = self._decoder(circuit)
        collector = self._collectors.get(circuit_id)
        if collector is None:
            collector = self._collectors[circuit_id] = self._new(circuit, decoder)
        elif collector.circuit != circuit:
            collector.adopt(circuit, decoder)
        return collector

    async def forget(self, circuit_id: str) -> None:
        """Stop a circuit, end its subscriptions and drop what is known of it; does nothing for an unknown one."""
        if circuit_id in self._collectors:
            await self._stop(circuit_id)
            self._jobs.pop(circuit_id, None)
            self._viewers.forget(circuit_id)
            if (collector := self._collectors.pop(circuit_id, None)) is not None:
                collector.hub.close()

    def collector(self, circuit_id: str) -> Collector:
        """The collector of a circuit that was started or ensured; raises `UnknownCircuit` for any other."""
        try:
            return self._collectors[circuit_id]
        except KeyError:
            raise UnknownCircuit(circuit_id) from None

    def hub(self, circuit_id: str) -> Hub:
        """The hub of a circuit that was started or ensured; raises `UnknownCircuit` for any other."""
        return self.collector(circuit_id).hub

    def aside(self, name: str, run: Callable[[], Awaitable[None]], crashed: Crashed) -> Job:
        """Do something that belongs to no circuit's collection, until it is done or the engine ends."""
        return self._supervisor.start(name, run, crashed)

    def detector(self, circuit_id: str) -> Detector | None:
        """Who finds out what the feed of a circuit is; None for one that was not started, or whose feed says it."""
        collector = self._collectors.get(circuit_id)
        return None if collector is None else collector.detector

    def status(self) -> EngineStatus:
        """As it is now."""
        uptime_ms = round((self._clock.monotonic() - self._started) * 1000)
        return EngineStatus(self.started_at, uptime_ms, tuple(c.status() for c in self._collectors.values()))

    def readiness(self) -> Readiness:
        """Whether this process does its work, as it is now."""
        collectors = tuple(collector.status() for collector in self._collectors.values())
        return readiness(collectors, self._heartbeat, self._clock.monotonic(), max_lag_s=_MAX_LAG_S)

    async def _start(self, circuit_id: str) -> Literal["started", "already_running"]:
        collector = await self.ensure(circuit_id)
        job = self._jobs.get(circuit_id)
        if job is not None and not job.done:
            return "already_running"
        if self._plugged_source is None:
            self.options.addresses.check(collector.circuit.url)
        await self._end_detecting(circuit_id)
        collector.detector = self._detector(collector)
        self._run(circuit_id, collector)
        if collector.detector is not None:
            detecting = self._supervisor.start(f"detector {circuit_id}", collector.detector.run, collector.crashed)
            self._detecting[circuit_id] = detecting
        return "started"

    async def _end_detecting(self, circuit_id: str) -> None:
        if (detecting := self._detecting.pop(circuit_id, None)) is not None:
            await self._supervisor.stop(detecting)

    def _run(self, circuit_id: str, collector: Collector) -> None:
        collector.starting()
        name = f"collector {circuit_id}"
        self._jobs[circuit_id] = self._supervisor.start(name, collector.run, collector.crashed)

    async def _reconnect(self, circuit_id: str) -> None:
        """For a detector: connect a circuit anew, unless it was stopped meanwhile."""
        job = self._jobs.get(circuit_id)
        if job is None or job.done:
            return
        await self._supervisor.stop(job)
        if self._jobs.get(circuit_id) is job:
            self._run(circuit_id, self._collectors[circuit_id])

    async def _stop(self, circuit_id: str) -> Literal["stopped", "not_running"]:
        await self._end_detecting(circuit_id)
        job = self._jobs.get(circuit_id)
        if job is None or job.done:
            return "not_running"
        await self._supervisor.stop(job)
        if self._jobs.get(circuit_id) is job:  # nobody started it again meanwhile
            self._collectors[circuit_id].stopped()
        return "stopped"

    def _new(self, circuit: Circuit, decoder: Callable[[], Decoder]) -> Collector:
        return Collector(
            circuit,
            source=self._plugged_source or (lambda circuit: self._sources(circuit.url)),
            decoder=decoder,
            hub=Hub(circuit.id, mailbox=self.options.mailbox),
            recorder=None if self._recorder_factory is None else self._recorder_factory(circuit),
            past=self._past,
            options=self.options.collector,
            clock=self._clock,
        )

    def _detector(self, collector: Collector) -> Detector | None:
        """Who finds out what the feed of a circuit is, the same as before where it is the same feed."""
        circuit, known = collector.circuit, collector.detector
        if circuit.feed not in PARSED:
            return None
        if known is not None and not is_other_feed(known.begun_for, circuit):
            return known
        return Detector(
            collector,
            partial(self._reconnect, circuit.id),
            parsers=self._parsers,
            analyst=self.analyst,
            options=self.options.detection,
            clock=self._clock,
        )

    def _decoder(self, circuit: Circuit) -> Callable[[], Decoder]:
        if circuit.feed in PARSED:
            return Undecided
        feed = self._formats.get(circuit.feed)
        if feed is None:
            known = ", ".join([*sorted(self._formats), *sorted(PARSED)])
            raise UnknownFeed(f"circuit {circuit.id!r} has the feed {circuit.feed!r}, known are: {known}")
        return feed.decoder

    async def _ticks(self) -> None:
        while True:
            await self._clock.sleep(BEAT_S)
            self._heartbeat.beat(self._clock.monotonic())
            for collector in tuple(self._collectors.values()):
                collector.tick()
            if (wait := self.options.on_demand_s) is not None:
                for circuit_id in self._viewers.unwatched(self._clock.monotonic() - wait):
                    self._viewers.forget(circuit_id)
                    await self._stop(circuit_id)
