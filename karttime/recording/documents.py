"""Recordings that can only be read as a whole: what browsers export, and single JSON documents.

`har`: the HTTP archive that a browser's developer tools save. Only those of Chromium keep WebSocket messages: per
entry `_webSocketMessages`, each with `type` (`send`, `receive`), `time` (seconds UTC), `opcode` (1 text, 2 binary) and
`data` (text or base64). Of several sockets the one with most received messages is taken; others are counted.

`json-document`: one JSON value over several lines, as a polled address answers. It becomes one frame.

`xml`: documents after each other, one on each line or each beginning with the same root. Web pages are no recordings.
"""

import re
from collections.abc import Iterator
from typing import Final

from karttime.errors import RecordingError
from karttime.feeds.declared.markup import parse_xml
from karttime.feeds.frame import Direction, Frame
from karttime.recording.format import (
    LATEST_AT,
    RecordingHeader,
    decode_base64,
    ms_or_none,
    parse_json,
    text_or_empty,
)
from karttime.recording.json_lines import UNTIMED_STEP_MS
from karttime.recording.lines import read_bytes
from karttime.recording.reading import Head, Reading

_ELEMENT: Final = re.compile(rb"\s*(?:<\?xml[^>]{0,200}\?>)?\s*<([A-Za-z_][\w.:-]{0,60})[\s/>]")
_LINES_TRIED: Final = 12
_HAR: Final = re.compile(rb'\s*\{\s*"log"\s*:\s*\{')
# Not every line in brackets: `[12:01:02] $F,…` is a text log.
_JSON: Final = re.compile(rb'\s*(\{\s*"|\[\s*[\[{"]|\[\s*\n)')


def sniff_har(head: Head) -> RecordingHeader | None:
    return RecordingHeader(software="") if _HAR.match(head.data) else None


def open_har(reading: Reading) -> RecordingHeader:
    """The header of a HAR file, which stands in the entry that is taken."""
    entry = _take_socket(reading)
    request = entry.get("request")
    address = request.get("url") if isinstance(request, dict) else None
    return RecordingHeader(ms_or_none(entry.get("startedDateTime")), source=text_or_empty(address), software="")


def read_har(reading: Reading) -> Iterator[Frame]:
    latest = 0
    for message in _messages(_take_socket(reading)):
        frame = _har_frame(message)
        if frame is None:
            reading.problems["bad-message"] += 1
            continue
        if frame.at < latest:
            reading.problems["time-goes-back"] += 1
        latest = frame.at
        yield frame


def _take_socket(reading: Reading) -> dict[str, object]:
    value = _load(reading)
    log = value.get("log") if isinstance(value, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    sockets = [entry for entry in entries if _messages(entry)] if isinstance(entries, list) else []
    if not sockets:
        raise RecordingError(
            f"{reading.path} holds no WebSocket messages: open the developer tools before the timing page, and export"
            " with Chrome or Edge (Firefox leaves the messages out)"
        )
    reading.problems["other-socket"] = len(sockets) - 1
    taken: dict[str, object] = max(sockets, key=_received)
    return taken


def _messages(entry: object) -> list[object]:
    messages = entry.get("_webSocketMessages") if isinstance(entry, dict) else None
    return messages if isinstance(messages, list) else []


def _received(entry: object) -> int:
    return sum(1 for message in _messages(entry) if isinstance(message, dict) and message.get("type") == "receive")


def _har_frame(message: object) -> Frame | None:
    if not isinstance(message, dict):
        return None
    seconds, data = message.get("time"), message.get("data")
    if not isinstance(seconds, int | float) or not 0 <= seconds <= LATEST_AT // 1000 or not isinstance(data, str):
        return None
    at = round(seconds * 1000)
    sent: Direction = "out" if message.get("type") == "send" else "in"
    if message.get("opcode") != 2:
        return Frame(at, data, None, sent)
    binary = decode_base64(data)
    return None if binary is None else Frame(at, None, binary, sent)


def sniff_document(head: Head) -> RecordingHeader | None:
    if not _JSON.match(head.data):
        return None
    try:
        parse_json(head.lines[0] if head.lines else b"")
    except ValueError:
        return RecordingHeader(software="", clock="none")
    return None  # the first line is a value in itself: the file has one message per line


def read_document(reading: Reading) -> Iterator[Frame]:
    data = _whole(reading)
    _parse(data, reading)
    yield Frame(0, data.decode("utf-8"))


def sniff_xml(head: Head) -> RecordingHeader | None:
    """Elements of XML, but no web page."""
    found = _ELEMENT.match(head.data)
    if found is None or found[1].lower() in (b"html", b"svg"):
        return None
    return RecordingHeader(software="", clock="none")


def read_xml(reading: Reading) -> Iterator[Frame]:
    """A frame for each line where lines are documents, else for each document with the root of the first one."""
    data = _whole(reading)
    found = _ELEMENT.match(data)
    lines = [line for line in data.splitlines() if line.strip()]
    if len(lines) > 1 and all(_is_document(line) for line in lines[:_LINES_TRIED]):
        pieces = lines
    else:
        root = re.escape(found[1]) if found is not None else b"x"
        begins = re.compile(rb"^[ \t]*(?:<\?xml[^>]{0,200}\?>\s*)?<" + root + rb"[\s/>]", re.MULTILINE)
        starts = [match.start() for match in begins.finditer(data)]
        pieces = [data[start:end] for start, end in zip(starts, [*starts[1:], len(data)], strict=True)]
    for number, piece in enumerate(pieces):
        yield Frame(number * UNTIMED_STEP_MS, piece.decode("utf-8", "replace"))


def _is_document(line: bytes) -> bool:
    try:
        parse_xml(line.decode("utf-8", "replace"))
    except ValueError:
        return False
    return True


def _load(reading: Reading) -> object:
    return _parse(_whole(reading), reading)


def _whole(reading: Reading) -> bytes:
    limit = reading.limits.document
    data = bytearray()
    for piece in read_bytes(reading.path, reading.problems, reading.limits):
        data += piece
        if len(data) > limit:
            raise RecordingError(f"{reading.path} is larger than {limit >> 20} MiB, too large to be read as a whole")
    return bytes(data).removeprefix(b"\xef\xbb\xbf")


def _parse(data: bytes, reading: Reading) -> object:
    try:
        return parse_json(data)
    except ValueError as error:
        raise RecordingError(
            f"{reading.path} is not a recording: it begins like JSON and is none ({str(error)[:80]})"
        ) from error
