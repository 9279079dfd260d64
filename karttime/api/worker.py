"""A worker of `--workers`: holds clients' connections for the process that collects, and hands its REST calls on.

`python -m karttime.api.worker PLAN`, started by the service itself; the plan is JSON (`WorkerPlan`). It ends with the
way to the collector, or when it is told to; its clients are told to come again.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from typing import Final, cast

import httpx
import orjson
from starlette.types import Receive, Scope, Send

from karttime.api import relay_wire as wire
from karttime.api.fanout import Fanout, Outbox
from karttime.api.handshake import Request
from karttime.api.keeper import Keeper
from karttime.api.limits import Doors, LinkLimits
from karttime.api.link import Link
from karttime.api.live import agreed_subprotocol
from karttime.api.proxies import networks
from karttime.api.relay_wire import Kind
from karttime.api.server import bind, quiet_logs, serve_over
from karttime.engine.logs import Form, configure
from karttime.engine.signals import on_stop

log = logging.getLogger(__name__)

_HOP: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
_TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What a worker is told.

    Attributes:
        host: where clients come, a port that all workers share.
        port: the same.
        relay: Unix socket for live streams.
        http: Unix socket for everything else.
        limits: what a client may do.
        log_level: what is logged.
        log_format: and for whom.
    """

    host: str
    port: int
    relay: str
    http: str
    limits: LinkLimits
    log_level: str
    log_format: Form = "console"

    def dump(self) -> str:
        """As an argument of the command line."""
        return orjson.dumps(asdict(self), default=str).decode()

    @classmethod
    def load(cls, text: str) -> "WorkerPlan":
        """Of an argument."""
        told = orjson.loads(text)
        limits = told["limits"]
        return cls(**told | {"limits": LinkLimits(**limits | {"proxies": networks(limits["proxies"])})})


class Seat:
    """One client."""

    __slots__ = ("_desk", "_gave_up", "link", "number", "outbox")

    def __init__(self, desk: "Desk", link: Link, number: int) -> None:
        self._desk = desk
        self._gave_up = False
        self.link = link
        self.number = number
        self.outbox: Outbox | None = None

    def received(self, content: str | bytes) -> None:
        self._desk.tell(Kind.SAID, self.number, content.encode() if isinstance(content, str) else b"\0")

    def writable(self) -> None:
        if self.outbox is not None:
            self.outbox.writable()

    def lost(self) -> None:
        if self.outbox is not None:
            self.outbox.leave()
        self._desk.seats.pop(self.number, None)
        self._desk.tell(Kind.LOST, self.number, bytes([self.link.cut]))

    def begin(self, fanout: Fanout, frames: bytes) -> None:
        """Its first frames; it follows a group from now on."""
        self.outbox = Outbox(fanout, self.link, self._ask, self._conflated)
        self.outbox.enter([frames])

    def _ask(self) -> None:
        self._desk.tell(Kind.ASK, self.number, bytes([self._gave_up]))
        self._gave_up = False

    def _conflated(self) -> None:
        self._gave_up = True


