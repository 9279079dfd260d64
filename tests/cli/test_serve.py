"""`karttime serve` as a person runs it: a process, its output, its clients, its end."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import orjson
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from karttime.recording.reader import open_recording
from karttime.settings import Settings

from .conftest import Run

Refused = Callable[..., tuple[int, str]]

COMMAND = (sys.executable, "-m", "karttime", "serve")


def environment(**values: str) -> dict[str, str]:
    """Ours, with nothing set that the service reads."""
    fixed = tuple(name.upper() for name in Settings.model_fields)
    return {name: value for name, value in os.environ.items() if name not in fixed} | values


@contextmanager
def serving(folder: Path, *arguments: str, **values: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The running process and its `host:port`."""
    log = (folder / "log.txt").open("w")
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        cwd=folder,
        env=environment(**values),
    )
    assert process.stdout is not None
    try:
        found = re.search(r"http://(\S+?)/", process.stdout.readline())
        assert found, (folder / "log.txt").read_text()
        yield process, found[1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        log.close()


def end(process: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> tuple[int, float]:
    """Ask the process to end: its exit code, and how long it took."""
    begin = time.monotonic()
    process.send_signal(number)
    return process.wait(10), time.monotonic() - begin


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Refused:
    """Exit code and the line of a command that cannot run."""

    def call(*arguments: str, **values: str) -> tuple[int, str]:
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/karttime.db")
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        code, _, error = run("serve", *arguments)
        return code, error.strip()

    return call


def test_the_demonstration_shows_data_at_once_and_ends_cleanly(tmp_path: Path) -> None:
    """REST and WebSocket have a race on the board; SIGTERM ends with 0, clients are told to come again."""
    with serving(tmp_path, "--demo") as (process, address):
        assert httpx.get(f"http://{address}/health").json()["status"] == "healthy"
        with connect(f"ws://{address}/circuits/demo/live?format=karting_data") as client:
            first = orjson.loads(client.recv(5))
            assert len(first["drivers"]) >= 10
            assert any("Dernier T." in row for row in first["drivers"].values())
            board = httpx.get(f"http://{address}/circuits/demo/classification").json()
            assert board["session"]["running"]
            while orjson.loads(client.recv(15))["type"] != "karting_data":
                pass
            code, seconds = end(process)
            with suppress(ConnectionClosed):
                while True:
                    client.recv(5)
            assert client.close_code == 1012
        assert (code, seconds < 5) == (0, True)
    log = (tmp_path / "log.txt").read_text()
    assert re.search(r"demo: .+ karts, \d+ laps; leader ", log), "the race is in the log"
    assert "Traceback" not in log
    assert not list(tmp_path.glob("*.db")), "its database was its own, and is gone"


def test_ctrl_c_ends_cleanly_and_what_was_taken_is_kept(tmp_path: Path) -> None:
    """The archive is flushed before the end; a second run finds the laps."""
    url = f"sqlite:///{tmp_path}/kept.db"
    with serving(tmp_path, "--demo", "--database", url) as (process, address):
        laps = len(httpx.get(f"http://{address}/circuits/demo/laps?limit=1000").json())
        assert laps > 0
        assert end(process, signal.SIGINT)[0] == 0
    with serving(tmp_path, "--demo", "--no-start", DATABASE_URL=url) as (_, address):
        assert len(httpx.get(f"http://{address}/circuits/demo/laps?limit=1000").json()) >= laps


def test_circuits_are_given_as_arguments_and_started(tmp_path: Path) -> None:
    """One that cannot be reached is tried again; the service is healthy and says what is wrong."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address_of_none = f"ws://127.0.0.1:{nobody.getsockname()[1]}/"
        arguments = ("--circuit", f"Hill Kart={address_of_none}", "--circuit", f"Dale={address_of_none}")
        with serving(tmp_path, *arguments, DATABASE_URL=f"sqlite:///{tmp_path}/a.db") as (process, address):
            circuits = httpx.get(f"http://{address}/circuits").json()
            assert [circuit["id"] for circuit in circuits] == ["dale", "hill-kart"]
            status = httpx.get(f"http://{address}/circuits/hill-kart/status").json()
            assert status["timing_active"]
            assert httpx.get(f"http://{address}/health").status_code == 200
            assert end(process)[0] == 0


def test_no_start_waits_until_somebody_asks(tmp_path: Path) -> None:
    """Nothing is collected until start-timing."""
    with serving(tmp_path, "--demo", "--no-start") as (_, address):
        assert not httpx.get(f"http://{address}/circuits/demo/status").json()["timing_active"]
        assert httpx.post(f"http://{address}/circuits/demo/start-timing").json()["status"] == "started"


def test_a_port_in_use_is_one_line(refused: Refused) -> None:
    """Exit code 1, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, line = refused("--demo", "--port", port)
    assert (code, line) == (
        1,
        f"karttime: port {port} on 127.0.0.1 is in use: stop what runs there, or choose another with --port",
    )


@pytest.mark.parametrize(
    ("arguments", "values", "says"),
    [
        ((), {"PORT": "http"}, "PORT"),
        ((), {"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
        (("--host", "no.such.host.invalid"), {}, "HOST"),
        (("--database", "mysql://a/b", "--port", "0"), {}, "DATABASE_URL"),
        (("--circuit", "Hill"), {}, "NAME=URL"),
        (("--circuit", "Hill=http://a.example/"), {}, "ws://"),
        (("--demo", "--circuit", "Hill=ws://a.example/"), {}, "--demo"),
        (("--circuit", "Hill=morse+ws://a.example/", "--port", "0"), {}, "no feed 'morse'"),
        (("--circuit", "Hill=racemonitor:x", "--port", "0"), {}, "names no race"),
        (("--circuit", "Hill=rmonitor://10.1.2.3", "--port", "0"), {}, "--allow-private"),
        (("--circuit", "Hill=ws://10.1.2.3:8000/", "--port", "0"), {}, "--allow-private"),
        (("--circuit", "Hill=ws://2130706433:8000/", "--port", "0"), {"ALLOW_PRIVATE": "1"}, "usual form"),
        (("--demo", "--port", "0", "--record-dir", "/dev/null"), {}, "RECORD_DIR"),
        ((), {"RECORD_KEEP_SIZE": "much"}, "RECORD_KEEP_SIZE"),
        ((), {"ON_DEMAND_STOP_AFTER": "-1"}, "ON_DEMAND_STOP_AFTER"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(
    refused: Refused, arguments: tuple[str, ...], values: dict[str, str], says: str
) -> None:
    """It names what the person has to change."""
    code, line = refused(*arguments, **values)
    assert code == 2
    assert says in line
    assert len(line.splitlines()) == 1


def test_a_database_that_cannot_be_opened_is_one_line(refused: Refused, tmp_path: Path) -> None:
    """Exit code 1: it is asked for rightly, and does not work."""
    (tmp_path / "a.db").write_bytes(b"no database at all, only a text that is long enough to be looked at" * 20)
    code, line = refused("--demo", "--port", "0", "--database", f"sqlite:///{tmp_path}/a.db")
    assert (code, len(line.splitlines())) == (1, 1)
    assert "a.db" in line


def test_what_is_collected_is_recorded_on_request(tmp_path: Path) -> None:
    """A file per circuit, readable while it is written and after."""
    with serving(tmp_path, "--demo", "--record-dir", "raw") as (process, address):
        (collector,) = httpx.get(f"http://{address}/status").json()["collectors"]
        assert end(process)[0] == 0
    (file,) = (tmp_path / "raw").iterdir()
    assert re.fullmatch(r"demo-\d{8}T\d{6}Z\.jsonl\.zst", file.name)
    assert len(list(open_recording(file))) > 10
    assert collector["recorder"]["file"] == file.name
    assert (collector["recorder"]["missed"], collector["recorder"]["error"]) == (0, "")


def test_on_demand_a_circuit_is_collected_while_somebody_watches(tmp_path: Path) -> None:
    """From the first viewer until a while after the last."""

    def active(address: str) -> bool:
        return bool(httpx.get(f"http://{address}/circuits/demo/status").json()["timing_active"])

    def wait(address: str, *, wanted: bool) -> None:
        until = time.monotonic() + 10
        while active(address) is not wanted:
            assert time.monotonic() < until
            time.sleep(0.05)

    with serving(tmp_path, "--demo", "--on-demand", "0.2") as (process, address):
        assert not active(address)
        with connect(f"ws://{address}/circuits/demo/live?format=karting_data") as client:
            while not orjson.loads(client.recv(10)).get("drivers"):
                pass
            assert active(address)
        wait(address, wanted=False)
        assert end(process)[0] == 0
