"""The engine as a whole, against real servers and sources that misbehave."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from karttime.circuits.circuit import Circuit
from karttime.circuits.local import LocalCircuits
from karttime.engine.addresses import AddressPolicy
from karttime.engine.backoff import BackoffOptions
from karttime.engine.clock import Clock
from karttime.engine.engine import Engine, EngineOptions, UnknownCircuit, UnknownFeed
from karttime.engine.hub import Current, Publication, Resync
from karttime.engine.source import Connected, Connecting, FrameSource, SourceItem
from karttime.engine.status import CollectorState
from karttime.engine.taps import RecorderTap
from karttime.engine.websocket import WebSocketOptions
from karttime.errors import KarttimeError
from karttime.feeds.base import FeedFormat
from karttime.feeds.formats import FORMATS
from karttime.feeds.frame import Frame

from .conftest import BEGIN, Eventually, HandClock, ListSource, MemoryWriter, Serve
from .test_websocket import shake_hands

Formats = Mapping[str, FeedFormat]
Build = Callable[..., Engine]


async def race(connection: ServerConnection) -> None:
    """What a server sends to each client: a session, then a new last lap every 5 ms."""
    await connection.send("session one")
    for number in count():
        try:
            await connection.send(f"last {1 + number % 2} 1:{number % 60:02d}.000")
        except ConnectionClosed:
            return
        await asyncio.sleep(0.005)


@pytest.fixture
def build(word_formats: Formats, quick: WebSocketOptions) -> Build:
    """An engine of `id=url` circuits of the invented format with quick timings."""

    def make(websocket: WebSocketOptions = quick, **urls: str) -> Engine:
        circuits = LocalCircuits(Circuit(name, name.title(), url, "words") for name, url in urls.items())
        addresses = AddressPolicy(typed=frozenset(urls.values()))
        options = EngineOptions(websocket=websocket, restart=BackoffOptions(0.01, 0.02), addresses=addresses)
        return Engine(circuits, formats=word_formats, options=options)

    return make


async def test_a_circuit_is_started_once_and_stopped_once(
    ws_server: Serve, build: Build, eventually: Eventually
) -> None:
    async with ws_server(race) as url, build(hill=url) as engine:
        assert await engine.stop("hill") == "not_running"
        assert await engine.start("hill") == "started"
        assert await engine.start("hill") == "already_running"
        assert engine.collector("hill").running
        await eventually(lambda: engine.hub("hill").seq > 3)
        assert engine.status().collectors[0].state is CollectorState.LIVE
        assert await engine.stop("hill") == "stopped"
        assert await engine.stop("hill") == "not_running"
        status = engine.status().collectors[0]
        assert (status.state, status.running, status.timing_connected) == (CollectorState.STOPPED, False, False)
        assert status.session_id == "one"


async def test_many_starts_at_once_make_one_connection(ws_server: Serve, build: Build, eventually: Eventually) -> None:
    connections = 0

    async def counted(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await race(connection)

    async with ws_server(counted) as url, build(hill=url) as engine:
        answers = await asyncio.gather(*[engine.start("hill") for _ in range(20)])
        await eventually(lambda: engine.hub("hill").seq > 3)
    assert sorted(answers) == ["already_running"] * 19 + ["started"]
    assert connections == 1


async def test_a_start_during_a_stop_wins(ws_server: Serve, build: Build, eventually: Eventually) -> None:
    async with ws_server(race) as url, build(hill=url) as engine:
        for _ in range(5):
            await engine.start("hill")
            await eventually(lambda: engine.collector("hill").state is CollectorState.LIVE)
            await asyncio.gather(engine.stop("hill"), engine.stop("hill"))
            assert await engine.start("hill") == "started"
            await eventually(lambda: engine.collector("hill").state is CollectorState.LIVE)
            assert await engine.stop("hill") == "stopped"
            assert not engine.collector("hill").running


async def test_unknown_circuits_and_formats_are_refused_with_a_sentence(word_formats: Formats) -> None:
    circuits = LocalCircuits([Circuit("odd", "Odd", "ws://127.0.0.1:1", "morse")])
    async with Engine(circuits, formats=word_formats) as engine:
        for call in (engine.start, engine.stop, engine.ensure):
            with pytest.raises(UnknownCircuit, match=r"^there is no circuit 'nowhere'$"):
                await call("nowhere")
        for look in (engine.collector, engine.hub):
            with pytest.raises(UnknownCircuit):
                look("odd")
        with pytest.raises(UnknownFeed, match=r"'odd' has the feed 'morse', known are: words"):
            await engine.start("odd")
        await engine.forget("nowhere")
    assert issubclass(UnknownCircuit, KeyError)
    assert issubclass(UnknownCircuit, KarttimeError)


async def test_a_circuit_that_gave_up_can_be_started_again(
    ws_server: Serve, build: Build, quick: WebSocketOptions, eventually: Eventually
) -> None:
    async with ws_server(race) as url:
        port = int(url.rpartition(":")[2])
    async with build(replace(quick, max_attempts=2), hill=url) as engine:
        await engine.start("hill")
        await eventually(lambda: engine.collector("hill").state is CollectorState.GAVE_UP)
        assert "refuses connections" in engine.status().collectors[0].reason
        assert await engine.stop("hill") == "not_running"
        async with ws_server(race, port=port):
            assert await engine.start("hill") == "started"
            await eventually(lambda: engine.collector("hill").state is CollectorState.LIVE)


async def test_a_server_restart_keeps_session_hub_and_subscribers(
    ws_server: Serve, build: Build, eventually: Eventually
) -> None:
    async with ws_server(race) as url:
        engine = build(hill=url)
        await engine.__aenter__()
        await engine.start("hill")
        hub = engine.hub("hill")
        subscription = hub.subscribe(mailbox=100_000)
        await eventually(lambda: hub.seq > 3)
        assert isinstance(await anext(subscription), Current)
        epoch, first = hub.epoch, hub.seq
    try:
        await eventually(lambda: engine.collector("hill").state is CollectorState.RECONNECTING)
        assert not hub.status.timing_connected
        assert hub.session is not None
        await asyncio.sleep(0.05)
        async with ws_server(race, port=int(url.rpartition(":")[2])):
            await eventually(lambda: engine.collector("hill").state is CollectorState.LIVE)
            await engine.stop("hill")
        items = [await anext(subscription) for _ in range(subscription.backlog)]
        seqs = [item.seq for item in items if isinstance(item, Publication)]
        assert seqs == list(range(first + 1, hub.seq + 1)), "one unbroken sequence across the restart"
        assert hub.epoch == epoch
        assert engine.status().collectors[0].reconnects == 1
    finally:
        await engine.__aexit__(None, None, None)


async def test_a_stalled_subscriber_holds_up_neither_the_feed_nor_others(
    ws_server: Serve, build: Build, eventually: Eventually
) -> None:
    async with ws_server(race) as url, build(hill=url) as engine:
        await engine.start("hill")
        hub = engine.hub("hill")
        await eventually(lambda: hub.seq > 0)
        stalled, lively = hub.subscribe(mailbox=4), hub.subscribe(mailbox=1000)
        assert isinstance(await anext(stalled), Current)
        assert isinstance(await anext(lively), Current)
        for _ in range(40):
            assert not isinstance(await anext(lively), Resync)
        resync = await anext(stalled)
        assert isinstance(resync, Resync)
        assert resync.current.seq == hub.seq
        assert resync.dropped >= 40


async def test_one_circuit_that_crashes_restarts_and_leaves_the_others_alone(
    ws_server: Serve, build: Build, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    crashes = 0

    async def poison(connection: ServerConnection) -> None:
        nonlocal crashes
        crashes += 1
        await connection.send("session bad")
        await connection.send("boom" if crashes < 3 else "last 1 61.000")
        await connection.wait_closed()

    async with ws_server(race) as good, ws_server(poison) as bad, build(good=good, bad=bad) as engine:
        await engine.start("good")
        await engine.start("bad")
        await eventually(lambda: crashes == 3 and engine.collector("bad").state is CollectorState.LIVE)
        statuses = {status.circuit_id: status for status in engine.status().collectors}
    assert statuses["bad"].crashes == 2
    assert statuses["good"].crashes == 0
    assert statuses["good"].reconnects == 0
    assert sum(record.exc_info is not None for record in caplog.records) == 2


async def test_a_circuit_that_waits_after_a_crash_can_be_stopped(
    word_formats: Formats, circuit: Circuit, eventually: Eventually
) -> None:
    def crash(_circuit: Circuit) -> FrameSource:
        raise RuntimeError("a bug in a source")

    options = EngineOptions(restart=BackoffOptions(3600))
    async with Engine(LocalCircuits([circuit]), formats=word_formats, options=options, source_factory=crash) as engine:
        await engine.start("hill")
        await eventually(lambda: engine.collector("hill").state is CollectorState.FAILED)
        assert await engine.start("hill") == "already_running"
        assert await engine.stop("hill") == "stopped"
        assert engine.status().collectors[0].state is CollectorState.STOPPED


async def test_leaving_takes_less_than_two_seconds_when_peers_hang(tcp_server: Serve, build: Build) -> None:
    """With the closing time that is used outside of tests; subscribers are ended."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(b"\x81\x0bsession one")
        await asyncio.sleep(30)

    async def never_answer(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    usual = WebSocketOptions()
    async with tcp_server(hang) as one, tcp_server(never_answer) as two:
        async with build(usual, a=one, b=one, c=two, d="ws://127.0.0.1:1") as engine:
            for circuit_id in "abcd":
                await engine.start(circuit_id)
            subscription = engine.hub("a").subscribe()
            await anext(subscription)
            await anext(subscription)
            began = time.monotonic()
        assert time.monotonic() - began < 2
    assert [item async for item in subscription] == []
    assert not any(status.running for status in engine.status().collectors)


async def test_errors_inside_the_context_pass_as_they_are(build: Build) -> None:
    with pytest.raises(UnknownCircuit):
        async with build() as engine:
            await engine.start("nowhere")


async def test_an_edited_circuit_is_taken_over_at_the_next_start(
    ws_server: Serve, word_formats: Formats, quick: WebSocketOptions, eventually: Eventually
) -> None:
    class Editable:
        circuit = Circuit("hill", "Hill", "ws://127.0.0.1:1024", "words")

        async def list(self) -> tuple[Circuit, ...]:
            return (self.circuit,)

        async def get(self, circuit_id: str) -> Circuit | None:
            return self.circuit if circuit_id == "hill" else None

    source = Editable()
    addresses = AddressPolicy(allow_private=True)
    options = EngineOptions(websocket=quick, addresses=addresses)
    async with ws_server(race) as url, Engine(source, formats=word_formats, options=options) as engine:
        await engine.start("hill")
        hub = engine.hub("hill")
        source.circuit = replace(source.circuit, name="Hill Kart", url=url)
        await engine.stop("hill")
        await engine.start("hill")
        await eventually(lambda: hub.seq > 0)
        assert engine.hub("hill") is hub
        assert engine.status().collectors[0].name == "Hill Kart"


async def test_a_forgotten_circuit_is_stopped_and_unknown(
    ws_server: Serve, build: Build, eventually: Eventually
) -> None:
    async with ws_server(race) as url, build(hill=url) as engine:
        await engine.start("hill")
        subscription = engine.hub("hill").subscribe()
        await eventually(lambda: engine.hub("hill").seq > 0)
        await asyncio.gather(engine.forget("hill"), engine.forget("hill"))
        assert [item async for item in subscription] == []
        with pytest.raises(UnknownCircuit):
            engine.hub("hill")
        assert engine.status().collectors == ()
        assert await engine.start("hill") == "started"


async def test_sources_and_recorders_can_be_plugged_in(word_formats: Formats, circuit: Circuit) -> None:
    """A simulator as the source, a recorder per circuit; both are asked with the circuit."""
    asked: list[str] = []
    writer = MemoryWriter()

    def source(wanted: Circuit) -> FrameSource:
        asked.append(wanted.id)
        return ListSource([Connecting(1), Connected(), Frame(BEGIN, "session one")])

    def recorder(wanted: Circuit) -> RecorderTap:
        asked.append(wanted.id)
        return RecorderTap(lambda: writer)

    async with Engine(
        LocalCircuits([circuit]), formats=word_formats, source_factory=source, recorder_factory=recorder
    ) as engine:
        await engine.start("hill")
        async with engine.hub("hill").subscribe() as subscription:
            async for item in subscription:
                if isinstance(item, Publication):
                    break
        await engine.stop("hill")
    assert asked == ["hill", "hill"]
    assert writer.lines == ["session one", "# session one"]


async def test_the_ticker_notices_silence(
    word_formats: Formats, circuit: Circuit, hand_clock: HandClock, eventually: Eventually
) -> None:
    items: list[SourceItem] = [Connecting(1), Connected(), Frame(BEGIN, "session one")]
    async with Engine(
        LocalCircuits([circuit]),
        formats=word_formats,
        source_factory=lambda _: ListSource(items, stay=True),
        clock=hand_clock.clock,
    ) as engine:
        await engine.start("hill")
        await eventually(lambda: engine.collector("hill").state is CollectorState.SILENT)


async def test_times_are_those_of_the_clock(build: Build) -> None:
    before = Clock().wall_ms()
    async with build() as engine:
        await asyncio.sleep(0.02)
        status = engine.status()
    assert before <= status.started_at <= before + 1000
    assert 20 <= status.uptime_ms < 1000


async def test_by_default_every_format_of_karttime_is_known() -> None:
    circuits = LocalCircuits(Circuit(name, name, "ws://127.0.0.1:1", name) for name in FORMATS)
    async with Engine(circuits) as engine:
        for name in FORMATS:
            assert (await engine.ensure(name)).circuit.feed == name
