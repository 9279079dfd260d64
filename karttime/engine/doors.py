"""How an upstream that we play is reached: over WebSocket, over TCP, or as Race Monitor, by a lookup and its relay.

A door listens and hands each client over as a `Peer`; what is said to clients is `upstream.py`'s business.
"""

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol
from urllib.parse import parse_qs, urlsplit

import orjson
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from karttime.errors import UsageError

_READ: Final = 65_536
_TOKENS: Final = 8  # the latest ones open the relay: several clients may be between lookup and connection
INSTANCE: Final = "1"
RACE: Final = "1"


class Gone(Exception):  # noqa: N818 - it says what happened
    """The client left."""


class Peer(Protocol):
    """One client. Everything raises `Gone` once it has left."""

    async def send(self, payload: bytes, *, text: bool) -> None:
        """Send one message; waits while the network does not take more."""
        ...

    async def close(self, code: int) -> None:
        """End the connection; `code` says why where the protocol has such codes."""
        ...

    async def left(self) -> None:
        """Take in and drop what it says until it leaves, as upstreams do."""
        ...


Meet = Callable[[Peer], Awaitable[None]]
"""Serves one client; the connection ends when it returns."""

Door = Callable[[Meet, str, int], AbstractAsyncContextManager[str]]
"""Listens on a host and port while the context lasts, which is the address as clients write it. Raises `OSError`."""


class _WebSocketPeer:
    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def send(self, payload: bytes, *, text: bool) -> None:
        try:
            await self._connection.send(payload, text=text)
        except ConnectionClosed:
            raise Gone from None

    async def close(self, code: int) -> None:
        await self._connection.close(code)

    async def left(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for _ in self._connection:
                pass


@asynccontextmanager
async def web_socket_door(meet: Meet, host: str, port: int) -> AsyncIterator[str]:
    """A WebSocket server."""

    async def handle(connection: ServerConnection) -> None:
        await meet(_WebSocketPeer(connection))

    async with serve(handle, host, port, compression=None, max_size=_READ) as server:
        yield f"ws://{_address(next(iter(server.sockets)).getsockname())}"


class _TcpPeer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, payload: bytes, *, text: bool) -> None:  # noqa: ARG002 - bytes are bytes here
        try:
            self._writer.write(payload)
            await self._writer.drain()
        except OSError:
            raise Gone from None

    async def close(self, code: int) -> None:  # noqa: ARG002 - TCP has none
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def left(self) -> None:
        with contextlib.suppress(OSError):
            while await self._reader.read(_READ):
                pass
            await self._writer.wait_closed()  # who says no more may still listen: `nc host port </dev/null`


@asynccontextmanager
async def tcp_door(meet: Meet, host: str, port: int) -> AsyncIterator[str]:
    """A TCP server, as a timing computer is one."""
    open_: set[asyncio.StreamWriter] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_.add(writer)
        try:
            await meet(_TcpPeer(reader, writer))
        except asyncio.CancelledError:  # the program ends, and streams would log it as a failure
            pass
        finally:
            open_.discard(writer)
            writer.close()

    server = await asyncio.start_server(handle, host, port)
    try:
        yield f"rmonitor://{_address(server.sockets[0].getsockname())}"
    finally:
        server.close()
        for writer in open_:
            writer.transport.abort()


class RelayDoor:
    """Race Monitor on one port: `/Info/WebRaceList` answers where a race is, `/instance/…` is its relay.

    Each lookup gives another token, and the latest ones open the relay. There is one race, which is live.
    """

    def __init__(self) -> None:
        self._tokens: deque[str] = deque(maxlen=_TOKENS)

    @asynccontextmanager
    async def __call__(self, meet: Meet, host: str, port: int) -> AsyncIterator[str]:
        async def handle(connection: ServerConnection) -> None:
            await meet(_WebSocketPeer(connection))

        async with serve(handle, host, port, compression=None, max_size=_READ, process_request=self._request) as server:
            yield f"http://{_address(next(iter(server.sockets)).getsockname())}"

    def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a lookup, let a relay's client pass, refuse all else."""
        parts = urlsplit(request.path)
        if parts.path == "/Info/WebRaceList":
            asked = parse_qs(parts.query).get("raceID", [""])[0]
            host = request.headers.get("Host") or _address(connection.local_address)
            body = orjson.dumps(self._answer(asked, host))
            fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
            return Response(200, "OK", Headers(fields), body)
        if any(secrets.compare_digest(parts.path, f"/instance/{INSTANCE}/{token}") for token in self._tokens):
            return None
        return connection.respond(403, "no such race, or a token that is not valid any more\n")

    def _answer(self, asked: str, host: str) -> dict[str, object]:
        token = secrets.token_hex(16)
        self._tokens.append(token)
        race = {"ID": int(RACE), "ReceivingData": True, "IPAddress": "", "Instance": INSTANCE}
        return {
            "Restrictions": "",
            "CurrentRaces": [race] if asked == RACE else [],
            "Style": None,
            "LiveTimingToken": token,
            "LiveTimingHost": host,
        }


@asynccontextmanager
async def listening(door: Door, meet: Meet, host: str, port: int) -> AsyncIterator[str]:
    """The door, open. Raises `UsageError` where it cannot be opened."""
    opened = door(meet, host, port)
    try:
        address = await opened.__aenter__()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot listen on {host} port {port} ({reason}): choose another --port or --host") from error
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(opened)
        yield address


def _address(name: tuple[str, int]) -> str:
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
