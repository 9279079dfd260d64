"""`kill -9` at any instant: what a client has seen is there after the restart, and no position means two things.

A few times by default, 60 with `pytest --long`; `KARTTIME_KILL_ROUNDS` sets how often.
"""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import websockets
from websockets.exceptions import ConnectionClosed, InvalidHandshake

ROUNDS = int(os.environ.get("KARTTIME_KILL_ROUNDS", "3"))

SHOWS_FIRST = """
import sys, threading, time
from karttime.api import gate
from karttime.storage.journal import Journal
def submit(self, record, action, real=gate.Gate.submit):
    real(self, record, lambda: None)
    action()
gate.Gate.submit = submit
def append(self, entries, done, real=Journal.append):
    threading.Timer(0.1, real, (self, entries, done)).start()
Journal.append = append
from karttime.cli.main import main
main()
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Service:
    """`karttime serve` on one database, killed and started again."""

    def __init__(self, folder: Path, feed: int, *, mutant: bool = False) -> None:
        self.port = free_port()
        code = ["-c", SHOWS_FIRST] if mutant else ["-m", "karttime"]
        arguments = [
            f"--circuit=hill=ws://127.0.0.1:{feed}",
            f"--database=sqlite:///{folder}/k.db",
            f"--port={self.port}",
        ]
        self._command = [sys.executable, *code, "serve", *arguments]
        self._log = (folder / "log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._begin()
        async with asyncio.timeout(30), httpx.AsyncClient() as http:
            while True:
                try:
                    await http.get(f"http://127.0.0.1:{self.port}/health")
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                else:
                    return

    def _begin(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log)

    def kill(self, number: int = signal.SIGKILL) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(20)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        self._log.close()

    def stream(self, query: str = "") -> Any:
        url = f"ws://127.0.0.1:{self.port}/circuits/hill/live?format=karttime.v1{query}"
        return websockets.connect(url, max_queue=None)  # or closing would wait for what nobody reads


class Memory:
    """What clients have been told, by position: a position that says two things is a contradiction."""

    def __init__(self) -> None:
        self.said: dict[tuple[str, int], bytes] = {}
        self.epoch = ""
        self.first = self.last = -1

    def take(self, epoch: str, text: bytes) -> int:
        seq: int = orjson.loads(text)["seq"]
        assert self.said.setdefault((epoch, seq), text) == text, f"{epoch} {seq} was given away twice"
        return seq


async def listen(service: Service, memory: Memory) -> None:
    """Take up where the last one stopped; note every message until the end."""
    query = f"&epoch={memory.epoch}&seq={memory.last}" if memory.epoch else ""
    try:
        async with service.stream(query) as socket:
            begun = orjson.loads(await socket.recv())
            if memory.epoch:
                assert (begun["type"], begun["recovered"]) == ("resumed", True), begun
                assert (begun["epoch"], begun["seq"]) == (memory.epoch, memory.last)
            memory.epoch, memory.last = begun["epoch"], begun["seq"]
            if memory.first < 0:
                memory.first = memory.last
            async for text in socket:
                message = orjson.loads(text)
                if message["type"] in {"patch", "snapshot"}:
                    assert message["seq"] == memory.last + 1
                    memory.last = memory.take(memory.epoch, text.encode())
    except (ConnectionClosed, InvalidHandshake, OSError):
        return


async def recall(service: Service, memory: Memory) -> None:
    """Somebody who was there at the beginning, and then not: is told all of it, word for word."""
    async with service.stream(f"&epoch={memory.epoch}&seq={memory.first}") as socket, asyncio.timeout(10):
        begun = orjson.loads(await socket.recv())
        assert (begun["type"], begun["recovered"]) == ("resumed", True), begun
        for seq in range(memory.first + 1, memory.last + 1):
            text = await socket.recv()
            assert memory.said[memory.epoch, seq] == text.encode(), f"{seq} is not what it was"


def simulated(port: int) -> "subprocess.Popen[bytes]":
    """A timing system that is quick."""
    race = ["--preset", "endurance", "--duration", "20h", "--karts", "20", "--speed", "60", "--seed", "1"]
    command = ["simulate", "apex", *race, "--port", str(port)]
    return subprocess.Popen(
        [sys.executable, "-m", "karttime", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


async def killed_again_and_again(folder: Path, rounds: int, *, mutant: bool = False) -> Memory:
    """A feed, a service, a client; kills at random moments."""
    feed = free_port()
    simulator = simulated(feed)
    chance = random.Random(rounds)
    service, memory = Service(folder, feed, mutant=mutant), Memory()
    try:
        for _ in range(rounds):
            await service.start()
            listening = asyncio.create_task(listen(service, memory))
            before = memory.last
            async with asyncio.timeout(20):
                while memory.last < before + 3 and not listening.done():  # noqa: ASYNC110 - two conditions
                    await asyncio.sleep(0.01)
            await asyncio.sleep(chance.uniform(0, 0.7))
            service.kill()
            await listening
        await service.start()
        await recall(service, memory)
        assert service.kill(signal.SIGTERM) == 0
        await service.start()
        await recall(service, memory)
        async with httpx.AsyncClient() as http:
            rows = (await http.get(f"http://127.0.0.1:{service.port}/circuits/hill/data?limit=1000")).json()
        assert {row["mapped_data"]["C1"] for row in rows}, "rows have reached the database"
    finally:
        service.close()
        simulator.kill()
        simulator.wait()
    return memory


@pytest.mark.timeout(60 + 10 * ROUNDS)
async def test_a_kill_loses_nothing_that_was_seen(tmp_path: Path) -> None:
    """Over many restarts: one epoch, no hole, no position twice; everything can be asked for again."""
    memory = await killed_again_and_again(tmp_path, ROUNDS)
    assert len(memory.said) == memory.last - memory.first > 3 * ROUNDS
    assert len({epoch for epoch, _ in memory.said}) == 1


@pytest.mark.timeout(120)
async def test_showing_first_and_writing_then_would_be_noticed(tmp_path: Path) -> None:
    """The proof that the test above can fail."""
    with pytest.raises(AssertionError):
        await killed_again_and_again(tmp_path, 6, mutant=True)
