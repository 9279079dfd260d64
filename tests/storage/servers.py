"""A PostgreSQL server of a test's own, to be stopped, killed and started again for real."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest


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
        """The parent first: it must not start new ones. Once it is killed, its children have another parent."""
        children = [int(status.parent.name) for status in Path("/proc").glob("[0-9]*/stat") if self._is_child(status)]
        for process in (self._process.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def _is_child(self, status: Path) -> bool:
        with suppress(OSError):
            return int(status.read_text().rpartition(")")[2].split()[1]) == self._process.pid
        return False


def until(condition: Callable[[], bool], seconds: float) -> float:
    """Wait until it is so; how long it took."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, "it did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - begin
