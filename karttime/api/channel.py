"""Fan-out to the WebSocket clients of one circuit: one tap of the hub, encoded once for each format in use.

```
hub ─▶ rows and messages of this publication ─▶ gate ─(committed)─▶ one write for each client
```

Nothing reaches a client before the gate lets it pass: what depends on a publication is made while the session stands
exactly there, and goes out once that is in the journal, in the same order. Clients of the same formats share a
`Fanout`, and with it the bytes they are sent. A client of `karttime.v1` that comes back is sent what it missed. Nobody
waits for a client.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

from karttime.api.fanout import Fanout
from karttime.api.frames import deflated_frame, text_frame
from karttime.api.gate import Gate, Record
from karttime.api.keeping import Keeping
from karttime.api.v1 import Position, V1Stream
from karttime.api.wire import ENCODERS, WireFormat, status_update
from karttime.circuits.circuit import Circuit
from karttime.engine.clock import Clock
from karttime.engine.collector import Collector
from karttime.engine.hub import HubItem, Publication
from karttime.engine.status import StatusPublication
from karttime.engine.supervisor import shielded
from karttime.errors import StorageError
from karttime.storage.extract import Batch
from karttime.storage.journal import Journal
from karttime.storage.journal_file import Stored

log = logging.getLogger(__name__)

Formats = tuple[WireFormat, ...]


class Group(NamedTuple):
    """Clients that are sent the same bytes."""

    formats: Formats
    deflate: bool


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """Clients of one circuit as they are now, and what became of slow ones so far."""

    clients: int
    sent_frames: int
    conflated: int
    aborted: int
    sent_bytes: int = 0


class Box(Protocol):
    """What one client is sent: an `Outbox`, or its like for a client of a worker."""

    def enter(self, frames: Iterable[bytes]) -> None:
        """Begin with these frames, and follow what is published from now on."""
        ...

    def leave(self) -> None:
        """The client is gone."""
        ...

    def put(self, frames: bytes) -> None:
        """Frames for it alone."""
        ...

    def refill(self, frames: Iterable[bytes]) -> None:
        """The snapshot that was asked for."""
        ...

    def writable(self) -> None:
        """Everything that was unsent has left."""
        ...


class Connection(Protocol):
    """The way to a client, as far as it matters here."""

    @property
    def deflate(self) -> bool:
        """Messages to it are compressed."""
        ...

    def close(self, code: int, reason: str = "") -> None:
        """End it with a code, after what was written."""
        ...

    def outbox(self, fanout: Fanout, ask: Callable[[], None], conflated: Callable[[], None]) -> Box:
        """What the client will be sent, as `Outbox` has it."""
        ...


class Client:
    """One client, and what it is sent."""

    def __init__(self, channel: "Channel", link: Connection, formats: Formats, notes: Mapping[str, bool]) -> None:
        self.group = Group(formats, link.deflate)
        self.link = link
        self.outbox = link.outbox(channel.fanout(self.group), self._ask, self._conflated)
        self.here = True
        self._channel = channel
        self._notes = dict(notes)

    def answer(self, message: bytes) -> None:
        """Send a message to this client alone; left out while it is behind."""
        self._channel.gate.after(partial(self.outbox.put, framed([message], self.group.deflate)[0]))

    def greeting(self) -> list[bytes]:
        """The whole state, with what is to be said of it."""
        notes, self._notes = self._notes, {}
        return self._channel.greeting(self.group, notes)

    def _ask(self) -> None:
        frames = self.greeting()
        self._channel.gate.after(partial(self.outbox.refill, frames), lambda: None)

    def _conflated(self) -> None:
        self._notes["conflated"] = True
        self._channel.conflated += 1


class Channel:
    """The clients of one circuit."""

    def __init__(
        self, collector: Collector, clock: Clock, gate: Gate, *, stored: Stored | None = None, keep: bool = True
    ) -> None:
        self.hub = hub = collector.hub
        self.gate = gate
        self.conflated = self.aborted = 0
        self.keeping = Keeping(collector.circuit) if keep else None
        self._circuit = collector.circuit
        self._collector = collector
        self._clock = clock
        self._clients: set[Client] = set()
        self._fanouts: dict[Group, Fanout] = {}
        self._encoders = {fmt: encoder(hub.circuit_id) for fmt, encoder in ENCODERS.items()}
        self._snapshots: dict[WireFormat, tuple[tuple[str, int], list[bytes]]] = {}
        self._framed: dict[tuple[WireFormat, bool], tuple[list[bytes], list[bytes]]] = {}
        self._wanted: Counter[Group] = Counter()
        self.v1 = V1Stream(hub.circuit_id, clock=clock)
        if stored is None or not self.v1.go_on(stored):
            self.v1.begin(hub.session)
        gate.add(self)

    def fanout(self, group: Group) -> Fanout:
        """What these clients share."""
        return self._fanouts.setdefault(group, Fanout())

    async def missed(self, position: Position | None, journal: Journal | None) -> list[bytes]:
        """What the journal has for a client that comes back and whose position is not in memory any more."""
        if position is None or position.seq is None or journal is None or self.v1.has(position):
            return []
        try:
            found = await asyncio.to_thread(journal.messages, self.hub.circuit_id, position.epoch, position.seq)
        except StorageError as error:
            log.warning("%s", error)
            return []
        return found or []

    def join(
        self,
        link: Connection,
        formats: Collection[WireFormat],
        resume: Position | None = None,
        older: Sequence[bytes] = (),
    ) -> Client:
        """A new client; its first frames are the whole state, or what it missed, followed by everything after it.

        Args:
            link: the way to it.
            formats: what it wants to be sent.
            resume: where it stopped listening.
            older: what `missed` found.
        """
        missed = None if resume is None else self.v1.resume(resume, older)
        notes = {"recovered": False} if resume is not None and missed is None else {}
        client = Client(self, link, tuple(fmt for fmt in WireFormat if fmt in formats), notes)
        self._clients.add(client)
        self._wanted[client.group] += 1
        frames = client.greeting() if missed is None else framed([*missed, self._status()], link.deflate)
        self.gate.after(partial(self._begin, client, frames), partial(self._begin, client, None))
        return client

    def _begin(self, client: Client, frames: list[bytes] | None) -> None:
        if client.here:
            client.outbox.enter(client.greeting() if frames is None else frames)

    def leave(self, client: Client, *, cut: bool = False) -> None:
        """Forget a client; `cut` when it was cut off because it read nothing."""
        client.here = False
        self._clients.discard(client)
        self._wanted[client.group] -= 1
        client.outbox.leave()
        self.aborted += cut

    def close(self, code: int, reason: str) -> None:
        """The circuit is gone: tell everybody."""
        self.gate.discard(self)
        for client in tuple(self._clients):
            client.link.close(code, reason)

    @property
    def circuit(self) -> Circuit:
        """As it was told last."""
        return self._circuit

    def adopt(self, circuit: Circuit) -> None:
        """The circuit was edited."""
        self._circuit = circuit
        if self.keeping is not None:
            self.keeping.adopt(circuit)

    def status(self) -> ChannelStatus:
        """As it is now."""
        sent = sum(fanout.sent for fanout in self._fanouts.values())
        size = sum(fanout.sent_bytes for fanout in self._fanouts.values())
        return ChannelStatus(len(self._clients), sent, self.conflated, self.aborted, size)

    def tap(self, item: HubItem) -> None:
        """For the hub: encode once, for everybody; send when it is in the journal."""
        if isinstance(item, StatusPublication):
            batch = Batch() if self.keeping is None else self.keeping.status(item)
            messages = [self._status()] if self._clients else []
            ready = [(fanout, framed(messages, group.deflate)) for group, fanout in self._fanouts.items()]
            self.gate.submit(self._record(self.v1.seq, batch), partial(_publish, ready))
        else:
            self._take(item)

    def note(self, batch: Batch) -> None:
        """Keep rows that no publication brought."""
        self.gate.submit(self._record(self.v1.seq, batch), lambda: None)

    def _take(self, item: Publication) -> None:
        batch = Batch()
        if self.keeping is not None:
            self.keeping.read_as(self._collector.feed)
            batch = self.keeping.rows(self.v1.next_place(), item)
        try:
            step = self.v1.take(item, anyway=bool(batch.timing))
        except Exception:  # the hub logs and counts it
            self.forget_rows()
            raise
        messages: dict[WireFormat, list[bytes]] = {}
        if step is not None:
            messages[WireFormat.V1] = [step.message]
        in_use = {group: fanout for group, fanout in self._fanouts.items() if self._wanted[group]}
        for fmt in {fmt for group in in_use for fmt in group.formats} - {WireFormat.V1}:
            messages[fmt] = self._published(fmt, item)
        kinds = {(fmt, group.deflate) for group in in_use for fmt in group.formats}
        frames = {(fmt, deflate): framed(messages.get(fmt, ()), deflate) for fmt, deflate in kinds}
        ready = [
            (fanout, [it for fmt in group.formats for it in frames[fmt, group.deflate]])
            for group, fanout in in_use.items()
        ]
        record = self._record(self.v1.seq, batch)
        if step is not None:
            record = record._replace(message=step.message, base=step.base)
        self.gate.submit(record, partial(_publish, ready))

    def _record(self, seq: int, batch: Batch) -> Record:
        return Record(self, self.hub.circuit_id, self.v1.epoch, seq, batch)

    def _published(self, fmt: WireFormat, item: Publication) -> list[bytes]:
        """The messages of one published format; a fault of its encoder costs the others nothing."""
        messages: list[bytes] = []
        if not shielded(lambda it: messages.extend(self._update(fmt, it)), item):
            self._snapshots.pop(fmt, None)
            shielded(lambda it: messages.extend(self._snapshot(it)), fmt)
        return messages

    def _update(self, fmt: WireFormat, item: Publication) -> list[bytes]:
        if item.session is None or any(change.snapshot for change in item.changes):
            return self._snapshot(fmt)
        mine = [change for change in item.changes if change.session_id == item.session.id]
        return self._encoders[fmt].update(item.session, mine, item.at)

    # For the gate.

    def forget_rows(self) -> None:
        """Rows were lost: say everything again with the next ones."""
        if self.keeping is not None:
            self.keeping.forget()

    def start_over(self) -> None:
        """What was held back is lost: a new epoch, and the whole state to everybody."""
        self.v1.new_epoch(at_once=True)
        for fanout in self._fanouts.values():
            fanout.restart()

    def new_epoch(self) -> None:
        """The journal is back: a new epoch from the next message on."""
        self.v1.new_epoch(at_once=False)

    def greeting(self, group: Group, notes: Mapping[str, bool]) -> list[bytes]:
        """The whole state as it is now, and the way to the timing system; `notes` are for `karttime.v1`."""
        frames: list[bytes] = []
        for fmt in group.formats:
            messages = self.v1.snapshots(notes) if fmt is WireFormat.V1 else self._snapshot(fmt)
            made_of, made = self._framed.get((fmt, group.deflate), ([], []))
            if made_of is not messages:  # made once for all who come between two publications
                made = framed(messages, group.deflate)
                self._framed[fmt, group.deflate] = messages, made
            frames += made
        return frames + framed([self._status()], group.deflate)

    def _status(self) -> bytes:
        return status_update(self._collector.status(), self._clock.wall_ms())

    def _snapshot(self, fmt: WireFormat) -> list[bytes]:
        """The state in one format; made once for all who ask between two publications."""
        position, messages = self._snapshots.get(fmt, (None, []))
        if position != (self.hub.epoch, self.hub.seq):
            session = self.hub.session
            at = session.last_at if session is not None else self._clock.wall_ms()
            messages = self._encoders[fmt].full(session, at)
            self._snapshots[fmt] = (self.hub.epoch, self.hub.seq), messages
        return messages


def framed(messages: Iterable[bytes], deflate: bool) -> list[bytes]:
    """Messages as frames."""
    return [deflated_frame(message) if deflate else text_frame(message) for message in messages]


def _publish(ready: Iterable[tuple[Fanout, list[bytes]]]) -> None:
    for fanout, frames in ready:
        fanout.publish(frames)
