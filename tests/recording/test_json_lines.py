import json
from collections.abc import Callable
from pathlib import Path

import pytest

from karttime.errors import RecordingError
from karttime.feeds.frame import Frame
from karttime.recording.format import LATEST_AT, Mark
from karttime.recording.reader import Recording

ReadAll = Callable[[Path], tuple[Recording, list[Frame]]]
MakeLines = Callable[..., Path]
MakeFile = Callable[[str, bytes | str], Path]

BEGIN = 1_779_004_800_000
OWN = {"karttime": "recording", "version": 1, "created_at": "2026-05-17T08:00:00.000Z", "circuit": "Hill"}
MSG = {
    "v": 1,
    "circuit_url": "https://timing.example/hill/",
    "ws_port": 8523,
    "name": "Hill 3h",
    "started_at": "2026-05-17T08:00:00.000+00:00",
}


def test_own_frames_and_marks(make_lines: MakeLines, read_all: ReadAll) -> None:
    recording, frames = read_all(
        make_lines(
            OWN,
            {"at": BEGIN, "offset": 0, "dir": "in", "text": "init|r|\n"},
            {"at": BEGIN + 5, "mark": "rain"},
            {"at": BEGIN + 9, "dir": "out", "data": "AAE="},
        )
    )
    assert recording.format == "karttime-1"
    assert recording.header.circuit == "Hill"
    assert frames == [Frame(BEGIN, "init|r|\n", None, "in", 0), Frame(BEGIN + 9, None, b"\0\1", "out")]
    assert recording.marks == [Mark(BEGIN + 5, "rain")]
    assert recording.problems == {}


def test_own_files_joined_with_cat_are_one(make_lines: MakeLines, read_all: ReadAll) -> None:
    frame = {"at": BEGIN, "offset": 0, "dir": "in", "text": "x"}
    recording, frames = read_all(make_lines(OWN, frame, OWN, frame))
    assert len(frames) == 2
    assert recording.problems == {}


def test_a_newer_file_joined_to_an_old_one_is_refused(make_lines: MakeLines, read_all: ReadAll) -> None:
    with pytest.raises(RecordingError, match="newer karttime"):
        read_all(make_lines(OWN, {**OWN, "version": 2}))


def test_own_frames_without_header_are_read(make_lines: MakeLines, read_all: ReadAll) -> None:
    recording, frames = read_all(make_lines({"at": 1, "offset": 0, "dir": "in", "text": "x"}))
    assert (recording.format, recording.header.created_at, len(frames)) == ("karttime-1", None, 1)


def test_own_records_of_a_later_minor_version_are_counted(make_lines: MakeLines, read_all: ReadAll) -> None:
    later = {"at": 1, "offset": 0, "dir": "in", "text": "x", "socket": 2}
    recording, frames = read_all(make_lines(OWN, later, {"at": 2, "weather": "rain"}, {**later, "offset": None}))
    assert frames == [Frame(1, "x", None, "in", 0), Frame(1, "x")]
    assert recording.problems == {"unknown-key": 2, "unknown-record": 1}


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[1,2]",
        b"5",
        b'{"at":1e999,"offset":0,"dir":"in","text":"x"}',
        b'{"at":"1","offset":0,"dir":"in","text":"x"}',
        b'{"at":1,"offset":0,"dir":["in"],"text":"x"}',
        b'{"at":1,"offset":0,"dir":{},"text":"x"}',
        b'{"at":1,"offset":0,"dir":"up","text":"x"}',
        b'{"at":1,"offset":0.5,"dir":"in","text":"x"}',
        b'{"at":true,"offset":0,"dir":"in","text":"x"}',
        b'{"at":1,"offset":0,"dir":"in","text":{}}',
        b'{"at":-1,"offset":0,"dir":"in","text":"x"}',
        b"\xff\xfe",
    ],
)
def test_damaged_own_lines_are_counted_and_the_rest_is_read(
    make_file: MakeFile, read_all: ReadAll, line: bytes
) -> None:
    good = b'{"at":1,"offset":0,"dir":"in","text":"x"}\n'
    content = json.dumps(OWN).encode() + b"\n" + good + line + b"\n\n" + good
    recording, frames = read_all(make_file("a.jsonl", content))
    assert frames == [Frame(1, "x", None, "in", 0)] * 2
    assert recording.problems == {"bad-line": 1}


def test_own_time_that_goes_back_is_kept_and_counted(make_lines: MakeLines, read_all: ReadAll) -> None:
    records = [{"at": at, "offset": 0, "dir": "in", "text": "x"} for at in (5, 3, 4, 2)]
    recording, frames = read_all(make_lines(OWN, *records))
    assert [frame.at for frame in frames] == [5, 3, 4, 2]
    assert recording.problems == {"time-goes-back": 2}


def test_lone_surrogates_are_read(make_file: MakeFile, read_all: ReadAll) -> None:
    own = json.dumps(OWN) + '\n{"at":1,"offset":0,"dir":"in","text":"\\ud83d"}\n'
    assert read_all(make_file("a.jsonl", own))[1] == [Frame(1, "\ud83d", None, "in", 0)]
    assert read_all(make_file("b.jsonl", '{"t":1,"raw":"\\ud83d"}\n'))[1] == [Frame(1, "\ud83d")]


