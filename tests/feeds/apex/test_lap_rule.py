"""The lap rule through the decoder: how servers send a crossing, and what a lap is then."""

from typing import TYPE_CHECKING

from karttime.domain.ids import CompetitorId
from karttime.domain.updates import LapCompleted, LapFlag, LapRevised

if TYPE_CHECKING:
    from tests.feeds.apex.conftest import Feed


def test_laps_of_a_race(feed: "Feed") -> None:
    """First crossing without a time, then laps."""
    feed.board()
    feed.green(71, 72)
    feed.lap(71, "1:00.000", 60)
    feed.lap(72, "1:01.000", 1)
    feed.lap(71, "59.000", 58)
    assert feed.laps(71) == [60_000, 59_000]
    assert feed.laps(72) == [61_000]


def test_alone_on_track(feed: "Feed") -> None:
    """One kart, and nothing else to say for a minute: a time does not belong to the crossing a minute before."""
    feed.board()
    feed.green(71)
    feed.raw("r71c5|tn|1:00.000\nr71|*|60000|\n", after=60)
    feed.raw("r71c5|tn|1:02.000\nr71|*|60000|\n", after=62)
    assert feed.laps(71) == [60_000, 62_000]


def test_the_reference_time_of_a_crossing_is_no_lap_time(feed: "Feed") -> None:
    """`*|A|B` predicts the lap that begins; the lap that ended is the text of the cell."""
    feed.board()
    feed.green(71)
    feed.send("r71c5|tn|1:00.500", "r71|*|59321|20111", after=60)
    assert feed.laps(71) == [60_500]


def test_identical_laps_in_a_row(feed: "Feed") -> None:
    """Three laps of the same time, whose cell is sent once."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    for _ in range(2):
        feed.send("r71|*|60000|", after=60)
    assert feed.laps(71) == [60_000] * 3
    assert feed.rules(71) == ["crossing", "identical", "identical"]


def test_recolour_is_no_lap(feed: "Feed") -> None:
    """`tb` to `ti` when somebody else takes the overall best."""
    feed.board()
    feed.green(71, 72)
    feed.lap(71, "1:00.000", 60, "tb")
    feed.send("r72c5|tb|59.000", "r72|*|59000|", "r71c5|ti|1:00.000", after=1)
    assert feed.laps(71) == [60_000]
    assert feed.row(71).cells[5].style == "ti"


def test_row_sent_again_with_its_time(feed: "Feed") -> None:
    """A one-minute lap cannot end 25 s after the one before: what looks like one is at least doubtful."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    feed.send("r71c5|tn|1:00.000", "r71|*|60000|", after=25)
    feed.settle()
    assert all(LapFlag.DOUBTFUL in lap.flags for lap in feed.row(71).laps[1:])


def test_row_sent_again_without_its_time(feed: "Feed") -> None:
    """The frame of a penalty: penalty cell and `*`, no last-lap cell."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    feed.send("r71c7|in|1", "r71|*|60000|", after=25)
    assert feed.laps(71) == [60_000]


def test_after_the_flag(feed: "Feed") -> None:
    """`sf`, time and `*||`: a lap, flagged; a crossing after it without a time is none."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    feed.send("light|lf|", after=30)
    feed.send("r71c1|sf|", "r71c5|ti|59.500", "r71|*||", after=29.5)
    feed.send("r71|*||", after=80)
    assert feed.laps(71) == [60_000, 59_500]
    assert feed.row(71).laps[-1].flags == {LapFlag.AFTER_FLAG}


def test_identical_last_lap_after_the_flag(feed: "Feed") -> None:
    """`*||` alone, one lap after the crossing before."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    feed.send("light|lf|", after=30)
    feed.send("r71c1|sf|", "r71|*||", after=30)
    assert feed.laps(71) == [60_000, 60_000]
    assert feed.rules(71)[-1] == "identical"


def test_revised_by_the_timekeeper(feed: "Feed") -> None:
    """The lap keeps its number and says that it was corrected."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    feed.send("r71c5|tn|1:05.000", after=8)
    assert feed.laps(71) == [65_000]
    assert len(feed.of(LapRevised)) == 1
    assert LapFlag.CORRECTED in feed.row(71).laps[0].flags


def test_pit_lane_venue(feed: "Feed") -> None:
    """Time and `*out`, no `*`: the lap ended in the pit lane."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    feed.send("r71c1|si|", "r71|*in|0", after=58)
    feed.send("r71c1|so|", "r71c5|tn|2:40.000", "r71c8|in|1", "r71|*out|0", after=100)
    feed.lap(71, "1:02.000", 62)
    assert feed.laps(71) == [60_000, 160_000, 62_000]
    assert feed.rules(71) == ["crossing", "pit-lane", "crossing"]
    assert [LapFlag.PIT in lap.flags for lap in feed.row(71).laps] == [False, True, False]


def test_last_lap_cleared_in_the_pits(feed: "Feed") -> None:
    """An empty last-lap cell is no lap and no error; the lap after the stop is one."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    feed.send("r71c5||", "r71|*in|0", after=50)
    feed.send("r71|*out|0", after=100)
    feed.lap(71, "2:40.000", 10)
    assert feed.laps(71) == [60_000, 160_000]
    assert feed.decoder.refused == {}


def test_first_lap_is_flagged_when_nothing_was_missed(feed: "Feed") -> None:
    """Only where the board was blank when the row was first seen."""
    feed.board({71: {}, 72: {5: ("tn", "1:00.000")}}, light="lg")
    feed.send("r71|*||", "r72|*|60000|")
    feed.lap(71, "1:02.000", 62)
    feed.lap(72, "1:01.000", 0.2)
    feed.settle()
    assert [LapFlag.FIRST in feed.row(row).laps[0].flags for row in (71, 72)] == [True, False]


