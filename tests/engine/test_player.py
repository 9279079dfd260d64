import asyncio
from functools import partial

from karttime.engine.player import PlayerSource
from karttime.engine.source import Connected, Connecting, Ended
from karttime.feeds.frame import Frame
from karttime.recording.pace import paced

from .conftest import BEGIN, HandClock, Take

FRAMES = [Frame(5_000, "a"), Frame(5_500, "b"), Frame(8_000, "c")]


async def test_frames_come_as_they_are_between_connected_and_ended(take: Take, hand_clock: HandClock) -> None:
    items = await take(PlayerSource(FRAMES, paced, clock=hand_clock.clock), Ended)
    assert items == [Connecting(1), Connected(), *FRAMES, Ended()]


async def test_it_waits_until_each_frame_is_due(take: Take, hand_clock: HandClock) -> None:
    await take(PlayerSource(FRAMES, partial(paced, speed=2.0), clock=hand_clock.clock), Ended)
    assert hand_clock.slept == [0.25, 1.25]


async def test_time_lost_in_one_wait_is_made_up_in_the_next(take: Take, hand_clock: HandClock) -> None:
    def late() -> list[tuple[int, Frame]]:
        hand_clock.advance(0.4)
        return [(500, FRAMES[0]), (600, FRAMES[1])]

    await take(PlayerSource(FRAMES, lambda _: late(), clock=hand_clock.clock), Ended)
    assert [round(wait, 3) for wait in hand_clock.slept] == [0.1, 0.1]


async def test_as_fast_as_possible_still_lets_other_tasks_run() -> None:
    many = [Frame(at, "x") for at in range(10_000)]
    turns = played = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(other())
        async for item in PlayerSource(many, partial(paced, speed=None)):
            played += isinstance(item, Frame)
        task.cancel()
    assert played == 10_000
    assert turns > 100


async def test_a_demonstration_is_stamped_with_the_present(take: Take, hand_clock: HandClock) -> None:
    items = await take(PlayerSource(FRAMES, paced, now=True, clock=hand_clock.clock), Ended)
    assert [item.at for item in items if isinstance(item, Frame)] == [BEGIN, BEGIN + 500, BEGIN + 3000]


async def test_a_collection_can_be_played_twice(take: Take, hand_clock: HandClock) -> None:
    source = PlayerSource(FRAMES, partial(paced, speed=None), clock=hand_clock.clock)
    assert await take(source, Ended) == await take(source, Ended)
