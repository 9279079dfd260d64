"""`karttime serve` on a disk that is full, and on one that fails: live data goes on, files stay sound, it comes back.

The disk is a small file system in memory, which only root can mount; the failing one is made by `strace`.
"""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any

import httpx
import orjson
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve

PATIENCE_S = 20
HEAD = (
    '<tr data-id="r0" class="head"><td data-id="c1" data-type="no">Kart</td><td data-id="c2" data-type="dr">Driver</td>'
)
ROW = '<tr data-id="r1" data-pos="1"><td data-id="r1c1" class="no">7</td><td data-id="r1c2" class="dr">0</td></tr>'


@dataclass
class Feed:
    """A timing system that shows the next number as a driver's name, 40 times a second."""

    number: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def talk(self, connection: ServerConnection) -> None:
        connection.send(f"init|r|\ntitle2||Race\ngrid||<tbody>{HEAD}</tr>{ROW}</tbody>\n")
        with suppress(ConnectionClosed):
            while not self.over.wait(0.025):
                self.number += 1
                connection.send(f"r1c2|dr|{self.number}\n")


@dataclass
class Viewer:
    """A client of `karttime.v1`: the newest number, and every position it was given."""

    url: str
    number: int = 0
    positions: list[tuple[str, int]] = field(default_factory=list)

    def watch(self) -> None:
        with suppress(ConnectionClosed), connect(self.url) as connection:
            epoch = ""
            for text in connection:
                message: dict[str, Any] = orjson.loads(text)
                if message["type"] not in {"snapshot", "patch"}:
                    continue
                epoch = message.get("epoch", epoch)
                if message["type"] == "patch":
                    self.positions.append((epoch, message["seq"]))
                rows = message.get("competitors", {})
                for row in rows.values() if isinstance(rows, dict) else rows:
                    self.number = int(row.get("driver") or self.number)


@dataclass
class Serving:
    """All of it, running."""

    process: "subprocess.Popen[str]"
    http: httpx.Client
    feed: Feed
    viewer: Viewer

    def health(self) -> str:
        return str(self.http.get("/health").json()["status"])

    def goes_on(self) -> None:
        """What the timing system sends from now on reaches the client."""
        now = self.feed.number
        until(lambda: self.viewer.number > now + 20)


@pytest.fixture
def feed() -> Iterator[tuple[Feed, Server]]:
    """A timing system."""
    feed = Feed()
    with serve(feed.talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield feed, server
        feed.over.set()
        server.shutdown()
        thread.join()


@contextmanager
def serving(folder: Path, feed: tuple[Feed, Server], **settings: str) -> Iterator[Serving]:
    """The service with its files in a folder, and a client that sees the numbers."""
    url = f"ws://127.0.0.1:{feed[1].socket.getsockname()[1]}/"
    command = [sys.executable, "-m", "karttime", "serve", "--port", "0", "--allow-private", "--circuit", f"hill={url}"]
    given = {"DATABASE_URL": f"sqlite:///{folder / 'karttime.db'}", **settings}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd="/", env=os.environ | given
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://(\S+?)/", process.stdout.readline())
            assert found is not None
            viewer = Viewer(f"ws://{found[1]}/circuits/hill/live?format=karttime.v1")
            with httpx.Client(base_url=f"http://{found[1]}") as http:
                thread = threading.Thread(target=viewer.watch)
                thread.start()
                it = Serving(process, http, feed[0], viewer)
                it.goes_on()
                until(lambda: it.health() == "healthy")
                yield it
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE_S) == 0
                thread.join(PATIENCE_S)
        finally:
            process.kill()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def check_after(folder: Path, it: Serving) -> None:
    """Both files are sound, nothing waits, the last number is stored, no position was given twice."""
    assert len(set(it.viewer.positions)) == len(it.viewer.positions)
    for name in ("karttime.db", "karttime.journal.db"):
        with closing(sqlite3.connect(folder / name)) as connection:
            assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    with closing(sqlite3.connect(folder / "karttime.journal.db")) as connection:
        assert connection.execute("SELECT count(*) FROM waiting").fetchone() == (0,)
    with closing(sqlite3.connect(folder / "karttime.db")) as connection:
        twice = "SELECT epoch, seq, competitor_id FROM timing_data GROUP BY 1, 2, 3 HAVING count(*) > 1"
        assert connection.execute(twice).fetchall() == []
        stored = {int(name) for (name,) in connection.execute("SELECT mapped ->> '$.C2' FROM timing_data")}
    assert it.viewer.number in stored
    missing = set(range(min(stored), max(stored))) - stored
    assert len(missing) <= it.feed.number // 100, f"{len(missing)} rows are gone for good"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Four megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or which("mount") is None:
        pytest.skip("only root mounts a file system")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all that is left."""
    path = disk / "filler"
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)
    return path


def test_a_full_disk(small_disk: Path, feed: tuple[Feed, Server]) -> None:
    """It stays up and says so, clients notice nothing but a new epoch; once there is room it is as before."""
    with serving(small_disk, feed) as it:
        filler = fill(small_disk)
        until(lambda: it.health() == "degraded")
        it.goes_on()
        status = it.http.get("/status").json()
        assert "full" in status["journal"]["error"] + status["storage"]["error"]
        filler.unlink()
        until(lambda: it.health() == "healthy")
        it.goes_on()
    check_after(small_disk, it)


def test_a_disk_that_fails(tmp_path: Path, feed: tuple[Feed, Server]) -> None:
    """The same when every write of a file is answered with an error of the device."""
    if which("strace") is None:
        pytest.skip("strace is not installed")
    with serving(tmp_path, feed, JOURNAL_FULL_SYNC="true") as it:
        inject = [f"-einject={call}:error=EIO" for call in ("fdatasync", "fsync", "pwrite64")]
        command = ["strace", "-f", "-qq", "-o/dev/null", "-etrace=fdatasync,fsync,pwrite64", *inject]
        with subprocess.Popen([*command, f"-p{it.process.pid}"], stderr=subprocess.PIPE) as strace:
            try:
                until(lambda: strace.poll() is not None or it.health() == "degraded")
                if strace.poll() is not None:
                    pytest.skip("strace is not allowed here")
                it.goes_on()
            finally:
                strace.terminate()
        until(lambda: it.health() == "healthy")
        it.goes_on()
    check_after(tmp_path, it)
