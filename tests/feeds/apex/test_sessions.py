"""Which board goes on with a session and which one begins another."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from karttime.domain.updates import SessionChanged, SessionEnded, SessionStarted
from karttime.feeds.apex.sessions import CLOCK_TOLERANCE_MS, Countdown, Heading, Standing, is_same_session

if TYPE_CHECKING:
    from tests.feeds.apex.conftest import Feed

RACE = Heading("r", "EVENT", "RACE", "OVAL")
BEFORE = Standing(RACE, ("71", "72"), 12, False, Countdown(0, 600_000, True))
LATER = replace(BEFORE, laps=0, countdown=Countdown(60_000, 540_000, True))


# -- the rule ------------------------------------------------------------------------------------------------------


def test_a_countdown_runs_while_the_light_is_green() -> None:
    """It stands at other lights and never falls below zero."""
    assert Countdown(0, 600_000, True).at_time(60_000) == 540_000
    assert Countdown(0, 600_000, False).at_time(60_000) == 600_000
    assert Countdown(0, 1_000, True).at_time(60_000) == 0


@pytest.mark.parametrize(
    ("now", "same"),
    [
        (LATER, True),
        (replace(LATER, rows=("71", "72", "73")), True),
        (replace(LATER, rows=("71",)), True),
        (replace(LATER, countdown=None), True),
        (replace(LATER, heading=replace(RACE, track="OTHER")), True),
        (replace(LATER, heading=replace(RACE, title="RACE (wet)")), True),
        (replace(LATER, heading=replace(RACE, letter="p")), False),
        (replace(LATER, heading=replace(RACE, title="RACE 2"), countdown=Countdown(60_000, 900_000, False)), False),
        (replace(LATER, heading=replace(RACE, title="RACE 2"), rows=("81", "82")), False),
        (replace(LATER, heading=replace(RACE, title="RACE 2"), blank=True), False),
        (replace(LATER, blank=True, countdown=Countdown(60_000, 900_000, False)), False),
        (replace(LATER, blank=True, countdown=None), False),
        (replace(LATER, blank=True), True),
        (replace(LATER, rows=("81", "82"), countdown=None), False),
        (replace(LATER, rows=("81", "82")), True),
    ],
)
def test_is_same_session(now: Standing, same: bool) -> None:
    """Letter, titles, clock, rows and blankness are weighed; every answer has a reason."""
    answer, why = is_same_session(BEFORE, now)
    assert answer is same
    assert why


def test_before_anything_was_driven_equal_titles_are_one_session() -> None:
    """Entries come one by one; the clock may be set anew."""
    waiting = replace(BEFORE, laps=0)
    now = Standing(RACE, ("81",), 0, True, Countdown(60_000, 900_000, False))
    assert is_same_session(waiting, now)[0]


@pytest.mark.parametrize(("off", "same"), [(0, True), (CLOCK_TOLERANCE_MS, True), (CLOCK_TOLERANCE_MS + 1, False)])
def test_how_exact_a_clock_must_be(off: int, same: bool) -> None:
    """With other titles, clock and rows decide."""
    now = replace(LATER, heading=replace(RACE, title="X"), countdown=Countdown(60_000, 540_000 + off, True))
    assert is_same_session(BEFORE, now)[0] is same


# -- through the decoder ------------------------------------------------------------------------------------------


def race(feed: "Feed") -> None:
    """A race with two laps of kart 71 and one of 72, half an hour long."""
    feed.board()
    feed.green(71, 72)
    feed.lap(71, "1:00.000", 60, extra=["r71c7|in|1"])
    feed.lap(72, "1:01.000", 1, extra=["r72c7|in|1"])
    feed.lap(71, "59.000", 58, extra=["r71c7|in|2"])


SHOWN = {71: {5: ("tn", "59.000"), 7: ("in", "2")}, 72: {5: ("tn", "1:01.000"), 7: ("in", "1")}}
RUNNING = "dyn1|countdown|1680000"


def test_a_session_begins_with_its_board(feed: "Feed") -> None:
    """Its id is the UTC time of what was seen first and its ordinal in the feed; titles and track are told."""
    feed.board()
    (started,) = feed.of(SessionStarted)
    assert isinstance(started, SessionStarted)
    assert started.session_id == "20260517T080000Z-1"
    assert (started.event, started.title, started.track) == ("EVENT", "RACE", "OVAL (700m)")
    assert started.kind == "race"
    assert started.provenance.frames == (0,)


def test_a_reinit_in_mid_race_keeps_the_laps(feed: "Feed") -> None:
    """The operator changed something: the same board again."""
    race(feed)
    feed.board(SHOWN, clock=RUNNING, light="lg")
    feed.lap(71, "1:02.000", 62)
    assert len(feed.book.sessions) == 1
    assert feed.laps(71) == [60_000, 59_000, 62_000]


def test_a_blip_in_mid_race_keeps_the_laps(feed: "Feed") -> None:
    """`init|n|` for some seconds, then the same board with the clock going on."""
    race(feed)
    feed.send("init|n|", "best|hide|", "effects||Effets", "comments||Commentaires", "track||")
    assert feed.session.ended_at is not None
    feed.board(SHOWN, clock="dyn1|countdown|1670000", light="lg", after=10)
    assert feed.session.ended_at is None
    feed.lap(71, "1:02.000", 52)
    assert len(feed.book.sessions) == 1
    assert feed.session.track == "OVAL (700m)"
    assert feed.laps(71) == [60_000, 59_000, 62_000]


def test_a_lap_during_a_blip(feed: "Feed") -> None:
    """The board after it shows one lap more: it is told, by the rule `board`."""
    race(feed)
    feed.send("init|n|", after=50)
    rows = SHOWN | {71: {5: ("tn", "1:00.500"), 7: ("in", "3")}}
    feed.board(rows, clock="dyn1|countdown|1610000", light="lg", after=20)
    assert feed.laps(71) == [60_000, 59_000, 60_500]
    assert feed.rules(71)[-1] == "board"


def test_a_layout_change_keeps_the_laps(feed: "Feed") -> None:
    """Other columns in another order; cells are read under the new header from then on."""
    race(feed)
    types = ("no", "llp", "dr", "tlp")
    feed.board({71: {2: ("tn", "59.000")}, 72: {2: ("tn", "1:01.000")}}, types, clock=RUNNING, light="lg")
    feed.send("r71c2|tn|1:02.000", "r71|*|60000|", after=62)
    assert len(feed.book.sessions) == 1
    assert feed.laps(71) == [60_000, 59_000, 62_000]
    assert [column.type for column in feed.session.columns] == list(types)


def test_a_competitor_added_in_mid_race(feed: "Feed") -> None:
    """The others' laps are kept, the new one begins with none."""
    race(feed)
    feed.board(SHOWN | {73: {}}, clock=RUNNING, light="lg")
    assert len(feed.book.sessions) == 1
    assert [len(feed.row(row).laps) for row in (71, 72, 73)] == [2, 1, 0]


