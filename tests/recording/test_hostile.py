"""Damaged and made-up files: whatever a file holds, reading it ends in frames or in one sentence."""

import gzip
import json
from collections import Counter
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from karttime.errors import RecordingError
from karttime.feeds.frame import Frame
from karttime.recording.format import LATEST_AT
from karttime.recording.reader import open_recording

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=1)
)
TIMES = st.integers(0, 10**13) | st.floats(0, 1e10) | st.just("2026-05-17T08:00:00Z") | SCALARS
KEYS = {
    "at": TIMES, "t": TIMES, "ts": TIMES, "timestamp": TIMES, "started_at": TIMES, "offset": SCALARS,
    "dir": st.sampled_from(["in", "out"]) | SCALARS, "text": SCALARS, "data": SCALARS, "mark": SCALARS, "msg": SCALARS,
    "raw": SCALARS, "payload": SCALARS, "kind": SCALARS, "circuit_url": SCALARS, "opcode": st.just(2) | SCALARS,
    "direction": SCALARS, "karttime": st.just("recording") | SCALARS, "version": st.just(1) | SCALARS, "log": SCALARS,
}  # fmt: skip
RECORDS = st.fixed_dictionaries({}, optional=KEYS).map(lambda record: json.dumps(record).encode())
STARTS = st.sampled_from(
    [
        b"##2026-05-17 08:00:00",
        b"12 ",
        b"2026-05-17T08:00:00Z ",
        b"# ANNOTATION [2026-05-17T08:00:00Z]: x",
        b"$A,1,",
        b"",
        b"\xef\xbb\xbf",
    ]
)
TEXT_LINES = st.tuples(STARTS, st.binary(max_size=12)).map(b"".join)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r\r\n", b""])
CONTENTS = st.lists(st.tuples(RECORDS | TEXT_LINES, ENDS).map(b"".join), max_size=8).map(b"".join)
PACKS = st.sampled_from([bytes, gzip.compress, zstandard.ZstdCompressor().compress])


@settings(max_examples=400, deadline=None)
@given(CONTENTS, PACKS, st.integers(0, 300), st.integers(0, 255))
def test_whatever_a_file_holds_reading_it_gives_frames_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, pack: object, place: int, byte: int
) -> None:
    assert callable(pack)
    data = bytearray(pack(content))
    if place < len(data):
        data[place] ^= byte
    path = tmp_path_factory.getbasetemp() / "hostile"
    path.write_bytes(data)
    try:
        recording = open_recording(path)
        frames = list(recording)
    except RecordingError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - either outcome is right
        return
    for frame in frames:
        assert_sound(frame)
    assert all(count > 0 for count in recording.problems.values())
    assert sum(later.at < earlier.at for earlier, later in pairwise(frames)) == recording.problems.get(
        "time-goes-back", 0
    )


def assert_sound(frame: Frame) -> None:
    assert type(frame.at) is int
    assert 0 <= frame.at <= LATEST_AT
    assert (frame.text is None) != (frame.data is None)
    assert type(frame.text) in {str, type(None)}
    assert type(frame.data) in {bytes, type(None)}
    assert frame.direction in {"in", "out"}
    assert type(frame.offset) in {int, type(None)}


def test_the_problems_of_a_clean_file_are_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "clean"
    path.write_bytes(b'{"t":1,"raw":"x"}\n')
    recording = open_recording(path)
    assert Counter(frame.text for frame in recording) == {"x": 1}
    assert recording.problems == {}
