"""The collector's side of `--workers`: clients of other processes, which are served as if they were here.

A worker holds its clients' connections, and one way to us. Who a client is, what it wants and what it is told first is
decided here, by the same endpoint that serves local clients; what is published goes to a worker once for each group of
clients, and the worker writes it to each of them. A worker that does not read what it is sent is cut off: its clients
come back, to a new one.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, cast

from karttime.api import relay_wire as wire
from karttime.api.fanout import Fanout
from karttime.api.limits import Doors
from karttime.api.link import Visitor
from karttime.api.live import LiveEndpoint
from karttime.api.relay_wire import Kind
from karttime.engine.supervisor import shielded

log = logging.getLogger(__name__)

MAX_UNSENT: Final = 32 * 1024 * 1024  # bytes


class RemoteBox:
    """What one client of a worker is sent; its backlog is the worker's."""

    def __init__(
        self, link: "RemoteLink", fanout: Fanout, ask: Callable[[], None], gave_up: Callable[[], None]
    ) -> None:
        self._link = link
        self._fanout = fanout
        self._ask = ask
        self._gave_up = gave_up
        self._inside = False

    def enter(self, frames: Iterable[bytes]) -> None:
        """The client's first frames; what is published from now on follows them."""
        self._fanout.flush()
        self._inside = True
        group = self._link.relay.join(self._fanout)
        self._link.relay.send(wire.begin(self._link.number, group, b"".join(frames)))

    def leave(self) -> None:
        """The client is gone."""
        if self._inside:
            self._inside = False
            self._link.relay.part(self._fanout)

    def put(self, frames: bytes) -> None:
        """Frames for it alone."""
        self._link.write(frames)

    def refill(self, frames: Iterable[bytes]) -> None:
        """The snapshot that was asked for."""
        self._fanout.flush()
        self._link.relay.send(wire.message(Kind.REFILL, self._link.number, b"".join(frames)))

    def asked(self, *, gave_up: bool) -> None:
        """The worker wants a snapshot for it."""
        if gave_up:
            self._gave_up()
        self._ask()

    def writable(self) -> None:
        """The worker knows."""


class RemoteLink:
    """A worker's connection to a client, as far as the endpoint and the channels need one."""

    busy = False

    def __init__(self, relay: "Relay", number: int, deflate: bool) -> None:
        self.relay = relay
        self.number = number
        self.deflate = deflate
        self.open = True
        self.cut = False
        self.visitor: Visitor | None = None
        self.box: RemoteBox | None = None

    def outbox(self, fanout: Fanout, ask: Callable[[], None], conflated: Callable[[], None]) -> RemoteBox:
        """What the client will be sent."""
        self.box = RemoteBox(self, fanout, ask, conflated)
        return self.box

    def write(self, frames: bytes) -> None:
        """Send frames to it alone."""
        if self.open:
            self.relay.send(wire.message(Kind.SEND, self.number, frames))

    def close(self, code: int, reason: str = "") -> None:
        """Let the worker close it."""
        if self.open:
            self.open = False
            self.relay.send(wire.close(self.number, code, reason))

    def start(self, job: Coroutine[Any, Any, None]) -> None:
        """Run a short job for it."""
        self.relay.start(job)


class _Member:
    """A worker, in a fan-out: one for all of its clients there."""

    def __init__(self, relay: "Relay", number: int) -> None:
        self.number = number
        self.clients = 0
        self._relay = relay

    def put(self, frames: bytes) -> None:
        self._relay.send(wire.message(Kind.FRAMES, self.number, frames))

    def restart(self) -> None:
        self._relay.send(wire.message(Kind.RESTART, self.number))


class Relay(asyncio.Protocol):
    """One worker."""

    def __init__(self, hall: "Hall") -> None:
        self._hall = hall
        self._reader = wire.Reader()
        self._links: dict[int, RemoteLink] = {}
        self._addresses: dict[int, str] = {}
        self._members: dict[Fanout, _Member] = {}
        self._groups = 0
        self._lost = False

    @property
    def clients(self) -> int:
        """How many it holds."""
        return len(self._links)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=MAX_UNSENT)
        self._hall.relays.add(self)

    def pause_writing(self) -> None:
        log.error("A worker does not read what it is sent: it is cut off")
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            for told in self._reader.feed(data):
                shielded(self._take, told)  # a fault with one client costs the others nothing
        except ValueError:
            log.exception("A worker says what cannot be understood: it is cut off")
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._lost = True
        self._hall.relays.discard(self)
        for number in tuple(self._links):
            self._leave(number, cut=False)

    def send(self, message: bytes) -> None:
        """Never waits."""
        if not self._lost:
            self._transport.write(message)

    def start(self, job: Coroutine[Any, Any, None]) -> None:
        """Run a job for one of its clients."""
        self._hall.start(job)

    def join(self, fanout: Fanout) -> int:
        """One more client of it follows a fan-out: the number of their group."""
        member = self._members.get(fanout)
        if member is None:
            self._groups += 1
            member = self._members[fanout] = _Member(self, self._groups)
            fanout.follow(member)
        else:
            fanout.weight += 1
        member.clients += 1
        return member.number

    def part(self, fanout: Fanout) -> None:
        """One client of it follows a fan-out no more."""
        member = self._members[fanout]
        member.clients -= 1
        if member.clients:
            fanout.weight -= 1
        else:
            del self._members[fanout]
            fanout.unfollow(member)
            self.send(wire.message(Kind.FORGET, member.number))

    def _take(self, told: wire.Told) -> None:
        if told.kind is Kind.OPEN:
            self._open(told.number, wire.visit_of(told.payload))
            return
        link = self._links.get(told.number)
        if link is None:  # it was closed meanwhile
            return
        if told.kind is Kind.LOST:
            self._leave(told.number, cut=told.payload == b"\1")
        elif told.kind is Kind.SAID and link.visitor is not None and link.open:
            link.visitor.received(told.payload.decode())
        elif told.kind is Kind.ASK and link.box is not None:
            link.box.asked(gave_up=told.payload == b"\1")

    def _open(self, number: int, visit: wire.Visit) -> None:
        link = self._links[number] = RemoteLink(self, number, visit.deflate)
        full = self._hall.endpoint.doors.enter(visit.address)
        if full is not None:
            link.close(*full)
            return
        self._addresses[number] = visit.address
        link.visitor = self._hall.endpoint.visit(link, visit.request)

    def _leave(self, number: int, *, cut: bool) -> None:
        link = self._links.pop(number)
        link.open, link.cut = False, cut
        if (address := self._addresses.pop(number, None)) is not None:
            self._hall.endpoint.doors.leave(address)
        if link.visitor is not None:
            link.visitor.lost()


class Hall:
    """Where workers come in.

    Attributes:
        relays: those that are here.
    """

    def __init__(self, endpoint: LiveEndpoint) -> None:
        self.endpoint = endpoint
        self.relays: set[Relay] = set()
        self._jobs: set[asyncio.Task[None]] = set()

    @property
    def doors(self) -> Doors:
        """How many clients are in."""
        return self.endpoint.doors

    def relay(self) -> Relay:
        """For a worker that connects."""
        return Relay(self)

    def start(self, job: Coroutine[Any, Any, None]) -> None:
        """Run a short job for a client."""
        task = asyncio.get_running_loop().create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._jobs.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A client of a worker cannot be served", exc_info=error)
