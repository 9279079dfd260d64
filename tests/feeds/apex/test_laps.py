"""The lap rule of one row: every row of its table."""

import pytest

from karttime.feeds.apex.laps import TOLERANCE_MS, Decision, LapTracker, Tempo

MINUTE = 60_000


def tracker(last_ms: int | None = MINUTE, line_at: int | None = 0) -> LapTracker:
    """A row that crossed the line at 0 in frame 0 with a lap of one minute."""
    row = LapTracker(Tempo(), last_ms)
    row.line_at = line_at
    return row


def cross(row: LapTracker, frame: int, at: int, *, counts: bool = True) -> list[Decision]:
    """The line was crossed; the feed expects a lap of 59.3 s next."""
    return row.crossed(frame, at, 59_300 if counts else None, counts=counts)


def silence(row: LapTracker, frame: int) -> list[Decision]:
    """Two frames in which nothing is said of the row."""
    return [*row.end_of_frame(frame), *row.end_of_frame(frame + 1)]


@pytest.mark.parametrize("cell_first", [True, False])
def test_cell_and_crossing_in_one_frame(cell_first: bool) -> None:
    """`crossing`: in whatever order the lines stand."""
    row = tracker()
    decided = row.cell(5, 61_000, 61_000) if cell_first else cross(row, 5, 61_000)
    decided += cross(row, 5, 61_000) if cell_first else row.cell(5, 61_000, 61_000)
    decided += silence(row, 5)
    assert [(one.rule, one.time_ms, one.at, one.doubt) for one in decided] == [("crossing", 61_000, 61_000, "")]
    assert set(decided[0].frames) == {5}
    assert not row.waiting


def test_crossing_one_frame_after_the_cell() -> None:
    """Split over two frames: both are named."""
    row = tracker()
    decided = [*row.cell(5, 61_000, 61_000), *row.end_of_frame(5), *cross(row, 6, 61_200)]
    decided += silence(row, 6)
    assert [(one.rule, one.frames) for one in decided] == [("crossing", (5, 6))]


def test_cell_one_frame_after_the_crossing() -> None:
    """The lap was completed when the line was crossed, not when its time came."""
    row = tracker()
    decided = [*cross(row, 5, 61_000), *row.end_of_frame(5), *row.cell(6, 61_200, 61_500)]
    decided += silence(row, 6)
    assert [(one.rule, one.frames, one.at, one.time_ms) for one in decided] == [("crossing", (5, 6), 61_000, 61_500)]


def test_identical_lap() -> None:
    """A crossing as long after the one before as the lap shown; the cell did not change and was not sent."""
    row = tracker()
    decided = [*cross(row, 5, 60_200), *silence(row, 5)]
    assert [(one.rule, one.time_ms, one.at) for one in decided] == [("identical", MINUTE, 60_200)]
    assert row.line_at == 60_200


@pytest.mark.parametrize("late", [-TOLERANCE_MS, TOLERANCE_MS])
def test_identical_lap_within_the_tolerance(late: int) -> None:
    """Venues push in bursts of some seconds."""
    row = tracker()
    assert len([*cross(row, 5, MINUTE + late), *silence(row, 5)]) == 1


@pytest.mark.parametrize("at", [8_000, MINUTE - TOLERANCE_MS - 1, MINUTE + TOLERANCE_MS + 1])
def test_crossing_at_another_moment_is_no_lap(at: int) -> None:
    """A row re-sent with a penalty, or corrected by the timekeeper."""
    row = tracker()
    assert [*cross(row, 5, at), *silence(row, 5)] == []
    assert row.line_at == 0


def test_a_crossing_that_made_no_lap_does_not_move_the_line() -> None:
    """The real crossing after a re-sent row is still in time for an identical lap."""
    row = tracker()
    decided = [*cross(row, 5, 20_000), *silence(row, 5)]
    decided += [*cross(row, 9, 60_100), *silence(row, 9)]
    assert [one.rule for one in decided] == ["identical"]


