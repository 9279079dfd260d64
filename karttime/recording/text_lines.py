r"""Recordings without JSON: text as it came, one protocol line per line, with or without times.

| name | example (invented) | time |
|---|---|---|
| text-time-blocks | `##2025-04-26 14:03:20.279` before the lines of each packet | UTC |
| text-ms | `1952 $F,0,"00:00:00","19:11:14","00:00:00","      "` | milliseconds since the start |
| text-iso | `2026-04-18T13:26:55.326Z $H,1,"9",0,"00:00:00.000"`, `#` comments between | ISO 8601 |
| text-lines | `r7c9\|ti\|26.138` | none; a quarter of the first lines at least must look like data, not prose |

A frame is one line, or for text-time-blocks the lines of one block, each ended by `\n` whatever ended it in the file
(LF, CR LF, CR CR LF). Lines are UTF-8, or else Windows-1252 (counted as `not-utf-8`). Blank lines are passed over.
Lines before the first that looks like the rest are a header of the recorder (counted as `header-line`).

In text-iso, `# ANNOTATION [time]: text` is a mark, `# Feed: address` names the source; other comments are counted.
In text-time-blocks the time may be followed by `|` and the name of a stream: all streams are kept, as one feed.
In text-ms `at` is the milliseconds since the start, and in text-lines it is made up: ten lines a second from zero.
The header's `clock` says so.
"""

import re
from collections.abc import Iterator
from typing import Final

from karttime.feeds.frame import Frame
from karttime.recording.format import LATEST_AT, Mark, RecordingHeader, ms_from_iso
from karttime.recording.json_lines import UNTIMED_STEP_MS
from karttime.recording.reading import Head, Reading

_BLOCK: Final = re.compile(rb"##(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]{0,10}(?:Z|[+-]\d\d:\d\d)?)(?:\|.{0,100})?\s*")
_MS: Final = re.compile(rb"(\d{1,12}) ([^\s\d].*)", re.DOTALL)
_ISO: Final = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]{0,10}(?:Z|[+-]\d\d:\d\d)?)[ \t](.*)", re.DOTALL)
_ANNOTATION: Final = re.compile(rb"#\s*ANNOTATION\s*\[([^\]]{1,40})\]:?\s*(.*)", re.DOTALL)
_FEED: Final = re.compile(rb"#\s*Feed:\s*(\S.{0,500})", re.DOTALL)
_SEPARATOR: Final = re.compile(rb"[|;\t{=]|^\$")
# A recorder's own header before bare lines is short; beyond this, odd lines belong to the feed.
_HEADER_LINES: Final = 16


def sniff_blocks(head: Head) -> RecordingHeader | None:
    for line in head.lines[:_HEADER_LINES]:
        if found := _BLOCK.fullmatch(line):
            return RecordingHeader(_ms(found[1]), software="")
    return None


def sniff_ms(head: Head) -> RecordingHeader | None:
    fits = sum(1 for line in head.lines if _MS.fullmatch(line))
    return RecordingHeader(software="", clock="since-start") if 2 * fits > len(head.lines) else None


def sniff_iso(head: Head) -> RecordingHeader | None:
    fits = [found for line in head.lines if (found := _ISO.fullmatch(line))]
    comments = [line for line in head.lines if line.startswith(b"#")]
    if not fits or 2 * len(fits) <= len(head.lines) - len(comments):
        return None
    sources = [found[1] for line in comments if (found := _FEED.fullmatch(line))]
    return RecordingHeader(_ms(fits[0][1]), source=_text(sources[0]) if sources else "", software="")


def sniff_lines(head: Head) -> RecordingHeader | None:
    like_data = sum(1 for line in head.lines if _looks_like_data(line))
    return RecordingHeader(software="", clock="none") if 4 * like_data >= len(head.lines) > 0 else None


