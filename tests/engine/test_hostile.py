"""Servers that are hostile or broken: given up in time, tried again, and nobody else notices."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from karttime.circuits.circuit import Circuit
from karttime.circuits.local import LocalCircuits
from karttime.engine.addresses import AddressPolicy
from karttime.engine.budget import Budget
from karttime.engine.engine import Engine, EngineOptions
from karttime.engine.hub import HubItem, Publication
from karttime.engine.reconnecting import LinkOptions
from karttime.engine.source import Connecting, Flooding, Lost, Retrying
from karttime.engine.status import CollectorState
from karttime.engine.websocket import WebSocketOptions, WebSocketSource
from karttime.feeds.base import FeedFormat
from karttime.feeds.frame import Frame

from . import hostile
from .conftest import Eventually, Serve, Take

SMALL = Budget(messages_per_s=200, bytes_per_s=20_000, burst_s=0.1)


@pytest.fixture
def impatient(quick: WebSocketOptions) -> WebSocketOptions:
    """Limits of a tenth of a second."""
    return replace(quick, open_timeout_s=1.0, message_s=0.3, silence_s=2, ping_interval_s=0.2, ping_timeout_s=0.3)


@pytest.mark.parametrize("name", hostile.GIVEN_UP)
async def test_it_is_given_up_in_time_and_tried_again(
    tcp_server: Serve, impatient: WebSocketOptions, take: Take, name: str
) -> None:
    """With limits of a second or less, both attempts are over in some; the reason says what is wrong."""
    mode, words = hostile.GIVEN_UP[name]
    async with tcp_server(mode) as url, asyncio.timeout(8):
        items = await take(WebSocketSource(url, impatient), Retrying)
        again = await take(WebSocketSource(url, impatient), Retrying)
    assert words in next(item.reason for item in items if isinstance(item, Lost))
    assert [type(item) for item in again][:1] == [Connecting]


async def test_text_that_is_none_arrives_as_bytes(tcp_server: Serve, impatient: WebSocketOptions, take: Take) -> None:
    async with tcp_server(hostile.bad_utf8) as url:
        items = await take(WebSocketSource(url, impatient), 12)
    assert [item.data for item in items if isinstance(item, Frame)] == [b"\xff\xfe\xc0\x80"] * 10


async def test_a_flood_is_read_slowly_and_told_of(tcp_server: Serve, quick: WebSocketOptions, take: Take) -> None:
    """A thousand messages in one write come in at the rate of the budget; nothing is lost on the way."""

    async def burst(reader: hostile.Reader, writer: hostile.Writer) -> None:
        await hostile.shake_hands(reader, writer)
        writer.write(b"".join(hostile.wire(1, b"%d" % number) for number in range(1000)))
        await reader.read()

    budget = Budget(messages_per_s=1000, burst_s=0.1)
    began = time.monotonic()
    async with tcp_server(burst) as url:
        items = await take(WebSocketSource(url, replace(quick, budget=budget)), 1003)
    frames = [item for item in items if isinstance(item, Frame)]
    assert [frame.text for frame in frames] == [str(number) for number in range(len(frames))]
    assert any(item == Flooding("more than 1000 messages a second") for item in items)
    assert 0.5 < time.monotonic() - began < 4


async def test_bytes_have_a_budget_too(tcp_server: Serve, quick: WebSocketOptions, take: Take) -> None:
    async def big(reader: hostile.Reader, writer: hostile.Writer) -> None:
        await hostile.shake_hands(reader, writer)
        writer.write(hostile.wire(1, b"x" * 9_000) * 3)
        await reader.read()

    async with tcp_server(big) as url:
        items = await take(WebSocketSource(url, replace(quick, budget=SMALL)), 6)
    assert sum(isinstance(item, Frame) for item in items) == 3
    assert Flooding("more than 20000 bytes a second") in items


async def test_a_flood_is_not_taken_for_a_dead_connection(
    tcp_server: Serve, quick: WebSocketOptions, take: Take
) -> None:
    """The pong is stuck behind the flood; what comes is proof enough of life."""
    options = replace(quick, budget=SMALL, ping_interval_s=0.05, ping_timeout_s=0.05)
    async with tcp_server(hostile.message_flood) as url:
        items = await take(WebSocketSource(url, options), 150)
    assert not any(isinstance(item, Lost) for item in items)


async def test_answers_that_are_not_read_do_not_pile_up(tcp_server: Serve, quick: WebSocketOptions, take: Take) -> None:
    """A server that pings between its messages and reads no pong is cut off when the system takes no more of them."""

    async def deaf(reader: hostile.Reader, writer: hostile.Writer) -> None:
        await hostile.shake_hands(reader, writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport reads too
        while True:
            writer.write(hostile.wire(9, b"p" * 125) * 500 + hostile.wire(1, b"x"))
            await writer.drain()

    options = replace(quick, budget=Budget(10**8, 10**10), silence_s=20)
    async with tcp_server(deaf) as url:
        items = await take(WebSocketSource(url, options), Lost)
    assert "does not read the answers" in next(item.reason for item in items if isinstance(item, Lost))


async def test_a_connection_without_data_is_not_taken_for_a_message_that_does_not_end(
    ws_server: Serve, impatient: WebSocketOptions, take: Take
) -> None:
    """A venue without a session on track sends nothing after the handshake, but answers pings."""

    async def late(connection: ServerConnection) -> None:
        await asyncio.sleep(0.8)
        await connection.send("session one")

    async with ws_server(late) as url:
        items = await take(WebSocketSource(url, impatient), 3)
    assert isinstance(items[-1], Frame)


async def tick(connection: ServerConnection) -> None:
    """A healthy feed: the time of sending, in microseconds, every 10 ms."""
    await connection.send("session one")
    with contextlib.suppress(ConnectionClosed):
        while True:
            await connection.send(f"lap 1 {round(time.monotonic() * 1e6)}")
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def beside(
    tcp_server: Serve,
    ws_server: Serve,
    formats: dict[str, FeedFormat],
    options: WebSocketOptions,
    mode: hostile.Mode,
    scheme: str = "ws",
) -> AsyncIterator[tuple[Engine, list[float]]]:
    """An engine with a hostile circuit `bad` and a healthy one; the latencies of the latter's messages in seconds."""
    latencies: list[float] = []

    def seen(item: HubItem) -> None:
        if isinstance(item, Publication) and (item.frame.text or "").startswith("lap"):
            latencies.append(time.monotonic() - int((item.frame.text or "").split()[2]) / 1e6)

    async with tcp_server(mode) as bad, ws_server(tick) as good:
        flood = Circuit("bad", "Bad", bad.replace("ws://", f"{scheme}://"), "words")
        circuits = LocalCircuits([flood, Circuit("good", "Good", good, "words")])
        tcp = LinkOptions(budget=options.budget)
        settings = EngineOptions(websocket=options, tcp=tcp, addresses=AddressPolicy(allow_private=True))
        async with Engine(circuits, formats=formats, options=settings) as engine:
            await engine.start("good")
            engine.hub("good").add_tap(seen)
            await engine.start("bad")
            yield engine, latencies