class Desk(asyncio.Protocol):
    """The way to the collector, and the endpoint for our clients."""

    def __init__(self, gone: Callable[[], None]) -> None:
        self.doors = Doors()  # the collector counts for all workers
        self.seats: dict[int, Seat] = {}
        self._gone = gone
        self._numbers = count(1)
        self._reader = wire.Reader()
        self._groups: dict[int, Fanout] = {}
        self._here = True

    def subprotocol(self, request: Request) -> str | None:
        return agreed_subprotocol(request)

    def visit(self, link: Link, request: Request) -> Seat | None:
        seat = Seat(self, link, next(self._numbers))
        self.seats[seat.number] = seat
        self.tell(Kind.OPEN, seat.number, wire.opened(wire.Visit(request, link.address, link.deflate)))
        return seat

    def tell(self, kind: Kind, number: int, payload: bytes) -> None:
        """Say something to the collector."""
        if self._here:
            self._transport.write(wire.message(kind, number, payload))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._here = False
        self._gone()

    def data_received(self, data: bytes) -> None:
        for told in self._reader.feed(data):
            self._take(told)

    def _take(self, told: wire.Told) -> None:
        match told.kind:
            case Kind.FRAMES:
                self._group(told.number).publish([told.payload])
            case Kind.RESTART:
                self._group(told.number).restart()
            case Kind.FORGET:
                self._groups.pop(told.number, None)
            case _:
                seat = self.seats.get(told.number)
                if seat is not None:
                    self._serve(seat, told)

    def _serve(self, seat: Seat, told: wire.Told) -> None:
        match told.kind:
            case Kind.BEGIN:
                group, frames = wire.begun(told.payload)
                seat.begin(self._group(group), frames)
            case Kind.REFILL if seat.outbox is not None:
                seat.outbox.refill([told.payload])
            case Kind.SEND:
                if seat.outbox is None:
                    seat.link.write(told.payload)
                else:
                    seat.outbox.put(told.payload)
            case Kind.CLOSE:
                seat.link.close(*wire.closed(told.payload))
            case _:
                log.error("The collector says %s, which is not for us", told.kind.name)

    def _group(self, number: int) -> Fanout:
        fanout = self._groups.get(number)
        if fanout is None:
            fanout = self._groups[number] = Fanout()
        return fanout


class HandOn:
    """An ASGI application that hands HTTP on to the collector."""

    def __init__(self, path: str) -> None:
        transport = httpx.AsyncHTTPTransport(uds=path, retries=1)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://collector", timeout=_TIMEOUT)

    async def close(self) -> None:
        """No more calls."""
        await self._http.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = bytearray()
        while True:
            part = await receive()
            if part["type"] == "http.disconnect":
                return
            body += part.get("body", b"")
            if len(body) > _MAX_BODY:
                await _plain(send, 413, "the body is too large")
                return
            if not part.get("more_body"):
                break
        peer = scope["client"][0] if scope["client"] else ""
        headers = [(name, value) for name, value in scope["headers"] if name not in _HOP]
        if peer:
            headers.append((b"x-forwarded-for", peer.encode()))
        target = scope.get("raw_path") or scope["path"].encode()
        if query := scope["query_string"]:
            target += b"?" + query
        url = httpx.URL(self._http.base_url).copy_with(raw_path=target)
        request = self._http.build_request(scope["method"], url, headers=headers, content=bytes(body))
        await self._answer(request, send)

    async def _answer(self, request: httpx.Request, send: Send) -> None:
        begun = False
        try:
            response = await self._http.send(request, stream=True)
            try:
                kept = [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in _HOP]
                begun = True
                await send({"type": "http.response.start", "status": response.status_code, "headers": kept})
                async for part in response.aiter_raw():
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            log.warning("A call cannot be handed on: %r", error)
            if not begun:
                await _plain(send, 503, "the service is starting or stopping: try again")
                return
            raise  # the answer is torn, which the client shall see
        await send({"type": "http.response.body", "body": b""})


_MAX_BODY: Final = 1024 * 1024


async def _plain(send: Send, status: int, detail: str) -> None:
    body = orjson.dumps({"type": "about:blank", "title": detail, "status": status, "detail": detail})
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def work(plan: WorkerPlan) -> None:
    """Serve until told to end, or until the collector is gone."""
    listener = bind(plan.host, plan.port, shared=True)
    stop, ready = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    hand_on = HandOn(plan.http)
    try:
        _, desk = await loop.create_unix_connection(lambda: Desk(stop.set), plan.relay)
        with on_stop(stop.set):
            await serve_over(desk, Keeper(plan.limits), hand_on, listener, ready, stop)
    finally:
        await hand_on.close()
        listener.close()


def main() -> None:
    """Run a worker by its plan."""
    plan = WorkerPlan.load(sys.argv[1])
    configure(plan.log_level, plan.log_format, f"worker {os.getpid()} ")
    quiet_logs()
    with suppress(KeyboardInterrupt):
        asyncio.run(work(plan))


if __name__ == "__main__":
    main()
