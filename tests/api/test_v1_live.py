"""`karttime.v1` over a real connection, followed by the reference client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from karttime.api import fanout as fanouts
from karttime.api.limits import LIMITS
from karttime.api.link import Link
from karttime.client.fold import fold
from karttime.client.stream import Health, HealthChanged, Shown, Stream, StreamOptions
from karttime.domain.updates import Cell, CellsChanged, Update
from karttime.errors import SourceError

from .conftest import START, Venue, kart, lap, opening, outbox, serving, until
from .stage import shown

AT_ONCE = StreamOptions(first_wait_s=0.001, max_wait_s=0.001)
V1 = "?format=karttime.v1"


class Follower:
    """The reference client at work, and what it was told."""

    def __init__(self, venue: Venue, circuit: str = "hill") -> None:
        self.stream = Stream(f"ws://{venue.address}/circuits/{circuit}/live", AT_ONCE)
        self.steps: list[Shown] = []
        self.health: list[Health] = []

    @property
    def seq(self) -> int:
        return self.stream.state.seq if self.stream.state else -1

    @property
    def laps(self) -> list[int]:
        return [told["time_ms"] for step in self.steps for told in step.message.get("laps", ())]

    async def run(self) -> None:
        async with aclosing(aiter(self.stream)) as steps:
            async for step in steps:
                match step:
                    case Shown():
                        self.steps.append(step)
                    case HealthChanged(health):
                        self.health.append(health)

    def sees(self, venue: Venue) -> bool:
        """It knows what the server knows."""
        state, channel = self.stream.state, venue.service._channels["hill"]
        if state is None or (state.epoch, state.seq) != (channel.v1.epoch, channel.v1.seq):
            return False
        assert (state.session, dict(state.competitors)) == shown(channel.hub.session)
        return True


@asynccontextmanager
async def following(venue: Venue, count: int = 1) -> AsyncIterator[list[Follower]]:
    """Reference clients that follow `hill`, all of them connected."""
    followers = [Follower(venue) for _ in range(count)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(follower.run()) for follower in followers]
        await until(lambda: all(follower.stream.state for follower in followers))
        yield followers
        for task in tasks:
            task.cancel()


def links(venue: Venue) -> list[Link]:
    """The connections of all who watch `hill` now."""
    ways = [outbox(client)._way for client in venue.service._channels["hill"]._clients]
    return [way for way in ways if isinstance(way, Link)]


def some_lap(number: int) -> tuple[Update, ...]:
    """The lap that takes `40_000 + number` ms."""
    return lap(START + number, f"0:{(40_000 + number) / 1000:.3f}", 40_000 + number)


@pytest.mark.parametrize("how", ["query", "subprotocol"])
async def test_the_stream_is_chosen_by_name(venue: Venue, how: str) -> None:
    """A snapshot, the way to the timing system, then patches; nothing of the other formats."""
    await venue.publish(*opening())
    options: dict[str, Any] = {} if how == "query" else {"subprotocols": ["karttime.v1"]}
    async with venue.watch(V1 if how == "query" else "", **options) as watcher:
        assert [(await watcher.next())["type"] for _ in range(2)] == ["snapshot", "status_update"]
        await venue.publish(*some_lap(1))
        patch = await watcher.next()
    assert (patch["type"], patch["seq"], patch["laps"][0]["time_ms"]) == ("patch", 2, 40_001)


async def test_the_client_sees_what_the_server_knows(venue: Venue) -> None:
    """From before the first session, over a new one, without a hole."""
    async with following(venue) as [viewer]:
        await venue.publish(*opening())
        for n in range(5):
            await venue.publish(*some_lap(n))
        await venue.publish(*opening(("7",), session="2"))
        await until(lambda: viewer.sees(venue))
    assert [step.gapless for step in viewer.steps] == [False] + [True] * 7
    assert viewer.laps == [40_000 + n for n in range(5)]


async def test_a_dropped_connection_is_taken_up_where_it_ended(venue: Venue) -> None:
    """What was published meanwhile comes, once, in order; the state was kept."""
    await venue.publish(*opening())
    async with following(venue) as [viewer]:
        for n in range(30):
            if n % 10 == 5:
                await until(lambda: viewer.sees(venue) and bool(links(venue)))
                links(venue)[0].abort()
            await venue.publish(*some_lap(n))
        await until(lambda: viewer.sees(venue))
    assert viewer.stream.drops == 3
    assert viewer.laps == [40_000 + n for n in range(30)]
    assert [step.gapless for step in viewer.steps] == [False] + [True] * 30
    assert Health.LOST in viewer.health


@pytest.mark.parametrize(
    "query", ["&epoch=x&seq=0", "&epoch=EPOCH&seq=99", "&epoch=EPOCH&seq=-1", "&seq=1", "&epoch=EPOCH"]
)
async def test_a_resume_that_cannot_be_says_so(venue: Venue, query: str) -> None:
    """A snapshot with `recovered` false; never an error, never a guess."""
    await venue.publish(*opening())
    async with venue.watch(V1) as first:
        epoch = (await first.next())["epoch"]
        async with venue.watch(V1 + query.replace("EPOCH", epoch)) as watcher:
            message = await watcher.next()
    assert (message["type"], message["recovered"], message["epoch"]) == ("snapshot", False, epoch)


async def test_a_resume_is_exactly_what_was_missed(venue: Venue) -> None:
    """On the wire: `resumed`, the messages after the position, and how the timing system is."""
    await venue.publish(*opening())
    async with venue.watch(V1) as first:
        snapshot = await first.next()
        for n in range(4):
            await venue.publish(*some_lap(n))
        async with venue.watch(f"{V1}&epoch={snapshot['epoch']}&seq=3") as watcher:
            messages = [await watcher.next() for _ in range(4)]
    assert [(it["type"], it.get("seq")) for it in messages] == [
        ("resumed", 3), ("patch", 4), ("patch", 5), ("status_update", None)
    ]  # fmt: skip
    assert messages[0]["recovered"] is True


async def test_a_slow_client_is_conflated_to_the_same_state(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its backlog gives way to one snapshot that says so; folding on gives what everybody sees."""
    monkeypatch.setattr(fanouts, "OUTBOX_BYTES", 1000)
    await venue.publish(*opening())
    async with venue.watch(V1) as watcher:
        state = fold(None, await watcher.next())
        await watcher.next("status_update")
        [link] = links(venue)
        link.pause_writing()
        for n in range(9):
            await venue.publish(*some_lap(n))
        await until(lambda: outbox(next(iter(venue.service._channels["hill"]._clients))).due)
        link.resume_writing()
        message = await watcher.next()
        assert (message["type"], message["conflated"], message["seq"]) == ("snapshot", True, 10)
        state = fold(state, message)
        await venue.publish(*some_lap(10))
        state = fold(state, await watcher.next("patch"))
    assert state is not None
    assert (state.session, dict(state.competitors)) == shown(venue.service.engine.hub("hill").session)