def test_a_competitor_taken_off_and_back(feed: "Feed") -> None:
    """Laps survive the absence."""
    race(feed)
    feed.board({71: SHOWN[71]}, clock=RUNNING, light="lg")
    assert not feed.row(72).on_board
    feed.board(SHOWN, clock=RUNNING, light="lg")
    feed.lap(72, "1:03.000", 60)
    assert feed.row(72).on_board
    assert feed.laps(72) == [61_000, 63_000]


def test_a_new_heat_that_uses_the_ids_again(feed: "Feed") -> None:
    """Rental venues: the same rows are other people."""
    feed.board(letter="p", title="Session 14")
    feed.green(71, seconds=480)
    feed.lap(71, "1:00.000", 60)
    feed.board(letter="p", title="Session 15", clock="dyn1|text|00:08:00", after=300)
    feed.green(71, seconds=480)
    feed.lap(71, "1:05.000", 65)
    assert [session.title for session in feed.book.sessions] == ["Session 14", "Session 15"]
    assert feed.laps(71) == [65_000]
    assert [lap.time_ms for lap in feed.book.sessions[0].competitors[feed.row(71).id].laps] == [60_000]


def test_a_restart_of_the_same_heat(feed: "Feed") -> None:
    """Same titles, blank board, clock set anew: another session."""
    race(feed)
    feed.board(clock="dyn1|text|00:30:00", after=120)
    assert len(feed.book.sessions) == 2
    assert feed.row(71).laps == []


def test_title_flicker(feed: "Feed") -> None:
    """Another title for some seconds, without a board: the session is renamed, not replaced."""
    race(feed)
    feed.send("title2||ENTRENOS", after=5)
    assert feed.session.title == "ENTRENOS"
    feed.send("title2||RACE", after=9)
    feed.lap(71, "1:02.000", 48)
    assert len(feed.book.sessions) == 1
    assert feed.session.title == "RACE"
    assert len(feed.of(SessionChanged)) == 2
    assert feed.laps(71) == [60_000, 59_000, 62_000]


def test_the_title_changes_with_a_board(feed: "Feed") -> None:
    """Clock and rows go on: the same session under a new title."""
    race(feed)
    feed.board(SHOWN, title="RACE (final)", clock=RUNNING, light="lg")
    assert len(feed.book.sessions) == 1
    assert feed.session.title == "RACE (final)"


def test_practice_becomes_a_race(feed: "Feed") -> None:
    """Another letter is another session, even with the same rows and titles."""
    feed.board(letter="p", title="X")
    feed.board(letter="r", title="X")
    assert [session.kind for session in feed.book.sessions] == ["practice", "race"]


def test_no_session_is_loaded(feed: "Feed") -> None:
    """`init|n|` before any board is no session; after one it ends it."""
    feed.send("init|n|", "best|hide|", "track||")
    assert not feed.of(SessionStarted)
    assert not feed.of(SessionEnded)
    feed.board()
    feed.send("init|n|", "best|hide|", "track||", after=5)
    assert len(feed.of(SessionEnded)) == 1
    assert feed.session.ended_at == feed.at


def test_joined_in_mid_session(feed: "Feed") -> None:
    """The board shows times: laps of before are unknown, and the decoder says so."""
    feed.board(SHOWN, clock=RUNNING, light="lg")
    assert feed.laps(71) == []
    assert any("under way" in doubt for doubt in feed.decoder.doubts)


def test_reconnected_to_the_same_session(feed: "Feed") -> None:
    """Minutes without frames, then the dump: laps of before are kept, those between are not made up."""
    race(feed)
    rows = SHOWN | {71: {5: ("tn", "1:00.500"), 7: ("in", "9")}}
    feed.board(rows, clock="dyn1|countdown|1260000", light="lg", after=420)
    feed.lap(71, "1:02.000", 30)
    assert len(feed.book.sessions) == 1
    assert feed.laps(71) == [60_000, 59_000, 62_000]


def test_ids_of_sessions_differ(feed: "Feed") -> None:
    """Two sessions in one second get two ids."""
    feed.board(letter="p")
    feed.board(letter="r")
    assert len({session.id for session in feed.book.sessions}) == 2


def test_entries_come_one_by_one(feed: "Feed") -> None:
    """Boards that grow before the start are one session."""
    for count in (0, 1, 4, 9):
        feed.board(range(71, 71 + count), letter="p", title="Training", after=20)
    assert len(feed.book.sessions) == 1
    assert len(feed.session.competitors) == 9
