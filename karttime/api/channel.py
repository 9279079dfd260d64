"""Fan-out to the WebSocket clients of one circuit: one tap of the hub, encoded once for each format in use.

The same bytes go into every client's outbox. A client whose outbox is full loses it and gets one whole snapshot when
it can be sent something again: fewer, newer messages, never a growing backlog. A client of `karttime.v1` that comes
back is sent what it missed. Nobody waits for a client.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from karttime.api.link import Link, text_frame
from karttime.api.v1 import Position, V1Stream
from karttime.api.wire import ENCODERS, WireFormat, status_update
from karttime.engine.clock import Clock
from karttime.engine.collector import Collector
from karttime.engine.hub import HubItem
from karttime.engine.status import StatusPublication

OUTBOX_BYTES: Final = 256 * 1024
OUTBOX_FRAMES: Final = 4096
CHUNK: Final = 64 * 1024  # bytes handed to the connection at once: what was missed may be a lot for one client to hold
PATIENCE: Final = 15.0  # seconds without a byte read after which a client is cut off


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """Clients of one circuit as they are now, and what became of slow ones so far."""

    clients: int
    sent_frames: int
    conflated: int
    aborted: int


class Client:
    """One client's bounded outbox, and the task that empties it.

    `first` goes ahead of the outbox: a snapshot, or what was missed; None while the snapshot is due.
    """

    def __init__(
        self, channel: "Channel", link: Link, formats: Collection[WireFormat], resume: Position | None = None
    ) -> None:
        self.formats = tuple(fmt for fmt in WireFormat if fmt in formats)
        self._channel = channel
        self._link = link
        self._first = None if resume is None else channel.missed(resume)
        self._notes = {} if resume is None else {"recovered": False}
        self._outbox: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._wake.set()

    @property
    def behind(self) -> bool:
        """Whether a snapshot is due, which contains all that there is."""
        return self._first is None

    def put(self, frames: Iterable[bytes]) -> None:
        """Queue frames; when there is no room the backlog gives way to a snapshot."""
        if self._first is None:
            return
        for frame in frames:
            self._outbox.append(frame)
            self._bytes += len(frame)
        if self._bytes > OUTBOX_BYTES or len(self._outbox) > OUTBOX_FRAMES:
            self._first = None
            self._notes = self._notes | {"conflated": True}
            self._outbox.clear()
            self._bytes = 0
            self._channel.conflated += 1
        self._wake.set()

    def answer(self, message: bytes) -> None:
        """Queue a message for this client alone; left out while it is behind."""
        self.put((text_frame(message),))

    async def write(self) -> None:
        """Send what is queued, joined, for ever; ends when the client reads nothing for too long."""
        while True:
            await self._wake.wait()
            if not await self._link.drained(PATIENCE):
                self._channel.aborted += 1
                self._link.abort()
                return
            self._link.write(self._take())

    def _take(self) -> bytes:
        if self._first is None:
            self._first = deque(self._channel.greeting(self.formats, self._notes))
        frames: list[bytes] = []
        size = 0
        while size < CHUNK and self._first:
            frames.append(self._first.popleft())
            size += len(frames[-1])
        while size < CHUNK and self._outbox:
            frames.append(self._outbox.popleft())
            size += len(frames[-1])
            self._bytes -= len(frames[-1])
        if not self._first:
            self._notes = {}
            if not self._outbox:
                self._wake.clear()
        self._channel.sent_frames += len(frames)
        return b"".join(frames)


class Channel:
    """The clients of one circuit."""

    def __init__(self, collector: Collector, clock: Clock) -> None:
        self.hub = hub = collector.hub
        self._collector = collector
        self.sent_frames = self.conflated = self.aborted = 0
        self._clock = clock
        self._clients: set[Client] = set()
        self._encoders = {fmt: encoder(hub.circuit_id) for fmt, encoder in ENCODERS.items()}
        self._snapshots: dict[WireFormat, tuple[tuple[str, int], list[bytes]]] = {}
        self.v1 = V1Stream(hub.circuit_id, frame=text_frame, clock=clock)

    def join(self, link: Link, formats: Collection[WireFormat], resume: Position | None = None) -> Client:
        """A new client; its first frames are the whole state, or what it missed, followed by everything after it."""
        if WireFormat.V1 in formats:
            self.v1.join(self.hub.session)
        client = Client(self, link, formats, resume)
        self._clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        """Forget a client."""
        if client in self._clients:
            self._clients.discard(client)
            if WireFormat.V1 in client.formats:
                self.v1.leave()

    def status(self) -> ChannelStatus:
        """As it is now."""
        return ChannelStatus(len(self._clients), self.sent_frames, self.conflated, self.aborted)

    def tap(self, item: HubItem) -> None:
        """For the hub: encode once, queue for everybody."""
        if isinstance(item, StatusPublication):
            frames = [self._status()] if self._clients else []
            for client in self._clients:
                client.put(frames)
            return
        encoded = {WireFormat.V1: self.v1.take(item)}  # also for clients that may come back
        in_use = {fmt for client in self._clients for fmt in client.formats}
        whole = any(change.snapshot for change in item.changes)
        for fmt in in_use - encoded.keys():
            if whole or item.session is None:
                encoded[fmt] = self._snapshot(fmt)
            else:
                mine = [change for change in item.changes if change.session_id == item.session.id]
                messages = self._encoders[fmt].update(item.session, mine, item.at)
                encoded[fmt] = [text_frame(message) for message in messages]
        for client in self._clients:
            for fmt in client.formats:
                if encoded[fmt]:
                    client.put(encoded[fmt])

    def greeting(self, formats: Iterable[WireFormat], notes: Mapping[str, bool]) -> list[bytes]:
        """The whole state as it is now, and the way to the timing system; `notes` are for `karttime.v1`."""
        frames: list[bytes] = []
        for fmt in formats:
            frames += [self.v1.snapshot(notes)] if fmt is WireFormat.V1 else self._snapshot(fmt)
        frames.append(self._status())
        return frames

    def missed(self, position: Position) -> deque[bytes] | None:
        """What a client of `karttime.v1` missed since a position; None when that is not known any more."""
        missed = self.v1.resume(position)
        return None if missed is None else deque((*missed, self._status()))

    def _status(self) -> bytes:
        return text_frame(status_update(self._collector.status(), self._clock.wall_ms()))

    def _snapshot(self, fmt: WireFormat) -> list[bytes]:
        """The state in one format; made once for all who ask between two publications."""
        position, frames = self._snapshots.get(fmt, (None, []))
        if position != (self.hub.epoch, self.hub.seq):
            session = self.hub.session
            at = session.last_at if session is not None else self._clock.wall_ms()
            frames = [text_frame(message) for message in self._encoders[fmt].full(session, at)]
            self._snapshots[fmt] = (self.hub.epoch, self.hub.seq), frames
        return frames