@pytest.mark.parametrize("mode", [hostile.message_flood, hostile.ping_flood, hostile.giant_frame])
async def test_other_feeds_do_not_notice(
    tcp_server: Serve,
    ws_server: Serve,
    word_formats: dict[str, FeedFormat],
    quick: WebSocketOptions,
    eventually: Eventually,
    mode: hostile.Mode,
) -> None:
    """Half of a healthy feed's messages are through within 50 ms, all within 750; the flooder lives here too."""
    options = replace(quick, budget=Budget(1000, 1 << 20, 0.2))
    async with beside(tcp_server, ws_server, word_formats, options, mode) as (engine, latencies):
        await eventually(lambda: len(latencies) >= 60)
        assert engine.collector("good").status().state is CollectorState.LIVE
        assert engine.collector("good").status().reconnects == 0
    assert sorted(latencies)[len(latencies) // 2] < 0.05
    assert max(latencies) < 0.75


async def test_other_feeds_do_not_notice_a_flood_of_lines(
    tcp_server: Serve,
    ws_server: Serve,
    word_formats: dict[str, FeedFormat],
    quick: WebSocketOptions,
    eventually: Eventually,
) -> None:
    """Over TCP the same limits hold, and the flooding feed says so."""
    options = replace(quick, budget=Budget(1000, 1 << 20, 0.2))
    async with beside(tcp_server, ws_server, word_formats, options, hostile.line_flood, "rmonitor") as (engine, found):
        await eventually(lambda: engine.collector("bad").state is CollectorState.FLOODING and len(found) >= 60)
        assert engine.collector("good").status().reconnects == 0
        began = time.monotonic()
        assert await engine.stop("bad") == "stopped"
        assert time.monotonic() - began < 0.5
    assert sorted(found)[len(found) // 2] < 0.05
    assert max(found) < 0.75


async def test_a_feed_that_floods_says_so_and_is_stopped_at_once(
    tcp_server: Serve,
    ws_server: Serve,
    word_formats: dict[str, FeedFormat],
    quick: WebSocketOptions,
    eventually: Eventually,
) -> None:
    options = replace(quick, budget=SMALL)
    async with beside(tcp_server, ws_server, word_formats, options, hostile.message_flood) as (engine, _):
        await eventually(lambda: engine.collector("bad").state is CollectorState.FLOODING)
        status = engine.collector("bad").status()
        assert "more than 200 messages a second" in status.reason
        assert status.timing_connected
        began = time.monotonic()
        assert await engine.stop("bad") == "stopped"
        assert time.monotonic() - began < 0.5
