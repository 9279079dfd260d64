"""RMonitor over TCP: lines as they were, and servers that are broken or hostile."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from karttime.engine.backoff import BackoffOptions
from karttime.engine.budget import Budget
from karttime.engine.reconnecting import LinkOptions
from karttime.engine.source import Connected, Connecting, Flooding, GaveUp, Lost, Retrying, SourceItem
from karttime.engine.tcp import MAX_LINE, TcpSource
from karttime.feeds.frame import Frame

from .conftest import Serve, Take

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def brisk() -> LinkOptions:
    """Limits of some tenths of a second."""
    return LinkOptions(
        open_timeout_s=1.0, silence_s=0.6, message_s=0.3, stable_s=0.3, backoff=BackoffOptions(0.01, 0.02)
    )


def sends(*pieces: bytes, stay: bool = True, reset: bool = False, every_s: float = 0.03) -> Talk:
    """A server that sends these pieces one after another."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every_s)
        if reset:
            opened: socket.socket = writer.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif stay:
            await reader.read()

    return talk


def rmonitor(url: str) -> str:
    return url.replace("ws://", "rmonitor://")


def received(items: list[SourceItem]) -> bytes:
    frames = [item for item in items if isinstance(item, Frame)]
    return b"".join(item.data or (item.text or "").encode() for item in frames)


def reason(items: list[SourceItem]) -> str:
    return next(item.reason for item in items if isinstance(item, Lost))


async def test_lines_arrive_whole_with_their_ends(tcp_server: Serve, brisk: LinkOptions, take: Take) -> None:
    """However they are cut on the way: a frame ends with a line, and no byte is changed or lost."""
    lines = '\ufeff$F,9999,"00:00:00","08:00:07","00:00:08","Green "\r\n$G,1,"9",14,"00:12:48.075"\r\r\n\n$C,1,"Öl"\n'
    data = lines.encode()
    pieces = [data[at : at + 7] for at in range(0, len(data), 7)]
    async with tcp_server(sends(*pieces, stay=False, every_s=0.001)) as url:
        items = await take(TcpSource(rmonitor(url), brisk), Retrying)
    frames = [item for item in items if isinstance(item, Frame)]
    assert received(items) == data
    assert all((frame.text or "").endswith("\n") for frame in frames)
    assert items[:2] == [Connecting(1), Connected()]
    assert reason(items) == "the server closed the connection"


async def test_what_is_not_utf8_stays_as_it_was(tcp_server: Serve, brisk: LinkOptions, take: Take) -> None:
    """A cp1252 name makes its frame one of bytes; the next one is text again."""
    pieces = (b'$B,5,"500m\xa0Lauf"\r\n', '$B,5,"été"\r\n'.encode())
    async with tcp_server(sends(*pieces)) as url:
        items = await take(TcpSource(rmonitor(url), brisk), 4)
    frames = [item for item in items if isinstance(item, Frame)]
    assert [(frame.text, frame.data) for frame in frames] == [(None, pieces[0]), ('$B,5,"été"\r\n', None)]


@pytest.mark.parametrize("reset", [False, True])
async def test_a_torn_line_is_dropped_and_the_whole_ones_before_it_count(
    tcp_server: Serve, brisk: LinkOptions, take: Take, reset: bool
) -> None:
    """At an orderly end and at a reset: half a number looks like a whole one."""
    whole = b'$J,"7","00:01:00.000","00:02:00.000"\r\n'
    async with tcp_server(sends(whole + b"$RMLT,7,16109", stay=False, reset=reset)) as url:
        items = await take(TcpSource(rmonitor(url), brisk), Retrying)
    assert received(items) == whole
    assert reason(items) == ("the server cut the connection" if reset else "the server closed the connection")


async def test_it_comes_back_and_begins_a_new_line(tcp_server: Serve, brisk: LinkOptions, take: Take) -> None:
    async with tcp_server(sends(b"$F,1\r\n$G,torn", stay=False)) as url:
        items = await take(TcpSource(rmonitor(url), brisk), 12)
    assert received(items) == b"$F,1\r\n" * sum(isinstance(item, Frame) for item in items)
    assert sum(isinstance(item, Connected) for item in items) >= 2


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (sends(b"x" * (MAX_LINE + 1)), "longer than allowed"),
        (sends(*[b"x"] * 100, every_s=0.02), "did not end it within"),
        (sends(b"$F,1\r\n", every_s=0), "silent: no line for 0.6 s"),
        (sends(), "silent: no line for 0.6 s"),
        (sends(stay=False), "closed the connection"),
    ],
    ids=["endless line", "drip", "half-open", "mute", "good-bye"],
)
async def test_it_is_given_up_in_time_and_tried_again(
    tcp_server: Serve, brisk: LinkOptions, take: Take, talk: Talk, words: str
) -> None:
    async with tcp_server(talk) as url, asyncio.timeout(4):
        items = await take(TcpSource(rmonitor(url), brisk), Retrying)
    assert words in reason(items)


async def test_nobody_there_is_a_loss_and_then_an_end(brisk: LinkOptions, take: Take) -> None:
    items = await take(TcpSource("rmonitor://127.0.0.1:1", replace(brisk, max_attempts=2)), GaveUp)
    assert reason(items) == "the server refuses connections at this port"
    assert items[-1] == GaveUp(2)


async def test_a_flood_is_read_slowly_and_told_of(tcp_server: Serve, brisk: LinkOptions, take: Take) -> None:
    """A thousand lines in one write come in at the rate of the budget; nothing is lost on the way."""
    data = b"".join(b"$X,%d\r\n" % number for number in range(1000))
    options = replace(brisk, budget=Budget(messages_per_s=1000, burst_s=0.1))
    began = time.monotonic()
    async with tcp_server(sends(data, stay=False)) as url:
        items = await take(TcpSource(rmonitor(url), options), Retrying)
    assert received(items) == data
    assert Flooding("more than 1000 messages a second") in items
    assert 0.5 < time.monotonic() - began < 5


async def test_an_endless_flood_stays_bounded_and_lets_go_at_once(
    tcp_server: Serve, brisk: LinkOptions, take: Take
) -> None:
    """The sender is held back by TCP: a few hundred kilobytes are on the way, however long it sends."""
    sent = 0

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with contextlib.suppress(OSError):
            while True:
                writer.write(b'$F,1,"00:00:00"\r\n' * 500)
                await writer.drain()
                sent += 8500

    options = replace(brisk, budget=Budget(100, 10_000, 0.1))
    async with tcp_server(flood) as url:
        items = await take(TcpSource(rmonitor(url), options), 8)
        began = time.monotonic()
    assert any(isinstance(item, Flooding) for item in items)
    assert time.monotonic() - began < 0.5
    assert sent < 20 << 20


async def test_nothing_is_said_to_the_server(tcp_server: Serve, brisk: LinkOptions, take: Take) -> None:
    heard = b"?"

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        writer.write(b"$F,1\r\n")
        heard = await reader.read()

    async with tcp_server(listen) as url:
        await take(TcpSource(rmonitor(url), brisk), 3)
        await asyncio.sleep(0.1)
    assert heard == b""


async def test_the_system_probes_the_other_machine(tcp_server: Serve, brisk: LinkOptions) -> None:
    """Whoever pulls the plug of the timing computer sends no good-bye."""
    from karttime.engine.clock import Clock
    from karttime.engine.tcp import tcp_link

    async with tcp_server(sends(b"$F,1\r\n")) as url, tcp_link(rmonitor(url), brisk, Clock()) as link:
        opened = link._transport.get_extra_info("socket")
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
