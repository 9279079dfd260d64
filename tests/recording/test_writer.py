import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karttime.errors import RecorderError, UsageError
from karttime.feeds.frame import Frame
from karttime.recording import sink
from karttime.recording.format import Mark, RecordingHeader, encode_frame
from karttime.recording.reader import open_recording
from karttime.recording.writer import RecordingWriter

HEADER = RecordingHeader(created_at=1_779_004_800_000, source="wss://timing.example/8523", circuit="Hill", feed="apex")
NAMES = ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"]
FRAME = Frame(1_779_004_800_125, "r7c9|ti|26.138\n", offset=125)

frames_of_a_recording = st.lists(
    st.builds(
        Frame,
        st.integers(0, 2**41),
        st.text(max_size=30),
        st.none(),
        st.sampled_from(["in", "out"]),
        st.none() | st.integers(0, 2**40),
    )
    | st.builds(Frame, st.integers(0, 2**41), st.none(), st.binary(max_size=30), st.just("in"), st.none()),
    max_size=8,
)


@settings(max_examples=60)
@given(frames_of_a_recording, st.sampled_from(NAMES))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, frames: list[Frame], name: str) -> None:
    path = tmp_path_factory.mktemp("w") / name
    with RecordingWriter(path, HEADER) as writer:
        for frame in frames:
            writer.write(frame)
        writer.mark(5, "safety car")
    recording = open_recording(path)
    assert list(recording) == frames
    assert recording.marks == [Mark(5, "safety car")]
    assert recording.header == HEADER
    assert not set(recording.problems) - {"time-goes-back"}
    assert (writer.frames, writer.bytes, writer.paths) == (len(frames), path.stat().st_size, (path,))


@pytest.mark.parametrize("name", NAMES)
def test_every_frame_is_on_disk_when_write_returns(tmp_path: Path, name: str) -> None:
    writer = RecordingWriter(tmp_path / name, HEADER)
    for count in range(1, 4):
        writer.write(FRAME)
        assert list(open_recording(tmp_path / name)) == [FRAME] * count
    writer.close()


def test_a_plain_frame_is_one_write_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[bytes] = []
    real = os.write

    def write(fd: int, data: bytes) -> int:
        writes.append(bytes(data))
        return real(fd, data)

    monkeypatch.setattr("karttime.recording.sink.os.write", write)
    with RecordingWriter(tmp_path / "a.jsonl", HEADER) as writer:
        writer.write(FRAME)
    assert writes[1:] == [encode_frame(FRAME)]


