import json
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karttime.domain.times import iso_from_ms
from karttime.errors import RecordingError
from karttime.feeds.frame import Frame
from karttime.recording import format as own
from karttime.recording.format import Mark, RecordingHeader

TIMES = st.integers(0, own.LATEST_AT)
OFFSETS = st.none() | st.integers(0, 10**12)
DIRECTIONS = st.sampled_from(["in", "out"])
TEXT_FRAMES = st.builds(Frame, TIMES, st.text(), st.none(), DIRECTIONS, OFFSETS)
BINARY_FRAMES = st.builds(Frame, TIMES, st.none(), st.binary(), DIRECTIONS, OFFSETS)


@given(TEXT_FRAMES | BINARY_FRAMES)
def test_a_frame_comes_back_as_it_was_written(frame: Frame) -> None:
    line = own.encode_frame(frame)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    problems: Counter[str] = Counter()
    assert own.decode_record(own.parse_json(line), problems) == frame
    assert not +problems


@given(st.text(st.characters(categories=["Cs", "L", "Nd"]), min_size=1))
def test_lone_surrogates_survive(text: str) -> None:
    # two surrogates that happen to form a pair are one character afterwards: only then may the text differ
    as_pairs = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    line = own.encode_frame(Frame(1, text))
    found = own.decode_record(own.parse_json(line), Counter())
    assert isinstance(found, Frame)
    assert found.text == as_pairs


@given(TIMES, st.text())
def test_a_mark_comes_back_as_it_was_written(at: int, text: str) -> None:
    assert own.decode_record(own.parse_json(own.encode_mark(Mark(at, text))), Counter()) == Mark(at, text)


@given(st.none() | TIMES, st.text(max_size=50), st.text(max_size=50), st.none() | st.just("apex"))
def test_a_header_comes_back_as_it_was_written(at: int | None, source: str, circuit: str, feed: str | None) -> None:
    for clock in own.CLOCKS:
        header = RecordingHeader(at, source, circuit, feed, clock=clock)
        record = json.loads(own.encode_header(header))
        assert own.decode_header(record, "x") == header


def test_the_documented_example_is_read_as_documented() -> None:
    example = re.search(r"```\n(.*?)```", own.__doc__ or "", re.DOTALL)
    assert example is not None
    header, *lines = (json.loads(line) for line in example[1].splitlines())
    assert own.decode_header(header, "x").circuit == "Hill Kart"
    problems: Counter[str] = Counter()
    found = [own.decode_record(line, problems) for line in lines]
    assert found == [
        Frame(1779004800125, "r7c9|ti|26.138\n", None, "in", 125),
        Frame(1779004801125, "hello", None, "out", 1125),
        Frame(1779004802004, None, b"\x00\x01\x02\xff", "in", 2004),
        Mark(1779004803000, "kart 7 stops at turn 3"),
    ]
    assert not +problems


def test_a_newer_version_is_refused_with_what_to_do() -> None:
    with pytest.raises(RecordingError, match=r"newer karttime \(format version 2.*update"):
        own.decode_header({"karttime": "recording", "version": 2}, "x.jsonl")


@pytest.mark.parametrize("version", [None, "1", 0, -1, True, 1.0])
def test_a_version_that_is_no_number_from_one_up_is_damage(version: object) -> None:
    with pytest.raises(RecordingError, match="damaged header"):
        own.decode_header({"karttime": "recording", "version": version}, "x.jsonl")


def test_header_values_of_wrong_types_count_as_not_given() -> None:
    header = own.decode_header(
        {"version": 1, "created_at": 5, "source": None, "circuit": [], "feed": {}, "software": 1, "clock": "lunar"}, "x"
    )
    assert header == RecordingHeader(None, "", "", None, "", "none", 1)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"at": 1, "text": 5}, "bad-line"),
        ({"at": "1", "text": "x"}, "bad-line"),
        ({"at": True, "text": "x"}, "bad-line"),
        ({"at": -1, "text": "x"}, "bad-line"),
        ({"at": own.LATEST_AT + 1, "text": "x"}, "bad-line"),
        ({"at": 1.5, "text": "x"}, "bad-line"),
        ({"at": 1, "text": "x", "dir": "sideways"}, "bad-line"),
        ({"at": 1, "text": "x", "offset": "soon"}, "bad-line"),
        ({"at": 1, "data": "no base64!"}, "bad-line"),
        ({"at": 1, "data": None}, "bad-line"),
        ({"at": 1, "mark": 5}, "bad-line"),
        ({"mark": "x"}, "bad-line"),
        ([1], "bad-line"),
        (None, "bad-line"),
        ({"at": 1, "weather": "rain"}, "unknown-record"),
    ],
)
def test_what_is_refused_is_counted_by_reason(record: object, problem: str) -> None:
    problems: Counter[str] = Counter()
    assert own.decode_record(record, problems) is None
    assert +problems == {problem: 1}


def test_unknown_keys_are_ignored_and_counted() -> None:
    problems: Counter[str] = Counter()
    assert own.decode_record({"at": 1, "text": "x", "socket": 2, "seq": 3}, problems) == Frame(1, "x")
    assert problems["unknown-key"] == 2


@given(TIMES)
def test_iso_times_come_back(at: int) -> None:
    assert own.ms_from_iso(iso_from_ms(at)) == at


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00x"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - that it raises nothing else is the promise
        own.ms_from_iso(text)


@pytest.mark.parametrize("line", [b"[" * 100_000, b'"\\u' + b"[" * 100_000, b"[" * 100_000 + b'"\\ud800"', b"\xff"])
def test_hostile_json_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - that it raises nothing else is the promise
        own.parse_json(line)
