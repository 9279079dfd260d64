"""Google's own Firestore emulator for tests: one process for all workers of a test run, one project for each test."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

import httpx
import pytest

JAR: Final = "KARTTIME_TEST_FIRESTORE_JAR"
PLACES: Final = (
    "/usr/lib/google-cloud-sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar",
    "/usr/share/google-cloud-sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar",
)
HOW: Final = (
    "needs Google's Firestore emulator: the Debian package google-cloud-cli-firestore-emulator and Java 17, "
    f"or {JAR}=/path/to/cloud-firestore-emulator.jar"
)
_MAIN: Final = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_LIGHT: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx192m")
_STARTED: Final[dict[int, "subprocess.Popen[bytes]"]] = {}  # by this process; whoever leaves last ends it
_LONGEST_S: Final = "1800"  # whatever becomes of the tests, the emulator ends


def missing(how: str) -> NoReturn:
    """Skip; where everything has to run, fail."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(how)
    pytest.skip(how)


def jar() -> str:
    """Where the emulator is."""
    named = os.environ.get(JAR)
    found = next((path for path in ([named] if named else PLACES) if Path(path).is_file()), None)
    if found is None or shutil.which("java") is None:
        missing(HOW)
    return found


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return int(any_socket.getsockname()[1])


def start(port: int, *arguments: str) -> "subprocess.Popen[bytes]":
    """An emulator that answers."""
    command = ["timeout", _LONGEST_S, "java", *_LIGHT, "-cp", jar(), _MAIN, "start", "--host=127.0.0.1"]
    process = subprocess.Popen(
        [*command, f"--port={port}", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _STARTED[process.pid] = process
    for _ in range(400):
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=1)
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return process
    stop(process.pid)
    raise AssertionError("the Firestore emulator does not answer")


def stop(pid: int) -> None:
    """End an emulator, with what it started."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if (process := _STARTED.pop(pid, None)) is not None:
        process.wait()


@contextmanager
def shared(folder: Path) -> Iterator[int]:
    """The port of the emulator that all workers share; the last one who leaves ends it."""
    lock, note = folder / "firestore.lock", folder / "firestore.json"
    with locked(lock):
        state = json.loads(note.read_text()) if note.exists() else None
        if state is None:
            port = free_port()
            state = {"port": port, "pid": start(port).pid, "users": 0}
        state["users"] += 1
        note.write_text(json.dumps(state))
    try:
        yield state["port"]
    finally:
        with locked(lock):
            state = json.loads(note.read_text())
            state["users"] -= 1
            if state["users"] == 0:
                stop(state["pid"])
                note.unlink()
            else:
                note.write_text(json.dumps(state))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One worker at a time."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
