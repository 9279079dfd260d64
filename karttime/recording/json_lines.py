r"""Recordings with one JSON object per line: karttime's own, and those of other recorders of Apex Timing feeds.

| name | line of a frame (invented) | time |
|---|---|---|
| karttime-1 | see `format.py` | milliseconds UTC |
| apex-msg | `{"t": 0.184, "msg": "r7c9\|ti\|26.138\n"}` | seconds since the header's `started_at` |
| apex-raw | `{"t":1782593801798,"raw":"r7c9\|ti\|26.138\n"}` | milliseconds UTC |
| apex-payload | `{"ts": 1783342198.414, "payload": "r7c9\|ti\|26.138\n", "kind": "apex"}` | seconds UTC |
| apex-timestamp | `{"timestamp": "2026-05-17T08:00:00.125Z", "data": "r7c9\|ti\|26.138\n"}` | ISO 8601 |
| json-data | `{"t": null, "file": "board (2).json", "data": "{\"laps\":3}"}` | none |

apex-msg begins with `{"v": 1, "circuit_url": "https://timing.example/hill/", "ws_port": 8523, "name": "Hill 3h",
"started_at": "2026-05-17T08:00:00.000+00:00"}`; where it is missing, the times are milliseconds since the start.
apex-timestamp may carry `direction` (`sent`, `received`) and `opcode` (2: `data` is base64). Other records, such as
`{"event_meta": {…}}`, are counted and skipped, and so are payloads of another `kind` than most.

The loops below run once per frame of a day: they bind what they use to locals, look at the usual case first, and
leave everything else to slower functions.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import orjson

from karttime.feeds.frame import Direction, Frame
from karttime.recording.format import (
    DIRECTIONS,
    LATEST_AT,
    Mark,
    RecordingHeader,
    decode_base64,
    decode_header,
    decode_record,
    is_header,
    ms_or_none,
    text_or_empty,
)
from karttime.recording.reading import Head, Reading

# Frames without any time are put this far apart: ten a second, the pace of a lively feed.
UNTIMED_STEP_MS: Final = 100

_NO_FRAME: Final = (KeyError, TypeError, ValueError, OverflowError)
# A Frame from its five values; the class itself takes twice as long, mostly for its default arguments.
_new: Final[Callable[[type[Frame], tuple[Any, ...]], Frame]] = tuple.__new__


# --- karttime's own -------------------------------------------------------------------------------------------------


def sniff_karttime(head: Head) -> RecordingHeader | None:
    if head.records and is_header(head.records[0]):
        return decode_header(head.records[0], head.name)
    if any({"at", "dir"} <= record.keys() and ("text" in record or "data" in record) for record in head.records):
        return RecordingHeader(software="")  # the first part of the file is missing: the frames are still good
    return None


def read_karttime(reading: Reading) -> Iterator[Frame]:
    loads, new, second_look = orjson.loads, _new, reading.second_look
    latest = 0
    for lines in reading.lines:
        for line in lines:
            try:
                record = loads(line)
            except ValueError:
                record = second_look(line)
                if record is None:
                    continue
            try:
                at, offset, sent, text = record["at"], record["offset"], record["dir"], record["text"]
                if (
                    len(record) == 4
                    and latest <= at <= LATEST_AT
                    and type(at) is int
                    and type(text) is str
                    and type(offset) is int
                    and sent in DIRECTIONS
                ):
                    latest = at
                    yield new(Frame, (at, text, None, sent, offset))
                    continue
            except (KeyError, TypeError):
                pass
            if frame := _read_unusual(record, reading, latest):
                latest = frame.at
                yield frame


def _read_unusual(record: object, reading: Reading, latest: int) -> Frame | None:
    problems = reading.problems
    if isinstance(record, dict) and is_header(record):
        decode_header(record, str(reading.path))
        return None
    before = problems["bad-line"]
    found = decode_record(record, problems)
    if problems["bad-line"] > before:
        problems["bad-line"] = before
        reading.lines.count_bad()
    if isinstance(found, Mark):
        reading.marks.append(found)
        return None
    if found is not None and found.at < latest:
        problems["time-goes-back"] += 1
    return found


# --- numeric times: apex-msg, apex-raw, apex-payload ----------------------------------------------------------------


class _Keys(NamedTuple):
    """Where a recorder puts time and text; `scale` makes milliseconds of its time, `relative` ones have a start."""

    time: str
    text: str
    scale: float
    relative: bool = False

    def fit(self, record: dict[str, object]) -> bool:
        return isinstance(record.get(self.text), str) and isinstance(record.get(self.time), int | float)


_MSG: Final = _Keys("t", "msg", 1000.0, relative=True)
_RAW: Final = _Keys("t", "raw", 1.0)
_PAYLOAD: Final = _Keys("ts", "payload", 1000.0)


def sniff_msg(head: Head) -> RecordingHeader | None:
    for record in head.records:
        if "started_at" in record and ("circuit_url" in record or "ws_port" in record):
            return _msg_header(record)
    return RecordingHeader(feed="apex", software="", clock="since-start") if _any_fits(_MSG, head) else None


def sniff_raw(head: Head) -> RecordingHeader | None:
    return RecordingHeader(feed="apex", software="") if _any_fits(_RAW, head) else None


def sniff_payload(head: Head) -> RecordingHeader | None:
    kinds = [text_or_empty(record.get("kind", "apex")) for record in head.records if _PAYLOAD.fit(record)]
    return RecordingHeader(feed=max(kinds, key=kinds.count), software="") if kinds else None


def _any_fits(keys: _Keys, head: Head) -> bool:
    return any(keys.fit(record) for record in head.records)


def _msg_header(record: dict[str, object]) -> RecordingHeader:
    created_at = ms_or_none(record.get("started_at"))
    return RecordingHeader(
        created_at=created_at,
        source=text_or_empty(record.get("circuit_url")),
        circuit=text_or_empty(record.get("name")),
        feed="apex",
        software="",
        clock="since-start" if created_at is None else "utc",
    )


def read_msg(reading: Reading) -> Iterator[Frame]:
    return _read_timed(reading, _MSG)


def read_raw(reading: Reading) -> Iterator[Frame]:
    return _read_timed(reading, _RAW)


def read_payload(reading: Reading) -> Iterator[Frame]:
    return _read_timed(reading, _PAYLOAD, reading.header.feed)


def _read_timed(reading: Reading, keys: _Keys, kind: str | None = None) -> Iterator[Frame]:
    loads, new, second_look, accepts = orjson.loads, _new, reading.second_look, reading.accepts
    time_key, text_key, scale, relative = keys
    start = (reading.header.created_at or 0) if relative else 0
    latest = 0
    for lines in reading.lines:
        for line in lines:
            try:
                record = loads(line)
            except ValueError:
                record = second_look(line)
                if record is None:
                    continue
            try:
                text = record[text_key]
                at = ms = round(record[time_key] * scale)
            except _NO_FRAME:
                start = _read_other(record, reading, keys, start)
                continue
            if kind is not None and record.get("kind", kind) != kind:
                reading.problems["unknown-record"] += 1
                continue
            at += start
            if (latest <= at <= LATEST_AT and type(text) is str) or accepts(at, text):
                latest = at
                yield new(Frame, (at, text, None, "in", ms if relative else None))


def _read_other(record: object, reading: Reading, keys: _Keys, start: int) -> int:
    """Count a record that is no frame; the start of time, which a header in joined files sets anew."""
    if not isinstance(record, dict) or (keys.text in record and keys.time in record):
        reading.lines.count_bad()
    elif keys.relative and "started_at" in record:
        return _msg_header(record).created_at or start
    else:
        reading.problems["unknown-record"] += 1
    return start


# --- `data` with an ISO time, or with none --------------------------------------------------------------------------


def sniff_timestamp(head: Head) -> RecordingHeader | None:
    for record in head.records:
        if isinstance(record.get("data"), str) and ms_or_none(record.get("timestamp")) is not None:
            return RecordingHeader(software="")
    return None


def read_timestamp(reading: Reading) -> Iterator[Frame]:
    latest = 0
    for record in _records(reading):
        if not ("timestamp" in record and "data" in record):
            reading.problems["unknown-record"] += 1
            continue
        at = ms_or_none(record["timestamp"])
        frame = None if at is None else _data_frame(at, record)
        if frame is None:
            reading.lines.count_bad()
        elif latest <= frame.at or reading.accepts(frame.at, ""):
            latest = frame.at
            yield frame


def _data_frame(at: int, record: dict[str, object]) -> Frame | None:
    sent: Direction = "out" if record.get("direction") in ("sent", "send", "out") else "in"
    data = record["data"]
    if record.get("opcode") == 2:
        binary = decode_base64(data)
        return None if binary is None else Frame(at, None, binary, sent)
    return Frame(at, data, None, sent) if isinstance(data, str) else None


def sniff_data(head: Head) -> RecordingHeader | None:
    if any(isinstance(record.get("data"), str) and record.get("t", 0) is None for record in head.records):
        return RecordingHeader(software="", clock="none")
    return None


def read_data(reading: Reading) -> Iterator[Frame]:
    at = 0
    for record in _records(reading):
        frame = _data_frame(at, record) if "data" in record else None
        if frame is None:
            reading.problems["unknown-record"] += 1
        else:
            at += UNTIMED_STEP_MS
            yield frame


def _records(reading: Reading) -> Iterator[dict[str, object]]:
    for lines in reading.lines:
        for line in lines:
            record = reading.second_look(line)
            if isinstance(record, dict):
                yield record
            elif record is not None:
                reading.lines.count_bad()
