"""Connections over a real socket: conformance, hostile clients, limits, deadlines."""

import asyncio
import socket as sockets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import kosoku
import pytest
import websockets
from starlette.types import Receive, Scope, Send

from karttime.api import keeper as keepers
from karttime.api.frames import Opcode, deflated_frame, frame, text_frame, unmasked
from karttime.api.handshake import RefusedError, Request
from karttime.api.keeper import Keeper
from karttime.api.limits import Doors, LinkLimits
from karttime.api.link import Link
from karttime.api.server import bind, quiet_logs, serve_over
from karttime.domain.updates import Cell, CellsChanged

from .conftest import START, Venue, kart, opening, serving, until

MASK = b"\x01\x82\x03\xff"
LENIENT = LinkLimits(message=1 << 24, messages=1e6, controls=1e6, bytes=1 << 30)


def client_frame(first: int, payload: bytes = b"") -> bytes:
    """A short frame as a client sends it."""
    assert len(payload) < 126
    return bytes([first, 0x80 | len(payload)]) + MASK + unmasked(payload, MASK)


class Echo:
    """Sends back what it gets."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def received(self, content: str | bytes) -> None:
        text = isinstance(content, str)
        payload = content.encode() if isinstance(content, str) else content
        if text:
            self._link.write(deflated_frame(payload) if self._link.deflate else text_frame(payload))
        else:
            self._link.write(frame(Opcode.BINARY, payload))

    def writable(self) -> None:
        """Nothing waits here."""

    def lost(self) -> None:
        """Nothing is kept."""


class EchoEndpoint:
    """Serves `Echo` everywhere but at /nowhere; at /fault a job fails."""

    def __init__(self, doors: Doors) -> None:
        self.doors = doors
        self.links: list[Link] = []

    def subprotocol(self, request: Request) -> str | None:
        if request.path == "/nowhere":
            raise RefusedError(HTTPStatus.NOT_FOUND, "nothing here")
        return None

    def visit(self, link: Link, request: Request) -> Echo:
        self.links.append(link)
        if request.path == "/fault":
            link.start(self._fail())
        return Echo(link)

    async def _fail(self) -> None:
        raise RuntimeError("a bug")


class Site:
    """A running echo service."""

    def __init__(self, endpoint: EchoEndpoint, keeper: Keeper, address: tuple[str, int]) -> None:
        self.endpoint, self.keeper, self.address = endpoint, keeper, address
        self.uri = f"ws://{address[0]}:{address[1]}"

    async def raw(self, path: str = "/") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection after its handshake, for bytes as they are."""
        reader, writer = await asyncio.open_connection(*self.address)
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        writer.write((head + key).encode())
        async with asyncio.timeout(5):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        return reader, writer


