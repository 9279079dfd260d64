"""Simulations as recordings with their truth, and as upstreams."""

import asyncio
import json
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from karttime.engine.simulation import Simulation, record
from karttime.engine.upstream import Service
from karttime.errors import UsageError
from karttime.recording.reader import open_recording
from karttime.simulator.scenarios import Options

SHORT = Options("sprint", karts=3, duration_ms=150_000)


async def served(simulation: Simulation) -> list[str | bytes]:
    """All that one client gets, as fast as it takes it."""
    server = simulation.server(Service(speed=None, wait=True, leave=True))
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    got: list[str | bytes] = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.run(url.set_result))
        async with connect(await url, max_size=None) as client:
            try:
                while True:
                    got.append(await client.recv())
            except ConnectionClosed:
                pass
    return got


def test_a_recording_holds_every_frame_and_its_truth_lies_beside_it(tmp_path: Path) -> None:
    simulation = Simulation(SHORT)
    done = record(simulation, tmp_path / "race.jsonl.gz", "karttime simulate")
    assert done.truth_path == tmp_path / "race.truth.json"
    recording = open_recording(done.path)
    frames, truth = simulation.begin()
    assert list(recording) == list(frames)
    assert (recording.header.feed, recording.header.source) == ("apex", "simulator")
    kept = json.loads(done.truth_path.read_bytes())
    assert kept.pop("command") == "karttime simulate"
    assert kept == json.loads(json.dumps(truth.as_json()))
    assert done.sessions == 2
    assert done.laps == sum(len(laps) for session in truth.sessions for laps in session.laps.values())


@pytest.mark.parametrize("existing", ["race.jsonl", "race.truth.json"])
def test_nothing_is_overwritten(tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).write_text("mine")
    with pytest.raises(UsageError, match=r"exists and is never overwritten"):
        record(Simulation(SHORT), tmp_path / "race.jsonl")
    assert (tmp_path / existing).read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [existing]


def test_a_broken_connection_is_recorded_as_the_board_that_the_next_one_begins_with(tmp_path: Path) -> None:
    done = record(Simulation(SHORT, {"disconnect": 5.0}), tmp_path / "race.jsonl")
    texts = [frame.text for frame in open_recording(done.path)]
    assert None not in texts
    assert sum((text or "").startswith("init|") for text in texts) > 4


async def test_a_client_gets_the_frames_that_a_recording_holds() -> None:
    simulation = Simulation(SHORT)
    frames, _truth = simulation.begin()
    expected = [frame.text for frame in frames]
    got = await served(simulation)
    assert got[1:] == expected  # before them, what the board showed on connecting


async def test_the_server_begins_anew_each_time() -> None:
    simulation = Simulation(SHORT, {"foreign": 2.0})
    assert (await served(simulation))[1:] == (await served(simulation))[1:]


def test_before_it_begins_no_session_is_shown() -> None:
    assert Simulation(SHORT).snapshot().startswith("init|n|")
