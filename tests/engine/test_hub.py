"""Subscriptions and taps: no gap, no waiting, newest wins."""

import asyncio
import random
from collections.abc import Callable

import pytest

from karttime.domain.logbook import Logbook
from karttime.domain.session import Session
from karttime.domain.view import Snapshot, delta, fold, snapshot
from karttime.engine.hub import Current, Hub, HubItem, Publication, Resync, Subscription, SubscriptionItem
from karttime.engine.status import CollectorState, StatusPublication
from karttime.feeds.base import Rejection
from karttime.feeds.frame import Frame

from .conftest import WordDecoder

Make = Callable[[str], Frame]
LIVE = StatusPublication(1, CollectorState.LIVE, timing_connected=True)


class Feed:
    """What a collector does, by hand."""

    def __init__(self, hub: Hub, frame: Make) -> None:
        self.hub = hub
        self.logbook = Logbook()
        self._decoder = WordDecoder()
        self._frame = frame

    def send(self, text: str) -> None:
        frame = self._frame(text)
        facts = [fact for fact in self._decoder.feed(frame) if not isinstance(fact, Rejection)]
        changes = [change for fact in facts if (change := self.logbook.apply(fact)).session_id is not None]
        if changes:
            self.hub.publish(tuple(changes), self.logbook.current, frame)

    @property
    def session(self) -> Session:
        assert self.logbook.current is not None
        return self.logbook.current


class Copy:
    """A client's copy of the state: replaced by snapshots, folded with what follows."""

    def __init__(self) -> None:
        self.state = Snapshot()
        self.seq = -1
        self.statuses: list[StatusPublication] = []

    def take(self, item: SubscriptionItem | HubItem) -> None:
        match item:
            case Current() | Resync():
                current = item if isinstance(item, Current) else item.current
                self.state, self.seq = current.state or Snapshot(), current.seq
            case Publication():
                assert item.seq == self.seq + 1, "a gap"
                self.seq = item.seq
                self._fold(item)
            case StatusPublication():
                self.statuses.append(item)

    def _fold(self, item: Publication) -> None:
        assert item.session is not None
        for change in item.changes:
            if change.snapshot:
                self.state = snapshot(item.session)
            else:
                fold(self.state, delta(item.session, change))


@pytest.fixture
def hub() -> Hub:
    return Hub("hill", mailbox=8)


@pytest.fixture
def feed(hub: Hub, frame: Make) -> Feed:
    return Feed(hub, frame)


async def drained(subscription: Subscription) -> list[SubscriptionItem]:
    items = []
    try:
        async with asyncio.timeout(0.02):
            while True:
                items.append(await anext(subscription))
    except TimeoutError:
        return items


async def test_before_the_first_session_the_state_is_empty(hub: Hub) -> None:
    first = await anext(hub.subscribe())
    assert isinstance(first, Current)
    assert (first.seq, first.session, first.state) == (0, None, None)
    assert first.status.state is CollectorState.STOPPED


async def test_a_subscriber_begins_with_the_state_and_goes_on_with_what_follows(hub: Hub, feed: Feed) -> None:
    feed.send("session one")
    feed.send("last 1 61.000")
    async with hub.subscribe() as subscription:
        first = await anext(subscription)
        assert isinstance(first, Current)
        assert first.seq == 2
        assert first.state == snapshot(feed.session)
        feed.send("last 2 62.000")
        hub.publish_status(LIVE)
        second, third = await anext(subscription), await anext(subscription)
    assert isinstance(second, Publication)
    assert second.seq == 3
    assert second.frame.text == "last 2 62.000"
    assert third == LIVE


async def test_the_state_is_that_of_the_moment_it_is_read(hub: Hub, feed: Feed) -> None:
    """What is published between subscribing and reading is contained in the state, and does not follow again."""
    subscription = hub.subscribe()
    feed.send("session one")
    feed.send("last 1 61.000")
    items = await drained(subscription)
    assert [type(item) for item in items] == [Current]
    assert isinstance(items[0], Current)
    assert items[0].seq == 2
    assert items[0].status is hub.status


async def test_the_state_is_a_copy(hub: Hub, feed: Feed) -> None:
    feed.send("session one")
    first = hub.current()
    feed.send("last 1 61.000")
    assert first.state is not None
    assert first.state.competitors != snapshot(feed.session).competitors


async def test_a_slow_subscriber_is_told_to_resync_and_loses_nothing_that_counts(hub: Hub, feed: Feed) -> None:
    slow = hub.subscribe(mailbox=4)
    copy = Copy()
    feed.send("session one")
    copy.take(await anext(slow))
    for number in range(100):
        feed.send(f"last 1 1:{number % 60:02d}.000")
        assert slow.backlog <= 4
    items = await drained(slow)
    assert len(items) == 1
    assert isinstance(items[0], Resync)
    assert items[0].dropped == 100
    copy.take(items[0])
    assert copy.state == snapshot(feed.session)
    feed.send("last 2 59.000")
    for item in await drained(slow):
        copy.take(item)
    assert copy.state == snapshot(feed.session)


async def test_a_full_mailbox_is_still_in_order(hub: Hub, feed: Feed) -> None:
    subscription = hub.subscribe(mailbox=4)
    feed.send("session one")
    await anext(subscription)
    for _ in range(4):
        feed.send("last 1 61.000")
    items = await drained(subscription)
    assert [item.seq for item in items if isinstance(item, Publication)] == [2, 3, 4, 5]


