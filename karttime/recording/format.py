r"""karttime's own recording format, version 1.

JSON Lines in UTF-8: one JSON object per line, each ended by `\n`. The file may be compressed as a whole with gzip
(`.gz`) or Zstandard (`.zst`). An example, invented:

```
{"karttime":"recording","version":1,"created_at":"2026-05-17T08:00:00.000Z","source":"wss://timing.example/8523","circuit":"Hill Kart","feed":"apex","software":"karttime 0.1.0"}
{"at":1779004800125,"offset":125,"dir":"in","text":"r7c9|ti|26.138\n"}
{"at":1779004801125,"offset":1125,"dir":"out","text":"hello"}
{"at":1779004802004,"offset":2004,"dir":"in","data":"AAEC/w=="}
{"at":1779004803000,"mark":"kart 7 stops at turn 3"}
```

| line | keys |
|---|---|
| header, the first line | `karttime` (always `recording`), `version`, `created_at` (ISO 8601 with `Z`, null if unknown), `source` (address of the feed), `circuit` (name), `feed` (its wire format, null if unknown), `software`; `clock`, only where the times are not UTC |
| frame | `at` (milliseconds since 1970-01-01 UTC), `offset` (monotonic milliseconds since the recording started; left out where none was kept), `dir` (`in` from the timing system, `out` to it) and either `text`, or `data` (base64) for a binary message |
| mark | `at` and `mark`, a text that a person set |

`clock` says what `at` means in an imported recording that kept no dates: `since-start` (milliseconds since the
recording started) or `none` (the frames are only in order; `at` is made up). Recordings made by karttime are `utc`.

Rules for readers:
* unknown keys and unknown records are later, compatible additions: they are counted and ignored;
* a higher `version` is refused, because there the meaning of known keys has changed;
* further header lines may follow (files joined with `cat`): they are skipped;
* text that is not valid Unicode (lone surrogates) is written with JSON's `\ud83d` escapes and read back as it was.
"""  # noqa: E501 - a table and real lines of the format are not wrapped

import base64
import binascii
import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import orjson

from karttime import __version__
from karttime.domain.times import iso_from_ms
from karttime.errors import RecordingError
from karttime.feeds.frame import Direction, Frame

VERSION: Final = 1
DIRECTIONS: Final = ("in", "out")  # no set: what is looked up in it is hostile, and may not be hashable
Clock = Literal["utc", "since-start", "none"]
CLOCKS: Final[tuple[Clock, ...]] = ("utc", "since-start", "none")

# 9999-12-31: what datetime can show; a time beyond it is damage, not a date.
LATEST_AT: Final = 253_402_300_799_999

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FRAME_KEYS: Final = frozenset({"at", "offset", "dir", "text", "data"})
_MARK_KEYS: Final = frozenset({"at", "mark"})


@dataclass(frozen=True, slots=True)
class RecordingHeader:
    """What a recording says about itself.

    Attributes:
        created_at: when the recording began, milliseconds UTC; None if the file does not say.
        source: address of the feed, empty if unknown.
        circuit: name of the circuit or of the recording, empty if unknown.
        feed: name of the wire format, None if unknown.
        software: what wrote it.
        clock: what the frames' `at` means; see the module's docstring.
        version: of the format.
    """

    created_at: int | None = None
    source: str = ""
    circuit: str = ""
    feed: str | None = None
    software: str = f"karttime {__version__}"
    clock: Clock = "utc"
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Mark:
    """A text that a person set at a moment of the recording."""

    at: int
    text: str


def ms_from_iso(text: str) -> int:
    """Milliseconds UTC of an ISO 8601 time; one without zone is taken as UTC.

    Raises:
        ValueError: it is not a time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return round((moment - _EPOCH) / timedelta(milliseconds=1))
    except OverflowError as error:  # year 1 in a zone east of Greenwich
        raise ValueError(text) from error


def parse_json(line: bytes) -> object:
    """The value of one line of JSON; also of one with lone surrogates, which orjson refuses.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return orjson.loads(line)
    except ValueError:
        if b"\\u" not in line:
            raise
    try:
        value: object = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def encode_header(header: RecordingHeader) -> bytes:
    record: dict[str, object] = {
        "karttime": "recording",
        "version": header.version,
        "created_at": None if header.created_at is None else iso_from_ms(header.created_at),
        "source": header.source,
        "circuit": header.circuit,
        "feed": header.feed,
        "software": header.software,
    }
    if header.clock != "utc":
        record["clock"] = header.clock
    return _dump(record)


