"""Fan-out to clients that read and clients that do not, without a network."""

import asyncio

import pytest

from karttime.api import fanout as module
from karttime.api.fanout import Fanout, Outbox


class Way:
    """A connection that the test makes busy."""

    deflate = False

    def __init__(self) -> None:
        self.busy = False
        self.writes: list[bytes] = []

    def write(self, frames: bytes) -> None:
        self.writes.append(frames)

    def close(self, code: int, reason: str = "") -> None:
        raise NotImplementedError


class Viewer:
    """A client with its outbox; snapshots are numbered."""

    def __init__(self, fanout: Fanout, first: list[bytes] | None = None) -> None:
        self.way = Way()
        self.snapshots = self.conflated = 0
        self.later = False
        self.outbox = Outbox(fanout, self.way, self._ask, self._conflate)
        fanout.add(self.outbox, first)

    def _ask(self) -> None:
        self.snapshots += 1
        if not self.later:
            self.refill()

    def refill(self) -> None:
        self.outbox.refill([b"S%d" % self.snapshots])

    def _conflate(self) -> None:
        self.conflated += 1


async def test_what_is_published_in_one_turn_leaves_in_one_write() -> None:
    """The very same bytes for everybody."""
    fanout = Fanout()
    viewers = [Viewer(fanout) for _ in range(3)]
    for frames in ([b"a", b"b"], [], [b"c"]):
        fanout.publish(frames)
    assert [viewer.way.writes for viewer in viewers] == [[b"S1"]] * 3
    await asyncio.sleep(0)
    fanout.publish([b"d"])
    await asyncio.sleep(0)
    assert [viewer.way.writes for viewer in viewers] == [[b"S1", b"abc", b"d"]] * 3
    assert viewers[0].way.writes[1] is viewers[1].way.writes[1]
    assert fanout.sent == 12


async def test_a_newcomer_gets_nothing_twice() -> None:
    """What is pending when it comes is in its first frames already."""
    fanout = Fanout()
    old = Viewer(fanout)
    fanout.publish([b"a"])
    new = Viewer(fanout, [b"m1", b"m2"])
    fanout.publish([b"b"])
    await asyncio.sleep(0)
    assert (old.way.writes, new.way.writes) == ([b"S1", b"a", b"b"], [b"m1m2", b"b"])


async def test_a_busy_client_gets_all_of_it_later_in_order() -> None:
    """A moment's delay loses nothing, and delays nobody."""
    fanout = Fanout()
    slow, quick = Viewer(fanout), Viewer(fanout)
    slow.way.busy = True
    for frame in (b"a", b"b", b"c"):
        fanout.publish([frame])
        await asyncio.sleep(0)
    assert (slow.way.writes, quick.way.writes) == ([b"S1"], [b"S1", b"a", b"b", b"c"])
    slow.way.busy = False
    slow.outbox.writable()
    fanout.publish([b"d"])
    await asyncio.sleep(0)
    assert slow.way.writes == [b"S1", b"abc", b"d"]
    assert slow.conflated == 0


@pytest.mark.parametrize("limit", ["OUTBOX_BYTES", "OUTBOX_AGE"])
async def test_a_backlog_that_is_too_big_or_old_gives_way_to_one_snapshot(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """Made when it can be sent, with what is pending then in it; counted."""
    monkeypatch.setattr(module, limit, -1)
    fanout = Fanout()
    slow = Viewer(fanout)
    slow.way.busy = True
    for frame in (b"a", b"b", b"c"):
        fanout.publish([frame])
        await asyncio.sleep(0)
    assert (slow.conflated, slow.snapshots, len(slow.outbox._queue)) == (1, 1, 0)
    slow.way.busy = False
    fanout.publish([b"d"])
    slow.outbox.writable()
    fanout.publish([b"e"])
    await asyncio.sleep(0)
    assert slow.way.writes == [b"S1", b"S2", b"e"]


async def test_a_snapshot_may_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for once; until it comes nothing is sent, and what is published after it follows it."""
    monkeypatch.setattr(module, "OUTBOX_BYTES", -1)
    fanout = Fanout()
    slow = Viewer(fanout)
    slow.later = slow.way.busy = True
    fanout.publish([b"a"])
    await asyncio.sleep(0)
    slow.way.busy = False
    slow.outbox.writable()
    slow.outbox.writable()
    fanout.publish([b"b"])
    slow.refill()
    fanout.publish([b"c"])
    await asyncio.sleep(0)
    assert (slow.snapshots, slow.way.writes) == (2, [b"S1", b"S2", b"c"])
    slow.refill()
    assert len(slow.way.writes) == 3, "a second one was not asked for"


async def test_after_a_loss_everybody_is_sent_the_state() -> None:
    """What was pending or waiting is in it; whoever is behind gets it later."""
    fanout = Fanout()
    quick, slow = Viewer(fanout), Viewer(fanout)
    slow.way.busy = True
    fanout.publish([b"a"])
    await asyncio.sleep(0)
    fanout.publish([b"b"])
    fanout.restart()
    await asyncio.sleep(0)
    assert quick.way.writes == [b"S1", b"a", b"S2"]
    slow.way.busy = False
    slow.outbox.writable()
    assert slow.way.writes == [b"S1", b"S2"]


async def test_a_long_first_answer_goes_out_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as the client reads, and what is published meanwhile comes after it."""
    monkeypatch.setattr(module, "CHUNK", 4)

    class Narrow(Way):
        def write(self, frames: bytes) -> None:
            super().write(frames)
            self.busy = True

    fanout = Fanout()
    way = Narrow()
    outbox = Outbox(fanout, way, lambda: None, lambda: None)
    fanout.add(outbox, [b"aaa", b"bbb", b"ccc"])
    fanout.publish([b"d"])
    await asyncio.sleep(0)
    assert way.writes == [b"aaabbb"]
    way.busy = False
    outbox.writable()
    assert way.writes == [b"aaabbb", b"cccd"]
    assert outbox._size == 0


async def test_who_has_left_is_sent_nothing() -> None:
    """Also when it leaves while the others are being sent something."""
    fanout = Fanout()
    viewers = [Viewer(fanout) for _ in range(3)]

    def leave(_frames: bytes) -> None:
        for viewer in viewers:
            fanout.unfollow(viewer.outbox)

    for viewer in viewers:
        viewer.way.write = leave  # type: ignore[method-assign,assignment]  # its first write ends all of them
    fanout.publish([b"a"])
    await asyncio.sleep(0)
    assert len(fanout) == 0
    fanout.publish([b"b"])
    assert not fanout._pending


async def test_what_a_client_missed_is_not_dropped_by_what_comes_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be more than a backlog holds; the usual bound is on what comes on top, and alone once that is sent."""
    monkeypatch.setattr(module, "OUTBOX_BYTES", 10)
    monkeypatch.setattr(module, "CHUNK", 8)
    fanout = Fanout()
    viewer = Viewer(fanout, [])
    viewer.way.busy = True
    fanout.unfollow(viewer.outbox)
    fanout.add(viewer.outbox, [b"missed-1", b"missed-2", b"missed-3"])
    fanout.publish([b"next"])
    await asyncio.sleep(0)
    assert viewer.conflated == 0
    viewer.way.busy = False
    viewer.outbox.writable()
    assert viewer.way.writes == [b"missed-1", b"missed-2", b"missed-3", b"next"]
    viewer.way.busy = True
    fanout.publish([b"0123456789!"])
    await asyncio.sleep(0)
    assert viewer.conflated == 1, "the usual bound"