async def test_a_slow_subscriber_does_not_touch_the_others(hub: Hub, feed: Feed) -> None:
    slow, quick = hub.subscribe(mailbox=2), hub.subscribe(mailbox=2)
    feed.send("session one")
    await anext(slow)
    await anext(quick)
    for number in range(20):
        feed.send("last 1 61.000")
        item = await anext(quick)
        assert isinstance(item, Publication)
        assert item.seq == number + 2
    assert isinstance(await anext(slow), Resync)


@pytest.mark.parametrize("seed", range(12))
async def test_whenever_a_subscriber_has_caught_up_its_copy_is_the_state(hub: Hub, frame: Make, seed: int) -> None:
    """Readers of every speed, joining at any time, against sessions, boards, cells and laps; taps are exact."""
    chance = random.Random(seed)
    feed = Feed(hub, frame)
    exact = Copy()
    exact.take(hub.current())

    def tap(item: HubItem) -> None:
        exact.take(item)
        if isinstance(item, Publication):
            assert exact.state == snapshot(feed.session)

    hub.add_tap(tap)
    checked = 0

    async def read(mailbox: int, pause: float) -> None:
        nonlocal checked
        copy = Copy()
        async with hub.subscribe(mailbox=mailbox) as subscription:
            async for item in subscription:
                copy.take(item)
                if not subscription.backlog and copy.seq == hub.seq:
                    assert copy.state == (snapshot(feed.session) if feed.logbook.sessions else Snapshot())
                    checked += 1
                if chance.random() < pause:
                    await asyncio.sleep(chance.random() / 500)

    async with asyncio.TaskGroup() as tasks:
        for number in range(12):
            tasks.create_task(read(chance.choice([1, 2, 8, 64]), number / 12))
            for _ in range(chance.randrange(30)):
                feed.send(_anything(chance))
                if chance.random() < 0.3:
                    await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        hub.close()
    assert hub.tap_failures == 0
    assert checked > 12


def _anything(chance: random.Random) -> str:
    competitor = chance.choice("12")
    return chance.choice(
        [
            f"session {chance.randrange(3)}",
            "board 1 2 3",
            "board 2",
            *[f"last {competitor} {chance.randrange(50, 70)}.{chance.randrange(1000):03d}"] * 8,
            *[f"lap {competitor} {chance.randrange(50_000, 70_000)}"] * 4,
        ]
    )


async def test_taps_see_everything_in_order_and_the_state_exactly_then(hub: Hub, feed: Feed) -> None:
    seen: list[int] = []

    def tap(item: HubItem) -> None:
        if isinstance(item, Publication):
            seen.append(item.seq)
            assert hub.current().seq == item.seq
            assert hub.current().state == snapshot(feed.session)

    remove = hub.add_tap(tap)
    feed.send("session one")
    feed.send("last 1 61.000")
    remove()
    remove()
    feed.send("last 1 62.000")
    assert seen == [1, 2]
    assert hub.tap_failures == 0


async def test_a_tap_that_raises_is_counted_and_disturbs_nobody(
    hub: Hub, feed: Feed, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[HubItem] = []

    def bad(_item: HubItem) -> None:
        raise RuntimeError("a bug of a listener")

    hub.add_tap(bad)
    hub.add_tap(seen.append)
    subscription = hub.subscribe()
    await anext(subscription)
    feed.send("session one")
    assert len(seen) == 1
    assert isinstance(await anext(subscription), Publication)
    assert hub.tap_failures == 1
    assert caplog.records[0].exc_info


async def test_a_tap_may_remove_itself_and_add_another(hub: Hub, feed: Feed) -> None:
    seen: list[str] = []

    def once(_item: HubItem) -> None:
        seen.append("once")
        remove()
        hub.add_tap(lambda _: seen.append("next"))

    remove = hub.add_tap(once)
    feed.send("session one")
    feed.send("last 1 61.000")
    assert seen == ["once", "next"]


async def test_adding_a_tap_twice_calls_it_twice_until_each_is_removed(hub: Hub) -> None:
    seen: list[HubItem] = []
    first, second = hub.add_tap(seen.append), hub.add_tap(seen.append)
    hub.publish_status(LIVE)
    first()
    hub.publish_status(LIVE)
    second()
    hub.publish_status(LIVE)
    assert len(seen) == 3


async def test_closing_wakes_and_ends_a_waiting_reader(hub: Hub) -> None:
    async def read() -> list[SubscriptionItem]:
        return [item async for item in hub.subscribe()]

    async with asyncio.timeout(1), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(read())
        await asyncio.sleep(0.01)
        assert hub.subscribers == 1
        hub.close()
    assert len(task.result()) == 1
    assert hub.subscribers == 0


async def test_a_closed_subscription_gets_nothing_and_costs_nothing(hub: Hub, feed: Feed) -> None:
    async with hub.subscribe() as subscription:
        await anext(subscription)
    feed.send("session one")
    assert subscription.backlog == 0
    with pytest.raises(StopAsyncIteration):
        await anext(subscription)


async def test_each_hub_has_an_epoch_of_its_own() -> None:
    assert len({Hub("hill").epoch for _ in range(20)}) == 20
