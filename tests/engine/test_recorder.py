"""Recording: clean ends, bad ends, and what is counted on the way."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from karttime.engine.recorder import Recorder, RecordingProgress, duration_or_never, recording_header
from karttime.engine.signals import on_stop
from karttime.engine.source import Connected, Connecting, Ended, GaveUp, Lost, Retrying, SourceItem
from karttime.engine.websocket import WebSocketOptions, WebSocketSource
from karttime.errors import RecorderError, SourceError, UsageError
from karttime.feeds.frame import Frame
from karttime.recording.reader import open_recording
from karttime.recording.writer import RecordingWriter

from .conftest import BEGIN, HandClock, ListSource, MemoryWriter, Serve

Make = Callable[[str], Frame]
UP: tuple[SourceItem, ...] = (Connecting(1), Connected())


def ignore(_progress: RecordingProgress) -> None:
    pass


async def test_frames_and_connections_are_written_in_order(frame: Make) -> None:
    writer = MemoryWriter()
    items = [*UP, frame("a"), Lost("gone"), Retrying(1000, 2), Connecting(2), Connected(), frame("b"), Ended()]
    recorder = Recorder(ListSource(items), writer)
    await recorder.run(report=ignore, every_s=10)
    assert writer.lines == ["# connected", "a", "# connection lost: gone", "# connected", "b"]
    assert writer.closed
    assert (recorder.progress().frames, recorder.progress().reconnects) == (2, 1)


async def test_it_ends_after_the_duration(frame: Make) -> None:
    writer = MemoryWriter()
    source = ListSource([*UP, frame("a")], stay=True)
    async with asyncio.timeout(2):
        await Recorder(source, writer).run(duration_ms=50, report=ignore, every_s=10)
    assert source.closed
    assert writer.closed


async def test_stop_ends_it_cleanly_also_before_it_began(frame: Make) -> None:
    for early in (True, False):
        writer = MemoryWriter()
        recorder = Recorder(ListSource([*UP, frame("a")], stay=True), writer)
        if early:
            recorder.stop()
        async with asyncio.timeout(2), asyncio.TaskGroup() as tasks:
            tasks.create_task(recorder.run(report=ignore, every_s=10))
            await asyncio.sleep(0.01)
            recorder.stop()
            recorder.stop()
        assert writer.closed
        assert bool(writer.lines) is not early


async def test_a_disk_that_fails_ends_it_with_the_reason(frame: Make) -> None:
    writer = MemoryWriter(full=True)
    source = ListSource([*UP, frame("a")], stay=True)
    with pytest.raises(RecorderError, match="the disk is full"):
        await Recorder(source, writer).run(report=ignore, every_s=10)
    assert source.closed


async def test_giving_up_is_an_error_with_the_last_reason() -> None:
    writer = MemoryWriter()
    recorder = Recorder(ListSource([Connecting(1), Lost("refused"), GaveUp(1)]), writer)
    with pytest.raises(SourceError, match=r"^gave up after 1 attempts: refused$"):
        await recorder.run(report=ignore, every_s=10)
    assert writer.closed


async def test_progress_says_rate_age_and_what_goes_on(frame: Make, hand_clock: HandClock) -> None:
    clock = hand_clock.clock
    recorder = Recorder(ListSource([*UP, *[frame("a")] * 20]), MemoryWriter(), clock=clock)
    assert recorder.progress().state == "connecting"
    hand_clock.advance(4)
    await recorder.run(report=ignore, every_s=10)
    progress = recorder.progress()
    assert (progress.rate, progress.frames, progress.elapsed_ms) == (5.0, 20, 4000)
    assert (progress.data_age_ms, progress.state) == (0, "receiving")
    hand_clock.advance(60)
    assert recorder.progress().data_age_ms == 60_000
    hand_clock.advance(1)
    assert recorder.progress().rate == 0


async def test_progress_says_what_is_wrong() -> None:
    recorder = Recorder(ListSource([Connecting(1), Lost("refused"), Retrying(2000, 2)]), MemoryWriter())
    await recorder.run(report=ignore, every_s=10)
    assert recorder.progress().state == "refused; attempt 2 in 2 s"
    assert recorder.progress().data_age_ms is None


async def test_reports_come_at_once_and_then_as_often_as_asked(frame: Make) -> None:
    seen: list[RecordingProgress] = []
    recorder = Recorder(ListSource([*UP, frame("a")], stay=True), MemoryWriter())
    await recorder.run(duration_ms=100, report=seen.append, every_s=0.02)
    assert 3 <= len(seen) <= 6
    assert seen[-1].frames == 1
    assert seen[-1].data_age_ms is not None


async def test_a_live_recording_reads_back_as_it_was_sent(
    ws_server: Serve, quick: WebSocketOptions, tmp_path: Path
) -> None:
    """Over a server restart, text and bytes, into rotated files."""
    sent = [f"r1c{number}|ti|61.{number:03d}\n" for number in range(50)]

    async def talk(connection: ServerConnection) -> None:
        for text in sent:
            await connection.send(text)
        await connection.send(b"\xff\x00")

    path = tmp_path / "hill.jsonl"
    async with ws_server(talk) as url:
        writer = RecordingWriter(path, recording_header(url, "Hill\x1b Kart"), rotate_bytes=2000)
        source = WebSocketSource(url, replace(quick, max_attempts=2))
        with pytest.raises(SourceError):
            await Recorder(source, writer).run(report=ignore, every_s=10)
    files = writer.paths
    assert len(files) > 2
    frames = [frame for file in files for frame in open_recording(file)]
    once: list[str | None] = [*sent, None]
    assert [frame.text for frame in frames] == once * 2
    assert frames[50].data == b"\xff\x00"
    header = open_recording(path).header
    assert (header.source, header.circuit) == (url, "Hill Kart")


def test_the_header_says_where_and_when(hand_clock: HandClock) -> None:
    header = recording_header("wss://timing.example", "Hill Kart", clock=hand_clock.clock)
    assert (header.created_at, header.source, header.circuit) == (BEGIN, "wss://timing.example", "Hill Kart")


def test_a_duration_must_be_longer_than_nothing() -> None:
    assert duration_or_never(None) is None
    assert duration_or_never("10m") == 600_000
    for bad in ("0s", "soon"):
        with pytest.raises(UsageError):
            duration_or_never(bad)


async def test_stop_signals_are_calls_while_the_context_lasts() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    calls: list[str] = []
    with on_stop(lambda: calls.append("stop")):
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(0.01)
    assert calls == ["stop", "stop"]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
