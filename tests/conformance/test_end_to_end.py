"""A recording, replayed as an upstream, collected by a server, watched by a client: what `analyze` says of the file."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
SHOWN = ("position", "number", "team", "driver", "laps", "last_lap_ms", "best_lap_ms", "gap", "interval", "pit_stops")


@contextmanager
def karttime(folder: Path, pattern: str, *arguments: str, **environment: str) -> Iterator[str]:
    """A running command; what the pattern finds in its first line."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE", "HOST", "PORT"))}
    with subprocess.Popen(
        [sys.executable, "-m", "karttime", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        env=settings | {"PYTHONUNBUFFERED": "1"} | environment,
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(pattern, process.stdout.readline())
            assert found is not None
            yield found[1]
        finally:
            process.kill()


def analyzed(recording: Path) -> dict[str, Any]:
    """The last session as `karttime analyze --json` tells it."""
    command = [sys.executable, "-m", "karttime", "analyze", "--json", "--session", "-1", str(recording)]
    (session,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["sessions"]
    return dict(session)


def collected_all(address: str, frames: int) -> None:
    """Wait until the server has every frame."""
    until = time.monotonic() + 40
    collector: dict[str, Any] = {}
    while time.monotonic() < until:
        (collector,) = httpx.get(f"http://{address}/status").json()["collectors"]
        if collector["frames"] >= frames:
            return
        time.sleep(0.1)
    pytest.fail(f"{collector['frames']} of {frames} frames arrived")


@pytest.mark.parametrize(
    ("name", "speed"), [("sprint-en.jsonl", "max"), ("sprint-en.jsonl", "300"), ("competition-es.jsonl.gz", "max")]
)
def test_the_same_classification_at_any_speed(tmp_path: Path, name: str, speed: str) -> None:
    """Position, kart, names, laps, times, gaps and stops: at the server, and on a late client's board."""
    recording = RECORDINGS / name
    expected = analyzed(recording)
    frames = json.loads(
        subprocess.run(
            [sys.executable, "-m", "karttime", "analyze", "--json", str(recording)], capture_output=True, check=True
        ).stdout
    )["recording"]["frames"]
    replay = ("replay", str(recording), "--port", "0", "--speed", speed)
    serve = ("serve", "--port", "0", "--database", "sqlite:///t.db", "--circuit")
    with (
        karttime(tmp_path, r"(ws://\S+) ", *replay) as upstream,
        karttime(tmp_path, r"http://(\S+?)/", *serve, f"T={upstream}/") as address,
    ):
        collected_all(address, frames)
        time.sleep(0.3)  # what waits for the next frame is decided by the next second, at the latest
        found = httpx.get(f"http://{address}/circuits/t/classification").json()["standings"]
        with connect(f"ws://{address}/circuits/t/live?format=karting_data") as client:
            board = json.loads(client.recv(timeout=5))["drivers"]
    rows = [{key: row[key] for key in SHOWN} for row in expected["classification"]]
    assert [{key: row[key] for key in SHOWN} for row in found] == rows
    assert sorted(int(row["Classement"]) for row in board.values()) == [row["position"] for row in rows]


@pytest.mark.parametrize("name", ["rmonitor", "racemonitor"])
def test_a_simulated_feed_is_classified_as_it_was(tmp_path: Path, name: str) -> None:
    """Over TCP, and by lookup and relay: the truth of the last session, at the server and on a client's board."""
    simulate = ("simulate", name, "--preset", "sprint", "--karts", "5", "--duration", "3m", "--seed", "6")
    make = [sys.executable, "-m", "karttime", *simulate, "-o", str(tmp_path / "own.jsonl")]
    subprocess.run(make, check=True, capture_output=True)
    true = json.loads((tmp_path / "own.truth.json").read_bytes())["sessions"][-1]["classification"]
    wanted = sorted(true, key=lambda row: int(row["position"]))
    expected = [(row["position"], row["number"], row["laps"], row["best_lap_ms"]) for row in wanted]
    found: list[tuple[object, ...]] = []
    with karttime(tmp_path, r"(\S+) simulates", *simulate, "--port", "0", "--speed", "max", "--wait") as upstream:
        url, lookup = (upstream, {}) if name == "rmonitor" else ("racemonitor:1", {"RACE_MONITOR_URL": upstream})
        serve = ("serve", "--port", "0", "--database", "sqlite:///t.db", "--circuit", f"T={url}")
        with karttime(tmp_path, r"http://(\S+?)/", *serve, **lookup) as address:
            until = time.monotonic() + 40
            while found != expected and time.monotonic() < until:
                answer = httpx.get(f"http://{address}/circuits/t/classification")
                rows = answer.json()["standings"] if answer.status_code == 200 else []
                found = [(row["position"], row["number"], row["laps"], row["best_lap_ms"]) for row in rows]
                time.sleep(0.1)
            assert found == expected
            with connect(f"ws://{address}/circuits/t/live?format=karting_data") as client:
                board = json.loads(client.recv(timeout=5))["drivers"]
    assert [(row["Classement"], row["Kart"], row["Tours"]) for row in board.values()] == [
        (str(position), number, str(laps)) for position, number, laps, _ in expected
    ]
