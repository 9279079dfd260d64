"""One WebSocket connection, as uvicorn's `ws` class: frames straight to the socket, no task and no queue for a client.

uvicorn's own class builds each frame anew for each client, keeps a task and a queue for each, and asks a lost client
for a close that a full buffer never lets happen. Here a frame's bytes are built once and written to every socket; the
transport takes over only what the kernel does not take at once, and says so with `pause_writing`. Nobody waits for a
client: whoever writes looks at `busy` first, and `Visitor.writable` says when all has left.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from enum import Enum, auto
from typing import Any, ClassVar, Final, Protocol, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from karttime.api.fanout import Fanout, Outbox
from karttime.api.frames import Close, CloseCode, Message, Opcode, Ping, Pong, Receiver, Violation, close_frame, frame
from karttime.api.handshake import RefusedError, Request
from karttime.api.keeper import Keeper
from karttime.api.limits import Bucket, Doors
from karttime.api.proxies import client_address

log = logging.getLogger(__name__)

PING: Final = frame(Opcode.PING, b"")
MAX_DISCARDED: Final = 64 * 1024  # bytes that a client may go on sending after it was closed for a fault


class Visitor(Protocol):
    """Who is at the other end of a link, for the endpoint. Called by the link; never waited for."""

    def received(self, content: str | bytes) -> None:
        """A message has come."""
        ...

    def writable(self) -> None:
        """Everything that was unsent has left: the link is not busy any more."""
        ...

    def lost(self) -> None:
        """The connection is gone; the last call."""
        ...


class Endpoint(Protocol):
    """What is served over links."""

    @property
    def doors(self) -> Doors:
        """Who counts how many are in."""
        ...

    def subprotocol(self, request: Request) -> str | None:
        """The subprotocol to agree on. Raises `RefusedError` where nothing is served."""
        ...

    def visit(self, link: "Link", request: Request) -> Visitor | None:
        """A connection is open; None when it was closed at once."""
        ...


class State(Enum):
    """Where a connection stands."""

    OPENING = auto()
    OPEN = auto()
    CLOSING = auto()  # a close was sent, its answer has not come
    ENDING = auto()  # nothing more is sent, and what comes is not looked at
    LOST = auto()


class Link(asyncio.Protocol):
    """A connection.

    Attributes:
        busy: something is unsent; what is written now waits behind it, in memory.
        address: who it is, for limits.
        cut: it was cut off because it read nothing.
        deflate: it takes compressed messages.
    """

    __slots__ = (
        "_bytes",
        "_connections",
        "_controls",
        "_discarded",
        "_fd",
        "_heard",
        "_loop",
        "_messages",
        "_moved_at",
        "_place",
        "_receiver",
        "_state",
        "_tasks",
        "_transport",
        "_unsent",
        "_visitor",
        "address",
        "busy",
        "cut",
        "deflate",
    )

    endpoint: ClassVar[Endpoint]
    keeper: ClassVar[Keeper]

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        del config, app_state  # uvicorn gives them to every class
        self._connections = cast(set[Any], server_state.connections)
        self._tasks = server_state.tasks
        self._loop = asyncio.get_running_loop()
        limits = self.keeper.limits
        self._receiver = Receiver(limits.message)
        self._bytes = Bucket(limits.bytes, 2 * limits.bytes)
        self._messages = Bucket(limits.messages, 3 * limits.messages)
        self._controls = Bucket(limits.controls, 5 * limits.controls)
        self._state = State.OPENING
        self._visitor: Visitor | None = None
        self._heard = True
        self._place: int | None = None
        self._discarded = 0
        self._unsent, self._moved_at = 0, 0.0
        self.address = ""
        self.busy = False
        self.cut = False
        self.deflate = False

    # What asyncio and uvicorn call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over from the HTTP protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self._fd: int = transport.get_extra_info("socket").fileno()
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._heard = True
        if self._state is State.OPENING:
            self._handshake(data)
        elif self._ending:
            self._discarded += len(data)
            if self._discarded > MAX_DISCARDED:
                self.abort()
        elif not self._bytes.take(self._loop.time(), len(data)):
            self._fail(CloseCode.POLICY, "too many bytes: send less")
        else:
            for received in self._receiver.feed(data):
                self._handle(received)
                if self._ending:
                    break

    def eof_received(self) -> None:
        """The transport closes itself after this."""

    def pause_writing(self) -> None:
        """Something is unsent."""
        self.busy = True
        self._unsent, self._moved_at = self._transport.get_write_buffer_size(), self._loop.time()
        self.keeper.behind.add(self)

    def resume_writing(self) -> None:
        """Nothing is unsent any more."""
        self.busy = False
        self.keeper.behind.discard(self)
        if self._visitor is not None and self._state is State.OPEN:
            self._visitor.writable()

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, TimeoutError):  # the kernel saw first that it reads nothing
            self.cut = True
            self.keeper.cut += 1
        self._state = State.LOST
        self._connections.discard(self)
        if self._place is not None:
            self.keeper.forget(self, self._place)
            self.endpoint.doors.leave(self.address)
        self.keeper.arrived(self)
        if self._visitor is not None:
            self._visitor.lost()
            self._visitor = None

    def shutdown(self) -> None:
        """The service ends: who reads is told to come again, who does not is cut off."""
        if self.busy or self._state is not State.OPEN:
            self.abort()
        else:
            self.close(CloseCode.RESTART, "the service restarts: connect again")

    # What the endpoint and its visitors call.

    def outbox(self, fanout: Fanout, ask: Callable[[], None], conflated: Callable[[], None]) -> Outbox:
        """What the client will be sent, with others."""
        return Outbox(fanout, self, ask, conflated)

    def write(self, frames: bytes) -> None:
        """Send whole frames; never waits. What a closed connection is sent is dropped."""
        if self._state is not State.OPEN:
            return
        if not self.busy:
            try:
                sent = os.write(self._fd, frames)
            except BlockingIOError:
                sent = 0
            except OSError:  # it is gone, which the loop will notice as well
                self.abort()
                return
            if sent == len(frames):
                return
            frames = frames[sent:]
        self._transport.write(frames)

    def close(self, code: int, reason: str = "") -> None:
        """Close with a code, after what was written; whoever does not answer in time is cut off."""
        if self._state is State.OPEN:
            self.write(close_frame(code, reason))
            self._end(State.CLOSING)

    def abort(self) -> None:
        """Cut the connection off at once, whatever is unsent."""
        if self._state is not State.LOST:
            self._state = State.ENDING
            self._transport.abort()

    def start(self, job: Coroutine[Any, Any, None]) -> None:
        """Run a short job for this connection; uvicorn waits for it when it ends."""
        task = self._loop.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    @property
    def open(self) -> bool:
        """Whether something can be sent."""
        return self._state is State.OPEN

    @property
    def _ending(self) -> bool:
        return self._state is State.ENDING

    # What the keeper calls.

    def ping(self) -> bool:
        heard, self._heard = self._heard, False
        if heard and not self.busy:
            self.write(PING)
        return heard or self.busy  # whoever is behind is judged by what it reads

    def stalled(self, now: float) -> bool:
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._moved_at = now
        self._unsent = unsent
        self.cut = now - self._moved_at >= self.keeper.limits.patience
        return self.cut

    # The protocol itself.

    def _handshake(self, head: bytes) -> None:
        """Answer the request, which uvicorn hands over whole; the visit begins when this link is the protocol."""
        try:
            request = Request.parse(head)
            extension = request.compression if self.keeper.limits.deflate else None
            answer = request.answer(self.endpoint.subprotocol(request), extension)
        except RefusedError as refused:
            self._transport.write(refused.answer())
            self._transport.close()
            self._state = State.ENDING
            return
        if extension is not None:
            self.deflate = True
            self._receiver = Receiver(self.keeper.limits.message, compressed=True)
        self._transport.set_write_buffer_limits(high=0)
        self._transport.write(answer)
        self._state = State.OPEN
        self._loop.call_soon(self._visit, request)

    def _visit(self, request: Request) -> None:
        if self._state is not State.OPEN:
            return
        self.address = client_address(
            self._transport.get_extra_info("peername"), request.headers, self.keeper.limits.proxies
        )
        full = self.endpoint.doors.enter(self.address)
        if full is not None:
            self.close(*full)
            return
        self._place = self.keeper.keep(self)
        self._visitor = self.endpoint.visit(self, request)

    def _handle(self, received: Message | Ping | Pong | Close | Violation) -> None:
        match received:
            case Message(content):
                if not self._messages.take(self._loop.time()):
                    self._fail(CloseCode.TOO_MANY, "too many messages: send fewer")
                elif self._visitor is not None and self._state is State.OPEN:
                    self._visitor.received(content)
            case Ping() | Pong():
                if not self._controls.take(self._loop.time()):
                    self._fail(CloseCode.POLICY, "too many pings: send fewer")
                elif isinstance(received, Ping):
                    self.write(frame(Opcode.PONG, received.payload))
            case Close(code):
                self.write(close_frame(code))
                self._end(State.ENDING)
                self._transport.close()
            case Violation(code, reason):
                self._fail(code, reason)

    def _fail(self, code: CloseCode, reason: str) -> None:
        """Close for the client's fault: what it sends from now on is not looked at."""
        self.write(close_frame(code, reason))
        self._end(State.ENDING)
        self._transport.write_eof()

    def _end(self, state: State) -> None:
        self._state = state
        self.keeper.expect(self, self._loop.time() + self.keeper.limits.closing)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A client's connection failed", exc_info=error)
            self.close(CloseCode.INTERNAL, "the service has a fault of its own")


def link_class(endpoint: Endpoint, keeper: Keeper) -> type[Link]:
    """The class for uvicorn, whose connections are served by an endpoint."""
    return type("Link", (Link,), {"__slots__": (), "endpoint": endpoint, "keeper": keeper})