async def nothing_else(scope: Scope, receive: Receive, send: Send) -> None:
    """The application beside the WebSockets: 200 to everything."""
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def echoing(limits: LinkLimits | None = None, doors: Doors | None = None) -> AsyncIterator[Site]:
    """An echo service on a free port."""
    listener = bind("127.0.0.1", 0)
    endpoint, keeper = EchoEndpoint(doors or Doors()), Keeper(limits or LinkLimits())
    ready, stop = asyncio.Event(), asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(serve_over(endpoint, keeper, nothing_else, listener, ready, stop))
            await ready.wait()
            try:
                yield Site(endpoint, keeper, listener.getsockname())
            finally:
                stop.set()
    finally:
        listener.close()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the connection ends."""
    came = b""
    async with asyncio.timeout(8):
        try:
            while part := await reader.read(1 << 16):
                came += part
        except ConnectionError:
            pass
    return came


async def test_autobahn_cases_of_the_standard_all_pass() -> None:
    """Cases 1 to 7 and 10: framing, pings, fragments, UTF-8, close handling; nothing even non-strict."""
    cases = [f"{number}.*" for number in (1, 2, 3, 4, 5, 6, 7, 10)]
    async with echoing(LENIENT) as site:
        verdicts = await _verdicts(site, cases, 16)
        assert len(verdicts) == 247
        if failed := [case for case, verdict in verdicts.items() if not verdict <= GOOD]:
            # Some wait a second between bytes, which a busy machine blurs: a fault of ours shows again alone.
            assert {case: it for case, it in (await _verdicts(site, failed, 1)).items() if not it <= GOOD} == {}


GOOD = {"OK", "INFORMATIONAL"}


async def _verdicts(site: Site, cases: list[str], concurrency: int) -> dict[str, set[str]]:
    try:
        results = await kosoku.run_fuzzingclient(site.uri, cases, concurrency=concurrency)
    except kosoku.FailureError as failure:
        results = failure.results
    return {it.case_id: {it.behavior.value, it.behavior_close.value} for it in results}


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # the suite's own
async def test_autobahn_cases_of_compression_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of 12 and 13: text of several sizes and in fragments, and other windows, of which we decline the smallest.

    Only messages that are worth compressing, and no ping of ours: these cases know neither plain answers nor pings.
    """
    cases = ["12.1.3", "12.1.6", "12.1.12", "12.4.5", *(f"13.{offer}.4" for offer in range(1, 8))]
    monkeypatch.setattr(keepers, "TICK", 60.0)
    async with echoing(replace(LENIENT, deflate=True)) as site:
        verdicts = await _verdicts(site, cases, 8)
    assert len(verdicts) == len(cases)
    declined = {case for case, verdict in verdicts.items() if verdict == {"UNIMPLEMENTED", "OK"}}
    assert declined == {"13.3.4", "13.5.4"}
    assert {case: it for case, it in verdicts.items() if not it <= GOOD and case not in declined} == {}


async def test_compression_is_agreed_on_where_it_is_switched_on() -> None:
    """A common client speaks it with us, and plain text where it is off."""
    text = '{"lap": "1:06.131"}' * 50
    for on in (False, True):
        async with echoing(LinkLimits(deflate=on)) as site, websockets.connect(site.uri) as socket:
            await socket.send(text)
            assert await socket.recv() == text
            assert [link.deflate for link in site.endpoint.links] == [on]
            assert ("Sec-WebSocket-Extensions" in (socket.response.headers if socket.response else {})) is on


async def test_a_compression_bomb_is_refused_unread() -> None:
    """1009, like any message that is too large."""
    async with echoing(LinkLimits(deflate=True)) as site, websockets.connect(site.uri) as socket:
        await socket.send("x" * 1_000_000)
        async with asyncio.timeout(5):
            await socket.wait_closed()
        assert socket.close_code == 1009


