"""Invented recordings, and where real ones are."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from karttime.feeds.frame import Frame
from karttime.recording.reader import Recording, open_recording

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures"
BEGIN = 1_779_004_800_000  # 2026-05-17T08:00:00Z

MakeFile = Callable[[str, bytes | str], Path]
MakeLines = Callable[..., Path]
ReadAll = Callable[[Path], tuple[Recording, list[Frame]]]


@pytest.fixture
def captures() -> Path:
    if not CAPTURES.is_dir():
        pytest.skip(f"real traffic is not here: {CAPTURES}")
    return CAPTURES


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    """Write a file; its name decides about compression."""

    def make(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        data = content.encode() if isinstance(content, str) else content
        if path.suffix == ".gz":
            data = gzip.compress(data)
        elif path.suffix == ".zst":
            data = zstandard.ZstdCompressor().compress(data)
        path.write_bytes(data)
        return path

    return make


@pytest.fixture
def make_lines(make_file: MakeFile) -> MakeLines:
    """Write JSON Lines of records."""

    def make(*records: object, name: str = "some.jsonl") -> Path:
        return make_file(name, "".join(json.dumps(record) + "\n" for record in records))

    return make


@pytest.fixture
def read_all() -> ReadAll:
    """Open and read to the end."""

    def read(path: Path) -> tuple[Recording, list[Frame]]:
        recording = open_recording(path)
        return recording, list(recording)

    return read