def _looks_like_data(line: bytes) -> bool:
    """Fields or numbers, rather than prose."""
    digits = len(line) - len(line.translate(None, b"0123456789"))
    return bool(_SEPARATOR.search(line)) or line.count(b",") > 1 or 4 * digits >= len(line)


def read_lines(reading: Reading) -> Iterator[Frame]:
    at = 0
    for line in _after_header(_lines(reading), reading):
        yield Frame(at, _decode(line, reading) + "\n")
        at += UNTIMED_STEP_MS


def read_ms(reading: Reading) -> Iterator[Frame]:
    latest = 0
    for line in _lines(reading):
        found = _MS.fullmatch(line)
        if found is None:
            reading.lines.count_bad()
            continue
        at = int(found[1])
        if latest <= at or reading.accepts(at, ""):
            latest = at
            yield Frame(at, _decode(found[2], reading) + "\n", offset=at)


def read_iso(reading: Reading) -> Iterator[Frame]:
    latest = 0
    for line in _lines(reading):
        if line.startswith(b"#"):
            _read_comment(line, reading)
            continue
        found = _ISO.fullmatch(line)
        at = _ms(found[1]) if found else None
        if found is None or at is None:
            reading.lines.count_bad()
        elif latest <= at <= LATEST_AT or reading.accepts(at, ""):
            latest = at
            yield Frame(at, _decode(found[2], reading) + "\n")


def _read_comment(line: bytes, reading: Reading) -> None:
    found = _ANNOTATION.fullmatch(line)
    at = _ms(found[1]) if found else None
    if found is None or at is None:
        reading.problems["comment"] += 1
    else:
        reading.marks.append(Mark(at, _decode(found[2], reading)))


def read_blocks(reading: Reading) -> Iterator[Frame]:
    latest = 0
    for at, block in _blocks(reading):
        if at is None:
            reading.problems["header-line"] += len(block)
        elif latest <= at or reading.accepts(at, ""):
            latest = at
            yield Frame(at, "\n".join([*block, ""]))


def _blocks(reading: Reading) -> Iterator[tuple[int | None, list[str]]]:
    """The lines under each time; a block larger than a line may be is handed on in parts."""
    at: int | None = None
    block: list[str] = []
    size = 0
    for line in _lines(reading):
        found = _BLOCK.fullmatch(line) if line.startswith(b"##") else None
        if block and (found or size > reading.limits.line):
            yield at, block
            block, size = [], 0
        if found is None:
            block.append(_decode(line, reading))
            size += len(line)
        elif (moment := _ms(found[1])) is None:
            reading.lines.count_bad()
        else:
            at = moment
    if block:
        yield at, block


def _lines(reading: Reading) -> Iterator[bytes]:
    for lines in reading.lines:
        for line in lines:
            if stripped := line.rstrip(b"\r"):
                yield stripped


def _after_header(lines: Iterator[bytes], reading: Reading) -> Iterator[bytes]:
    """The lines of the feed: where nearly all of the first ones begin alike, unlike ones before them are a header."""
    first = [line for _, line in zip(range(4 * _HEADER_LINES), lines, strict=False)]
    marks = [line[:1] for line in first]
    usual = max(set(marks), key=marks.count, default=b"")
    begin = marks.index(usual) if usual == b"$" and 3 * marks.count(usual) >= 2 * len(marks) else 0
    if 0 < begin <= _HEADER_LINES:
        reading.problems["header-line"] += begin
        del first[:begin]
    yield from first
    yield from lines


def _ms(moment: bytes) -> int | None:
    try:
        at = ms_from_iso(moment.decode("ascii"))
    except ValueError:
        return None
    return at if 0 <= at <= LATEST_AT else None


def _decode(line: bytes, reading: Reading) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        reading.problems["not-utf-8"] += 1
        return _text(line)


def _text(line: bytes) -> str:
    """Text in UTF-8, else Windows-1252, else (five bytes have no meaning there) Latin-1."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")
