"""A PostgreSQL server that hangs, and one that dies: a server of the test's own, stopped and killed for real."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from karttime.errors import StorageError
from karttime.storage import timing
from karttime.storage.archive import Archive, ArchiveOptions
from karttime.storage.database import Database
from karttime.storage.extract import Batch
from karttime.storage.timing import TimingRow, Wanted

NOTICED_S = 5.0
SLACK_S = 3.0  # for a busy machine


class Server:
    """One PostgreSQL server with nothing but this test as its client."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
        root = os.geteuid() == 0  # whom the server refuses to be run by
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] if root else []
        self._folder.mkdir(mode=0o700)
        if root:
            shutil.chown(self._folder, "postgres", "postgres")
        make = [*self._as, str(binaries / "initdb"), "-D", str(self._folder), "-A", "trust", "-U", "postgres", "-N"]
        subprocess.run(make, check=True, capture_output=True, cwd="/", timeout=50)
        self.start()

    def start(self) -> None:
        """Run, and wait until it answers."""
        settings = [f"-p{self._port}", "-clisten_addresses=127.0.0.1", "-cunix_socket_directories=", "-cfsync=off"]
        command = [*self._as, str(self._binaries / "postgres"), "-D", str(self._folder), *settings]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        until(self._answers, 30)

    def hang(self) -> None:
        """Stop every process of it; connections stay open and take bytes."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End `hang`."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End every process of it at once."""
        self._signal(signal.SIGKILL)
        self._process.wait(10)

    def _answers(self) -> bool:
        psycopg = pytest.importorskip("psycopg")
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url, connect_timeout=2).close()
            return True
        return False

    def _signal(self, number: int) -> None:
        """The parent first: it must not start new ones."""
        parent = self._process.pid
        os.kill(parent, number)
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                if int(status.read_text().rpartition(")")[2].split()[1]) == parent:
                    os.kill(int(status.parent.name), number)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a free port; needs its programs, not a running one."""
    pytest.importorskip("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed here: /usr/lib/postgresql/*/bin/initdb")
    with tempfile.TemporaryDirectory(prefix="karttime-outage-") as folder:
        Path(folder).chmod(0o755)
        server = Server(found[-1].parent, Path(folder))
        yield server
        server.kill()


def until(condition: Callable[[], bool], seconds: float) -> float:
    """Wait until it is so; how long it took."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, "it did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - begin


class Producer:
    """Hands in a row every 2 ms, as a busy feed does, and notes how long that took."""

    def __init__(self, archive: Archive) -> None:
        self.slowest = 0.0
        self.rows = 0
        self._archive = archive
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.002):
            row = TimingRow("hill", "s1", self.rows, self.rows, "11", {"C1": "1"}, {}, "u", "apex", "e")
            begin = time.perf_counter()
            assert self._archive.take(Batch(timing=[row]))
            self.slowest = max(self.slowest, time.perf_counter() - begin)
            self.rows += 1

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def stored(database: Database) -> Sequence[int]:
    with database.reading() as connection:
        return [row.seq for row in timing.newest(connection, Wanted("hill"), 1_000_000)]


def test_a_server_that_hangs_and_one_that_dies_cost_no_row(server: Server) -> None:
    """Noticed within 5 seconds, said in the status; afterwards every row is there, once, and nobody has waited."""
    database = Database(server.url)
    archive = Archive(database, ArchiveOptions(retry=0.1, retry_max=0.2))
    producer = Producer(archive)
    until(lambda: archive.status().written > 50, 20)

    server.hang()
    until(lambda: archive.status().state == "failing", NOTICED_S + SLACK_S)
    with pytest.raises(StorageError, match="cannot be used"):  # who reads is told too, and does not hang
        stored(database)
    server.go_on()
    written = archive.status().written
    until(lambda: archive.status().state == "ok" and archive.status().written > written, 20)

    server.kill()
    until(lambda: archive.status().state == "failing", NOTICED_S + SLACK_S)
    server.start()
    until(lambda: archive.status().state == "ok", 20)

    producer.stop()
    archive.close(30)
    status = archive.status()
    assert (status.dropped, status.refused) == (0, 0)
    assert stored(database) == list(range(producer.rows - 1, -1, -1))
    assert producer.slowest < 1
    database.close()