KILLED = """
import sys
from pathlib import Path
from karttime.feeds.frame import Frame
from karttime.recording.format import RecordingHeader
from karttime.recording.writer import RecordingWriter
writer = RecordingWriter(Path(sys.argv[1]), RecordingHeader())
for number in range(10**9):
    writer.write(Frame(number, "r7c9|ti|26.138\\n" * 50, offset=number))
    print(number, flush=True)
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_recorder_loses_at_most_the_frame_it_was_writing(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 300:
                process.send_signal(signal.SIGKILL)
                break
        told = max([300, *(int(line) for line in process.stdout if line.endswith("\n"))])
    recording = open_recording(path)
    frames = list(recording)
    assert [frame.at for frame in frames] == list(range(len(frames)))
    assert len(frames) >= told + 1
    assert set(recording.problems) <= {"torn-last-line", "unfinished-compression"}


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("precious")
    with pytest.raises(UsageError, match="exists and is never overwritten: choose another name"):
        RecordingWriter(path, HEADER)
    assert path.read_text() == "precious"


def test_a_file_that_cannot_be_created_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="does not exist: create it first"):
        RecordingWriter(tmp_path / "none" / "a.jsonl", HEADER)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is not a directory"):
        RecordingWriter(tmp_path / "file" / "a.jsonl", HEADER)
    for number, kind, sentence in (
        (errno.EACCES, UsageError, "no permission"),
        (errno.ENOSPC, RecorderError, "cannot be created: No space left"),
    ):

        def refuse(*_: object, code: int = number) -> int:
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patch:
            patch.setattr("karttime.recording.sink.os.open", refuse)
            with pytest.raises(kind, match=sentence):
                RecordingWriter(tmp_path / "b.jsonl", HEADER)


class FullDisk:
    """Takes `room` more bytes, then fails as a full disk does: with a part of a write, then not at all."""

    def __init__(self, room: int, code: int = errno.ENOSPC) -> None:
        self.room = room
        self.code = code
        self.real = os.write

    def write(self, fd: int, data: bytes) -> int:
        if not self.room:
            raise OSError(self.code, os.strerror(self.code))
        taken = self.real(fd, data[: self.room])
        self.room -= taken
        return taken


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EFBIG])
def test_a_full_disk_is_loud_and_what_was_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    path = tmp_path / name
    writer = RecordingWriter(path, HEADER)
    for _ in range(3):
        writer.write(FRAME)
    monkeypatch.setattr("karttime.recording.sink.os.write", FullDisk(10, code).write)
    with pytest.raises(RecorderError, match=r"stopped: .*what was recorded before is kept"):
        writer.write(FRAME._replace(text="something else"))
    monkeypatch.undo()
    with pytest.raises(RecorderError, match="is closed"):
        writer.write(FRAME)
    writer.close()
    recording = open_recording(path)
    assert list(recording) == [FRAME] * 3
    assert "torn-last-line" not in recording.problems
    assert writer.frames == 3
    assert writer.bytes == path.stat().st_size


def test_a_partial_line_that_cannot_be_taken_away_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl"
    writer = RecordingWriter(path, HEADER)
    writer.write(FRAME)
    disk = FullDisk(10)

    def refuse(*_: object) -> None:
        disk.room = 1
        raise OSError(errno.EIO, "I/O error")

    monkeypatch.setattr("karttime.recording.sink.os.write", disk.write)
    monkeypatch.setattr("karttime.recording.sink.os.ftruncate", refuse)
    with pytest.raises(RecorderError):
        writer.write(FRAME)
    monkeypatch.undo()
    assert path.read_bytes().endswith(b"\n")
    recording = open_recording(path)
    assert list(recording) == [FRAME]
    assert recording.problems == {"bad-line": 1}


def test_a_disk_that_is_full_from_the_start_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("karttime.recording.sink.os.write", FullDisk(5).write)
    with pytest.raises(RecorderError):
        RecordingWriter(tmp_path / "a.jsonl", HEADER)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fails_at_the_end_is_loud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "I/O error")

    writer = RecordingWriter(tmp_path / "a.jsonl", HEADER)
    monkeypatch.setattr("karttime.recording.sink.os.fsync", refuse)
    with pytest.raises(RecorderError, match="I/O error"):
        writer.close()
    writer.close()  # it is closed all the same


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_really_full_device_is_reported_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "_create", lambda _: os.open("/dev/full", os.O_WRONLY))
    with pytest.raises(RecorderError, match="No space left on device"):
        RecordingWriter(tmp_path / "a.jsonl", HEADER)


@pytest.mark.parametrize(("ending", "limit"), [("", 1200), (".gz", 400), (".zst", 400)])
def test_rotation_by_size(tmp_path: Path, ending: str, limit: int) -> None:
    frames = [FRAME._replace(at=FRAME.at + number, text=f"{number * 7919}") for number in range(40)]
    with RecordingWriter(tmp_path / f"hill.jsonl{ending}", HEADER, rotate_bytes=limit) as writer:
        for frame in frames:
            writer.write(frame)
    assert len(writer.paths) > 2
    names = [f"hill.jsonl{ending}", f"hill.002.jsonl{ending}", f"hill.003.jsonl{ending}"]
    assert [path.name for path in writer.paths][:3] == names
    found = [open_recording(path) for path in writer.paths]
    assert all(recording.header == HEADER for recording in found)
    assert [frame for recording in found for frame in recording] == frames
    assert all(path.stat().st_size <= limit + 40 for path in writer.paths)
    assert writer.bytes == sum(path.stat().st_size for path in writer.paths)
    assert writer.frames == 40


def test_rotation_by_time_follows_the_frames(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "hill.jsonl", HEADER, rotate_ms=1000) as writer:
        for at in (0, 999, 1000, 1500, 5000):
            writer.write(Frame(at, "x"))
    assert [[frame.at for frame in open_recording(path)] for path in writer.paths] == [[0, 999], [1000, 1500], [5000]]


def test_a_frame_larger_than_the_rotation_has_a_file_of_its_own(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "a.jsonl", HEADER, rotate_bytes=10) as writer:
        writer.write(FRAME)
        writer.write(FRAME)
    assert len(writer.paths) == 2


def test_rotation_never_touches_parts_of_an_older_recording(tmp_path: Path) -> None:
    second = tmp_path / "a.002.jsonl"
    second.write_text("precious")
    with pytest.raises(UsageError, match=r"a\.002\.jsonl exists"):
        RecordingWriter(tmp_path / "a.jsonl", HEADER, rotate_bytes=10)
    assert [path.name for path in tmp_path.iterdir()] == ["a.002.jsonl"]
    second.unlink()
    writer = RecordingWriter(tmp_path / "a.jsonl", HEADER, rotate_bytes=10)
    second.write_text("precious")
    writer.write(FRAME)
    with pytest.raises(RecorderError, match=r"stopped: .*a\.002\.jsonl exists"):
        writer.write(FRAME)
    assert second.read_text() == "precious"
    assert list(open_recording(tmp_path / "a.jsonl")) == [FRAME]


@pytest.mark.parametrize("bad", [0, -5])
def test_a_rotation_of_nothing_is_refused(tmp_path: Path, bad: int) -> None:
    with pytest.raises(UsageError, match="above zero"):
        RecordingWriter(tmp_path / "a.jsonl", HEADER, rotate_bytes=bad)
    assert not list(tmp_path.iterdir())


def test_a_name_with_dots_keeps_them(tmp_path: Path, make_file: Callable[[str, bytes], Path]) -> None:
    make_file("other", b"x")
    with RecordingWriter(tmp_path / "3h.race.2026.jsonl", HEADER, rotate_bytes=1) as writer:
        writer.write(FRAME)
        writer.write(FRAME)
    assert writer.paths[1].name == "3h.race.2026.002.jsonl"
