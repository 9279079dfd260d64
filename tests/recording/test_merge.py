import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karttime.errors import RecordingError, UsageError
from karttime.feeds.frame import Frame
from karttime.recording import merge
from karttime.recording.format import Mark, RecordingHeader
from karttime.recording.merge import MergedRecordings, read_frames
from karttime.recording.reader import open_recording
from karttime.recording.writer import RecordingWriter

BEGIN = 1_779_004_800_000


def write(
    path: Path, frames: Sequence[Frame], marks: Sequence[Mark] = (), header: RecordingHeader | None = None
) -> Path:
    with RecordingWriter(path, header or RecordingHeader()) as writer:
        for frame in frames:
            writer.write(frame)
        for mark in marks:
            writer.mark(mark.at, mark.text)
    return path


def feed(seconds: int, seed: int = 1) -> list[Frame]:
    """Some frames a second of a made-up feed: cells, running timers that recur, keep-alives."""
    draw = random.Random(seed)
    frames = []
    at = BEGIN
    while at < BEGIN + seconds * 1000:
        text = draw.choice(
            ["\n", f"r{draw.randrange(20)}c9|to|{draw.randrange(60)}.\n", f"r1|*|{draw.randrange(10**6)}|\n"]
        )
        frames.append(Frame(at, text))
        at += draw.randrange(50, 500)
    return frames


def moved(frames: Sequence[Frame], by: int, jitter: int = 0, seed: int = 2) -> list[Frame]:
    draw = random.Random(seed)
    latest = 0
    found = []
    for frame in frames:
        latest = max(latest, frame.at + by + draw.randint(-jitter, jitter))
        found.append(frame._replace(at=latest))
    return found


def texts(merged: MergedRecordings) -> list[str | None]:
    return [frame.text for frame in merged]


@pytest.mark.parametrize("clock", [0, 7_300, -42_000, 180_000])
def test_two_recorders_of_one_feed_give_each_frame_once(tmp_path: Path, clock: int) -> None:
    frames = feed(300)
    cut = len(frames) // 3
    first = write(tmp_path / "a", frames[: 2 * cut])
    second = write(tmp_path / "b", moved(frames[cut:], clock, jitter=20))
    merged = read_frames([first, second])
    assert texts(merged) == [frame.text for frame in frames]
    assert merged.duplicates == cut
    assert merged.shifts[0] == 0
    assert abs(merged.shifts[1] + clock) <= 40
    assert all(abs(frame.at - true.at) <= 80 for frame, true in zip(merged, frames, strict=True))


def test_the_clock_of_the_recording_named_first_counts_even_if_it_began_later(tmp_path: Path) -> None:
    frames = feed(200)
    first = write(tmp_path / "a", moved(frames[200:], 5_000))
    second = write(tmp_path / "b", frames)
    merged = read_frames([first, second])
    assert merged.shifts == (0, 5_000)
    assert texts(merged) == [frame.text for frame in frames]
    assert next(iter(merged)).at == BEGIN + 5_000


def test_clocks_are_found_over_a_chain_of_recordings(tmp_path: Path) -> None:
    frames = feed(600)
    third = len(frames) // 3
    paths = [
        write(tmp_path / "a", frames[: third + 100]),
        write(tmp_path / "b", moved(frames[2 * third - 100 :], -9_000)),
        write(tmp_path / "c", moved(frames[third - 100 : 2 * third + 100], 4_000)),
    ]
    merged = read_frames(paths)
    assert merged.shifts == (0, 9_000, -4_000)
    assert texts(merged) == [frame.text for frame in frames]


def test_what_one_recorder_missed_the_other_supplies(tmp_path: Path) -> None:
    frames = feed(300)
    draw = random.Random(5)
    fates = [draw.choice(["both", "both", "both", "both", "a", "b"]) for _ in frames]
    first = write(tmp_path / "a", [frame for frame, fate in zip(frames, fates, strict=True) if fate != "b"])
    second = write(
        tmp_path / "b", moved([frame for frame, fate in zip(frames, fates, strict=True) if fate != "a"], 3_000)
    )
    merged = read_frames([first, second])
    assert merged.shifts == (0, -3_000)
    # a frame that each recorder has once, within two seconds, may be two of the feed's: it is taken for one
    assert len(texts(merged)) >= len(frames) - sum(frame.text == "\n" for frame in frames) // 4
    assert {frame.text for frame in frames} == set(texts(merged))


def test_frames_that_the_feed_itself_repeats_are_kept(tmp_path: Path) -> None:
    keep_alives = [Frame(BEGIN + 300 * number, "\n") for number in range(20)]
    first = write(tmp_path / "a", keep_alives)
    second = write(tmp_path / "b", moved(keep_alives, 10))
    assert texts(read_frames([first])) == ["\n"] * 20
    merged = read_frames([first, second])
    assert texts(merged) == ["\n"] * 20
    assert merged.duplicates == 20


