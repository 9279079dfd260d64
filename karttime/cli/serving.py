"""What `karttime serve` is made of: engine, archive, application and socket, put together and taken apart again."""

import asyncio
import logging
import os
import socket
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from karttime.api.access import Access
from karttime.api.app import create_app
from karttime.api.limits import LIMITS
from karttime.api.origins import Origins
from karttime.api.parsers import StoredParsers
from karttime.api.policy import Policy
from karttime.api.proxies import networks
from karttime.api.server import bind, quiet_logs, serve
from karttime.api.service import Service
from karttime.api.stored import FRESH_S, StoredCircuits, StoredKeys
from karttime.circuits.circuit import Circuit, CircuitStore
from karttime.circuits.local import LocalCircuits, local_circuits
from karttime.circuits.parser import FEEDS
from karttime.cli.crew import Crew, serve_by
from karttime.cli.places import journal_path
from karttime.cli.signing_in import check_emulators, sign_in
from karttime.domain.classification import classification
from karttime.domain.display import clean
from karttime.domain.times import format_time
from karttime.engine.addresses import AddressPolicy
from karttime.engine.awaiting import DetectionOptions
from karttime.engine.clock import Clock
from karttime.engine.engine import Engine, EngineOptions
from karttime.engine.logs import configure
from karttime.engine.player import PlayerSource
from karttime.engine.reconnecting import LinkOptions
from karttime.engine.recordings import Recordings, Retention
from karttime.engine.signals import on_stop
from karttime.engine.websocket import WebSocketOptions
from karttime.errors import KarttimeError, RecorderError, UsageError
from karttime.feeds.formats import FORMATS
from karttime.feeds.frame import Frame
from karttime.recording.pace import paced
from karttime.recording.sizes import parse_size
from karttime.settings import Settings
from karttime.simulator import scenarios
from karttime.storage.archive import Archive
from karttime.storage.database import Database
from karttime.storage.journal import Journal, JournalOptions, open_beside

if TYPE_CHECKING:
    from karttime.circuits.firestore import FirestoreCircuits

log = logging.getLogger("karttime")

DEMO: Final = Circuit("demo", "Demo", "demo://simulator", "apex", live_timing_url="")
DEMO_SKIP_MS: Final = 4 * 60_000  # into the practice: laps are on the board from the first moment
SUMMARY_S: Final = 5.0
SWEEP_S: Final = 600.0
WATCH_S: Final = 0.25
CLOSE_S: Final = 1.0
PATIENCE: Final = 10  # times the first look: then a feed is shown of which no lap was seen yet
END_S: Final = 4.0  # from the signal to the end, whatever hangs


@dataclass(frozen=True, slots=True)
class Plan:
    """What to serve.

    Attributes:
        settings: from the environment and the command line.
        circuits: `NAME=URL` arguments.
        demo: a simulated circuit instead of those.
        start: start collecting every circuit at once.
    """

    settings: Settings
    circuits: tuple[str, ...] = ()
    demo: bool = False
    start: bool = True


