"""Real traffic: every capture is read, with the number of frames that counting its lines by other means gives."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from karttime.feeds.frame import Frame
from karttime.recording.convert import convert
from karttime.recording.reader import Recording

ReadAll = Callable[[Path], tuple[Recording, list[Frame]]]

pytestmark = pytest.mark.captures

FORMATS = {
    "apex/brignoles-qualifying.jsonl": ("apex-msg", rb'^\{"t": '),
    "apex/cremona-no-grid.ndjson": ("apex-payload", rb'^\{"ts": '),
    "apex/eupen-idle.jsonl": ("apex-msg", rb'^\{"t": '),
    "apex/kartland-session-without-init.jsonl": ("apex-msg", rb'^\{"t": '),
    "apex/los-santos-3h-race-start.ndjson": ("apex-raw", rb'^\{"t":'),
    "apex/mariembourg-24h-start.jsonl": ("apex-msg", rb'^\{"t": '),
    "apex/onlykart-rental-day.jsonl": ("apex-msg", rb'^\{"t": '),
    "apex/saintes-26h.jsonl": ("apex-msg", rb'^\{"t": '),
    "apex/sevilla-competition-edition.ndjson": ("apex-raw", rb'^\{"t":'),
    "apex/slovak-karting-center-18-columns.jsonl": ("apex-msg", rb'^\{"t": '),
    "rmonitor/geisingen-500m-heats-cp1252.txt": ("text-ms", rb"^\d+ "),
    "rmonitor/geisingen-80-laps.txt": ("text-ms", rb"^\d+ "),
    "rmonitor/geisingen-fragment-without-entries.txt": ("text-ms", rb"^\d+ "),
    "rmonitor/knockhill-race-annotated.log": ("text-iso", rb"^20"),
    "rmonitor/mid-race-reset-green.txt": ("text-time-blocks", rb"^(?:\xef\xbb\xbf)?##"),
    "rmonitor/mid-race-reset-yellow.txt": ("text-time-blocks", rb"^(?:\xef\xbb\xbf)?##"),
    "rmonitor/negative-race-time-start.txt": ("text-time-blocks", rb"^(?:\xef\xbb\xbf)?##"),
    "rmonitor/orbits-mock-session.txt": ("text-lines", rb"^."),
    "rmonitor/racemonitor-relay-endurance-2021.dat": ("text-lines", rb"^[^\r\n]"),
    "rmonitor/road-america-7h-start.txt": ("text-time-blocks", rb"^(?:\xef\xbb\xbf)?##"),
    "rmonitor/sebring-2009-session-4-imsa.txt": ("text-lines", rb"^[^\r\n]"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_frame_of_a_capture_is_read(captures: Path, read_all: ReadAll, name: str) -> None:
    expected_format, frame_line = FORMATS[name]
    recording, frames = read_all(captures / name)
    header_lines = recording.problems.get("header-line", 0)
    lines = len(re.findall(frame_line, (captures / name).read_bytes(), re.MULTILINE))
    assert recording.format == expected_format
    assert len(frames) == lines - header_lines
    assert all(frame.text and frame.text.endswith("\n") for frame in frames)
    assert not {"bad-line", "torn-last-line", "line-too-long"} & recording.problems.keys()


def test_no_capture_is_left_out(captures: Path) -> None:
    found = {f"{folder}/{path.name}" for folder in ("apex", "rmonitor") for path in (captures / folder).iterdir()}
    assert found == FORMATS.keys()


def test_what_else_the_captures_say_is_kept(captures: Path, read_all: ReadAll) -> None:
    recording, _ = read_all(captures / "apex/saintes-26h.jsonl")
    assert recording.header.source == "https://www.apex-timing.com/live-timing/karting-de-saintes/"
    assert recording.header.created_at == 1_779_005_868_549
    recording, _ = read_all(captures / "rmonitor/knockhill-race-annotated.log")
    assert [mark.text for mark in recording.marks][:1] == ["RACE"]
    recording, frames = read_all(captures / "rmonitor/racemonitor-relay-endurance-2021.dat")
    assert recording.problems == {"header-line": 4}
    assert frames[0].text == '$RMDTL,""\n'


def test_captures_of_other_systems_are_read_too(captures: Path, read_all: ReadAll) -> None:
    for path in sorted((captures / "other").glob("*/*")):
        _, frames = read_all(path)
        assert frames, path.name


@pytest.mark.parametrize("name", ["apex/los-santos-3h-race-start.ndjson", "rmonitor/mid-race-reset-yellow.txt"])
def test_a_converted_capture_has_the_same_frames(captures: Path, tmp_path: Path, read_all: ReadAll, name: str) -> None:
    convert([captures / name], tmp_path / "out.jsonl.zst")
    assert read_all(tmp_path / "out.jsonl.zst")[1] == read_all(captures / name)[1]


def test_a_capture_merged_with_itself_ten_seconds_late_is_itself(
    captures: Path, tmp_path: Path, read_all: ReadAll
) -> None:
    source = captures / "apex/los-santos-3h-race-start.ndjson"
    late = re.sub(rb'(?m)^\{"t":(\d+)', lambda found: b'{"t":%d' % (int(found[1]) + 10_000), source.read_bytes())
    (tmp_path / "late.ndjson").write_bytes(late)
    done = convert([source, tmp_path / "late.ndjson"], tmp_path / "out.jsonl")
    frames = read_all(source)[1]
    assert (done.shifts, done.duplicates) == ((0, -10_000), len(frames))
    assert read_all(tmp_path / "out.jsonl")[1] == frames
