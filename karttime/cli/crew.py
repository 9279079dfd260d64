"""`karttime serve --workers N`: processes that hold the clients, and this one, which collects for all of them.

Clients come to a port that the workers share, and the kernel spreads them. Nothing but the workers reaches this
process: they come over two Unix sockets in a folder of their own, one for the live streams and one for REST. A worker
that dies is replaced; its clients come back to another, and go on where they were.
"""

import asyncio
import logging
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from karttime.api.live import LiveEndpoint
from karttime.api.relay import Hall
from karttime.api.server import serve
from karttime.api.service import Service
from karttime.api.worker import WorkerPlan
from karttime.engine.backoff import Backoff, BackoffOptions
from karttime.engine.logs import Form

log = logging.getLogger("karttime")

END_S: Final = 3.0  # in which a worker tells its clients and ends


@dataclass(frozen=True, slots=True)
class Crew:
    """How many workers, and where clients come."""

    workers: int
    host: str
    port: int
    log_level: str
    log_format: Form = "console"


async def serve_by(crew: Crew, app: FastAPI, service: Service, ready: asyncio.Event, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; `ready` is set once every worker is there."""
    with tempfile.TemporaryDirectory(prefix="karttime-", ignore_cleanup_errors=True) as folder:
        relay, http = Path(folder) / "relay", Path(folder) / "http"
        hall = Hall(LiveEndpoint(service))
        server = await asyncio.get_running_loop().create_unix_server(hall.relay, str(relay))
        plan = WorkerPlan(crew.host, crew.port, str(relay), str(http), service.limits, crew.log_level, crew.log_format)
        answering, over = asyncio.Event(), asyncio.Event()
        with _unix_listener(http) as listener:
            async with server, asyncio.TaskGroup() as group:
                rest = group.create_task(serve(app, listener, answering, over))
                await answering.wait()
                workers = [group.create_task(_worker(plan)) for _ in range(crew.workers)]
                telling = group.create_task(_all_here(hall, crew.workers, ready))
                await stop.wait()
                telling.cancel()
                for worker in workers:
                    worker.cancel()
                await asyncio.wait(workers)
                over.set()
                await rest


@contextmanager
def _unix_listener(path: Path) -> Iterator[socket.socket]:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        listener.listen(1024)
        listener.setblocking(False)
        yield listener
    finally:
        listener.close()


async def _all_here(hall: Hall, workers: int, ready: asyncio.Event) -> None:
    while len(hall.relays) < workers:  # noqa: ASYNC110 - they come from outside
        await asyncio.sleep(0.02)
    ready.set()


async def _worker(plan: WorkerPlan) -> None:
    """Run one, and another after it, until cancelled; then it has a while to tell its clients."""
    backoff = Backoff(BackoffOptions())
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "karttime.api.worker", plan.dump())
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        if loop.time() - began > 60:
            backoff.reset()
        wait = backoff.fail()
        log.error("A worker ended with %d: another one begins in %.1f s", code, wait)
        await asyncio.sleep(wait)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
