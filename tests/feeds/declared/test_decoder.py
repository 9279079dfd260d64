"""The interpreter of specs: boards, laps, sessions, deltas."""

import json
from typing import Any

import pytest

from karttime.domain.classification import classification
from karttime.domain.logbook import Logbook
from karttime.domain.session import Session
from karttime.domain.updates import LapCompleted, LapFlag, PitEntered, PitLeft
from karttime.feeds.base import Rejection
from karttime.feeds.declared.decoder import DeclaredDecoder
from karttime.feeds.declared.spec import load_spec
from karttime.feeds.frame import Frame

FIELDS = [
    {"path": "p", "role": "position"},
    {"path": "n", "role": "number"},
    {"path": "d", "role": "driver"},
    {"path": "l", "role": "laps"},
    {"path": "t", "role": "last_lap", "unit": "ms"},
    {"path": "b", "role": "best_lap", "unit": "ms"},
    {"path": "pit", "role": "in_pit"},
]


def decoder(update: str = "snapshot", rows: str = "d[]", laps: str = "count", **more: Any) -> DeclaredDecoder:
    table = {"rows": rows, "key": "n", "update": update, "fields": FIELDS}
    return DeclaredDecoder(load_spec({"karttime_spec": 1, "tables": [table], "laps": {"by": laps}, **more}))


def row(n: str, p: int, laps: int, t: int, b: int, **more: Any) -> dict[str, Any]:
    return {"n": n, "p": p, "l": laps, "t": t, "b": b, "d": f"Driver {n}", "pit": False, **more}


class Play:
    """Frames into a decoder and what comes out of it."""

    def __init__(self, made: DeclaredDecoder) -> None:
        self.decoder = made
        self.book = Logbook()
        self.at = 1_000_000

    def send(self, message: Any, after: int = 1000) -> list[Any]:
        self.at += after
        text = message if isinstance(message, str) else json.dumps(message)
        updates = list(self.decoder.feed(Frame(self.at, text)))
        for update in updates:
            if not isinstance(update, Rejection):
                self.book.apply(update)
        return updates

    @property
    def session(self) -> Session:
        return self.book.sessions[-1]

    def laps(self, number: str) -> list[int]:
        return [lap.time_ms for lap in self.session.competitors[number].laps]  # type: ignore[index]


def test_a_snapshot_feed() -> None:
    """Classification, laps when the counter rises, and nothing for what was driven before."""
    play = Play(decoder())
    play.send({"d": [row("7", 1, 3, 30_500, 30_100), row("9", 2, 0, 0, 0)]})
    play.send({"d": [row("7", 2, 3, 30_500, 30_100), row("9", 1, 1, 31_000, 31_000)]})
    play.send({"d": [row("7", 1, 4, 30_000, 30_000), row("9", 2, 1, 31_000, 31_000)]})
    assert play.laps("7") == [30_000]
    assert play.laps("9") == [31_000]
    assert LapFlag.FIRST in play.session.competitors["9"].laps[0].flags  # type: ignore[index]
    standing = classification(play.session)
    assert [(s.number, s.position, s.laps, s.best_lap_ms, s.driver) for s in standing] == [
        ("7", 1, 4, 30_000, "Driver 7"),
        ("9", 2, 1, 31_000, "Driver 9"),
    ]


def test_counter_and_time_in_two_messages() -> None:
    """In either order, within the wait."""
    play = Play(decoder("merge"))
    play.send({"d": [row("7", 1, 3, 30_500, 30_100)]})
    play.send({"d": [{"n": "7", "l": 4}]})
    assert play.laps("7") == []
    play.send({"d": [{"n": "7", "t": 30_200}]}, after=300)
    play.send({"d": [{"n": "7", "t": 30_400}]}, after=30_000)
    play.send({"d": [{"n": "7", "l": 5}]}, after=300)
    assert play.laps("7") == [30_200, 30_400]


def test_the_same_time_again_is_doubtful() -> None:
    """The counter rose and the time did not change: after five seconds it is taken for the same time."""
    play = Play(decoder("merge"))
    play.send({"d": [row("7", 1, 3, 30_500, 30_100)]})
    play.send({"d": [{"n": "7", "l": 4, "t": 30_200}]})
    play.send({"d": [{"n": "7", "l": 5}]}, after=30_200)
    updates = play.send({"d": [{"n": "7", "p": 2}]}, after=6000)
    (lap,) = (update for update in updates if isinstance(update, LapCompleted))
    assert lap.time_ms == 30_200
    assert lap.flags == {LapFlag.DOUBTFUL}


