"""Recordings as upstreams."""

import asyncio
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from karttime.engine.doors import tcp_door
from karttime.engine.replay import Cut, parse_speed, replay_server
from karttime.engine.upstream import Service
from karttime.errors import RecordingError, UsageError
from karttime.feeds.frame import Frame
from karttime.recording.format import RecordingHeader
from karttime.recording.writer import RecordingWriter

FRAMES = [Frame(1_780_131_600_000 + 1000 * second, f"r1c1|in|{second}\n") for second in range(10)]
FAST = Service(speed=None, wait=True, leave=True)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "race.jsonl"
    with RecordingWriter(path, RecordingHeader()) as writer:
        for frame in FRAMES:
            writer.write(frame)
    return path


async def replayed(path: Path, service: Service, cut: Cut) -> list[str | bytes]:
    server = replay_server([path], service, cut)
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    got: list[str | bytes] = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.run(url.set_result))
        async with connect(await url) as client:
            try:
                while True:
                    got.append(await client.recv())
            except ConnectionClosed:
                pass
    return got


async def test_the_exact_frames_are_replayed(recording: Path) -> None:
    assert await replayed(recording, FAST, Cut()) == [frame.text for frame in FRAMES]


async def test_over_tcp_the_bytes_are_those_that_came(tmp_path: Path) -> None:
    """Text and what was none, one after another, and then an end."""
    frames = [Frame(1000, '$B,1,"été"\r\n'), Frame(2000, None, b'$B,2,"\xe9t\xe9"\r\n'), Frame(3000, "$F,1\r\n")]
    with RecordingWriter(tmp_path / "race.jsonl", RecordingHeader()) as writer:
        for frame in frames:
            writer.write(frame)
    server = replay_server([tmp_path / "race.jsonl"], FAST, door=tcp_door)
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.run(url.set_result))
        host, _, port = (await url).removeprefix("rmonitor://").rpartition(":")
        reader, writer_ = await asyncio.open_connection(host, int(port))
        got = await reader.read()
        writer_.close()
    assert got == '$B,1,"été"\r\n'.encode() + b'$B,2,"\xe9t\xe9"\r\n$F,1\r\n'


async def test_a_part_begins_with_what_lies_before_it_and_ends_early(recording: Path) -> None:
    assert await replayed(recording, FAST, Cut(from_ms=4000, until_ms=6000)) == [f.text for f in FRAMES[:6]]


async def test_silences_are_cut_and_speed_divides_the_rest(recording: Path) -> None:
    began = asyncio.get_running_loop().time()
    got = await replayed(recording, Service(speed=10, wait=True, leave=True), Cut(max_gap_ms=100))
    took = asyncio.get_running_loop().time() - began
    assert len(got) == 10
    assert 0.09 <= took < 2.0


@pytest.mark.parametrize(("text", "speed"), [("1", 1.0), ("0.5", 0.5), ("600", 600.0), ("max", None)])
def test_speeds_are_read(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", "inf", "", "1e9"])
def test_no_speed_is_a_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="is not a speed: give a number above 0"):
        parse_speed(text)


def test_a_missing_file_and_an_empty_part_are_refused_before_listening(tmp_path: Path, recording: Path) -> None:
    with pytest.raises(RecordingError, match=r"none\.jsonl does not exist"):
        replay_server([tmp_path / "none.jsonl"], FAST)
    with pytest.raises(UsageError, match="let it end after its start"):
        replay_server([recording], FAST, Cut(from_ms=5000, until_ms=1000))
