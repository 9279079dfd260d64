"""`karttime replay` as a person runs it."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from karttime.cli.main import app
from karttime.errors import RecordingError, UsageError
from karttime.recording.reader import open_recording

RECORDING = Path(__file__).resolve().parents[2] / "recordings" / "sprint-en.jsonl"


@contextmanager
def karttime(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running command and the address it says it serves."""
    command = [sys.executable, "-m", "karttime", *arguments]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as run:
        try:
            assert run.stdout is not None
            found = re.match(r"(ws://127\.0\.0\.1:\d+) ", run.stdout.readline())
            assert found, run.stderr and run.stderr.read()
            yield run, found[1]
        finally:
            run.kill()


async def received(url: str, count: int | None = None) -> list[str | bytes]:
    got: list[str | bytes] = []
    async with asyncio.timeout(30), connect(url, max_size=None) as client:
        try:
            while count is None or len(got) < count:
                got.append(await client.recv())
        except ConnectionClosed:
            pass
    return got


def test_a_recording_is_served_byte_for_byte_and_ends() -> None:
    with karttime("replay", str(RECORDING), "--port", "0", "--speed", "max", "--exit") as (run, url):
        got = asyncio.run(received(url))
        out, err = run.communicate(timeout=20)
    assert got == [frame.text for frame in open_recording(RECORDING)]
    assert (run.returncode, err) == (0, "")
    assert out.strip() == f"replay served {len(got)} frames to 1 client"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_stays_until_it_is_interrupted_which_is_an_ordinary_end(stop: signal.Signals) -> None:
    with karttime("replay", str(RECORDING), "--port", "0", "--speed", "max") as (run, url):
        assert len(asyncio.run(received(url, count=129))) == 129
        run.send_signal(stop)
        out, err = run.communicate(timeout=20)
    assert (run.returncode, err) == (0, "")
    assert out.strip() == "replay served 129 frames to 1 client"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.jsonl"], "none.jsonl does not exist"),
        ([str(RECORDING), "--speed", "quick"], "'quick' is not a speed"),
        ([str(RECORDING), "--from", "soon"], "'soon' is not a duration"),
        ([str(RECORDING), "--from", "5m", "--until", "1m"], "let it end after its start"),
        ([str(RECORDING), "--host", "256.0.0.1", "--port", "0"], "cannot listen on 256.0.0.1"),
    ],
)
def test_nonsense_is_one_sentence(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(app, ["replay", *arguments])
    assert isinstance(result.exception, UsageError | RecordingError)
    assert says in str(result.exception)
    assert "\n" not in str(result.exception)


def test_no_file_and_no_port_are_refused_with_exit_code_2() -> None:
    assert CliRunner().invoke(app, ["replay"]).exit_code == 2
    assert CliRunner().invoke(app, ["replay", str(RECORDING), "--port", "70000"]).exit_code == 2
