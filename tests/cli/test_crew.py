"""`karttime serve --workers N`: one port, several processes, the same stream for everybody, whatever dies."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import websockets

from karttime.client.stream import Shown, Stream, StreamOptions
from karttime.settings import Settings

SOON = StreamOptions(first_wait_s=0.05, max_wait_s=0.2)


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.02)


def children(pid: int) -> list[int]:
    """The workers of a service."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


class Run:
    """A demonstration with two workers."""

    def __init__(self, process: "subprocess.Popen[str]", address: str) -> None:
        self.process = process
        self.address = address

    def stream(self) -> Stream:
        return Stream(f"ws://{self.address}/circuits/demo/live", SOON)


@asynccontextmanager
async def crew(folder: Path, **values: str) -> AsyncIterator[Run]:
    fixed = tuple(name.upper() for name in Settings.model_fields)
    env = {name: value for name, value in os.environ.items() if name not in fixed} | values
    with (folder / "log").open("w") as log:
        process = _start(folder, log, env)
        assert process.stdout is not None
        try:
            line = await asyncio.to_thread(process.stdout.readline)
            assert "http://" in line, (folder / "log").read_text()
            yield Run(process, line.split("http://")[1].strip().rstrip("/"))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _start(folder: Path, log: Any, env: dict[str, str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "karttime", "serve", "--demo", "--workers", "2", "--port", "0"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder, env=env)


async def follow(stream: Stream, steps: list[Shown]) -> None:
    async with aclosing(aiter(stream)) as items:
        async for item in items:
            if isinstance(item, Shown):
                steps.append(item)  # noqa: PERF401 - seen as they come


async def test_a_worker_that_is_killed_costs_its_clients_nothing(tmp_path: Path) -> None:
    """They come back to another one, without a hole; it is replaced; both serve REST and the same stream.

    Every process logs as it was told, and no call.
    """
    async with crew(tmp_path, LOG_FORMAT="json") as run, asyncio.TaskGroup() as group:
        streams = [run.stream() for _ in range(12)]
        steps: list[list[Shown]] = [[] for _ in streams]
        tasks = [group.create_task(follow(*it)) for it in zip(streams, steps, strict=True)]
        await until(lambda: all(len(it) > 2 for it in steps))
        workers = children(run.process.pid)
        assert len(workers) == 2
        async with httpx.AsyncClient(base_url=f"http://{run.address}") as http:
            status = (await http.get("/status")).json()
            assert status["clients"]["demo"]["clients"] == 12
            assert (await http.get("/circuits/demo/classification")).json()["standings"]
            assert (await http.get("/circuits/nowhere/data?limit=3&token=canary")).status_code == 404
            os.kill(workers[0], signal.SIGKILL)
            await until(lambda: len(children(run.process.pid)) == 2 and workers[0] not in children(run.process.pid))
            counts = [len(it) for it in steps]
            await until(lambda: all(len(it) > count + 1 for it, count in zip(steps, counts, strict=True)))
            dropped = [stream for stream in streams if stream.drops]
            assert 0 < len(dropped) < 12, "the kernel spread them"
            assert all(all(step.gapless for step in it[1:]) for it in steps)
            assert (await http.get("/status")).json()["clients"]["demo"]["clients"] == 12
        seqs = {stream.state.seq for stream in streams if stream.state}
        assert max(seqs) - min(seqs) <= 2
        for task in tasks:
            task.cancel()
    logged = [orjson.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert any("A worker ended" in line["message"] for line in logged)
    assert not [line for line in logged if "canary" in str(line) or "HTTP" in line["message"]]


async def test_the_end_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """SIGTERM: clients are told to come again, exit code 0; a kill of the collector ends its workers as well."""
    for number, code in ((signal.SIGTERM, 1012), (signal.SIGKILL, 1012)):
        async with crew(tmp_path) as run:
            async with websockets.connect(
                f"ws://{run.address}/circuits/demo/live?format=karttime.v1", max_queue=None
            ) as client:
                await client.send('{"type":"ping"}')
                async with asyncio.timeout(5):
                    while orjson.loads(await client.recv())["type"] != "pong":
                        pass
                workers = children(run.process.pid)
                begin = time.monotonic()
                run.process.send_signal(number)
                with suppress(websockets.ConnectionClosedError):
                    async with asyncio.timeout(5):
                        async for _ in client:  # until it is closed
                            pass
                assert client.close_code == code
            ended = await asyncio.to_thread(run.process.wait, 10)
            assert ended == (0 if number is signal.SIGTERM else -number)
            assert time.monotonic() - begin < 8
            await until(lambda pids=tuple(workers): not any(_runs(pid) for pid in pids))  # type: ignore[misc]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_limits_count_over_all_workers(tmp_path: Path) -> None:
    """The third client is told to try again, whichever worker it came to; and who leaves makes room."""
    async with crew(tmp_path, WS_MAX_CLIENTS="2") as run:
        url = f"ws://{run.address}/circuits/demo/live?format=karttime.v1"
        async with websockets.connect(url, max_queue=None) as one, websockets.connect(url, max_queue=None) as two:
            await one.recv()
            await two.recv()
            async with websockets.connect(url, max_queue=None) as three:
                with pytest.raises(websockets.ConnectionClosed, match="too many clients"):
                    await three.recv()
        async with asyncio.timeout(10):
            while True:
                async with websockets.connect(url, max_queue=None) as again:
                    try:
                        await again.recv()
                    except websockets.ConnectionClosed:
                        await asyncio.sleep(0.05)
                    else:
                        break
