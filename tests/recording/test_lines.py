import gzip
import os
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from karttime.errors import RecordingError
from karttime.recording import lines as module
from karttime.recording.lines import Limits, Lines, read_bytes


def all_lines(path: Path, limits: Limits = module.DEFAULT_LIMITS) -> tuple[list[bytes], Counter[str]]:
    problems: Counter[str] = Counter()
    return [line for some in Lines(path, problems, limits) for line in some], problems


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b""))), st.booleans())
def test_lines_are_those_between_the_line_ends(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], end: bool
) -> None:
    content = b"x" + b"\n".join(parts) + (b"\n" if end else b"")
    path = tmp_path_factory.mktemp("lines") / "a"
    path.write_bytes(content)
    expected = content.split(b"\n")
    if not expected[-1]:
        expected.pop()
    if content[:2] != b"\x1f\x8b":
        assert all_lines(path)[0] == expected


def test_lines_longer_than_one_read_are_whole(tmp_path: Path) -> None:
    content = [b"a" * 300_000, b"b", b"c" * 700_000, b"d"]
    path = tmp_path / "a"
    path.write_bytes(b"\n".join(content))
    assert all_lines(path) == (content, {})


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n")
    assert all_lines(path)[0] == [b"one", b"\xef\xbb\xbftwo"]


def test_a_line_beyond_the_limit_is_skipped_and_counted_and_its_neighbours_stay(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one\n" + b"x" * 3_000_000 + b"\ntwo\n" + b"y" * 3_000_000)
    assert all_lines(path, Limits(line=1_000_000)) == ([b"one", b"two"], {"line-too-long": 2})


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_joined_compressed_files_are_one(tmp_path: Path, suffix: str) -> None:
    pack = gzip.compress if suffix == "gz" else zstandard.ZstdCompressor().compress
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(pack(b"one\ntw") + pack(b"o\nthree\n"))
    assert all_lines(path) == ([b"one", b"two", b"three"], {})


def test_zeros_after_gzip_are_padding(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one\n") + b"\0" * 512)
    assert all_lines(path) == ([b"one"], {})


def test_compression_is_known_by_content_not_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(b"one\n"))
    assert all_lines(path)[0] == [b"one"]


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_what_follows_damage_is_lost_and_counted(tmp_path: Path, suffix: str) -> None:
    pack = gzip.compress if suffix == "gz" else zstandard.ZstdCompressor().compress
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(pack(b"one\n") + b"garbage, not compressed")
    assert all_lines(path) == ([b"one"], {"damaged-compression": 1})


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_an_unfinished_stream_gives_what_there_is_and_is_counted(tmp_path: Path, suffix: str) -> None:
    content = os.urandom(400_000).hex().encode() + b"\n"
    packed = gzip.compress(content) if suffix == "gz" else zstandard.ZstdCompressor().compress(content)
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(packed[: len(packed) // 2])
    problems: Counter[str] = Counter()
    got = b"".join(read_bytes(path, problems))
    assert content.startswith(got)
    assert len(got) > 200_000
    assert problems == {"unfinished-compression": 1}


def gzip_bomb(path: Path, megabytes: int) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(packer.compress(bytes(1 << 20)))
        file.write(packer.flush())


def zstd_bomb(path: Path, megabytes: int) -> None:
    packer = zstandard.ZstdCompressor(level=19).compressobj()
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(packer.compress(b"\n" * (1 << 20)))
        file.write(packer.flush())


READ_BOMB = """
import resource, sys
from collections import Counter
from pathlib import Path
from karttime.errors import RecordingError
from karttime.recording.lines import Lines
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    for _ in Lines(Path(sys.argv[1]), Counter()): pass
except RecordingError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize(("suffix", "make"), [("gz", gzip_bomb), ("zst", zstd_bomb)])
def test_a_bomb_is_refused_in_bounded_memory(tmp_path: Path, suffix: str, make: object) -> None:
    path = tmp_path / f"bomb.{suffix}"
    assert callable(make)
    make(path, 200)
    done = subprocess.run([sys.executable, "-c", READ_BOMB, str(path)], capture_output=True, text=True, check=True)
    sentence, grown = done.stdout.splitlines()
    assert "500 times its size" in sentence
    assert int(grown) < 120_000  # KiB: the pieces of one slice, not the 200 MiB


def test_the_total_size_is_capped(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(os.urandom(2_000_000)))
    with pytest.raises(RecordingError, match="more than 1 MiB"):
        all_lines(path, Limits(total=1 << 20))


def test_a_window_that_is_too_large_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.zst"
    # frame header: window descriptor of exponent 20, that is 1 GiB; then one raw last block of one byte
    path.write_bytes(b"\x28\xb5\x2f\xfd\x00\xa0\x09\x00\x00x")
    with pytest.raises(RecordingError, match="without --long"):
        all_lines(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04....", "is a ZIP archive: unpack"),
        (b"BZh91AY", "is a bzip2 file: unpack"),
        (b"\xfd7zXZ\0", "is an xz file: unpack"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=sentence):
        all_lines(path)


def test_what_the_system_refuses_becomes_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        all_lines(tmp_path / "none")
    with pytest.raises(RecordingError, match="is a directory"):
        all_lines(tmp_path)
    with pytest.raises(RecordingError, match="NUL"):
        all_lines(tmp_path / "a\0b")
    with pytest.raises(RecordingError, match="cannot be read"):
        all_lines(tmp_path / ("a" * 300))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecordingError, match="not a regular file"):
        all_lines(tmp_path / "pipe")


def test_no_permission_becomes_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")

    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root, who runs the tests in a container, may read everything
    with pytest.raises(RecordingError, match="no permission"):
        all_lines(path)