async def test_a_storm_of_reconnects_loses_nothing_silently(venue: Venue) -> None:
    """All clients dropped at once, again and again, while laps are published: no hole, no repetition, nobody left."""
    await venue.publish(*opening())
    total = 0
    async with following(venue, 40) as viewers:
        for _ in range(5):
            for n in range(20):
                if n == 10:
                    for link in links(venue):
                        link.abort()
                await venue.publish(*some_lap(total))
                total += 1
            await until(lambda: all(viewer.sees(venue) for viewer in viewers))
    for viewer in viewers:
        assert viewer.stream.drops >= 5
        assert [step.gapless for step in viewer.steps[1:]] == [True] * total
        assert viewer.laps == [40_000 + n for n in range(total)]
    await until(lambda: venue.service.clients == 0)
    assert venue.service._channels["hill"].hub.subscribers == 0


async def test_health_and_age_are_told(venue: Venue) -> None:
    """Live while data arrives; stale when the timing system is lost, with the reason; the connection stays."""
    async with following(venue) as [viewer]:
        await venue.publish(*opening())
        await until(lambda: viewer.stream.health is Health.LIVE)
        age = viewer.stream.data_age_ms()
        assert age is not None
        assert age < 5000
        await venue.lose("the timing system went away")
        await until(lambda: viewer.stream.health is Health.STALE)
        assert "went away" in viewer.stream.reason
        assert viewer.stream.drops == 0


async def test_an_unknown_circuit_ends_the_client(venue: Venue) -> None:
    """Trying again would not help."""
    with pytest.raises(SourceError, match="unknown circuit"):
        await Follower(venue, "nowhere").run()


async def test_patches_are_small(venue: Venue) -> None:
    """One cell of one of forty karts: a hundred bytes or so, where a whole board is thousands."""
    karts = tuple(str(100 + n) for n in range(40))
    await venue.publish(*opening(karts))
    async with venue.watch(V1) as watcher:
        whole = len(orjson.dumps(await watcher.next()))
        await watcher.next("status_update")
        await venue.publish(CellsChanged(START, {kart("107"): {7: Cell("", "1.234")}}))
        patch = await watcher.next()
    assert patch["competitors"] == {"107": {"gap": 1234}}
    assert len(orjson.dumps(patch)) < 120
    assert whole > 3000


async def test_compressed_clients_see_the_same(tmp_path: Path) -> None:
    """Every format, from the first message on; what is small stays as it is."""
    async with serving(tmp_path, limits=replace(LIMITS, deflate=True)) as venue:
        karts = tuple(str(100 + n) for n in range(40))
        await venue.publish(*opening(karts))
        async with (
            venue.watch("?format=both") as plain,
            venue.watch("?format=both", compression="deflate") as packed,
            following(venue) as [viewer],
        ):
            seen: list[list[Any]] = []
            for watcher in (plain, packed):
                seen.append([await watcher.next() for _ in range(42)])  # noqa: PERF401 - in turn
            assert seen[0][:41] == seen[1][:41]
            for n in range(5):
                await venue.publish(*lap(START + n, f"1:0{n}.131", 60_131 + n, "107"))
            for _ in range(5):
                told = [[await watcher.next() for _ in range(2)] for watcher in (plain, packed)]
                assert told[0] == told[1]
            await until(lambda: viewer.sees(venue))
            groups = venue.service._channels["hill"]._fanouts
            assert {group.deflate for group, fanout in groups.items() if len(fanout)} == {False, True}