def test_parts_of_a_rotated_recording_follow_each_other_untouched(tmp_path: Path) -> None:
    frames = feed(300)
    with RecordingWriter(tmp_path / "a.jsonl", RecordingHeader(), rotate_bytes=20_000) as writer:
        for frame in frames:
            writer.write(frame)
    assert len(writer.paths) > 2
    merged = read_frames(list(reversed(writer.paths)))
    assert list(merged) == frames
    assert merged.duplicates == 0
    assert set(merged.shifts) == {0}


def test_recordings_of_different_days_are_not_moved(tmp_path: Path) -> None:
    frames = feed(100)
    merged = read_frames([write(tmp_path / "a", moved(frames, 86_400_000)), write(tmp_path / "b", frames)])
    assert merged.shifts == (0, 0)
    assert texts(merged) == [frame.text for frame in frames] * 2


def test_recordings_of_different_feeds_are_not_moved(tmp_path: Path) -> None:
    merged = read_frames([write(tmp_path / "a", feed(100, 1)), write(tmp_path / "b", feed(100, 99))])
    assert merged.shifts == (0, 0)


def test_the_sketch_is_bounded_and_still_finds_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "_SKETCH_RUNS", 64)
    frames = feed(600)
    first, second = write(tmp_path / "a", frames), write(tmp_path / "b", moved(frames, 7_000))
    sketch = merge._Sketch.of(open_recording(first))
    assert 8 < len(sketch.runs) <= 64
    assert read_frames([first, second]).shifts == (0, -7_000)


def test_the_window_is_bounded_when_all_frames_claim_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "_WINDOW_FRAMES", 10)
    window = merge._Window()
    for number in range(100):
        assert not window.holds(0, 0, Frame(0, str(number)), frozenset())
    assert len(window._order) == len(window._stands_for) == 10


def test_time_that_goes_back_keeps_its_place(tmp_path: Path) -> None:
    first = write(tmp_path / "a", [Frame(BEGIN + at, f"a{at}") for at in (0, 5000, 3000, 9000)])
    second = write(tmp_path / "b", [Frame(BEGIN + at, f"b{at}") for at in (4000, 8000)])
    merged = read_frames([first, second])
    assert texts(merged) == ["a0", "b4000", "a5000", "a3000", "b8000", "a9000"]
    assert merged.problems == {"time-goes-back": 1}


def test_binary_and_sent_frames_are_merged_too(tmp_path: Path) -> None:
    frames = [Frame(BEGIN, None, b"\0\1"), Frame(BEGIN + 1, "x", None, "out"), Frame(BEGIN + 2, "x")]
    merged = read_frames([write(tmp_path / "a", frames), write(tmp_path / "b", frames)])
    assert list(merged) == frames


def test_marks_of_all_are_kept_on_the_common_clock(tmp_path: Path) -> None:
    frames = feed(60)
    first = write(tmp_path / "a", frames, [Mark(BEGIN + 50_000, "one")])
    second = write(tmp_path / "b", moved(frames, 7_000), [Mark(BEGIN + 57_000, "two")])
    merged = read_frames([first, second])
    for _ in range(2):
        assert len(list(merged)) == len(frames)
        assert sorted((mark.at, mark.text) for mark in merged.marks) == [
            (BEGIN + 50_000, "one"),
            (BEGIN + 50_000, "two"),
        ]


def test_the_header_is_the_first_with_gaps_filled(tmp_path: Path) -> None:
    first = write(tmp_path / "a", feed(5), header=RecordingHeader(created_at=7, circuit="Hill"))
    second = write(
        tmp_path / "b", feed(5), header=RecordingHeader(created_at=5, circuit="Dale", source="s", feed="apex")
    )
    header = read_frames([first, second]).header
    assert (header.created_at, header.circuit, header.source, header.feed) == (5, "Hill", "s", "apex")


def test_recordings_without_times_of_day_cannot_be_merged(
    tmp_path: Path, make_file: Callable[[str, str], Path]
) -> None:
    lines = make_file("a.txt", "$A,1,2\n")
    assert texts(read_frames([lines])) == ["$A,1,2\n"]
    with pytest.raises(RecordingError, match="keeps no times of day"):
        read_frames([write(tmp_path / "b", feed(5)), lines])


def test_no_recording_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="name at least one"):
        read_frames([])


def test_an_empty_recording_adds_nothing(tmp_path: Path) -> None:
    frames = feed(10)
    assert list(read_frames([write(tmp_path / "a", []), write(tmp_path / "b", frames)])) == frames


@settings(max_examples=40)
@given(st.lists(st.lists(st.tuples(st.integers(0, 9000), st.sampled_from("abc")), max_size=12), min_size=2, max_size=3))
def test_the_merge_has_each_frame_as_often_as_the_recording_that_has_it_most_often(
    tmp_path_factory: pytest.TempPathFactory, contents: list[list[tuple[int, str]]]
) -> None:
    folder = tmp_path_factory.mktemp("m")
    paths = [
        write(folder / str(number), [Frame(BEGIN + at, text) for at, text in sorted(content)])
        for number, content in enumerate(contents)
    ]
    merged = read_frames(paths)
    found = texts(merged)
    assert len(found) + merged.duplicates == sum(map(len, contents))
    for text in "abc":
        counts = [sum(1 for _, other in content if other == text) for content in contents]
        assert max(counts) <= found.count(text) <= sum(counts)