def run(plan: Plan) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        UsageError: an address, a circuit or a setting is no good.
        KarttimeError: the port is in use, the database cannot be opened.
    """
    settings = plan.settings
    configure("DEBUG" if settings.debug else settings.log_level, settings.log_format)
    quiet_logs()
    check_emulators(settings)
    if settings.policy == Policy.OPEN and not settings.on_loopback:
        log.warning("AUTH_POLICY=open: whoever reaches %s may change and delete everything", settings.host)
    circuits = LocalCircuits([DEMO]) if plan.demo else local_circuits(plan.circuits)
    listener = _listener(settings)
    try:
        with _database_url(plan) as url:
            database = Database(url)
            try:
                journal = _journal(settings, url)
                try:
                    archive = Archive(database, journal=journal)
                    try:
                        asyncio.run(_run(plan, circuits, archive, listener))
                    finally:
                        archive.close(CLOSE_S)
                finally:
                    journal.close(CLOSE_S)
            finally:
                database.close()
    finally:
        listener.close()


def _listener(settings: Settings) -> socket.socket:
    """Where clients come; with workers only the port is kept, which they share among themselves."""
    if settings.workers == 1:
        return bind(settings.host, settings.port)
    if not hasattr(socket, "SO_REUSEPORT"):
        raise UsageError("WORKERS above 1 need a system on which processes can share a port, such as Linux")
    bind(settings.host, settings.port).close()  # nobody else has it: sharing would not show that
    return bind(settings.host, settings.port, shared=True, listen=False)


@contextmanager
def _database_url(plan: Plan) -> Iterator[str]:
    """The database; a demonstration gets one of its own that goes away with it, unless another was asked for."""
    if not plan.demo or "database_url" in plan.settings.model_fields_set:
        yield plan.settings.database_url
        return
    with tempfile.TemporaryDirectory(prefix="karttime-demo-", ignore_cleanup_errors=True) as folder:
        yield f"sqlite:///{Path(folder) / 'demo.db'}"


def _journal(settings: Settings, url: str) -> Journal:
    options = JournalOptions(parse_size(settings.journal_max_size), settings.journal_full_sync)
    path = journal_path(settings, url)
    return Journal(path, options) if settings.journal_path is not None else open_beside(path, options)


async def _run(plan: Plan, circuits: LocalCircuits, archive: Archive, listener: socket.socket) -> None:
    settings = plan.settings
    known = await circuits.list()
    options = _engine_options(plan, known)
    factory = _demo_source if plan.demo else None
    recordings = _recordings(settings)
    recorder = None if recordings is None else recordings.tap
    past = None if recordings is None or plan.demo else recordings.past
    stop, ready = asyncio.Event(), asyncio.Event()
    stored, parsers = StoredCircuits(archive.database, circuits), StoredParsers(archive.database)
    async with AsyncExitStack() as stack:
        shared: FirestoreCircuits | None = None
        if not plan.demo and settings.circuits_from == "firestore":
            from karttime.cli.sharing import shared_circuits  # only where it is wanted

            shared = await stack.enter_async_context(shared_circuits(settings, archive.database, circuits))
        store: CircuitStore = shared or stored
        signing_in = await stack.enter_async_context(sign_in(settings))
        engine = await stack.enter_async_context(
            Engine(
                store,
                formats=FORMATS,
                options=options,
                source_factory=factory,
                recorder_factory=recorder,
                past=past,
                parsers=parsers,
            )
        )
        access = Access(Policy(settings.policy), StoredKeys(archive.database), sign_in=signing_in)
        origins = Origins(settings.cors_origins)
        service = Service(
            engine,
            archive,
            origins,
            max_clients=settings.ws_max_clients,
            max_per_address=settings.ws_max_clients_per_address,
            limits=replace(LIMITS, deflate=settings.ws_compression, proxies=networks(settings.trusted_proxies)),
            debug=settings.debug,
            access=access,
            store=store,
            shared=shared,
            parsers=parsers,
            analysis_s=settings.analysis_duration,
            analysis_samples=settings.analysis_min_samples,
            rate_limit=settings.rate_limit,
        )
        app = create_app(service)
        with on_stop(lambda: _stop(stop)):
            async with asyncio.TaskGroup() as group:
                helping = [
                    group.create_task(_tell(plan, service, listener, ready)),
                    group.create_task(_follow(service)),
                ]
                if recordings is not None:
                    helping.append(group.create_task(_sweep(recordings)))
                if options.on_demand_s is not None:
                    helping.append(group.create_task(_watch(service)))
                elif plan.start:
                    await _start(service)
                if shared is not None:
                    from karttime.cli.sharing import share

                    begin = plan.start and options.on_demand_s is None
                    helping.append(
                        group.create_task(share(service, start=begin, follow_selection=settings.follow_selection))
                    )
                if settings.workers == 1:
                    await serve(app, listener, ready, stop)
                else:
                    host, port = listener.getsockname()[:2]
                    crew = Crew(settings.workers, host, port, settings.log_level, settings.log_format)
                    await serve_by(crew, app, service, ready, stop)
                for task in helping:
                    task.cancel()
    await service.drain()


def _stop(stop: asyncio.Event) -> None:
    """Begin to end. A call that waits for a database which hangs cannot be ended: it is left behind, nothing is lost.

    What clients have seen is in the journal, whose file, like every other of ours, is sound at any moment.
    """
    if not stop.is_set():
        watch = threading.Timer(END_S, _leave)
        watch.daemon = True
        watch.start()
    stop.set()


def _leave() -> None:
    log.warning("Something does not end, most likely a call to a database that does not answer: leaving without it")
    logging.shutdown()
    os._exit(0)


def _engine_options(plan: Plan, known: Sequence[Circuit]) -> EngineOptions:
    """What the settings and the command line say; refuses circuits that must not be connected to."""
    settings = plan.settings
    addresses = AddressPolicy(settings.allow_private or plan.demo, frozenset(circuit.url for circuit in known))
    if not plan.demo:
        for circuit in known:
            addresses.check(circuit.url)
            if circuit.feed not in FEEDS:
                raise UsageError(f"{circuit.name!r}: there is no feed {circuit.feed!r}: known are {', '.join(FEEDS)}")
    websocket = WebSocketOptions(max_attempts=settings.ws_max_reconnect_attempts)
    detection = DetectionOptions(
        samples=settings.analysis_min_samples,
        first_s=settings.analysis_duration,
        patience_s=PATIENCE * settings.analysis_duration,
    )
    return EngineOptions(
        websocket=websocket,
        detection=detection,
        tcp=LinkOptions(max_attempts=settings.ws_max_reconnect_attempts),
        race_monitor=settings.race_monitor_url,
        addresses=addresses,
        on_demand_s=settings.on_demand_stop_after,
    )


def _recordings(settings: Settings) -> Recordings | None:
    """The folder of raw recordings, None when nothing is to be recorded."""
    if settings.record_dir is None:
        return None
    keep_bytes = 0 if settings.record_keep_size == "0" else parse_size(settings.record_keep_size)
    return Recordings(settings.record_dir, Retention(settings.record_keep_days, keep_bytes))


async def _start(service: Service) -> None:
    """Collect every circuit; one that cannot be leaves the others alone."""
    for circuit in await service.engine.circuits.list():
        try:
            await service.start(circuit.id)
        except KarttimeError as error:
            log.warning("%s is not collected: %s", circuit.id, clean(str(error), 500))


async def _follow(service: Service) -> None:
    """Take over what others edit in the database: `karttime circuits`, or another service."""
    while True:
        await asyncio.sleep(FRESH_S)
        await service.follow()


async def _sweep(recordings: Recordings) -> None:
    """Remove old recordings now and then."""
    while True:
        try:
            await asyncio.to_thread(recordings.sweep)
        except RecorderError as error:
            log.warning("%s", error)
        await asyncio.sleep(SWEEP_S)


async def _watch(service: Service) -> None:
    """Tell the engine who watches what, so that circuits are collected while somebody does."""
    seen: Counter[str] = Counter()
    while True:
        now = Counter({circuit_id: status.clients for circuit_id, status in service.channels().items()})
        for circuit_id in (now - seen).elements():
            try:
                await service.engine.viewer_joined(circuit_id)
            except KarttimeError as error:
                log.warning("%s cannot be collected: %s", circuit_id, error)
        for circuit_id in (seen - now).elements():
            service.engine.viewer_left(circuit_id)
        seen = now
        await asyncio.sleep(WATCH_S)


def _demo_source(_circuit: Circuit) -> PlayerSource:
    """A simulated race day without end that began a few minutes ago."""
    began = Clock().wall_ms() - DEMO_SKIP_MS
    return PlayerSource(_demo_frames(began), partial(paced, from_ms=DEMO_SKIP_MS))


def _demo_frames(start_at: int) -> Iterator[Frame]:
    for seed in count(1):
        meeting = scenarios.simulator(scenarios.Options(seed=seed, start_at=start_at))
        for frame in meeting.frames():
            start_at = frame.at + 10_000
            yield frame


async def _tell(plan: Plan, service: Service, listener: socket.socket, ready: asyncio.Event) -> None:
    """Say where the service is, then how the races stand: once each, in a demonstration every few seconds."""
    await ready.wait()
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    circuits = await service.engine.circuits.list()
    example = circuits[0].id if circuits else "{id}"
    known = (
        ", ".join(circuit.id for circuit in circuits)
        or "none: `karttime circuits add` one, give --circuit NAME=URL or --demo"
    )
    lines = (
        f"page       http://{shown}:{port}/",
        f"API        http://{shown}:{port}/docs",
        f"WebSocket  ws://{shown}:{port}/circuits/{example}/live",
        f"circuits   {known}",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    said: set[str] = set()
    while True:
        for collector in service.engine.status().collectors:
            line = summary(service.engine, collector.circuit_id)
            if line and (plan.demo or collector.circuit_id not in said):
                said.add(collector.circuit_id)
                log.info("%s", line)
        await asyncio.sleep(SUMMARY_S if said else 0.2)


def summary(engine: Engine, circuit_id: str) -> str:
    """How the running session of a circuit stands, in one line; empty before the first board."""
    session = engine.collector(circuit_id).logbook.current
    standings = classification(session) if session is not None else []
    if session is None or not standings:
        return ""
    leader = standings[0]
    who = " ".join(part for part in (leader.number, leader.team or leader.driver) if part)
    last = format_time(leader.last_lap_ms) if leader.last_lap_ms else "-"
    laps = sum(len(competitor.laps) for competitor in session.competitors.values())
    text = (
        f"{circuit_id}: {session.title or session.id}, {len(standings)} karts, {laps} laps; leader {who}, last {last}"
    )
    return clean(text)