@pytest.mark.parametrize(("apart", "laps"), [(700, [61_000]), (1, [])])
def test_the_first_of_all_who_is_told_of(apart: int, laps: list[int]) -> None:
    """It has just crossed the line where each message is a row, unless it is the first row of a board."""
    play = Play(decoder(update="merge", rows=""))
    for number, (after, time) in enumerate(
        zip((1000, apart, apart, 2000), (61_000, 62_000, 63_000, 64_000), strict=True)
    ):
        play.send(row(str(number), 0, 1, time, time), after)
    assert play.laps("0") == laps
    assert play.laps("3") == [64_000]


def test_rows_by_place() -> None:
    """A row is a place on the board; who is in it is sent when it changes."""
    play = Play(decoder("places"))
    play.send({"d": [row("7", 1, 3, 30_500, 30_100), row("9", 2, 3, 31_000, 30_900)]})
    play.send({"d": {"0": {"n": "9", "l": 4, "t": 30_000, "d": "Driver 9"}, "1": {"n": "7", "l": 3, "t": 30_500}}})
    assert [(s.number, s.position) for s in classification(play.session)] == [("9", 1), ("7", 2)]
    assert play.laps("9") == [30_000]
    assert play.laps("7") == []


def test_stops_come_from_the_field_that_says_so() -> None:
    """In and out, as events."""
    play = Play(decoder("merge"))
    play.send({"d": [row("7", 1, 3, 30_500, 30_100)]})
    assert any(isinstance(update, PitEntered) for update in play.send({"d": [{"n": "7", "pit": True}]}))
    assert any(isinstance(update, PitLeft) for update in play.send({"d": [{"n": "7", "pit": False}]}))


def test_a_new_session_begins_when_the_counters_fall() -> None:
    """The laps of before are kept in their own session."""
    play = Play(decoder())
    for laps in (5, 6):
        play.send({"d": [row(n, p, laps, 30_000 + laps, 30_000) for p, n in enumerate("789", 1)]})
    play.send({"d": [row(n, p, 0, 0, 0) for p, n in enumerate("789", 1)]})
    play.send({"d": [row(n, p, 1, 33_000, 33_000) for p, n in enumerate("789", 1)]})
    assert len(play.book.sessions) == 2
    assert [len(c.laps) for session in play.book.sessions for c in session.competitors.values()] == [1] * 6


def test_a_new_title_is_a_new_session() -> None:
    """As declared; clock and flag come along."""
    session = [
        {"path": "name", "role": "session"},
        {"path": "left", "role": "clock_remaining", "unit": "s"},
        {"path": "flag", "role": "flag", "values": {"4": "safety-car"}},
    ]
    play = Play(decoder(session=session))
    play.send({"name": "Heat 1", "left": 60, "flag": "green", "d": [row("7", 1, 3, 30_500, 30_100)]})
    play.send({"name": "Final", "left": 600, "flag": "4", "d": [row("7", 1, 0, 0, 0)]})
    assert [session.title for session in play.book.sessions] == ["Heat 1", "Final"]
    assert play.session.flag.value == "safety-car"
    assert play.session.clock.ms == 600_000


def test_a_table_of_laps() -> None:
    """Each lap once, however often the list is sent; whose it is goes by number."""
    laps = {
        "rows": "laps[]",
        "key": "@key",
        "key_is": "number",
        "holds": "laps",
        "fields": [
            {"path": "k", "role": "number"},
            {"path": "i", "role": "lap_number"},
            {"path": "t", "role": "lap_time", "unit": "s"},
        ],
    }
    board = {"rows": "d[]", "key": "id", "fields": [{"path": "p", "role": "position"}, {"path": "n", "role": "number"}]}
    spec = load_spec({"karttime_spec": 1, "tables": [board, laps], "laps": {"by": "rows"}})
    play = Play(DeclaredDecoder(spec))
    listed = [{"k": "7", "i": 0, "t": 0}, {"k": "7", "i": 1, "t": 31.5}]
    play.send({"d": [{"id": "x1", "p": 1, "n": "7"}], "laps": listed})
    play.send({"d": [{"id": "x1", "p": 1, "n": "7"}], "laps": [*listed, {"k": "7", "i": 2, "t": 30.25}]})
    assert play.laps("x1") == [31_500, 30_250]


def test_hostile_frames_are_refused_and_counted() -> None:
    """Binary, other framings, rows without a key, rows without end."""
    play = Play(decoder())
    assert [one.reason for one in play.decoder.feed(Frame(1, None, b"\x00"))] == ["binary"]  # type: ignore[union-attr]
    assert [one.reason for one in play.send("nonsense")] == ["not-in-this-framing"]
    play.send({"d": [{"p": 1}]})
    play.send({"d": [row(str(number), number, 1, 30_000, 30_000) for number in range(3000)]})
    assert play.decoder.refused["row-without-key"] == 1
    assert play.decoder.refused["too-many-rows"] > 0
    assert len(play.session.competitors) <= 2000


