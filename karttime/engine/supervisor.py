"""The owner of the engine's tasks, and the one place of karttime that catches `Exception`.

What surfaces here is a bug of ours: it is logged with its traceback, counted, told to whom it concerns, and the job
starts again after a growing wait. A job that returns is done.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeVar

from karttime.engine.backoff import Backoff, BackoffOptions
from karttime.engine.clock import Clock

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_SOUND_S: Final = 60.0  # a job that ran this long before it failed starts with short waits again


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A supervised job."""

    name: str
    task: asyncio.Task[None]

    @property
    def done(self) -> bool:
        """Whether it has returned or was stopped; a job that waits to start again is not done."""
        return self.task.done()


Crashed = Callable[[Exception, float], None]
"""Told of each failure, with the seconds until the job starts again."""


class Supervisor:
    """Runs jobs in one TaskGroup; an asynchronous context manager that stops what still runs when it is left."""

    def __init__(self, *, backoff: BackoffOptions | None = None, clock: Clock | None = None) -> None:
        self._backoff = backoff or BackoffOptions()
        self._clock = clock or Clock()
        self._group = asyncio.TaskGroup()
        self._jobs: set[Job] = set()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all. The error that ends the context passes as it is: the jobs have no part in it."""
        for job in self._jobs:
            job.task.cancel()
        await self._group.__aexit__(None, None, None)

    def start(self, name: str, run: Callable[[], Awaitable[None]], crashed: Crashed) -> Job:
        """Run a job until it returns or is stopped."""
        job = Job(name, self._group.create_task(self._supervise(name, run, crashed), name=name))
        self._jobs.add(job)
        job.task.add_done_callback(lambda _: self._jobs.discard(job))
        return job

    async def stop(self, job: Job) -> None:
        """Stop a job and wait until it is gone."""
        job.task.cancel()
        await asyncio.wait({job.task})

    async def _supervise(self, name: str, run: Callable[[], Awaitable[None]], crashed: Crashed) -> None:
        backoff = Backoff(self._backoff)
        while True:
            began = self._clock.monotonic()
            try:
                await run()
            except Exception as error:  # noqa: BLE001 - this is the supervisor
                if self._clock.monotonic() - began >= _SOUND_S:
                    backoff.reset()
                wait = backoff.fail()
                _log.exception("%s failed; it starts again in %.1f s", name, wait)
                crashed(error, wait)
                await self._clock.sleep(wait)
            else:
                return


def shielded(call: Callable[[_T], object], value: _T) -> bool:
    """Call a listener that must not disturb its caller; False when it raised, which is logged with its traceback."""
    try:
        call(value)
    except Exception:  # noqa: BLE001 - a supervision point: a listener's bug must not end the feed
        _log.exception("a listener failed: %r", call)
        return False
    return True