def test_apex_msg(make_lines: MakeLines, read_all: ReadAll) -> None:
    recording, frames = read_all(
        make_lines(MSG, {"t": 0.184, "msg": "init|r|\n"}, {"event_meta": {"title1": "x"}}, {"t": 60, "msg": "\n"})
    )
    assert recording.format == "apex-msg"
    header = recording.header
    assert (header.source, header.circuit, header.feed) == ("https://timing.example/hill/", "Hill 3h", "apex")
    assert (header.created_at, header.clock) == (BEGIN, "utc")
    assert frames == [Frame(BEGIN + 184, "init|r|\n", None, "in", 184), Frame(BEGIN + 60000, "\n", None, "in", 60000)]
    assert recording.problems == {"unknown-record": 1}


def test_apex_msg_joined_files_each_have_their_own_start(make_lines: MakeLines, read_all: ReadAll) -> None:
    later = {**MSG, "started_at": "2026-05-17T09:00:00+00:00"}
    recording, frames = read_all(make_lines(MSG, {"t": 1, "msg": "a"}, later, {"t": 1, "msg": "b"}))
    assert [frame.at - BEGIN for frame in frames] == [1000, 3_601_000]
    assert recording.problems == {}


def test_apex_msg_without_header_counts_from_its_start(make_lines: MakeLines, read_all: ReadAll) -> None:
    recording, frames = read_all(make_lines({"t": 1.5, "msg": "a"}))
    assert (recording.header.clock, frames) == ("since-start", [Frame(1500, "a", None, "in", 1500)])


def test_apex_raw(make_lines: MakeLines, read_all: ReadAll) -> None:
    recording, frames = read_all(make_lines({"t": BEGIN + 798, "raw": "r7c9|ti|26.138\n"}))
    assert (recording.format, recording.header.feed, recording.header.created_at) == ("apex-raw", "apex", None)
    assert frames == [Frame(BEGIN + 798, "r7c9|ti|26.138\n")]


def test_apex_payload(make_lines: MakeLines, read_all: ReadAll) -> None:
    seconds = BEGIN / 1000
    recording, frames = read_all(
        make_lines(
            {"ts": seconds, "payload": "up", "kind": "status"},
            {"ts": seconds + 0.414, "payload": "r7c2|in|\n", "kind": "apex"},
            {"ts": seconds + 1, "payload": "r8c2|in|\n"},
        )
    )
    assert (recording.format, recording.header.feed) == ("apex-payload", "apex")
    assert frames == [Frame(BEGIN + 414, "r7c2|in|\n"), Frame(BEGIN + 1000, "r8c2|in|\n")]
    assert recording.problems == {"unknown-record": 1}


def test_apex_timestamp(make_lines: MakeLines, read_all: ReadAll) -> None:
    recording, frames = read_all(
        make_lines(
            {"timestamp": "2026-05-17T08:00:00.125Z", "data": "r7c2|in|\n"},
            {"timestamp": "2026-05-17T10:00:01+02:00", "data": "hello", "direction": "sent"},
            {"timestamp": "2026-05-17T08:00:02", "data": "AAE=", "opcode": 2},
            {"timestamp": "2026-05-17T08:00:03Z", "note": "x"},
            {"timestamp": "tomorrow", "data": "x"},
            {"timestamp": "2026-05-17T08:00:04Z", "data": None},
        )
    )
    assert recording.format == "apex-timestamp"
    assert frames == [
        Frame(BEGIN + 125, "r7c2|in|\n"),
        Frame(BEGIN + 1000, "hello", None, "out"),
        Frame(BEGIN + 2000, None, b"\0\1"),
    ]
    assert recording.problems == {"unknown-record": 1, "bad-line": 2}


def test_data_without_times_is_put_in_order(make_lines: MakeLines, read_all: ReadAll) -> None:
    recording, frames = read_all(
        make_lines({"t": None, "file": "a", "data": "1"}, {"x": 1}, {"t": None, "file": "b", "data": "2"})
    )
    assert (recording.format, recording.header.clock) == ("json-data", "none")
    assert frames == [Frame(0, "1"), Frame(100, "2")]
    assert recording.problems == {"unknown-record": 1}


@pytest.mark.parametrize(
    "record",
    [
        {"t": "1", "msg": "x"},
        {"t": None, "msg": "x"},
        {"t": 1, "msg": 5},
        {"t": 1, "msg": None},
        {"t": 1e300, "msg": "x"},
        {"t": float("nan"), "msg": "x"},
        {"t": LATEST_AT, "msg": "x"},
        {"t": -BEGIN, "msg": "x"},
        {"t": [1], "msg": "x"},
        "text",
        [1],
    ],
)
def test_damaged_foreign_lines_are_counted_and_the_rest_is_read(
    make_lines: MakeLines, read_all: ReadAll, record: object
) -> None:
    recording, frames = read_all(make_lines(MSG, {"t": 1, "msg": "a"}, record, {"t": 2, "msg": "b"}))
    assert [frame.text for frame in frames] == ["a", "b"]
    assert recording.problems == {"bad-line": 1}


def test_foreign_time_that_goes_back_is_kept_and_counted(make_lines: MakeLines, read_all: ReadAll) -> None:
    recording, frames = read_all(make_lines(*({"t": at, "raw": "x"} for at in (5, 3, 4))))
    assert [frame.at for frame in frames] == [5, 3, 4]
    assert recording.problems == {"time-goes-back": 1}


def test_carriage_returns_and_blank_lines_do_not_matter(make_file: MakeFile, read_all: ReadAll) -> None:
    recording, frames = read_all(make_file("a", b'\xef\xbb\xbf{"t":1,"raw":"a"}\r\n\r\n{"t":2,"raw":"b"}\r\n'))
    assert [frame.text for frame in frames] == ["a", "b"]
    assert recording.problems == {}