def test_first_crossing_is_no_lap() -> None:
    """It starts the clock of the row."""
    row = tracker(None, None)
    assert [*cross(row, 5, 1_000, counts=False), *silence(row, 5)] == []
    assert row.line_at == 1_000


def test_first_crossing_with_a_time_is_a_lap() -> None:
    """A standing start is timed from the green flag."""
    row = tracker(None, None)
    decided = [*row.cell(5, 61_000, 61_000), *cross(row, 5, 61_000)]
    assert [(one.rule, one.doubt) for one in decided] == [("crossing", "")]


@pytest.mark.parametrize("frames_before", [0, 1, 3])
def test_recolour_after_a_crossing(frames_before: int) -> None:
    """Somebody else took the overall best: the same time is sent again without a crossing."""
    row = tracker()
    decided = [*row.cell(5, 61_000, 61_000), *cross(row, 5, 61_000), *row.end_of_frame(5)]
    again = 5 + frames_before
    decided += [*row.cell(again, 61_300, 61_000), *silence(row, again)]
    assert [one.rule for one in decided] == ["crossing"]


def test_recolour_before_a_crossing() -> None:
    """Seconds before the next lap."""
    row = tracker()
    decided = [*row.cell(5, 58_000, MINUTE), *silence(row, 5)]
    decided += [*row.cell(9, 61_000, 61_000), *cross(row, 9, 61_000), *silence(row, 9)]
    assert [(one.rule, one.time_ms) for one in decided] == [("crossing", 61_000)]


def test_recolour_and_new_time_in_one_frame() -> None:
    """The old time in its new colour, then the new lap."""
    row = tracker()
    decided = [*row.cell(5, 61_000, MINUTE), *row.cell(5, 61_000, 61_000), *cross(row, 5, 61_000)]
    decided += silence(row, 5)
    assert [(one.rule, one.time_ms) for one in decided] == [("crossing", 61_000)]


def test_identical_lap_whose_cell_is_sent() -> None:
    """The same time with another colour and a crossing is a lap, not a re-colour."""
    row = tracker()
    decided = [*row.cell(5, MINUTE, MINUTE), *cross(row, 5, MINUTE), *silence(row, 5)]
    assert [(one.rule, one.time_ms) for one in decided] == [("crossing", MINUTE)]


def test_lap_that_ends_in_the_pit_lane() -> None:
    """`pit-lane`: time with `*out`, no `*`."""
    row = tracker()
    row.pit_in(3)
    row.pit_out(5)
    decided = [*row.cell(5, 140_000, 140_000), *row.end_of_frame(5)]
    assert [(one.rule, one.time_ms, one.pit) for one in decided] == [("pit-lane", 140_000, True)]


@pytest.mark.parametrize("pit_frame", [5, 6, 7])
def test_pit_lane_lap_split_over_frames(pit_frame: int) -> None:
    """The exit one frame before, with, or after the time."""
    row = tracker()
    row.pit_in(1)
    decided: list[Decision] = []
    for frame in (5, 6, 7):
        if frame == pit_frame:
            row.pit_out(frame)
        if frame == 6:
            decided += row.cell(frame, 140_000, 140_000)
        decided += row.end_of_frame(frame)
    decided += silence(row, 8)
    assert [one.rule for one in decided] == ["pit-lane"]


def test_recolour_in_the_pit_lane_is_no_lap() -> None:
    """The same time with `*in` is still a re-colour."""
    row = tracker()
    row.pit_in(5)
    assert [*row.cell(5, 30_000, MINUTE), *silence(row, 5)] == []


def test_a_stop_inside_a_lap() -> None:
    """The lap contains the stop and is marked; the next one is not."""
    row = tracker()
    row.pit_in(3)
    row.pit_out(4)
    decided = [*row.cell(5, 183_134, 183_134), *cross(row, 5, 183_134)]
    decided += [*row.cell(9, 244_134, 61_000), *cross(row, 9, 244_134)]
    assert [(one.time_ms, one.pit, one.doubt) for one in decided] == [(183_134, True, ""), (61_000, False, "")]