@pytest.mark.parametrize("update", ["snapshot", "merge", "places"])
def test_values_nested_too_deep_to_be_compared(update: str) -> None:
    """Objects where a field should be, near the limit of what a parser of JSON takes: nothing is raised."""
    play = Play(decoder(update=update))
    for _ in range(3):
        for name in ("p", "other"):
            deep = "[" * 990 + "]" * 990
            play.send(f'{{"d": [{{"n": "7", "l": 1, "{name}": {deep}}}]}}')
    assert play.session.competitors


def test_a_row_that_is_sent_again_changes_nothing() -> None:
    """Whatever was sent between; a row that left and comes back is there again with all it shows."""
    play = Play(decoder())
    both = {"d": [row("7", 1, 3, 30_100, 30_000), row("9", 2, 3, 30_500, 30_200)]}
    play.send(both)
    assert play.send(both) == []
    play.send({"d": both["d"][:1]})
    assert len(classification(play.session)) == 1
    play.send(both)
    assert [standing.best_lap_ms for standing in classification(play.session)] == [30_000, 30_200]


def test_a_lap_that_waits_is_decided_when_its_session_ends() -> None:
    """The same time again, and 2 s later the next session: the lap is of the session that ended."""
    play = Play(decoder(session=[{"path": "h", "role": "session"}]))
    play.send({"h": "Heat 1", "d": [row("7", 1, 1, 30_100, 30_100)]})
    play.send({"h": "Heat 1", "d": [row("7", 1, 2, 30_200, 30_100)]}, 30_200)
    play.send({"h": "Heat 1", "d": [row("7", 1, 3, 30_200, 30_100)]}, 30_200)
    play.send({"h": "Heat 2", "d": [row("7", 1, 0, 0, 0)]}, 2000)
    first, second = play.book.sessions
    assert [lap.time_ms for row in first.competitors.values() for lap in row.laps] == [30_200, 30_200]
    assert not any(row.laps for row in second.competitors.values())


def test_rows_of_changes_that_left_with_the_session_before() -> None:
    """A title, then counters that fall one by one: one new session, and who is not told of again is hidden."""
    play = Play(decoder("merge", session=[{"path": "h", "role": "session"}]))
    play.send({"h": "Heat 1", "d": [row(str(n), n, 0, 0, 0) for n in range(1, 6)]})
    play.send({"d": [row(str(n), n, 5, 30_000 + n, 30_000 + n) for n in range(1, 6)]}, 150_000)
    play.send({"h": "Heat 2", "d": []})
    for n in (1, 2, 3, 4):
        play.send({"d": [row(str(n), n, 0, 0, 0)]}, 300)
    assert [session.title for session in play.book.sessions] == ["Heat 1", "Heat 2"]
    assert [standing.number for standing in classification(play.session)] == ["1", "2", "3", "4"]
    play.send({"d": [{"n": "5", "l": 0, "p": 5}]})
    assert len(classification(play.session)) == 5


def test_a_title_after_the_counters_fell_names_the_session_that_began() -> None:
    """Not a third one."""
    play = Play(decoder("merge", session=[{"path": "h", "role": "session"}]))
    play.send({"h": "Heat 1", "d": [row(str(n), n, 4, 30_000, 30_000) for n in (1, 2, 3)]})
    play.send({"d": [row(str(n), n, 0, 0, 0) for n in (1, 2, 3)]})
    play.send({"h": "Heat 2", "d": []}, 4000)
    assert [session.title for session in play.book.sessions] == ["Heat 1", "Heat 2"]


def test_a_new_session_knows_drivers_and_states_that_did_not_change() -> None:
    """Told again though the feed sends them once: a lap has its driver, and who is in the pits stays there."""
    play = Play(decoder("merge", session=[{"path": "h", "role": "session"}]))
    play.send({"h": "Heat 1", "d": [row("7", 1, 0, 0, 0), row("9", 2, 0, 0, 0, pit=True)]})
    play.send({"h": "Heat 2", "d": []})
    play.send({"d": [{"n": "7", "l": 1, "t": 30_100}]}, 30_000)
    assert [(standing.number, standing.in_pit) for standing in classification(play.session)] == [
        ("7", False),
        ("9", True),
    ]
    assert [lap.driver for row in play.session.competitors.values() for lap in row.laps] == ["Driver 7"]