def encode_frame(frame: Frame) -> bytes:
    """One line of the format."""
    record: dict[str, object] = {"at": frame.at}
    if frame.offset is not None:
        record["offset"] = frame.offset
    record["dir"] = frame.direction
    if frame.text is not None:
        record["text"] = frame.text
    else:
        record["data"] = base64.b64encode(frame.data or b"").decode("ascii")
    return _dump(record)


def encode_mark(mark: Mark) -> bytes:
    return _dump({"at": mark.at, "mark": mark.text})


def _dump(record: dict[str, object]) -> bytes:
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # lone surrogates: JSON can escape them, UTF-8 cannot hold them
        return json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"


def is_header(record: object) -> bool:
    return isinstance(record, dict) and record.get("karttime") == "recording"


def decode_header(record: dict[str, object], name: str) -> RecordingHeader:
    """The header from its record; values of a wrong type count as not given.

    Raises:
        RecordingError: a version that this karttime does not know.
    """
    version = record.get("version")
    if type(version) is not int or version < 1:
        raise RecordingError(f"{name} has a damaged header: its version is {version!r:.40}")
    if version > VERSION:
        raise RecordingError(
            f"{name} was written by a newer karttime (format version {version}, this one reads up to {VERSION}):"
            " update karttime to read it"
        )
    clock = record.get("clock", "utc")
    return RecordingHeader(
        created_at=ms_or_none(record.get("created_at")),
        source=text_or_empty(record.get("source")),
        circuit=text_or_empty(record.get("circuit")),
        feed=text_or_empty(record.get("feed")) or None,
        software=text_or_empty(record.get("software")),
        clock=next((known for known in CLOCKS if known == clock), "none"),
        version=version,
    )


def text_or_empty(value: object) -> str:
    """A header's text, cut to what a person can read."""
    return value[:1000] if isinstance(value, str) else ""


def ms_or_none(value: object) -> int | None:
    """A header's ISO time in milliseconds, or None if it is none."""
    try:
        return ms_from_iso(value) if isinstance(value, str) else None
    except ValueError:
        return None


def decode_record(record: object, problems: Counter[str]) -> Frame | Mark | None:
    """A frame or mark from one record of version 1, or None; what is ignored is counted in `problems`."""
    if not isinstance(record, dict):
        problems["bad-line"] += 1
        return None
    if is_header(record):
        return None
    at = record.get("at")
    if "text" in record or "data" in record:
        problems["unknown-key"] += len(record.keys() - _FRAME_KEYS)
        found: Frame | Mark | None = _decode_frame(at, record)
    elif "mark" in record:
        problems["unknown-key"] += len(record.keys() - _MARK_KEYS)
        found = _decode_mark(at, record["mark"])
    else:
        problems["unknown-record"] += 1
        return None
    if found is None:
        problems["bad-line"] += 1
    return found


def _decode_mark(at: object, text: object) -> Mark | None:
    return Mark(at, text) if type(at) is int and 0 <= at <= LATEST_AT and isinstance(text, str) else None


def _decode_frame(at: object, record: dict[str, object]) -> Frame | None:
    direction, offset, text = record.get("dir", "in"), record.get("offset"), record.get("text")
    if type(at) is not int or not 0 <= at <= LATEST_AT or direction not in DIRECTIONS:
        return None
    if offset is not None and type(offset) is not int:
        return None
    sent: Direction = "out" if direction == "out" else "in"
    if isinstance(text, str):
        return Frame(at, text, None, sent, offset)
    data = decode_base64(record.get("data"))
    return None if data is None else Frame(at, None, data, sent, offset)


def decode_base64(value: object) -> bytes | None:
    """The bytes of a base64 text, or None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
