"""Token buckets, and what of a flood is let in when."""

import asyncio

import pytest

from karttime.engine.budget import Account, Bucket, Budget
from karttime.engine.intake import SLICE, Intake


def test_a_bucket_lets_a_burst_through_then_the_rate() -> None:
    bucket = Bucket(rate=10, burst=20, now=0.0)
    assert bucket.spend(20, 0.0) == 0
    assert bucket.spend(5, 0.0) == pytest.approx(0.5)
    assert bucket.spend(0, 0.5) == 0
    assert bucket.spend(1, 0.5) == pytest.approx(0.1)


def test_a_bucket_does_not_save_up_beyond_its_burst() -> None:
    bucket = Bucket(rate=10, burst=20, now=0.0)
    assert bucket.spend(20, 1000.0) == 0
    assert bucket.spend(10, 1000.0) == pytest.approx(1.0)


def test_the_account_names_the_limit_that_makes_it_wait() -> None:
    account = Account(Budget(messages_per_s=10, bytes_per_s=1000, burst_s=1), 0.0)
    assert account.spend(10, 100, 0.0) == 0
    assert account.fault == ""
    assert account.spend(1, 100, 0.0) == pytest.approx(0.1)
    assert account.fault == "more than 10 messages a second"
    assert account.spend(0, 2800, 1.0) == pytest.approx(1.8)
    assert account.fault == "more than 1000 bytes a second"


class Pausable(asyncio.Transport):
    """Remembers whether it is paused; pausing twice is a mistake."""

    def __init__(self) -> None:
        super().__init__()
        self.paused = False

    def pause_reading(self) -> None:
        assert not self.paused
        self.paused = True

    def resume_reading(self) -> None:
        assert self.paused
        self.paused = False


class Rig:
    """An intake whose messages are single bytes."""

    def __init__(self, budget: Budget) -> None:
        self.transport = Pausable()
        self.taken: list[bytes] = []
        self.intake = Intake(self.transport, self._deliver, budget)
        self.hold_at = -1

    def _deliver(self, data: bytes) -> int:
        self.taken.append(data)
        if len(self.taken) == self.hold_at:
            self.intake.hold()
        return len(data)

    @property
    def size(self) -> int:
        return sum(map(len, self.taken))


async def test_what_is_within_the_budget_is_handed_over_at_once() -> None:
    rig = Rig(Budget(10_000, 10_000, 10))
    rig.intake.take(b"x" * 5000)
    assert (rig.size, rig.transport.paused, rig.intake.overdrawn_at) == (5000, False, None)
    assert max(map(len, rig.taken)) == SLICE


async def test_what_is_beyond_waits_and_the_transport_is_paused() -> None:
    """In order, complete, and no faster than allowed."""
    rig = Rig(Budget(20_000, 1 << 30, 0.05))
    data = bytes(range(256)) * 20
    began = asyncio.get_running_loop().time()
    rig.intake.take(data)
    assert rig.transport.paused
    assert rig.size < len(data)
    assert rig.intake.overdrawn_at is not None
    while rig.transport.paused:  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.01)
    assert b"".join(rig.taken) == data
    assert asyncio.get_running_loop().time() - began >= 0.15


async def test_a_consumer_that_has_enough_stops_it_in_the_middle() -> None:
    rig = Rig(Budget(1 << 30, 1 << 30))
    rig.hold_at = 2
    rig.intake.take(b"x" * 10 * SLICE)
    await asyncio.sleep(0.01)
    assert (len(rig.taken), rig.transport.paused, rig.intake.idle) == (2, True, False)
    rig.intake.release()
    assert len(rig.taken) == 2, "never inside the consumer's own call"
    await asyncio.sleep(0.01)
    assert (len(rig.taken), rig.transport.paused) == (10, False)


async def test_others_have_their_turn_within_a_long_hand_over() -> None:
    """The protocol is slow: the event loop turns in between."""
    rig = Rig(Budget(1 << 30, 1 << 30))
    loop = asyncio.get_running_loop()

    def slow(data: bytes) -> int:
        until = loop.time() + 0.004
        while loop.time() < until:
            pass
        rig.taken.append(data)
        return 1

    intake = Intake(rig.transport, slow, Budget(1 << 30, 1 << 30))
    intake.take(b"x" * 10 * SLICE)
    turns = 0
    while rig.transport.paused:
        turns += 1
        await asyncio.sleep(0)
    assert turns >= 4
    assert len(rig.taken) == 10


async def test_the_rest_is_handed_over_at_the_end_and_dropped_after_a_cut() -> None:
    for finish in (True, False):
        rig = Rig(Budget(SLICE, 1 << 30, 1))
        rig.intake.take(b"x" * 3 * SLICE)
        assert rig.size == 2 * SLICE
        if finish:
            rig.intake.finish()
        rig.intake.close()
        await asyncio.sleep(0.01)
        assert rig.size == (3 if finish else 2) * SLICE