def test_sectors_come_with_the_lap(feed: "Feed") -> None:
    """They count when they add up; best sectors shown in the pits do not."""
    types = ("no", "dr", "llp", "s1", "s2", "s3")
    feed.board({71: {}}, types)
    feed.green(71)
    feed.send("r71c4|tn|20.000", "r71c5||", "r71c6||", "r71|*i1|20000", after=20)
    feed.send("r71c5|ti|21.50", "r71|*i2|19000", after=21.5)
    feed.send("r71c3|tn|1:00.600", "r71c6|tb|19.100", "r71|*|60600|20000", after=19.1)
    feed.send("r71c3|tn|1:09.600", "r71c4|ib|19.000", "r71c5|ib|21.0", "r71c6|ib|19.000", "r71|*|60600|", after=69.6)
    feed.settle()
    assert [lap.sectors for lap in feed.row(71).laps] == [(20_000, 21_500, 19_100), (None, None, None)]


def test_provenance_names_the_frames(feed: "Feed") -> None:
    """Ordinals of the frames fed, keep-alives included."""
    feed.board()  # frame 0
    feed.green(71)  # 1, 2
    feed.send()  # 3
    feed.send("r71c5|tn|1:00.000", after=59.6)  # 4 and 5 say nothing, 6
    feed.send("r71|*|60000|", after=0.2)  # 7
    feed.settle()
    assert feed.row(71).laps[0].provenance.frames == (6, 7)


def test_a_lap_is_told_once(feed: "Feed") -> None:
    """However many frames of silence follow."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    for _ in range(5):
        feed.settle()
    assert len(feed.of(LapCompleted)) == 1


# -- replays faster than the karts drove --------------------------------------------------------------------------


def test_identical_lap_in_a_fast_replay(feed: "Feed") -> None:
    """Times cannot decide; a reference time that was recomputed says that a lap was driven."""
    feed.board()
    feed.green(71)
    for reference, text in ((60_000, "1:00.000"), (59_500, "59.000"), (59_400, "58.900")):
        feed.send(f"r71c5|tn|{text}", f"r71|*|{reference}|", after=6)
    feed.send("r71|*|59310|", after=6)
    assert feed.laps(71) == [60_000, 59_000, 58_900, 58_900]


def test_row_sent_again_in_a_fast_replay(feed: "Feed") -> None:
    """The same reference time as with the crossing before: no lap."""
    feed.board()
    feed.green(71)
    for reference, text in ((60_000, "1:00.000"), (59_500, "59.000"), (59_400, "58.900")):
        feed.send(f"r71c5|tn|{text}", f"r71|*|{reference}|", after=6)
    feed.send("r71c7|in|3", "r71|*|59400|", after=6)
    assert feed.laps(71) == [60_000, 59_000, 58_900]


def test_two_crossings_and_one_time_in_a_frame_of_a_fast_replay(feed: "Feed") -> None:
    """A venue that pushes in bursts: row re-sent with `*||`, then time and `*` of the lap: one lap."""
    feed.board()
    feed.green(71)
    for reference, text in ((60_000, "1:00.000"), (59_500, "59.000"), (59_400, "58.900")):
        feed.send(f"r71c5|tn|{text}", f"r71|*|{reference}|", after=6)
    feed.send("r71|*||", "r71c5|tn|1:50.602", "r71|*|53479|", after=11)
    assert feed.laps(71) == [60_000, 59_000, 58_900, 110_602]


def test_two_crossings_and_one_time_in_a_frame(feed: "Feed") -> None:
    """The same in a live feed."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    feed.send("r71|*||", "r71c5|tn|1:50.602", "r71|*|53479|", after=110.6)
    assert feed.laps(71) == [60_000, 110_602]


def test_recolour_between_a_time_and_its_crossing(feed: "Feed") -> None:
    """Split over two frames, and somebody else takes the overall best in between: one lap."""
    feed.board()
    feed.green(71, 72)
    feed.send("r71c5|tb|1:00.000", after=60)
    feed.send("r72c5|tb|59.900", "r71c5|ti|1:00.000", "r71|*|60000|", "r72|*|59900|", after=0.2)
    assert feed.laps(71) == [60_000]


def test_first_lap_after_leaving_the_pits(feed: "Feed") -> None:
    """Practice begins in the pit lane: out, first crossing without a time, then a clean lap without a stop."""
    feed.board({71: {1: ("si", "")}}, letter="p")
    feed.green(71)
    feed.send("r71c1|so|", "r71|*out|0", after=5)
    feed.send("r71c1|sr|", "r71|*||", after=20)
    feed.lap(71, "1:00.000", 60)
    feed.settle()
    assert [LapFlag.PIT in lap.flags for lap in feed.row(71).laps] == [False]


def test_an_identical_lap_that_was_held_back(feed: "Feed") -> None:
    """A connection that stalled: the crossing comes 24 s late, but the lap counter goes up with it."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60, extra=["r71c7|in|1"])
    feed.send("r71c7|in|2", "r71|*|60000|", after=84)
    assert feed.laps(71) == [60_000, 60_000]


def test_a_lap_that_waits_when_the_next_session_begins(feed: "Feed") -> None:
    """Its time was sent, its crossing would have come with the next frame: it belongs to the session that ends."""
    feed.board()
    feed.green(71)
    feed.send("r71c5|tn|1:00.000", after=60)
    feed.board(letter="p")
    assert [lap.time_ms for lap in feed.book.sessions[0].competitors[CompetitorId("71")].laps] == [60_000]
