import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from karttime.engine.taps import FrameBuffer, RecorderTap
from karttime.errors import UsageError
from karttime.feeds.frame import Frame
from karttime.recording.format import RecordingHeader
from karttime.recording.reader import open_recording
from karttime.recording.writer import RecordingWriter

from .conftest import BEGIN, HandClock, MemoryWriter

Make = Callable[[str], Frame]


def test_frames_and_marks_reach_the_disk_and_can_be_read(tmp_path: Path, frame: Make) -> None:
    path = tmp_path / "hill.jsonl"
    tap = RecorderTap(lambda: RecordingWriter(path, RecordingHeader()))
    sent = [frame("a\n"), frame("b\n")]
    for each in sent:
        tap.write(each)
    tap.mark(BEGIN, "connected")
    tap.close()
    assert list(open_recording(path)) == sent
    assert tap.status().frames == 2
    assert tap.status().path == str(path)
    assert tap.status().error == ""


def test_no_file_is_begun_before_there_is_something_to_write() -> None:
    tap = RecorderTap(lambda: pytest.fail("began a file"))
    tap.mark(BEGIN, "connected")
    tap.close()


def test_a_full_disk_is_loud_and_counted_and_later_a_new_file_goes_on(
    frame: Make, hand_clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    writers = [MemoryWriter("one"), MemoryWriter("two")]
    opened = iter(writers)
    tap = RecorderTap(lambda: next(opened), clock=hand_clock.clock)
    tap.write(frame("a"))
    writers[0].full = True
    tap.write(frame("b"))
    tap.write(frame("c"))
    assert tap.status().error == "the disk is full"
    assert (tap.status().frames, tap.status().missed) == (1, 2)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    hand_clock.advance(61)
    tap.write(frame("d"))
    assert writers[1].lines == ["d"]
    assert (tap.status().path, tap.status().error, tap.status().missed) == ("two", "", 2)


def test_a_file_that_cannot_be_begun_is_tried_again_once_a_minute(frame: Make, hand_clock: HandClock) -> None:
    tries = 0

    def refuse() -> MemoryWriter:
        nonlocal tries
        tries += 1
        raise UsageError("there is no such directory")

    tap = RecorderTap(refuse, clock=hand_clock.clock)
    for _ in range(100):
        tap.write(frame("a"))
    assert tries == 1
    hand_clock.advance(60)
    tap.write(frame("a"))
    assert tries == 2
    assert tap.status().missed == 101
    assert "no such directory" in tap.status().error


@pytest.mark.parametrize("act", [lambda tap: tap.mark(BEGIN, "x"), lambda tap: tap.close()])
def test_marks_and_the_end_may_fail_too(act: Callable[[RecorderTap], None], frame: Make) -> None:
    writer = MemoryWriter()
    tap = RecorderTap(lambda: writer)
    tap.write(frame("a"))
    writer.full = True
    act(tap)
    assert tap.status().error == "the disk is full"


def test_the_buffer_keeps_the_newest_frames_within_number_and_size(frame: Make) -> None:
    buffer = FrameBuffer(max_frames=3, max_bytes=10)
    frames = [frame(str(number)) for number in range(5)]
    for each in frames[:4]:
        buffer.add(1, each)
    assert buffer.frames() == tuple(frames[1:4])
    buffer.add(9, frames[4])
    assert buffer.frames() == (frames[3], frames[4])


def test_a_frame_larger_than_the_buffer_leaves_it_empty(frame: Make) -> None:
    buffer = FrameBuffer(max_frames=3, max_bytes=10)
    buffer.add(1, frame("small"))
    buffer.add(11, frame("large"))
    assert buffer.frames() == ()
