"""Every promise of the WebSocket source, against real servers."""

import asyncio
import base64
import hashlib
import socket
from dataclasses import replace
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from karttime.engine.backoff import BackoffOptions
from karttime.engine.clock import Clock
from karttime.engine.source import Connected, Connecting, GaveUp, Lost, Retrying, SourceItem
from karttime.engine.websocket import WebSocketOptions, WebSocketSource
from karttime.errors import SourceError
from karttime.feeds.frame import Frame

from .conftest import BEGIN, HandClock, Serve, Take


def frames_of(items: list[SourceItem]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame)]


def reason_of(items: list[SourceItem]) -> str:
    return next(item.reason for item in items if isinstance(item, Lost))


async def stay(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def test_messages_arrive_as_they_were_sent(ws_server: Serve, quick: WebSocketOptions, take: Take) -> None:
    """Text, binary, empty, and text that is not UTF-8, which does not end the connection."""

    async def talk(connection: ServerConnection) -> None:
        await connection.send("title1||Été\n")
        await connection.send(b"\x01plain")
        await connection.send("")
        await connection.send(b"\xff\xfe\x00", text=True)
        await connection.send(["r1", "|*|", "5\n"])
        await connection.send("\n")
        await stay(connection)

    async with ws_server(talk) as url:
        items = await take(WebSocketSource(url, quick), 8)
    assert items[:2] == [Connecting(1), Connected()]
    assert [frame.text for frame in frames_of(items)] == ["title1||Été\n", None, "", None, "r1|*|5\n", "\n"]
    assert [frame.data for frame in frames_of(items)] == [None, b"\x01plain", None, b"\xff\xfe\x00", None, None]
    assert {frame.direction for frame in frames_of(items)} == {"in"}


async def test_nothing_is_sent_but_pings(ws_server: Serve, quick: WebSocketOptions, take: Take) -> None:
    """Also no compression, subprotocol or origin is asked for; the program says its name."""
    sent: list[str | bytes] = []
    headers: list[dict[str, str]] = []

    async def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        headers.append({name.lower(): value for name, value in connection.request.headers.raw_items()})
        await connection.send("hello")
        sent.extend([message async for message in connection])

    async with ws_server(talk) as url:
        await take(WebSocketSource(url, quick), 3)
        await asyncio.sleep(0.05)
    assert sent == []
    assert headers[0]["user-agent"].startswith("karttime/")
    assert not {"sec-websocket-extensions", "sec-websocket-protocol", "origin"} & headers[0].keys()


async def test_silence_is_a_loss_although_pongs_come(ws_server: Serve, quick: WebSocketOptions, take: Take) -> None:
    options = replace(quick, silence_s=0.25, ping_interval_s=0.05)
    async with ws_server(stay) as url:
        items = await take(WebSocketSource(url, options), Connecting)
        items = await take(WebSocketSource(url, options), Retrying)
    assert items[:2] == [Connecting(1), Connected()]
    assert reason_of(items) == "silent: no message for 0.25 s, not even a keep-alive"


async def test_keep_alives_are_signs_of_life(ws_server: Serve, quick: WebSocketOptions, take: Take) -> None:
    async def talk(connection: ServerConnection) -> None:
        for _ in range(8):
            await asyncio.sleep(0.05)
            await connection.send("\n")
        await stay(connection)

    async with ws_server(talk) as url:
        items = await take(WebSocketSource(url, replace(quick, silence_s=0.2)), 10)
    assert [frame.text for frame in frames_of(items)] == ["\n"] * 8


@pytest.mark.parametrize(
    ("code", "words"),
    [(1000, "closed"), (1001, "going away"), (1011, "internal error"), (1012, "restarting"), (4404, "code 4404")],
)
async def test_close_codes_become_reasons(
    ws_server: Serve, quick: WebSocketOptions, take: Take, code: int, words: str
) -> None:
    async with ws_server(lambda connection: connection.close(code, "see you")) as url:
        items = await take(WebSocketSource(url, quick), Lost)
    assert words in reason_of(items)
    assert "see you" in reason_of(items)


async def test_a_server_that_vanishes_is_a_loss(ws_server: Serve, quick: WebSocketOptions, take: Take) -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("hello")
        connection.transport.abort()

    async with ws_server(talk) as url:
        items = await take(WebSocketSource(url, quick), Lost)
    assert len(frames_of(items)) == 1
    assert "vanished" in reason_of(items)


async def test_a_message_beyond_the_limit_is_a_loss_not_memory(
    ws_server: Serve, quick: WebSocketOptions, take: Take
) -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("x" * 1000)
        await connection.send("x" * 1001)

    async with ws_server(talk) as url:
        items = await take(WebSocketSource(url, replace(quick, max_message=1000)), Lost)
    assert len(frames_of(items)) == 1
    assert "larger than allowed" in reason_of(items)


async def test_a_server_that_speaks_no_http_is_named_so(tcp_server: Serve, quick: WebSocketOptions, take: Take) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\xff$RMHR\r\n\r\n" * 100)
        await writer.drain()
        await asyncio.sleep(0.1)

    async with tcp_server(talk) as url:
        items = await take(WebSocketSource(url, quick), Lost)
    assert Connected() not in items
    assert "does not speak HTTP" in reason_of(items)


async def shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The server's part of the handshake, by hand."""
    request = await reader.readuntil(b"\r\n\r\n")
    key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")).split()[1]
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324 - RFC 6455
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


@pytest.mark.parametrize("garbage", [b"\xff" * 64, b"\x81\xff" + b"\x00" * 64, b"\x83\x02ab"])
async def test_garbage_on_the_wire_is_a_loss(
    tcp_server: Serve, quick: WebSocketOptions, take: Take, garbage: bytes
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(b"\x81\x02ok" + garbage)
        await writer.drain()
        await reader.read()

    async with tcp_server(talk) as url:
        items = await take(WebSocketSource(url, quick), Lost)
    assert [frame.text for frame in frames_of(items)] == ["ok"]
    assert "broke the WebSocket protocol" in reason_of(items)


async def test_a_half_open_connection_is_noticed_by_its_missing_pong(
    tcp_server: Serve, quick: WebSocketOptions, take: Take
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        await asyncio.sleep(10)

    options = replace(quick, silence_s=5, ping_interval_s=0.05, ping_timeout_s=0.1)
    async with tcp_server(talk) as url, asyncio.timeout(2):
        items = await take(WebSocketSource(url, options), Lost)
    assert "stopped answering pings" in reason_of(items)


async def test_closing_takes_bounded_time_when_the_peer_hangs(tcp_server: Serve, quick: WebSocketOptions) -> None:
    """And the connection is cut then, not left to the system."""
    cut = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(b"\x81\x02ok")
        try:
            while await reader.read(1000):  # never answers
                pass
        finally:
            cut.set()

    async with tcp_server(talk) as url:
        stream = aiter(WebSocketSource(url, replace(quick, close_timeout_s=0.2, ping_interval_s=30)))
        while not isinstance(await anext(stream), Frame):
            pass
        began = asyncio.get_running_loop().time()
        await stream.aclose()
        assert asyncio.get_running_loop().time() - began < 0.5
        async with asyncio.timeout(1):
            await cut.wait()


async def test_a_handshake_that_never_ends_is_cut_off(tcp_server: Serve, quick: WebSocketOptions, take: Take) -> None:
    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with tcp_server(talk) as url, asyncio.timeout(2):
        items = await take(WebSocketSource(url, replace(quick, open_timeout_s=0.1)), Lost)
    assert reason_of(items) == "the server did not answer in time"


async def test_http_errors_become_reasons(ws_server: Serve, quick: WebSocketOptions, take: Take) -> None:
    def refuse(connection: ServerConnection, _request: Request) -> Response:
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "down")

    async with ws_server(stay, process_request=refuse) as url:
        items = await take(WebSocketSource(url, quick), Lost)
    assert reason_of(items) == "the server answered HTTP 503: it is out of service for now"


async def test_redirects_are_not_followed(ws_server: Serve, quick: WebSocketOptions, take: Take) -> None:
    """A feed's server cannot send us to another host or port."""
    visited = 0

    async def trap(connection: ServerConnection) -> None:
        nonlocal visited
        visited += 1
        await stay(connection)

    async with ws_server(trap) as inside:

        def redirect(connection: ServerConnection, _request: Request) -> Response:
            response = connection.respond(HTTPStatus.FOUND, "")
            response.headers["Location"] = inside
            return response

        async with ws_server(stay, process_request=redirect) as url:
            items = await take(WebSocketSource(url, quick), Lost)
    assert visited == 0
    assert "redirects elsewhere (HTTP 302)" in reason_of(items)


async def test_tls_against_a_plain_server_says_what_to_try(
    ws_server: Serve, quick: WebSocketOptions, take: Take
) -> None:
    async with ws_server(stay) as url:
        items = await take(WebSocketSource(url.replace("ws://", "wss://"), quick), Lost)
    assert "wss://" in reason_of(items)


async def test_names_that_do_not_resolve_are_a_loss_and_are_tried_again(quick: WebSocketOptions, take: Take) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, f"{host} {port}")

    items = await take(WebSocketSource("ws://nowhere.invalid", replace(quick, resolve=resolve)), 6)
    assert "cannot be resolved" in reason_of(items)
    assert [type(item) for item in items] == [Connecting, Lost, Retrying] * 2


async def test_a_resolver_that_hangs_is_cut_off(quick: WebSocketOptions, take: Take) -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(30)
        return []

    options = replace(quick, resolve=resolve, open_timeout_s=0.1)
    async with asyncio.timeout(2):
        items = await take(WebSocketSource("ws://slow.invalid", options), Lost)
    assert reason_of(items) == "the server did not answer in time"


@pytest.mark.parametrize("url", ["ws://[::1", "ws://a..b:8", "ws://" + "a" * 70 + ".example"])
async def test_an_impossible_address_is_a_loss_not_a_crash(quick: WebSocketOptions, take: Take, url: str) -> None:
    assert reason_of(await take(WebSocketSource(url, quick), Lost))


async def greet(connection: ServerConnection) -> None:
    await connection.send("hello")
    await stay(connection)


async def test_the_resolver_decides_where_to_connect_and_may_refuse(
    ws_server: Serve, quick: WebSocketOptions, take: Take
) -> None:
    asked: list[tuple[str, int]] = []
    hosts: list[str] = []

    async def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        hosts.append(connection.request.headers["Host"])
        await greet(connection)

    async def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        if len(asked) == 1:
            raise SourceError("this address is not allowed")
        return ["127.0.0.1"]

    async with ws_server(talk) as url:
        port = int(url.rpartition(":")[2])
        source = WebSocketSource(f"ws://timing.example:{port}/x", replace(quick, resolve=resolve))
        items = await take(source, 6)
    assert asked == [("timing.example", port)] * 2
    assert hosts == [f"timing.example:{port}"]
    assert reason_of(items) == "this address is not allowed"
    assert [frame.text for frame in frames_of(items)] == ["hello"]


async def test_addresses_are_tried_in_turn_and_a_dead_one_does_not_take_all_the_time(
    ws_server: Serve, tcp_server: Serve, quick: WebSocketOptions, take: Take
) -> None:
    """One address refuses, one accepts and never answers, the third is good."""

    async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.3", "127.0.0.2", "127.0.0.1"]

    async with ws_server(greet) as url:
        port = int(url.rpartition(":")[2])
        async with tcp_server(hang, "127.0.0.2", port):
            options = replace(quick, resolve=resolve, open_timeout_s=0.6)
            items = await take(WebSocketSource(f"ws://timing.example:{port}", options), 3)
    assert [frame.text for frame in frames_of(items)] == ["hello"]


async def test_it_comes_back_when_the_server_restarts(ws_server: Serve, quick: WebSocketOptions) -> None:
    items: list[SourceItem] = []
    greeted = asyncio.Event()

    async def collect(url: str) -> None:
        async for item in WebSocketSource(url, quick):
            items.append(item)
            if isinstance(item, Frame):
                greeted.set()
            if len(frames_of(items)) == 2:
                return

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        async with ws_server(greet) as url:
            task = tasks.create_task(collect(url))
            await greeted.wait()
        await asyncio.sleep(0.05)
        async with ws_server(greet, port=int(url.rpartition(":")[2])):
            await task
    lost = [item for item in items if isinstance(item, Lost)]
    assert "going away" in lost[0].reason
    assert all("refuses connections" in item.reason for item in lost[1:])
    assert items[-2:] == [Connected(), items[-1]]
    offsets = [frame.offset or 0 for frame in frames_of(items)]
    assert offsets == sorted(offsets)


async def test_waits_grow_when_a_server_accepts_and_drops_us(
    ws_server: Serve, quick: WebSocketOptions, take: Take, hand_clock: HandClock
) -> None:
    """Being accepted is no success: the growth of waits goes on."""

    async def drop(connection: ServerConnection) -> None:
        await connection.send("hello")

    options = replace(quick, backoff=BackoffOptions(1, 60, jitter=0), max_attempts=5)
    async with ws_server(drop) as url:
        items = await take(WebSocketSource(url, options, clock=hand_clock.clock), GaveUp)
    assert hand_clock.slept == [1, 2, 4, 8]
    assert [item.delay_ms for item in items if isinstance(item, Retrying)] == [1000, 2000, 4000, 8000]
    assert [item.attempt for item in items if isinstance(item, Connecting)] == [1, 2, 3, 4, 5]
    assert items[-1] == GaveUp(5)


async def test_a_connection_that_delivers_for_long_resets_the_waits(
    ws_server: Serve, quick: WebSocketOptions, take: Take, hand_clock: HandClock
) -> None:
    connections = 0

    async def talk(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        if connections == 3:
            await connection.send("first")
            await asyncio.sleep(0.05)
            hand_clock.advance(31)
            await connection.send("still here")

    options = replace(quick, stable_s=30, backoff=BackoffOptions(1, 60, jitter=0))
    async with ws_server(talk) as url:
        items = await take(WebSocketSource(url, options, clock=hand_clock.clock), 20)
    assert hand_clock.slept[:4] == [1, 2, 1, 2]
    assert [item.attempt for item in items if isinstance(item, Connecting)][:4] == [1, 2, 3, 2]


async def test_it_gives_up_after_the_allowed_attempts_and_can_begin_anew(quick: WebSocketOptions, take: Take) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    source = WebSocketSource(f"ws://127.0.0.1:{port}", replace(quick, max_attempts=2))
    for _ in range(2):
        items = await take(source, GaveUp)
        assert [type(item) for item in items] == [Connecting, Lost, Retrying, Connecting, Lost, GaveUp]


async def test_stamps_do_not_go_back_when_the_clock_is_set(
    ws_server: Serve, quick: WebSocketOptions, take: Take
) -> None:
    """The wall clock jumps an hour back after the connection opened."""
    wall = iter([BEGIN])
    clock = Clock(wall_ms=lambda: next(wall, BEGIN - 3_600_000))

    async def talk(connection: ServerConnection) -> None:
        for _ in range(5):
            await asyncio.sleep(0.02)
            await connection.send("x")
        await stay(connection)

    async with ws_server(talk) as url:
        frames = frames_of(await take(WebSocketSource(url, quick, clock=clock), 7))
    assert all(BEGIN <= frame.at < BEGIN + 5000 for frame in frames)
    assert [frame.at for frame in frames] == sorted(frame.at for frame in frames)
    assert all((frame.offset or 0) >= 20 * number for number, frame in enumerate(frames, 1))


async def test_cancelling_closes_the_connection(ws_server: Serve, quick: WebSocketOptions) -> None:
    gone = asyncio.Event()

    async def talk(connection: ServerConnection) -> None:
        await connection.send("hello")
        try:
            await connection.recv()
        except ConnectionClosed:
            gone.set()

    async def listen(url: str, heard: asyncio.Event) -> None:
        async for item in WebSocketSource(url, quick):
            if isinstance(item, Frame):
                heard.set()

    async with ws_server(talk) as url, asyncio.timeout(3), asyncio.TaskGroup() as tasks:
        heard = asyncio.Event()
        task = tasks.create_task(listen(url, heard))
        await heard.wait()
        task.cancel()
        await gone.wait()
