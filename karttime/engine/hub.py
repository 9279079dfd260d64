"""Fan-out of one circuit: snapshots and publications to subscribers and taps; the collector never waits for them.

Two ways to listen:

* `subscribe()` for a consumer with a task of its own. Its mailbox is bounded. The first item is `Current`, made when
  it is read and followed by exactly what comes after it. A mailbox that runs full drops its backlog; the next item is
  then a `Resync` with the state as it is when that item is read (newest wins).
* `add_tap()` for a consumer in the collector's own step, which encodes once for many clients: it is called with
  every publication, in order, while the session stands exactly at that publication. `current()` in the same step gives
  the matching snapshot. A tap must be quick and should guard itself; one that raises is logged and counted, and neither
  the collector nor the other taps notice.

`Publication.session` is the live session. In a tap it is exactly the state after `seq`; a subscriber that lags sees
values that are newer, and the same state as everybody once it has caught up.
Everything happens on the event loop's thread.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from karttime.domain.session import Change, Session
from karttime.domain.view import Snapshot, snapshot
from karttime.engine.status import CollectorState, StatusPublication
from karttime.engine.supervisor import shielded
from karttime.feeds.frame import Frame


@dataclass(frozen=True, slots=True)
class Publication:
    """What one frame changed.

    Frames that change nothing (keep-alives, refused ones) make no publication.

    Attributes:
        seq: grows by one with each publication of an epoch, from 1.
        at: time of the frame, ms UTC.
        changes: at least one, in order.
        session: the session after the changes, live.
        frame: what was received.
    """

    seq: int
    at: int
    changes: tuple[Change, ...]
    session: Session | None
    frame: Frame


@dataclass(frozen=True, slots=True)
class Current:
    """The state as it is: continue with publications after `seq`.

    Attributes:
        epoch: changes when continuity is broken; a `seq` means nothing without it.
        seq: the last publication that is contained; 0 before the first.
        session: the live session, None before the first.
        state: its fields at `seq`, a copy; None before the first session.
        status: the last status.
    """

    epoch: str
    seq: int
    session: Session | None
    state: Snapshot | None
    status: StatusPublication


@dataclass(frozen=True, slots=True)
class Resync:
    """The subscriber was too slow: `dropped` items are gone, `current` replaces them."""

    current: Current
    dropped: int


HubItem = Publication | StatusPublication
SubscriptionItem = Current | Resync | Publication | StatusPublication
Tap = Callable[[HubItem], None]


class Subscription:
    """One bounded mailbox, read by one task: an asynchronous iterator, and a context manager that unsubscribes."""

    def __init__(self, hub: "Hub", size: int) -> None:
        self._hub = hub
        self._size = size
        self._items: deque[HubItem] = deque()
        self._behind: int | None = 0
        self._greeted = False
        self._closed = False
        self._ready = asyncio.Event()
        self._ready.set()

    @property
    def backlog(self) -> int:
        """How many items wait."""
        return len(self._items)

    def put(self, item: HubItem) -> None:
        """For the hub: take an item in without waiting."""
        if self._behind is not None:  # the snapshot that is due will contain it
            self._behind += 1
            return
        if len(self._items) >= self._size:
            self._behind = len(self._items) + 1
            self._items.clear()
        else:
            self._items.append(item)
        self._ready.set()

    async def __anext__(self) -> SubscriptionItem:
        await self._ready.wait()
        if self._closed:
            raise StopAsyncIteration
        if self._behind is not None:
            return self._snapshot(self._behind)
        item = self._items.popleft()
        if not self._items:
            self._ready.clear()
        return item

    def _snapshot(self, dropped: int) -> Current | Resync:
        self._behind = None
        self._ready.clear()
        current = self._hub.current()
        if self._greeted:
            return Resync(current, dropped)
        self._greeted = True
        return current

    def __aiter__(self) -> Self:
        return self

    def close(self) -> None:
        """Unsubscribe; a reader that waits is woken and ends."""
        self._closed = True
        self._items.clear()
        self._ready.set()
        self._hub.drop(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Hub:
    """Fan-out of one circuit. It outlives its collector's stops and starts, so listeners stay where they are.

    Attributes:
        circuit_id: whose.
        epoch: random; changes when continuity is broken.
        seq: of the last publication, 0 before the first.
        session: the running session, live; None before the first.
        status: the last status that was published.
        tap_failures: how often a tap raised.
    """

    def __init__(self, circuit_id: str, *, mailbox: int = 256) -> None:
        self.circuit_id = circuit_id
        self.epoch = secrets.token_hex(4)
        self.seq = 0
        self.session: Session | None = None
        self.status = StatusPublication(0, CollectorState.STOPPED)
        self.tap_failures = 0
        self._mailbox = mailbox
        self._subscriptions: set[Subscription] = set()
        self._taps: dict[object, Tap] = {}

    @property
    def subscribers(self) -> int:
        """How many subscriptions are open."""
        return len(self._subscriptions)

    def subscribe(self, *, mailbox: int | None = None) -> Subscription:
        """A new mailbox; its first item is `Current`."""
        subscription = Subscription(self, mailbox or self._mailbox)
        self._subscriptions.add(subscription)
        return subscription

    def drop(self, subscription: Subscription) -> None:
        """For `Subscription.close`."""
        self._subscriptions.discard(subscription)

    def add_tap(self, tap: Tap) -> Callable[[], None]:
        """Call `tap` with every publication from now on; call what is returned to end that (any number of times)."""
        key = object()
        self._taps[key] = tap
        return lambda: self._forget(key)

    def current(self) -> Current:
        """The state as it is now."""
        session = self.session
        state = None if session is None else snapshot(session)
        return Current(self.epoch, self.seq, session, state, self.status)

    def publish(self, changes: tuple[Change, ...], session: Session | None, frame: Frame) -> Publication:
        """For the collector: what a frame changed."""
        self.seq += 1
        self.session = session
        publication = Publication(self.seq, frame.at, changes, session, frame)
        self._send(publication)
        return publication

    def publish_status(self, status: StatusPublication) -> None:
        """For the collector: the way to the timing system changed."""
        self.status = status
        self._send(status)

    def _forget(self, key: object) -> None:
        self._taps.pop(key, None)

    def _send(self, item: HubItem) -> None:
        for tap in tuple(self._taps.values()):
            if not shielded(tap, item):
                self.tap_failures += 1
        for subscription in self._subscriptions:
            subscription.put(item)

    def close(self) -> None:
        """End every subscription and forget the taps."""
        self._taps.clear()
        for subscription in tuple(self._subscriptions):
            subscription.close()
