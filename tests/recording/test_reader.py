import gc
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import zstandard

from karttime.errors import RecordingError
from karttime.feeds.frame import Frame
from karttime.recording.format import RecordingHeader
from karttime.recording.reader import open_recording
from karttime.recording.writer import RecordingWriter

MakeFile = Callable[[str, bytes | str], Path]
MakeLines = Callable[..., Path]

FRAMES = [Frame(1000 * number, f"r{number}c2|in|é\n", offset=number) for number in range(6)]


@pytest.fixture(params=["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path: Path = tmp_path / request.param
    with RecordingWriter(path, RecordingHeader(created_at=5)) as writer:
        for frame in FRAMES:
            writer.write(frame)
    return path


def test_a_file_cut_at_any_byte_gives_all_complete_frames(written: Path) -> None:
    content = written.read_bytes()
    complete = 0
    for end in range(1, len(content) + 1):
        written.write_bytes(content[:end])
        frames, problems = read_or_none(written)
        assert frames == FRAMES[: len(frames)]
        assert complete <= len(frames) <= complete + 1  # never fewer than a shorter file gave
        complete = len(frames)
        assert set(problems) <= {"torn-last-line", "unfinished-compression"}
    assert complete == len(FRAMES)
    assert not open_recording(written).problems


def read_or_none(path: Path) -> tuple[list[Frame], Mapping[str, int]]:
    try:
        recording = open_recording(path)
    except RecordingError as error:  # not even the header is there
        assert re.search(r"is empty|ends inside its header", str(error)) or path.stat().st_size < 4  # noqa: PT017 - either outcome is right
        return [], {}
    return list(recording), recording.problems


def test_a_torn_last_line_is_skipped_and_counted(make_file: MakeFile) -> None:
    recording = open_recording(make_file("a", '{"t":1,"raw":"a"}\n{"t":2,"raw":"b'))
    assert list(recording) == [Frame(1, "a")]
    assert recording.problems == {"torn-last-line": 1}


def test_a_last_line_that_only_lacks_its_end_is_read(make_file: MakeFile) -> None:
    recording = open_recording(make_file("a", '{"t":1,"raw":"a"}\n{"t":2,"raw":"b"}'))
    assert list(recording) == [Frame(1, "a"), Frame(2, "b")]
    assert recording.problems == {}


def test_a_recording_can_be_read_again_and_counts_anew(make_lines: MakeLines) -> None:
    recording = open_recording(make_lines({"t": 1, "raw": "a"}, {"x": 1}))
    for _ in range(2):
        assert list(recording) == [Frame(1, "a")]
        assert recording.problems == {"unknown-record": 1}


def test_frames_come_lazily(make_lines: MakeLines) -> None:
    recording = open_recording(make_lines({"t": 1, "raw": "a"}, {"t": 2, "raw": "b"}, {"x": 1}))
    frames = iter(recording)
    assert next(frames) == Frame(1, "a")
    assert recording.problems == {}


def test_a_reader_that_stops_early_closes_the_file(written: Path) -> None:
    next(iter(open_recording(written)))
    gc.collect()  # warnings are errors: a file left open would fail here


def test_a_file_that_vanishes_after_opening_is_one_sentence(written: Path) -> None:
    recording = open_recording(written)
    written.unlink()
    with pytest.raises(RecordingError, match="does not exist"):
        list(recording)


@pytest.mark.parametrize("pack", [None, gzip.compress, zstandard.ZstdCompressor().compress])
def test_own_files_compressed_by_others_are_read(tmp_path: Path, pack: Callable[[bytes], bytes] | None) -> None:
    plain = tmp_path / "a.jsonl"
    with RecordingWriter(plain, RecordingHeader()) as writer:
        for frame in FRAMES:
            writer.write(frame)
    other = tmp_path / "b"
    other.write_bytes(pack(plain.read_bytes()) if pack else plain.read_bytes())
    assert list(open_recording(other)) == FRAMES


READ = """
import resource, sys
from pathlib import Path
from karttime.recording.reader import open_recording
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for _ in open_recording(Path(sys.argv[1])))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_memory_does_not_grow_with_the_recording(make_file: MakeFile, name: str) -> None:
    lines = "".join(json.dumps({"t": at, "raw": f"r{at}c2|in|{at * 7919 % 1000}\n"}) + "\n" for at in range(150_000))
    path = make_file(name, lines * 2)
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    count, grown = map(int, done.stdout.split())
    assert count == 300_000
    assert grown < 16_000  # KiB, of some 14 MB
