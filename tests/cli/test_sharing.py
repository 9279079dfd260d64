"""`karttime serve` with circuits from Firestore: the app on one side, a timing server on the other."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from karttime.circuits.parser import SPEC, Parser
from karttime.cli.sharing import labels
from karttime.domain.columns import Column, Role
from karttime.feeds.declared.spec import load_spec
from karttime.settings import Settings
from tests.api.flutter_app import App
from tests.firebase.app import NodeApp
from tests.firebase.emulator import free_port
from tests.firebase.proxy import Way
from tests.firebase.rest import Rest


def until(condition: Callable[[], Any]) -> Any:
    """What it is, once it is something."""
    for _ in range(1000):
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not become so")


@pytest.fixture
def track(tmp_path: Path) -> Iterator[str]:
    """The address of a timing server with a race on it."""
    port = free_port()
    command = (sys.executable, "-m", "karttime", "simulate", "apex", "--karts", "8", "--speed", "20")
    with (tmp_path / "track.txt").open("w") as log:
        process = subprocess.Popen((*command, "--port", str(port)), stdout=log, stderr=log)
        try:
            yield f"ws://127.0.0.1:{port}/"
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def way(firestore: int) -> Iterator[Way]:
    with Way(firestore) as made:
        yield made


def begin(folder: Path, project: str, port: int, address: int, *arguments: str) -> "subprocess.Popen[bytes]":
    """A service that answers."""
    ours = tuple(name.upper() for name in Settings.model_fields)
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {
        "DATABASE_URL": f"sqlite:///{folder}/a.db",
        "FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{port}",
        "FIREBASE_PROJECT_ID": project,
        "FIREBASE_ALLOW_EMULATOR": "true",
        "ALLOW_PRIVATE": "true",
        "FOLLOW_SELECTION": "true",
        "PORT": str(address),
    }
    with (folder / "serve.txt").open("a") as log:
        process = subprocess.Popen(
            (sys.executable, "-m", "karttime", "serve", *arguments), stdout=log, stderr=log, env=environment, cwd=folder
        )

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{address}/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    until(answers)
    return process


async def test_from_an_import_on_the_phone_to_laps_on_its_screen(
    track: str, way: Way, project: str, node_app: NodeApp, tmp_path: Path
) -> None:
    """A circuit without a mapping is collected, mapped, selectable; Firestore goes and comes; nobody's laps stop.

    Then the service is killed and begins again while Firestore is away, and the app starts the circuit as before.
    """
    await asyncio.to_thread(_story, track, way, project, node_app, tmp_path)


def _story(track: str, way: Way, project: str, node_app: NodeApp, folder: Path) -> None:
    direct, address = way.target, free_port()
    rest = Rest(project, direct)
    process = begin(folder, project, way.port, address)
    base = f"http://127.0.0.1:{address}"

    def shared() -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{base}/status").json()["firestore"]
        return found

    try:
        until(lambda: shared()["state"] == "listening")
        node_app.call("import", project, direct, id="hill", nom="Hill Kart", wssUrl=track)
        data = node_app.call("selectable", project, direct, id="hill")
        assert "Classement" in data.values()
        until(lambda: httpx.get(f"{base}/circuits/hill").json()["mappings"])
        asyncio.run(_laps(address, way))
        until(lambda: shared()["state"] == "listening")
        assert shared()["reconnects"] == 1
        way.cut()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process = begin(folder, project, way.port, address, "--no-start")
        until(lambda: shared()["state"] == "away")
        assert httpx.get(f"{base}/circuits/hill").json()["mappings"]
        asyncio.run(_laps(address, None))
        way.mend()
        node_app.call("import", project, direct, id="dale", nom="Dale", wssUrl=track)
        node_app.call("select", project, direct, id="dale")
        until(lambda: httpx.get(f"{base}/circuits/dale/status").json().get("timing_active"))
        assert rest.get("circuits/hill")["autoDetectionSucceeded"] is True
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in (folder / "serve.txt").read_text()


async def _laps(address: int, way: Way | None) -> None:
    """One person with the app sees karts and laps, also while Firestore is away."""
    app = App(f"127.0.0.1:{address}")
    try:
        assert await app.open_screen()
        assert await app.start("hill")
        for cut in (False, True) if way is not None else (False,):
            if cut and way is not None:
                way.cut()
            seen = sum(map(len, app.laps.values()))
            async with asyncio.timeout(30):
                while sum(map(len, app.laps.values())) < seen + 5:  # noqa: ASYNC110 - the app has no event for it
                    await asyncio.sleep(0.02)
        assert len(app.table) >= 8
        if way is not None:
            way.mend()
    finally:
        await app.quit()


def test_of_a_feed_that_was_found_out_only_what_is_beyond_doubt_is_told() -> None:
    """What a person declared, and what a known format says itself, is told whole; what is not settled, not at all."""
    columns = [Column(1, Role.POSITION, "", ""), Column(2, Role.NUMBER, "", ""), Column(3, Role.LAST_LAP, "", "")]
    fields = [
        {"path": "p", "role": "position", "confidence": 0.95},
        {"path": "n", "role": "number", "confidence": 0.6},
        {"path": "l", "role": "last_lap"},
    ]
    table = {"rows": "rows[]", "key": "n", "fields": fields}
    spec = load_spec({"karttime_spec": 1, "tables": [table], "laps": {"by": "change"}})
    whole = {"C1": "Classement", "C2": "Kart", "C3": "Dernier T."}
    assert labels(columns, None) == whole
    assert labels(columns, Parser(SPEC, spec, "person", 0)) == whole
    assert labels(columns, Parser(SPEC, spec, "detection", 0)) == {"C1": "Classement", "C3": "Dernier T."}
    assert labels(columns, Parser(SPEC, spec, "detection", 0, settled=False)) == {}
    assert labels(columns, Parser("apex", None, "detection", 0)) == whole
