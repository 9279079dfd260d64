"""Fan-out to the WebSocket clients of one circuit: one tap of the hub, encoded once for each format in use.

Clients of the same formats share a `Fanout`, and with it the bytes they are sent. A client of `karttime.v1` that comes
back is sent what it missed. Nobody waits for a client.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from karttime.api.fanout import Fanout, Outbox, Way
from karttime.api.frames import text_frame
from karttime.api.v1 import Position, V1Stream
from karttime.api.wire import ENCODERS, WireFormat, status_update
from karttime.engine.clock import Clock
from karttime.engine.collector import Collector
from karttime.engine.hub import HubItem
from karttime.engine.status import StatusPublication


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """Clients of one circuit as they are now, and what became of slow ones so far."""

    clients: int
    sent_frames: int
    conflated: int
    aborted: int


class Client:
    """One client, and what it is sent."""

    def __init__(
        self, channel: "Channel", link: Way, formats: tuple[WireFormat, ...], notes: Mapping[str, bool]
    ) -> None:
        self.formats = formats
        self.outbox = Outbox(channel.fanout(formats), link, self._snapshot, self._conflated)
        self._channel = channel
        self._notes = dict(notes)

    def answer(self, message: bytes) -> None:
        """Send a message to this client alone; left out while it is behind."""
        self.outbox.put(text_frame(message))

    def _snapshot(self) -> list[bytes]:
        notes, self._notes = self._notes, {}
        return self._channel.greeting(self.formats, notes)

    def _conflated(self) -> None:
        self._notes["conflated"] = True
        self._channel.conflated += 1


class Channel:
    """The clients of one circuit."""

    def __init__(self, collector: Collector, clock: Clock) -> None:
        self.hub = hub = collector.hub
        self._collector = collector
        self.conflated = self.aborted = 0
        self._clock = clock
        self._clients: set[Client] = set()
        self._fanouts: dict[tuple[WireFormat, ...], Fanout] = {}
        self._encoders = {fmt: encoder(hub.circuit_id) for fmt, encoder in ENCODERS.items()}
        self._snapshots: dict[WireFormat, tuple[tuple[str, int], list[bytes]]] = {}
        self.v1 = V1Stream(hub.circuit_id, frame=text_frame, clock=clock)

    def fanout(self, formats: tuple[WireFormat, ...]) -> Fanout:
        """What clients of these formats share."""
        return self._fanouts.setdefault(formats, Fanout())

    def join(self, link: Way, formats: Collection[WireFormat], resume: Position | None = None) -> Client:
        """A new client; its first frames are the whole state, or what it missed, followed by everything after it."""
        if WireFormat.V1 in formats:
            self.v1.join(self.hub.session)
        missed = None if resume is None else self.missed(resume)
        notes = {"recovered": False} if resume is not None and missed is None else {}
        client = Client(self, link, tuple(fmt for fmt in WireFormat if fmt in formats), notes)
        self._clients.add(client)
        self.fanout(client.formats).add(client.outbox, missed)
        return client

    def leave(self, client: Client, *, cut: bool = False) -> None:
        """Forget a client; `cut` when it was cut off because it read nothing."""
        self._clients.discard(client)
        self.fanout(client.formats).discard(client.outbox)
        self.aborted += cut
        if WireFormat.V1 in client.formats:
            self.v1.leave()

    def status(self) -> ChannelStatus:
        """As it is now."""
        sent = sum(fanout.sent for fanout in self._fanouts.values())
        return ChannelStatus(len(self._clients), sent, self.conflated, self.aborted)

    def tap(self, item: HubItem) -> None:
        """For the hub: encode once, for everybody."""
        if isinstance(item, StatusPublication):
            frames = [self._status()] if self._clients else []
            for fanout in self._fanouts.values():
                fanout.publish(frames)
            return
        in_use = {formats: fanout for formats, fanout in self._fanouts.items() if len(fanout)}
        encoded = {WireFormat.V1: self.v1.take(item)}  # also for clients that may come back
        whole = any(change.snapshot for change in item.changes)
        for fmt in {fmt for formats in in_use for fmt in formats} - encoded.keys():
            if whole or item.session is None:
                encoded[fmt] = self._snapshot(fmt)
            else:
                mine = [change for change in item.changes if change.session_id == item.session.id]
                messages = self._encoders[fmt].update(item.session, mine, item.at)
                encoded[fmt] = [text_frame(message) for message in messages]
        for formats, fanout in in_use.items():
            fanout.publish([frame for fmt in formats for frame in encoded[fmt]])

    def greeting(self, formats: Iterable[WireFormat], notes: Mapping[str, bool]) -> list[bytes]:
        """The whole state as it is now, and the way to the timing system; `notes` are for `karttime.v1`."""
        frames: list[bytes] = []
        for fmt in formats:
            frames += [self.v1.snapshot(notes)] if fmt is WireFormat.V1 else self._snapshot(fmt)
        frames.append(self._status())
        return frames

    def missed(self, position: Position) -> list[bytes] | None:
        """What a client of `karttime.v1` missed since a position; None when that is not known any more."""
        missed = self.v1.resume(position)
        return None if missed is None else [*missed, self._status()]

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
