import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from karttime.errors import RecordingError
from karttime.feeds.frame import Frame
from karttime.recording.lines import Limits
from karttime.recording.reader import Recording, open_recording

ReadAll = Callable[[Path], tuple[Recording, list[Frame]]]
MakeFile = Callable[[str, bytes | str], Path]

BEGIN = 1_779_004_800_000


def message(kind: str, seconds: float, data: object, opcode: int = 1) -> dict[str, object]:
    return {"type": kind, "time": BEGIN / 1000 + seconds, "opcode": opcode, "data": data}


def entry(url: str, *messages: object) -> dict[str, object]:
    return {
        "_resourceType": "websocket",
        "startedDateTime": "2026-05-17T08:00:00.000Z",
        "request": {"method": "GET", "url": url},
        "_webSocketMessages": list(messages),
    }


def har(*entries: object) -> str:
    return json.dumps(
        {"log": {"version": "1.2", "creator": {"name": "WebInspector"}, "entries": list(entries)}}, indent=2
    )


def test_a_har_file_gives_the_messages_of_its_busiest_socket(make_file: MakeFile, read_all: ReadAll) -> None:
    content = har(
        {"request": {"url": "https://timing.example/"}},
        entry("wss://chat.example/", *(message("send", 1, "ping") for _ in range(5)), message("receive", 2, "pong")),
        entry(
            "wss://timing.example/8523",
            message("send", 0.1, "hello"),
            message("receive", 0.25, "init|r|\n"),
            message("receive", 0.5, base64.b64encode(b"\0\1").decode(), opcode=2),
            message("receive", 0.75, "not base64!", opcode=2),
            {**message("receive", 1, "x"), "time": "soon"},
            message("receive", 0.9, None),
            "text",
            message("receive", 0.3, "late"),
        ),
    )
    for name in ("a.har", "a.har.gz"):
        recording, frames = read_all(make_file(name, content))
        assert recording.format == "har"
        assert (recording.header.source, recording.header.created_at) == ("wss://timing.example/8523", BEGIN)
        assert frames == [
            Frame(BEGIN + 100, "hello", None, "out"),
            Frame(BEGIN + 250, "init|r|\n"),
            Frame(BEGIN + 500, None, b"\0\1"),
            Frame(BEGIN + 300, "late"),
        ]
        assert recording.problems == {"other-socket": 1, "bad-message": 4, "time-goes-back": 1}


@pytest.mark.parametrize(
    "content",
    [
        har(),
        har({"request": {"url": "https://timing.example/"}}, entry("wss://x.example/"), 5, None),
        '{"log": {"entries": 5}}',
        '{"log": {}}',
    ],
)
def test_a_har_file_without_messages_says_how_to_get_them(make_file: MakeFile, content: str) -> None:
    with pytest.raises(RecordingError, match="no WebSocket messages: open the developer tools before"):
        open_recording(make_file("a.har", content))


def test_a_har_file_on_one_line_longer_than_any_line_may_be_is_read(make_file: MakeFile) -> None:
    big = {"log": {"entries": [entry("wss://x.example/", message("receive", 1, "x" * 300_000))]}}
    path = make_file("a.har", json.dumps(big))
    recording = open_recording(path, Limits(line=200_000))
    assert [len(frame.text or "") for frame in recording] == [300_000]


def test_a_document_too_large_to_be_read_as_a_whole_is_refused(make_file: MakeFile) -> None:
    path = make_file("a.har", har(entry("wss://x.example/", message("receive", 1, "x" * 2_000_000))))
    with pytest.raises(RecordingError, match="larger than 1 MiB"):
        open_recording(path, Limits(document=1 << 20))


def test_a_torn_har_file_is_refused(make_file: MakeFile) -> None:
    with pytest.raises(RecordingError, match="begins like JSON and is none"):
        open_recording(make_file("a.har", har(entry("wss://x.example/"))[:-20]))


def test_one_json_document_is_one_frame(make_file: MakeFile, read_all: ReadAll) -> None:
    content = json.dumps({"laps": [1, 2], "name": "Hill"}, indent=2)
    recording, frames = read_all(make_file("a.json", content))
    assert (recording.format, recording.header.clock) == ("json-document", "none")
    assert frames == [Frame(0, content)]


def test_a_torn_json_document_is_refused(make_file: MakeFile, read_all: ReadAll) -> None:
    with pytest.raises(RecordingError, match="begins like JSON and is none"):
        read_all(make_file("a.json", '{\n  "laps": [1,\n'))


def test_text_in_brackets_is_no_json(make_file: MakeFile, read_all: ReadAll) -> None:
    recording, frames = read_all(make_file("a.log", "[12:01:02] $F,1\n[12:01:03] $F,2\n"))
    assert (recording.format, len(frames)) == ("text-lines", 2)
