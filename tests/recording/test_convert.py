from collections.abc import Callable
from pathlib import Path

import pytest

from karttime.errors import RecorderError, RecordingError, UsageError
from karttime.feeds.frame import Frame
from karttime.recording.convert import convert
from karttime.recording.format import Mark
from karttime.recording.reader import Recording, open_recording
from karttime.recording.writer import RecordingWriter

MakeFile = Callable[[str, bytes | str], Path]
MakeLines = Callable[..., Path]
ReadAll = Callable[[Path], tuple[Recording, list[Frame]]]

LOG = (
    "# Feed: 192.0.2.28:50000\n"
    '2026-05-17T08:00:00.326Z $H,1,"9",0\n'
    "# ANNOTATION [2026-05-17T08:00:01.000Z]: RACE\n"
    '2026-05-17T08:00:02Z $H,2,"8",0\n'
    "# ANNOTATION [2026-05-17T08:00:03.000Z]: over\n"
)
BEGIN = 1_779_004_800_000


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz", "out.jsonl.zst"])
def test_frames_marks_and_header_are_converted(
    tmp_path: Path, make_file: MakeFile, read_all: ReadAll, name: str
) -> None:
    done = convert([make_file("a.log", LOG)], tmp_path / name, circuit="Hill")
    recording, frames = read_all(tmp_path / name)
    assert frames == [Frame(BEGIN + 326, '$H,1,"9",0\n'), Frame(BEGIN + 2000, '$H,2,"8",0\n')]
    assert recording.marks == [Mark(BEGIN + 1000, "RACE"), Mark(BEGIN + 3000, "over")]
    header = recording.header
    assert (header.source, header.circuit) == ("192.0.2.28:50000", "Hill")
    assert header.software.startswith("karttime ")
    assert (done.frames, done.marks, done.first_at, done.last_at) == (2, 2, BEGIN + 326, BEGIN + 2000)
    assert (done.formats, done.clock, done.problems) == (("text-iso",), "utc", {"comment": 1})
    assert done.bytes == (tmp_path / name).stat().st_size


def test_marks_stand_between_the_frames_they_were_set_between(tmp_path: Path, make_file: MakeFile) -> None:
    convert([make_file("a.log", LOG)], tmp_path / "out.jsonl")
    kinds = [
        "mark" if b'"mark"' in line else "frame" for line in (tmp_path / "out.jsonl").read_bytes().splitlines()[1:]
    ]
    assert kinds == ["frame", "mark", "frame", "mark"]


def test_that_times_were_made_up_is_not_forgotten(tmp_path: Path, make_file: MakeFile) -> None:
    convert([make_file("a.txt", "$A,1,2\n")], tmp_path / "out.jsonl")
    header = open_recording(tmp_path / "out.jsonl").header
    assert (header.clock, header.created_at) == ("none", None)


def test_converting_twice_gives_the_same_frames(tmp_path: Path, make_lines: MakeLines, read_all: ReadAll) -> None:
    source = make_lines({"t": 5, "raw": "a"}, {"t": 6, "raw": "\ud83d"}, {"t": 4, "raw": "b"})
    convert([source], tmp_path / "one.jsonl")
    convert([tmp_path / "one.jsonl"], tmp_path / "two.jsonl")
    assert read_all(tmp_path / "two.jsonl")[1] == read_all(source)[1]


def test_an_existing_file_stays_as_it_is(make_file: MakeFile) -> None:
    source = make_file("a.log", LOG)
    with pytest.raises(UsageError, match="never overwritten"):
        convert([source], source)
    assert source.read_text() == LOG


def test_nothing_is_left_when_the_input_has_no_frames(tmp_path: Path, make_lines: MakeLines) -> None:
    source = make_lines({"karttime": "recording", "version": 1})
    with pytest.raises(RecordingError, match="holds no frames"):
        convert([source], tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_nothing_is_left_when_the_disk_fills(
    tmp_path: Path, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(_: RecordingWriter, __: Frame) -> None:
        raise RecorderError("full")

    monkeypatch.setattr(RecordingWriter, "write", fill)
    with pytest.raises(RecorderError, match="full"):
        convert([make_file("a.log", LOG)], tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
