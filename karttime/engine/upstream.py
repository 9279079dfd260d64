"""A server that plays an upstream: the same frames to every client, at the pace given.

One player walks through pairs of due time and frame and compares the due times with the monotonic clock, so that
waiting too long once does not add up. Each client has a bounded backlog of its own and gets everything in order. A
client who cannot keep up with a paced stream is disconnected, as real upstreams do; with `back_pressure` (no pace, as
fast as possible) the player waits for the slowest client instead, and memory stays bounded either way.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from karttime.engine.clock import Clock
from karttime.engine.doors import Door, Gone, Peer, listening, web_socket_door
from karttime.engine.signals import on_stop
from karttime.errors import KarttimeError, UsageError
from karttime.feeds.frame import Frame
from karttime.simulator.mischief import is_disconnect

Schedule = Callable[[], Iterable[tuple[int, Frame]]]
"""Begins the stream anew: pairs of due time in ms since its start, and frame."""

BACKLOG: Final = 2_048  # frames: minutes of a busy board, for a client whose network stalls
BREATH: Final = 32  # frames after which other tasks get a turn, where nothing has to be waited for
IDLE_S: Final = 60.0  # a keep-alive after the last frame comes this often
RESTART: Final = 1012  # close code "service restart": come back
DONE: Final = 1000
TOO_SLOW: Final = 1013  # close code "try again later"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class UpstreamSummary:
    """What was served."""

    frames: int = 0
    clients: int = 0
    too_slow: int = 0
    rounds: int = 0

    def __str__(self) -> str:
        slow = f", {self.too_slow} too slow and disconnected" if self.too_slow else ""
        return f"served {self.frames} frames to {self.clients} client{'' if self.clients == 1 else 's'}{slow}"


@dataclass(frozen=True, slots=True)
class _Message:
    """What a client is to be sent; `payload` None: its connection is closed here, with `code`."""

    payload: bytes | None
    text: bool = True
    code: int = RESTART


@dataclass(eq=False, slots=True)
class _Client:
    peer: Peer
    backlog: asyncio.Queue[_Message] = field(default_factory=lambda: asyncio.Queue(BACKLOG))
    gone: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Service:
    """Where and how a stream is served.

    Attributes:
        host: address to listen on.
        port: port to listen on, 0 for a free one.
        speed: times the stream's own pace; None: as fast as the slowest client takes it.
        wait: begin (each round) with a client, so that it misses nothing.
        loop: begin again after the last frame.
        leave: end after the last frame, once every client has it; otherwise stay, idle, until stopped.
    """

    host: str = "127.0.0.1"
    port: int = 0
    speed: float | None = 1.0
    wait: bool = False
    loop: bool = False
    leave: bool = False


class UpstreamServer:
    """Serves frames as an upstream would.

    Args:
        schedule: begins the stream; called again for every round of a loop.
        service: where and how.
        snapshot: what a client is sent first; None: nothing, it sees the stream from where it is.
        keep_alive: text that is sent every minute after the last frame; None: none.
        door: how clients reach it.
        clock: replaced by tests.
    """

    def __init__(
        self,
        schedule: Schedule,
        service: Service,
        *,
        snapshot: Callable[[], str] | None = None,
        keep_alive: str | None = None,
        door: Door = web_socket_door,
        clock: Clock | None = None,
    ) -> None:
        self._schedule = schedule
        self._service = service
        self._snapshot = snapshot
        self._keep_alive = keep_alive
        self._door = door
        self._clock = clock or Clock()
        self._clients: set[_Client] = set()
        self._arrival = asyncio.Event()
        self._stop = asyncio.Event()
        self.summary = UpstreamSummary()

    async def run(self, announce: Callable[[str], None] = lambda _url: None) -> UpstreamSummary:
        """Serve until stopped or cancelled, or with `leave` until everything is sent.

        Args:
            announce: told the address as soon as clients may connect.

        Raises:
            UsageError: the address cannot be listened on, or there is nothing to serve.
            KarttimeError: the stream cannot be read on.
        """
        async with listening(self._door, self._serve, self._service.host, self._service.port) as address:
            announce(address)
            try:
                async with asyncio.TaskGroup() as tasks:
                    playing = tasks.create_task(self._play())
                    stopping = tasks.create_task(self._stop.wait())
                    await asyncio.wait((playing, stopping), return_when=asyncio.FIRST_COMPLETED)
                    playing.cancel()
                    stopping.cancel()
            except ExceptionGroup as group:
                if isinstance(error := group.exceptions[0], KarttimeError):
                    raise error from group
                raise
        return self.summary

    def stop(self) -> None:
        """End as soon as possible; connections are closed."""
        self._stop.set()

    # -- clients --------------------------------------------------------------------------------------------------

    async def _serve(self, peer: Peer) -> None:
        client = _Client(peer)
        if self._snapshot is not None:
            client.backlog.put_nowait(_text(self._snapshot()))
        self._clients.add(client)  # nothing was awaited since the snapshot: no frame falls between
        self.summary.clients += 1
        self._arrival.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(self._send(client))
                await peer.left()
                sending.cancel()
        finally:
            self._clients.discard(client)
            client.gone.set()
            _empty(client.backlog)

    async def _send(self, client: _Client) -> None:
        """Send the backlog in order; `send` waits while the network does not take more."""
        with contextlib.suppress(Gone):
            while True:
                message = await client.backlog.get()
                if message.payload is None:
                    await client.peer.close(message.code)
                    return
                await client.peer.send(message.payload, text=message.text)

    # -- the player -----------------------------------------------------------------------------------------------

    async def _play(self) -> None:
        while True:
            if self._service.wait and not self._clients:
                self._arrival.clear()
                await self._arrival.wait()
            before = self.summary.frames
            await self._play_once()
            if self.summary.frames == before:
                raise UsageError("nothing to serve: no frame lies in the part that was chosen")
            self.summary.rounds += 1
            if not self._service.loop:
                break
            await self._clock.sleep(0)
        if self._service.leave:
            await self._delivered()
            return
        while True:
            await self._clock.sleep(IDLE_S)
            if self._keep_alive is not None:
                await self._hand_out(_text(self._keep_alive))

    async def _play_once(self) -> None:
        began, in_a_row = self._clock.monotonic(), 0
        for due_ms, frame in self._schedule():
            if frame.direction == "out":
                continue
            wait = began + due_ms / 1000 - self._clock.monotonic()
            in_a_row += 1
            if wait > 0 or in_a_row >= BREATH:
                await self._clock.sleep(max(wait, 0))
                in_a_row = 0
            self.summary.frames += not is_disconnect(frame)
            await self._hand_out(_message(frame))

    async def _hand_out(self, message: _Message) -> None:
        for client in tuple(self._clients):
            if self._service.speed is None:
                await self._put(client, message)
                continue
            try:
                client.backlog.put_nowait(message)
            except asyncio.QueueFull:
                self._drop(client)

    async def _put(self, client: _Client, message: _Message) -> None:
        """Wait for room; a client who leaves meanwhile empties its backlog, which makes room."""
        if not client.gone.is_set():
            await client.backlog.put(message)

    def _drop(self, client: _Client) -> None:
        self.summary.too_slow += 1
        self._clients.discard(client)
        _empty(client.backlog)
        client.backlog.put_nowait(_Message(None, code=TOO_SLOW))
        logger.warning("upstream client is too slow: %d frames behind, disconnected", BACKLOG)

    async def _delivered(self) -> None:
        """Let every client have the rest of its backlog, then close its connection."""
        for client in tuple(self._clients):
            await self._put(client, _Message(None, code=DONE))
            await client.gone.wait()


def serve_upstream(server: UpstreamServer, announce: Callable[[str], None]) -> UpstreamSummary:
    """Run a server to its end, or until Ctrl-C or SIGTERM, which are an ordinary end."""

    async def run() -> UpstreamSummary:
        with on_stop(server.stop):
            return await server.run(announce)

    return asyncio.run(run())


def _empty(backlog: asyncio.Queue[_Message]) -> None:
    while not backlog.empty():
        backlog.get_nowait()


def _text(text: str) -> _Message:
    return _Message(text.encode("utf-8", "replace"))


def _message(frame: Frame) -> _Message:
    if is_disconnect(frame):
        return _Message(None)
    if frame.text is not None:
        return _text(frame.text)
    return _Message(frame.data, text=False)
