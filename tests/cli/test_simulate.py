"""`karttime simulate` as a person runs it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result
from websockets.asyncio.client import connect

from karttime.cli.main import app
from karttime.errors import UsageError
from karttime.recording.reader import open_recording
from karttime.simulator.apex.words import LANGUAGES
from karttime.simulator.formats import FORMATS
from karttime.simulator.scenarios import PRESETS

SHORT = ["simulate", "apex", "--preset", "sprint", "--karts", "3", "--duration", "150s"]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_it_records_frames_and_truth_and_says_what(tmp_path: Path) -> None:
    out = tmp_path / "race.jsonl"
    result = invoke(*SHORT, "-o", str(out))
    assert result.exit_code == 0, result.output
    truth = json.loads((tmp_path / "race.truth.json").read_bytes())
    frames = list(open_recording(out))
    laps = sum(len(laps) for session in truth["sessions"] for laps in session["laps"].values())
    assert result.output.strip() == f"{out}: {len(frames)} frames; {tmp_path}/race.truth.json: 2 sessions, {laps} laps"


def test_the_options_reach_the_frames(tmp_path: Path) -> None:
    out = tmp_path / "race.jsonl"
    options = ["--language", "sv", "--edition", "competition", "--seed", "7", "--mischief", "foreign=30"]
    assert invoke(*SHORT, *options, "-o", str(out)).exit_code == 0
    text = "".join(frame.text or "" for frame in open_recording(out))
    assert "Förare" in text
    assert "\ngmt||" in text
    assert "MGLNDD_" in text


def test_it_serves_the_board_to_whoever_comes_and_ends_with_ctrl_c() -> None:
    command = [sys.executable, "-m", "karttime", *SHORT, "--port", "0", "--speed", "10"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        found = re.match(r"(ws://127\.0\.0\.1:\d+) simulates apex sprint", run.stdout.readline())
        assert found

        async def first() -> list[str | bytes]:
            async with asyncio.timeout(20), connect(found[1]) as one, connect(found[1]) as two:
                return [await one.recv(), await two.recv(), await one.recv(), await two.recv()]

        got = [str(text) for text in asyncio.run(first())]
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=20)
    assert all(text.startswith("init|p|") for text in got[:2])
    assert got[2] == got[3]
    assert (run.returncode, err) == (0, "")
    assert re.fullmatch(r"simulation served \d+ frames to 2 clients\n", out)


@pytest.mark.parametrize(
    ("name", "announced"),
    [
        ("rmonitor", r"(rmonitor://127\.0\.0\.1:\d+) simulates rmonitor sprint;"),
        ("racemonitor", r"(http://127\.0\.0\.1:\d+) simulates racemonitor sprint as racemonitor:1;"),
    ],
)
def test_a_simulated_timing_computer_or_relay_is_recorded_like_a_real_one(
    name: str, announced: str, tmp_path: Path
) -> None:
    """As fast as it is taken, to the last frame: the recording says what the truth beside the simulator's own says."""
    arguments = [sys.executable, "-m", "karttime", "simulate", name, *SHORT[2:], "--seed", "4"]
    subprocess.run([*arguments, "-o", str(tmp_path / "own.jsonl")], check=True, capture_output=True)
    serve = [*arguments, "--port", "0", "--speed", "max", "--wait", "--exit"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}) as run:
        assert run.stdout is not None
        found = re.match(announced, run.stdout.readline())
        assert found
        where = [found[1]] if name == "rmonitor" else ["racemonitor:1", "--race-monitor-url", found[1]]
        record = [sys.executable, "-m", "karttime", "record", *where, "-o", str(tmp_path / "new.jsonl")]
        done = subprocess.run([*record, "--max-attempts", "1"], capture_output=True, text=True, check=False, timeout=40)
        assert "gave up after 1 attempts" in done.stderr
        run.communicate(timeout=20)
    truth = json.loads((tmp_path / "own.truth.json").read_bytes())
    report = [sys.executable, "-m", "karttime", "analyze", "--json", str(tmp_path / "new.jsonl")]
    sessions = json.loads(subprocess.run(report, capture_output=True, check=True).stdout)["sessions"]
    assert [len(session["laps"]) for session in sessions] == [
        sum(map(len, session["laps"].values())) for session in truth["sessions"]
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--preset", "rally"], "no preset 'rally'"),
        (["--karts", "0"], "0 karts"),
        (["--duration", "5s"], "lasts from"),
        (["--duration", "long"], "'long' is not a duration"),
        (["--language", "xx"], "no language 'xx'"),
        (["--edition", "gold"], "no edition 'gold'"),
        (["--mischief", "rain"], "no mischief 'rain'"),
        (["--speed", "0", "--port", "0"], "'0' is not a speed"),
        (["-o", "nowhere/race.jsonl"], "nowhere"),
    ],
)
def test_nonsense_is_one_sentence(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("simulate", "apex", *arguments)
    assert isinstance(result.exception, UsageError)
    assert says in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_refused_with_exit_code_2() -> None:
    assert invoke("simulate", "morse").exit_code == 2


def test_the_help_names_every_preset_language_and_mischief() -> None:
    text = " ".join(CliRunner().invoke(app, ["simulate", "--help"], env={"COLUMNS": "300"}).output.split())
    for name in (*PRESETS, *LANGUAGES, *FORMATS, *(kind for one in FORMATS.values() for kind in one.rates)):
        assert re.search(rf"\b{name}\b", text), name