ZERO_FRAGMENT = client_frame(0x00)


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (lambda: iter([client_frame(0x89, b"p")] * 20_000), 1008),
        (lambda: iter([client_frame(0x8A, b"p")] * 20_000), 1008),
        (lambda: iter([client_frame(0x81, b"hi")] * 500), 4429),
        (lambda: iter([client_frame(0x01, b"x"), *[ZERO_FRAGMENT] * 100_000]), 1008),
        (lambda: iter([client_frame(0x02, b"x" * 100), *[client_frame(0x00, b"x" * 100)] * 100]), 1009),
        (lambda: iter([b"\x82\xff\x40" + bytes(7) + MASK]), 1009),
        (lambda: iter([b"\x81\x02hi"]), 1002),
        (lambda: iter([client_frame(0x81, b"\xff\xfe")]), 1007),
        (lambda: iter([client_frame(0xC1, b"compressed")]), 1002),
    ],
    ids=["pings", "pongs", "messages", "fragments", "long", "2^62", "unmasked", "utf-8", "deflate"],
)
async def test_hostile_clients_are_told_and_ended_and_others_do_not_notice(
    attack: Callable[[], Iterator[bytes]], code: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The close frame names the reason, the connection ends, nothing stays, nothing is logged."""
    async with echoing() as site, websockets.connect(site.uri) as good:
        reader, writer = await site.raw()
        writer.write(b"".join(attack()))
        came = await ended(reader)
        close = came.rfind(b"\x88")
        assert int.from_bytes(came[close + 2 : close + 4]) == code, came[-200:]
        assert came[close + 4 :].decode(), "a reason"
        writer.close()
        await until(lambda: site.endpoint.doors.inside == 1)
        await good.send("still here")
        assert await good.recv() == "still here"
    assert not caplog.records


async def test_who_goes_on_sending_after_its_fault_is_cut_off() -> None:
    """It is not read for ever, and not looked at."""
    async with echoing() as site:
        _, writer = await site.raw()
        try:
            async with asyncio.timeout(8):
                while True:
                    writer.write(b"\x81\x02hi" * 10_000)
                    await writer.drain()
                    await asyncio.sleep(0)
        except ConnectionError:
            pass
        await until(lambda: site.endpoint.doors.inside == 0)


async def test_pings_are_answered_while_a_message_is_under_way() -> None:
    """With their payload."""
    async with echoing() as site:
        reader, writer = await site.raw()
        writer.write(client_frame(0x01, b"he") + client_frame(0x89, b"?") + client_frame(0x80, b"llo"))
        async with asyncio.timeout(5):
            assert await reader.readexactly(10) == b"\x8a\x01?" + text_frame(b"hello")
        writer.close()


async def test_whoever_answers_no_ping_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """And whoever does stays, pinged in turn."""
    monkeypatch.setattr("karttime.api.keeper.TICK", 0.05)
    async with echoing(LinkLimits(ping=2)) as site, websockets.connect(site.uri) as good:
        reader, writer = await site.raw()
        came = await ended(reader)
        assert came == b"\x89\x00"
        writer.close()
        assert site.keeper.lost == 1
        await good.send("here")
        assert await good.recv() == "here"


async def test_a_close_that_is_not_answered_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer may stay silent; the connection does not stay."""
    monkeypatch.setattr("karttime.api.keeper.TICK", 0.05)
    async with echoing(LinkLimits(closing=0.2)) as site:
        reader, writer = await site.raw()
        await until(lambda: len(site.endpoint.links) == 1)
        site.endpoint.links[0].close(4000, "go")
        site.endpoint.links[0].write(text_frame(b"dropped"))
        assert await ended(reader) == b"\x88\x04\x0f\xa0go"
        assert site.keeper.late == 1
        writer.close()


async def test_the_room_is_limited_in_total_and_for_one_address() -> None:
    """Accepted and closed with a code; those who are in stay, and a place that is free again is given."""
    for doors, code, reason in ((Doors(total=2), 1013, "full"), (Doors(per_address=2), 4429, "address")):
        async with echoing(doors=doors) as site, websockets.connect(site.uri), websockets.connect(site.uri) as second:
            async with websockets.connect(site.uri) as third:
                await third.wait_closed()
                assert third.close_code == code
            assert (doors.inside, doors.refused) == (2, {reason: 1})
            await second.close()
            await until(lambda it=doors: it.inside == 1)  # type: ignore[misc]
            async with websockets.connect(site.uri) as fourth:
                await fourth.send("in")
                assert await fourth.recv() == "in"
        assert (doors.inside, len(doors._inside)) == (0, 0)


async def test_a_request_that_does_not_come_in_time_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing at all, half a head, half a body, half a second request; whoever is served stays."""
    monkeypatch.setattr("karttime.api.keeper.TICK", 0.05)
    async with echoing(LinkLimits(request=0.3)) as site, websockets.connect(site.uri) as good:
        get = b"GET / HTTP/1.1\r\nHost: x\r\n"
        for first in (b"", get, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx", get + b"\r\n"):
            reader, writer = await asyncio.open_connection(*site.address)
            writer.write(first)
            if first.endswith(b"\r\n\r\n"):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(get)
            await ended(reader)
            writer.close()
        assert site.keeper.late == 4
        await asyncio.sleep(0.4)
        await good.send("here")
        assert await good.recv() == "here"


async def test_there_is_room_for_so_many_connections_only() -> None:
    """Of all kinds; further ones are cut off at once, and cost nothing."""
    async with echoing(replace(LinkLimits(), connections=3)) as site:
        pairs = [await asyncio.open_connection(*site.address) for _ in range(6)]
        await asyncio.gather(*(ended(reader) for reader, _ in pairs[3:]))
        pairs[0][1].write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(5):
            assert (await pairs[0][0].readline()).startswith(b"HTTP/1.1 200")
        for _, writer in pairs:
            writer.close()


async def test_what_is_served_nowhere_is_refused_with_http() -> None:
    """404, and the connection ends."""
    async with echoing() as site:
        with pytest.raises(websockets.InvalidStatus) as caught:
            await websockets.connect(site.uri + "/nowhere")
        assert caught.value.response.status_code == 404


async def test_a_flood_of_broken_requests_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """A few lines for three hundred of them."""
    quiet_logs()
    async with echoing() as site:
        for _ in range(300):
            reader, writer = await asyncio.open_connection(*site.address)
            writer.write(b"\x16\x03\x01 this is TLS\r\n\r\n")
            assert b"400" in await ended(reader)
            writer.close()
    assert 1 <= len(caplog.records) <= 10


async def test_a_fault_of_ours_ends_one_connection_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """1011, with the traceback in the log."""
    async with echoing() as site, websockets.connect(site.uri) as good:
        async with websockets.connect(site.uri + "/fault") as bad:
            await bad.wait_closed()
            assert bad.close_code == 1011
        await good.send("here")
        assert await good.recv() == "here"
    assert "a bug" in caplog.text


async def never_reading(venue: Venue) -> sockets.socket:
    """A client that asks for the stream and reads nothing of it."""
    client = sockets.socket()
    client.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    client.setblocking(False)
    host, port = venue.address.split(":")
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, (host, int(port)))
    head = f"GET /circuits/hill/live?format=karting_data HTTP/1.1\r\nHost: {venue.address}\r\n"
    head += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    await loop.sock_sendall(client, (head + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
    return client


async def test_stalled_clients_take_nothing_from_the_others(tmp_path: Path) -> None:
    """One in twenty reads nothing, at 20 KB a message: all others get every one, and the stalled ones are cut off."""
    everybody = [kart(str(100 + n)) for n in range(60)]
    async with serving(tmp_path, limits=LinkLimits(patience=1.0)) as venue:
        await venue.publish(*opening(everybody))
        stalled = [await never_reading(venue) for _ in range(2)]
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(_numbers(venue, 60)) for _ in range(38)]
            await until(lambda: venue.service.clients == 40)
            for number in range(1, 61):
                cells = {name: {7: Cell("in", f"{number} " + "x" * 200)} for name in everybody}
                await venue.publish(CellsChanged(START + number, cells))
                await asyncio.sleep(0.05)
        assert [task.result() for task in readers] == [list(range(1, 61))] * 38
        await until(lambda: venue.service.clients == 0)
        hill = venue.service.channels()["hill"]
        assert (hill.conflated, hill.aborted) == (2, 2), "the two that stall, and nobody else"
        for client in stalled:
            client.close()


async def _numbers(venue: Venue, last: int) -> list[int]:
    """The numbers in the messages that one client gets."""
    numbers: list[int] = []
    async with venue.watch("?format=karting_data") as watcher:
        await watcher.next("status_update")
        while not numbers or numbers[-1] != last:
            message = await watcher.next("karting_data")
            numbers.append(int(message["drivers"]["100"]["Ecart"].partition(" ")[0]))
    return numbers
