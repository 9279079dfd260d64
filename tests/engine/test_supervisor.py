import asyncio
import logging

import pytest

from karttime.engine.backoff import BackoffOptions
from karttime.engine.supervisor import Supervisor, shielded

from .conftest import Eventually, HandClock

PLAIN = BackoffOptions(1, 60, jitter=0)


def ignore(_error: Exception, _wait: float) -> None:
    pass


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_job_that_raises_is_logged_with_traceback_told_and_started_again(
    hand_clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    runs = 0
    told: list[tuple[str, float]] = []

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs < 4:
            raise RuntimeError(f"bug {runs}")

    async with Supervisor(backoff=PLAIN, clock=hand_clock.clock) as supervisor:
        job = supervisor.start("job", run, lambda error, wait: told.append((str(error), wait)))
        await asyncio.wait({job.task})
    assert job.done
    assert told == [("bug 1", 1), ("bug 2", 2), ("bug 3", 4)]
    assert hand_clock.slept == [1, 2, 4]
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 3
    assert all(record.exc_info for record in errors)


async def test_a_job_that_ran_well_for_a_minute_starts_with_short_waits_again(hand_clock: HandClock) -> None:
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        hand_clock.advance(61 if runs == 3 else 0)
        if runs < 5:
            raise RuntimeError

    async with Supervisor(backoff=PLAIN, clock=hand_clock.clock) as supervisor:
        await asyncio.wait({supervisor.start("job", run, ignore).task})
    assert hand_clock.slept == [1, 2, 1, 2]


async def test_one_failing_job_does_not_disturb_another(hand_clock: HandClock) -> None:
    async def fail() -> None:
        raise RuntimeError

    async def work() -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async with Supervisor(clock=hand_clock.clock) as supervisor:
        supervisor.start("bad", fail, ignore)
        good = supervisor.start("good", work, ignore)
        await asyncio.wait({good.task})
        assert not good.task.cancelled()


async def test_stop_waits_until_the_job_is_gone(eventually: Eventually) -> None:
    steps: list[str] = []

    async def run() -> None:
        steps.append("began")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            steps.append("ended")

    async with Supervisor() as supervisor:
        job = supervisor.start("job", run, ignore)
        await eventually(lambda: bool(steps))
        await supervisor.stop(job)
        assert steps == ["began", "ended"]
        assert job.done


async def test_a_job_that_waits_to_start_again_can_be_stopped() -> None:
    told = asyncio.Event()

    async def fail() -> None:
        raise RuntimeError

    async with Supervisor(backoff=BackoffOptions(3600)) as supervisor:
        job = supervisor.start("job", fail, lambda _error, _wait: told.set())
        await told.wait()
        assert not job.done
        await supervisor.stop(job)
        assert job.done


async def test_leaving_stops_all_and_lets_the_error_of_the_body_pass_as_it_is() -> None:
    jobs = []

    async def body() -> None:
        async with Supervisor() as supervisor:
            jobs.extend([supervisor.start("job", forever, ignore) for _ in range(3)])
            await asyncio.sleep(0)
            raise KeyError

    with pytest.raises(KeyError):
        await body()
    assert all(job.done for job in jobs)


async def test_being_cancelled_stops_all() -> None:
    jobs = []
    inside = asyncio.Event()

    async def body() -> None:
        async with Supervisor() as supervisor:
            jobs.append(supervisor.start("job", forever, ignore))
            inside.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(body())
        await inside.wait()
        task.cancel()
    assert task.cancelled()
    assert jobs[0].done


def test_shielded_says_whether_the_call_went_well(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []
    assert shielded(seen.append, 1)
    assert not shielded(lambda value: value / 0, 1)
    assert seen == [1]
    assert caplog.records[0].exc_info
