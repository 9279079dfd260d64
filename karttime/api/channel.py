"""Fan-out to the WebSocket clients of one circuit: one tap of the hub, encoded once for each format in use.

The same bytes go into every client's outbox. A client whose outbox is full loses it and gets one whole snapshot when
it can be sent something again: fewer, newer messages, never a growing backlog. Nobody waits for a client.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from karttime.api.link import Link, text_frame
from karttime.api.wire import ENCODERS, WireFormat, status_update
from karttime.engine.clock import Clock
from karttime.engine.collector import Collector
from karttime.engine.hub import HubItem
from karttime.engine.status import StatusPublication

OUTBOX_BYTES: Final = 256 * 1024
OUTBOX_FRAMES: Final = 4096
PATIENCE: Final = 15.0  # seconds without a byte read after which a client is cut off


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """Clients of one circuit as they are now, and what became of slow ones so far."""

    clients: int
    sent_frames: int
    conflated: int
    aborted: int


class Client:
    """One client's bounded outbox, and the task that empties it."""

    def __init__(self, channel: "Channel", link: Link, formats: Collection[WireFormat]) -> None:
        self.formats = tuple(fmt for fmt in WireFormat if fmt in formats)
        self._channel = channel
        self._link = link
        self._outbox: deque[bytes] = deque()
        self._bytes = 0
        self._behind = True  # begins with a snapshot
        self._wake = asyncio.Event()
        self._wake.set()

    def put(self, frames: Iterable[bytes]) -> None:
        """Queue frames; when there is no room the backlog gives way to a snapshot."""
        if self._behind:  # the snapshot that is due contains them
            return
        for frame in frames:
            self._outbox.append(frame)
            self._bytes += len(frame)
        if self._bytes > OUTBOX_BYTES or len(self._outbox) > OUTBOX_FRAMES:
            self._behind = True
            self._empty()
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
        if self._behind:
            self._behind = False
            self._empty()
            self._outbox.extend(self._channel.greeting(self.formats))
        self._channel.sent_frames += len(self._outbox)
        joined = b"".join(self._outbox)
        self._empty()
        self._wake.clear()
        return joined

    def _empty(self) -> None:
        self._outbox.clear()
        self._bytes = 0


class Channel:
    """The clients of one circuit."""

    def __init__(self, collector: Collector, clock: Clock) -> None:
        self.hub = hub = collector.hub
        self._collector = collector
        self.sent_frames = self.conflated = self.aborted = 0
        self._clock = clock
        self._clients: set[Client] = set()
        self._encoders = {fmt: ENCODERS[fmt](hub.circuit_id) for fmt in WireFormat}
        self._snapshots: dict[WireFormat, tuple[tuple[str, int], list[bytes]]] = {}

    def join(self, link: Link, formats: Collection[WireFormat]) -> Client:
        """A new client; its first frames are the whole state, followed by everything after it."""
        client = Client(self, link, formats)
        self._clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self._clients.discard(client)

    def status(self) -> ChannelStatus:
        """As it is now."""
        return ChannelStatus(len(self._clients), self.sent_frames, self.conflated, self.aborted)

    def tap(self, item: HubItem) -> None:
        """For the hub: encode once, queue for everybody."""
        if not self._clients:
            return
        if isinstance(item, StatusPublication):
            frames = [self._status()]
            for client in self._clients:
                client.put(frames)
            return
        in_use = {fmt for client in self._clients for fmt in client.formats}
        encoded: dict[WireFormat, list[bytes]] = {}
        whole = any(change.snapshot for change in item.changes)
        for fmt in in_use:
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

    def greeting(self, formats: Iterable[WireFormat]) -> list[bytes]:
        """The whole state as it is now, and the way to the timing system."""
        frames = [frame for fmt in formats for frame in self._snapshot(fmt)]
        frames.append(self._status())
        return frames

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
