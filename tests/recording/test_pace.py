import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karttime.errors import UsageError
from karttime.feeds.frame import Frame
from karttime.recording.pace import paced


def frames_at(*times: int) -> list[Frame]:
    return [Frame(1_779_004_800_000 + at, str(at)) for at in times]


def due(*times: int, **options: float | bool | None) -> list[tuple[int, str | None]]:
    return [(at, frame.text) for at, frame in paced(frames_at(*times), **options)]  # type: ignore[arg-type]  # by name


def test_real_time_keeps_the_distances_of_the_recording() -> None:
    assert due(0, 200, 1000) == [(0, "0"), (200, "200"), (1000, "1000")]


def test_speed_divides_them() -> None:
    assert [at for at, _ in due(0, 200, 1000, speed=10)] == [0, 20, 100]
    assert [at for at, _ in due(0, 200, 1000, speed=0.5)] == [0, 400, 2000]


def test_maximum_speed_waits_for_nothing() -> None:
    assert [at for at, _ in due(0, 200, 1000, speed=None)] == [0, 0, 0]


def test_frames_before_the_beginning_are_due_at_once_so_that_the_board_is_known() -> None:
    assert due(0, 500, 1000, 1500, from_ms=800) == [(0, "0"), (0, "500"), (200, "1000"), (700, "1500")]


def test_frames_before_the_beginning_can_be_left_out() -> None:
    assert due(0, 500, 1000, from_ms=800, catch_up=False) == [(200, "1000")]


def test_the_end_is_exclusive_and_nothing_is_read_beyond_it() -> None:
    def endless() -> Iterator[Frame]:
        at = 0
        while True:
            yield Frame(at, "x")
            at += 100

    assert [at for at, _ in paced(endless(), until_ms=300)] == [0, 100, 200]


def test_long_silences_are_cut_before_speed_counts() -> None:
    assert [at for at, _ in due(0, 100, 60_100, 60_200, max_gap_ms=1000)] == [0, 100, 1100, 1200]
    assert [at for at, _ in due(0, 60_000, speed=2, max_gap_ms=1000)] == [0, 500]
    assert [at for at, _ in due(0, 60_000, 60_100, from_ms=30_000, max_gap_ms=1000)] == [0, 1000, 1100]


def test_time_that_goes_back_is_due_at_once() -> None:
    assert [at for at, _ in due(0, 500, 300, 400, 600)] == [0, 500, 500, 500, 600]


def test_a_recording_without_frames_has_no_replay() -> None:
    assert due() == []


@pytest.mark.parametrize(
    "options",
    [
        {"speed": 0},
        {"speed": -1},
        {"speed": math.inf},
        {"speed": math.nan},
        {"from_ms": -1},
        {"from_ms": 5, "until_ms": 5},
        {"until_ms": 0},
        {"max_gap_ms": -1},
    ],
)
def test_what_makes_no_sense_is_refused_before_the_first_frame(options: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        paced([], **options)  # type: ignore[arg-type]  # by name


@given(
    st.lists(st.integers(0, 10**7), max_size=30),
    st.sampled_from([None, 0.5, 1.0, 7.0]),
    st.integers(0, 10**6),
    st.none() | st.integers(0, 10**5),
)
def test_due_times_never_go_back_and_no_frame_is_lost(
    times: list[int], speed: float | None, from_ms: int, max_gap_ms: int | None
) -> None:
    frames = frames_at(*times)
    found = list(paced(frames, speed=speed, from_ms=from_ms, max_gap_ms=max_gap_ms))
    assert [frame for _, frame in found] == frames
    moments = [at for at, _ in found]
    assert moments == sorted(moments)
    assert all(at >= 0 for at in moments)
