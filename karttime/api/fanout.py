"""The same frames for many clients: joined once in a turn of the event loop, written once to each, never waited for.

Everything that is published in one turn leaves in one write for a client, which costs it little more than one message.
A client that has not read what it was sent before gets a bounded backlog, and when that is full or old, in its place
one snapshot of the state as it is when it can be sent something again: fewer, newer messages.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

OUTBOX_BYTES: Final = 256 * 1024
OUTBOX_AGE: Final = 5.0  # seconds
CHUNK: Final = 64 * 1024  # bytes written at once: what the kernel does not take is held in memory


class Way(Protocol):
    """The way to a client: a `Link`, as far as it matters here."""

    @property
    def busy(self) -> bool:
        """Something is unsent."""
        ...

    def write(self, frames: bytes) -> None:
        """Send whole frames; never waits."""
        ...


class Outbox:
    """What one client is sent.

    Args:
        fanout: what it is sent with others.
        way: to the client.
        ask: asks for a snapshot, which comes by `refill`, at once or later.
        conflated: called when a backlog gave way to a snapshot.
    """

    __slots__ = (
        "_ask",
        "_asked",
        "_conflated",
        "_fanout",
        "_loop",
        "_queue",
        "_room",
        "_since",
        "_size",
        "_way",
        "due",
    )

    def __init__(self, fanout: "Fanout", way: Way, ask: Callable[[], None], conflated: Callable[[], None]) -> None:
        self._fanout = fanout
        self._way = way
        self._ask = ask
        self._asked = False
        self._conflated = conflated
        self._loop = asyncio.get_running_loop()
        self._queue: deque[bytes] = deque()
        self._size = 0
        self._room = OUTBOX_BYTES  # and as much as it began with, until that is sent: what was missed is not dropped
        self._since = 0.0
        self.due = False  # a snapshot is, which will contain whatever comes until then

    def put(self, frames: bytes) -> None:
        """Send frames, or keep them while the client is behind."""
        if self.due:
            return
        if not self._queue and not self._way.busy:
            self._way.write(frames)
            return
        now = self._loop.time()
        if not self._queue:
            self._since = now
        self._queue.append(frames)
        self._size += len(frames)
        if self._size > self._room or now - self._since > OUTBOX_AGE:
            self._conflate()

    def _conflate(self) -> None:
        self._queue.clear()
        self._size, self._room = 0, OUTBOX_BYTES
        self.due = True
        self._conflated()

    def restart(self) -> None:
        """What it was to be sent is lost: send the state as it is, in place of that."""
        self._asked = False
        self._conflate()
        self.writable()

    def refill(self, frames: Iterable[bytes]) -> None:
        """The snapshot that was asked for: what is published from now on follows it."""
        if not self.due:
            return
        self._fanout.flush()  # the snapshot contains what is pending
        self.due = self._asked = False
        self.begin(frames)

    def enter(self, frames: Iterable[bytes]) -> None:
        """Begin with these frames, and follow what is published from now on."""
        self._fanout.add(self, frames)

    def leave(self) -> None:
        """The client is gone."""
        self._fanout.unfollow(self)

    def begin(self, frames: Iterable[bytes] | None) -> None:
        """The first that a client is sent; None for a snapshot."""
        self.due = frames is None
        for frame in frames or ():
            self._queue.append(frame)
            self._size += len(frame)
        self._room = OUTBOX_BYTES + self._size
        self._since = self._loop.time()
        self.writable()

    def writable(self) -> None:
        """The client has read everything: send what waits, as far as it goes."""
        while not self._way.busy and (self._queue or self.due):
            if self.due:
                if not self._asked:
                    self._asked = True
                    self._ask()
                return
            self._way.write(self._chunk())
            self._since = self._loop.time()

    def _chunk(self) -> bytes:
        frames: list[bytes] = []
        size = 0
        while self._queue and size < CHUNK:
            frames.append(self._queue.popleft())
            size += len(frames[-1])
        self._size -= size
        if not self._queue:
            self._room = OUTBOX_BYTES
        return b"".join(frames)


class Receiver(Protocol):
    """Who is sent what is published: a client's outbox, or a worker with many clients."""

    def put(self, frames: bytes) -> None:
        """Take frames; never waits."""
        ...

    def restart(self) -> None:
        """What was to be sent is lost: begin with the state as it is."""
        ...


class Fanout:
    """Clients that are sent the same frames.

    Attributes:
        sent: frames, to all clients together.
        sent_bytes: the same, in bytes.
        weight: how many clients there are, those behind workers included.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._receivers: set[Receiver] = set()
        self._pending: list[bytes] = []
        self.sent = self.sent_bytes = 0
        self.weight = 0

    def __len__(self) -> int:
        return len(self._receivers)

    def add(self, outbox: Outbox, frames: Iterable[bytes] | None = None) -> None:
        """One more client; its first frames, None for a snapshot, are followed by all that is published from now on."""
        self.follow(outbox)
        outbox.begin(frames)

    def follow(self, receiver: Receiver) -> None:
        """Send it what is published from now on."""
        self.flush()
        self._receivers.add(receiver)
        self.weight += 1

    def unfollow(self, receiver: Receiver) -> None:
        """It has left; one that never came may leave as well."""
        if receiver in self._receivers:
            self._receivers.discard(receiver)
            self.weight -= 1

    def publish(self, frames: Iterable[bytes]) -> None:
        """Send frames to all, at the end of this turn of the event loop."""
        if not self._receivers:
            return
        if not self._pending:
            self._loop.call_soon(self.flush)
        self._pending += frames

    def restart(self) -> None:
        """What was to be sent is lost: send everybody the state as it is."""
        self._pending.clear()
        for receiver in tuple(self._receivers):
            receiver.restart()

    def flush(self) -> None:
        """Send what is pending now."""
        if not self._pending:
            return
        frames = b"".join(self._pending)
        self.sent += len(self._pending) * self.weight
        self.sent_bytes += len(frames) * self.weight
        self._pending.clear()
        for receiver in tuple(self._receivers):  # a write may end a connection, and with it an outbox
            receiver.put(frames)