def test_a_lap_while_in_the_pit_lane() -> None:
    """Timing line in the pit lane: both this lap and the next contain the stop."""
    row = tracker()
    row.pit_in(3)
    first = [*row.cell(5, 61_000, 61_000), *cross(row, 5, 61_000)]
    row.pit_out(7)
    second = [*row.cell(9, 181_000, 120_000), *cross(row, 9, 181_000)]
    assert [one.pit for one in first + second] == [True, True]


def test_time_without_a_crossing_at_the_right_moment() -> None:
    """`last-lap-cell`: a lap, doubtful, because no crossing was sent."""
    row = tracker()
    decided = [*row.cell(5, 61_100, 61_000), *silence(row, 5), *silence(row, 7)]
    assert [(one.rule, bool(one.doubt)) for one in decided] == [("last-lap-cell", True)]


def test_revised() -> None:
    """A new time soon after a crossing corrects the last lap; it is the one that later laps are compared with."""
    row = tracker()
    decided = [*row.cell(5, 9_000, 58_500), *silence(row, 5), *silence(row, 7)]
    assert [(one.rule, one.time_ms) for one in decided] == [("revised", 58_500)]
    assert row.last_ms == 58_500
    assert row.line_at == 0


def test_a_crossing_long_after_its_time_says_is_doubtful() -> None:
    """Kept as a lap; the doubt names the time between the crossings."""
    row = tracker()
    decided = [*row.cell(5, 200_000, 61_000), *cross(row, 5, 200_000)]
    assert decided[0].rule == "crossing"
    assert "200000" in decided[0].doubt


def test_board_shows_one_lap_more() -> None:
    """`board`: a lap that was completed while frames were missing."""
    row = tracker()
    assert [(one.rule, one.time_ms) for one in row.board(9, 70_000, 61_000, 1)] == [("board", 61_000)]


@pytest.mark.parametrize(
    ("time_ms", "new_laps"), [(61_000, 0), (61_000, 2), (61_000, None), (MINUTE, 1), (None, 1), (61_000, -1)]
)
def test_boards_that_prove_no_lap(time_ms: int | None, new_laps: int | None) -> None:
    """Without exactly one lap more, or without another time, nobody can say which lap it was."""
    assert tracker().board(9, 70_000, time_ms, new_laps) == []


def test_a_board_sets_the_time_that_counts_as_shown() -> None:
    """A re-colour of it later is no lap."""
    row = tracker()
    row.board(9, 70_000, 61_000, None)
    assert [*row.cell(11, 71_000, 61_000), *silence(row, 11)] == []


def test_two_crossings_in_neighbouring_frames() -> None:
    """Each one is decided for itself; one lap at most."""
    row = tracker()
    decided = [*cross(row, 5, 60_000), *row.end_of_frame(5), *cross(row, 6, 60_200)]
    decided += silence(row, 6)
    assert [one.rule for one in decided] == ["identical"]


def test_nothing_waits_for_ever() -> None:
    """Two frames after the last word of a row everything is decided."""
    row = tracker()
    row.cell(5, 61_000, 61_000)
    cross(row, 6, 8_000, counts=False)
    silence(row, 7)
    assert not row.waiting


def test_tempo_of_a_live_feed() -> None:
    """Real until half of the latest laps came at another pace; a stop or a hole now and then changes nothing."""
    tempo = Tempo()
    assert tempo.real
    for elapsed in (60_000, 61_000, 400_000, 60_500, 2_000):
        tempo.lap(elapsed, 60_000)
    assert tempo.real


@pytest.mark.parametrize("speed", [2, 10, 1000])
def test_tempo_of_a_fast_replay(speed: int) -> None:
    """Laps that came faster than they say."""
    tempo = Tempo()
    for _ in range(3):
        tempo.lap(60_000 // speed, 60_000)
    assert not tempo.real
