"""`karttime.v1`: what its messages say, and that folding them gives the state."""

from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest

from karttime.api import v1
from karttime.api.v1 import Position, V1Stream, difference
from karttime.client.fold import fold
from karttime.domain.columns import Column, Role
from karttime.domain.flags import Flag
from karttime.domain.ids import SessionId
from karttime.domain.logbook import Logbook
from karttime.domain.updates import (
    BoardRow,
    BoardShown,
    Cell,
    CellsChanged,
    ClockChanged,
    ClockMode,
    FlagChanged,
    LapCompleted,
    LapFlag,
    LapRevised,
    MessageShown,
    Named,
    Note,
    NotesAdded,
    PitEntered,
    PitLeft,
    PositionsChanged,
    Provenance,
    SessionEnded,
    SessionKind,
    SessionStarted,
)
from karttime.feeds.base import Rejection
from karttime.feeds.formats import FORMATS
from karttime.feeds.frame import Frame
from karttime.recording.reader import open_recording
from karttime.storage.journal_file import Stored

from .conftest import COLUMNS, START, kart, lap, opening
from .stage import Stage, shown

ROOT = Path(__file__).resolve().parents[2]
CAPTURES = ROOT.parent / "shared" / "captures" / "apex"
SAFETY = Flag.SAFETY_CAR


def opened() -> Stage:
    """A session is on, and somebody listens: the first message is behind us."""
    stage = Stage()
    stage.publish(*opening())
    stage.join()
    return stage


# -- the snapshot ------------------------------------------------------------------------------------------------


def test_a_snapshot_is_typed_and_whole() -> None:
    """Integers for times, words of closed vocabularies, ISO for moments, and nothing where nothing is shown."""
    stage = Stage()
    stage.publish(*opening())
    stage.publish(*lap(START + 1000, "1:06.131", 66_131))
    message = stage.join()
    assert message | {"epoch": "", "columns": []} == {
        "type": "snapshot",
        "circuit_id": "hill",
        "epoch": "",
        "seq": 0,
        "at": "2026-01-01T12:00:01.000Z",
        "session": {
            "id": "20260101T120000Z-1",
            "kind": "race",
            "event": "Cup",
            "title": "Race",
            "track": "Hill",
            "started_at": "2026-01-01T12:00:00.000Z",
            "flag": "none",
            "clock_mode": "off",
        },
        "columns": [],
        "competitors": [
            {
                "id": "24089",
                "position": 1,
                "team": "LIONS",
                "driver": "Ada",
                "status": "unknown",
                "in_pit": False,
                "laps_timed": 1,
                "last_timed_ms": 66_131,
                "best_timed_ms": 66_131,
                "stops_seen": 0,
                "number": "11",
                "last_lap_ms": 66_131,
            },
            {
                "id": "24090",
                "position": 2,
                "status": "unknown",
                "in_pit": False,
                "laps_timed": 0,
                "stops_seen": 0,
                "number": "12",
            },
        ],
    }
    assert len(message["epoch"]) == 8


def test_columns_say_where_their_value_stands() -> None:
    """A client draws the board from roles, labels and fields; what has no type is text under the column's id."""
    stage = Stage()
    columns = (
        Column(1, Role.POSITION, "Clt", "rk"),
        Column(2, Role.BEST_LAP, " Best\x07 ", ""),
        Column(3, Role.UNKNOWN, "?", ""),
    )
    cells = {2: Cell("", "59.100"), 3: Cell("", " odd\x1b ")}
    stage.publish(opening()[0], BoardShown(START, columns, {kart("7"): BoardRow(1, cells)}))
    message = stage.join()
    assert message["columns"] == [
        {"id": "C1", "role": "position", "label": "Clt", "field": "position"},
        {"id": "C2", "role": "best_lap", "label": "Best", "field": "best_lap_ms"},
        {"id": "C3", "role": "unknown", "label": "?", "field": "C3"},
    ]
    [row] = message["competitors"]
    assert (row["best_lap_ms"], row["C3"]) == (59_100, "odd")


@pytest.mark.parametrize(
    ("text", "value"), [("0.226", 226), ("1:02.003", 62_003), ("2 Tours", {"laps": 2}), ("Tour 16", {"lap": 16})]
)
def test_gaps_are_milliseconds_or_laps(text: str, value: object) -> None:
    """Also the leader's cell, which shows no gap but his laps."""
    stage = opened()
    [patch] = stage.publish(CellsChanged(START + 1, {kart("24090"): {7: Cell("in", text)}}))
    assert patch["competitors"] == {"24090": {"gap": value}}


def test_before_the_first_session_there_is_an_empty_snapshot() -> None:
    """And the session that begins then is the next message."""
    stage = Stage()
    message = stage.join()
    assert (message["session"], message["columns"], message["competitors"], message["seq"]) == ({}, [], [], 0)
    [begun] = stage.publish(*opening())
    assert (begun["type"], begun["seq"], begun["epoch"]) == ("snapshot", 1, message["epoch"])
    assert [row["id"] for row in begun["competitors"]] == ["24089", "24090"]


def test_hostile_text_is_harmless() -> None:
    """Control characters, overrides and lone surrogates are gone from ids, names and cells."""
    stage = Stage()
    name = kart("7\x1b\ud800")
    stage.publish(opening()[0], BoardShown(START, COLUMNS, {name: BoardRow(1, {3: Cell("", "\u202e9\x00")})}))
    stage.publish(Named(START, name, "\x9b31mRED", "y" * 999))
    [row] = stage.join()["competitors"]
    assert (row["id"], row["number"], row["team"], row["driver"]) == ("7", "9", "31mRED", "y" * 256)


# -- patches -----------------------------------------------------------------------------------------------------


def test_a_patch_holds_only_what_differs() -> None:
    """Not the whole row, not the others, not the session."""
    stage = opened()
    [patch] = stage.publish(*lap(START + 1000, "1:06.131", 66_131))
    del patch["laps"]
    changed = {"last_lap_ms": 66_131, "laps_timed": 1, "last_timed_ms": 66_131, "best_timed_ms": 66_131}
    assert patch == {
        "type": "patch",
        "seq": 1,
        "at": "2026-01-01T12:00:01.000Z",
        "competitors": {"24089": changed},
    }


def test_what_is_sent_again_is_no_message() -> None:
    """The same cell, the same position, the same board: no seq is spent."""
    stage = opened()
    same = opening()[1]
    assert stage.publish(CellsChanged(START + 1, {kart("24089"): {2: Cell("", "1")}})) == []
    assert stage.publish(PositionsChanged(START + 2, {kart("24089"): 1})) == []
    assert stage.publish(same) == []
    assert stage.stream.seq == 0


def test_null_clears() -> None:
    """A last lap that the board takes away is null, and gone after the fold."""
    stage = opened()
    stage.publish(*lap(START + 1000, "1:06.131", 66_131))
    [patch] = stage.publish(CellsChanged(START + 2000, {kart("24089"): {5: Cell("to", "")}}))
    assert patch["competitors"] == {"24089": {"last_lap_ms": None}}
    assert stage.heard is not None
    assert "last_lap_ms" not in stage.heard.competitors["24089"]


def test_a_board_shown_anew_is_a_patch() -> None:
    """Who left is removed, who is new comes whole, columns come whole; the others are not repeated."""
    stage = opened()
    columns = (*COLUMNS[:4], Column(5, Role.LAPS, "Tours", "tlp"))
    rows = {kart("24089"): BoardRow(1, {3: Cell("", "11")}), kart("24091"): BoardRow(2, {5: Cell("", "9")})}
    [patch] = stage.publish(BoardShown(START + 1, columns, rows))
    assert patch["type"] == "patch"
    assert patch["removed"] == ["24090"]
    assert list(patch["competitors"]) == ["24091"]
    assert patch["competitors"]["24091"]["laps"] == 9
    assert [column["role"] for column in patch["columns"]][-1] == "laps"
    assert stage.heard is not None
    assert (stage.heard.session, dict(stage.heard.competitors)) == shown(stage.session)


def test_a_new_session_is_a_snapshot_in_the_stream() -> None:
    """Numbered like every message, and with the facts of its frame."""
    stage = opened()
    stage.publish(*lap(START + 1000, "1:06.131", 66_131))
    [message] = stage.publish(SessionEnded(START + 2000), *opening(("1",), START + 3000, "2"))
    assert (message["type"], message["seq"]) == ("snapshot", 2)
    assert [row["id"] for row in message["competitors"]] == ["1"]
    assert [(it["event"], it["id"][-2:]) for it in message["sessions"]] == [("ended", "-1"), ("started", "-2")]


def test_session_fields_come_when_they_change() -> None:
    """Flag, clock, message."""
    stage = opened()
    [patch] = stage.publish(FlagChanged(START, SAFETY, "sc"), ClockChanged(START + 5, ClockMode.COUNTDOWN, 60_000))
    assert patch["session"] == {
        "flag": "safety-car",
        "flag_text": "sc",
        "clock_at": "2026-01-01T12:00:00.005Z",
        "clock_mode": "countdown",
        "clock_ms": 60_000,
    }
    assert "competitors" not in patch


def test_difference_sets_and_clears() -> None:
    """Applied to the old fields it gives the new ones."""
    assert difference({"a": 1, "b": 2}, {"b": 3, "c": {"laps": 1}}) == {"b": 3, "c": {"laps": 1}, "a": None}
    assert difference({"a": 1}, {"a": 1}) == {}


# -- facts -------------------------------------------------------------------------------------------------------


def test_laps_say_where_they_come_from() -> None:
    """Number, time, sectors, flags, driver and provenance."""
    stage = opened()
    why = Provenance((7, 9), "last-lap-cell", "note")
    one = LapCompleted(START + 1, kart("24089"), 66_131, why, (20_000, None), frozenset({LapFlag.PIT, LapFlag.FIRST}))
    [patch] = stage.publish(one, LapCompleted(START + 1, kart("24089"), 66_000, why))
    assert patch["laps"][0] == {
        "competitor_id": "24089",
        "number": 1,
        "time_ms": 66_131,
        "at": "2026-01-01T12:00:00.001Z",
        "sectors_ms": [20_000, None],
        "flags": ["first", "pit"],
        "driver": "Ada",
        "revised": False,
        "provenance": {"frames": [7, 9], "rule": "last-lap-cell", "note": "note"},
    }
    assert patch["laps"][1]["number"] == 2


def test_a_revised_lap_names_the_lap() -> None:
    """Also in the frame of a later one, and when its time is taken away."""
    stage = opened()
    why = Provenance((7,), "rule")
    stage.publish(LapCompleted(START, kart("24089"), 66_131, why))
    taken = LapRevised(START + 1, kart("24089"), None, why)
    [patch] = stage.publish(taken, LapCompleted(START + 1, kart("24089"), 60_000, why))
    assert [(it["number"], it["time_ms"], it["revised"]) for it in patch["laps"]] == [
        (1, None, True),
        (2, 60_000, False),
    ]


def test_a_lap_of_the_session_before_has_no_number() -> None:
    """Its session is closed; the number would be a guess."""
    stage = opened()
    late = LapCompleted(START + 1, kart("24089"), 66_131, Provenance((7,), "rule"))
    [message] = stage.publish(late, *opening(at=START + 2, session="2"))
    assert [(it["number"], it["time_ms"]) for it in message["laps"]] == [(None, 66_131)]


def test_the_other_facts_have_lists_of_their_own() -> None:
    """Stops, flags, messages and race control's notes; a fact without a consequence is a message too."""
    stage = opened()
    [patch] = stage.publish(
        PitEntered(START, kart("24089")), PitLeft(START, kart("24089")), FlagChanged(START, SAFETY, "\x07sc")
    )
    at = "2026-01-01T12:00:00.000Z"
    assert patch["stops"] == [{"competitor_id": "24089", "event": event, "at": at} for event in ("in", "out")]
    assert patch["flags"] == [{"flag": "safety-car", "text": "sc", "at": at}]
    [patch] = stage.publish(
        MessageShown(START, "warning", "Box"), NotesAdded(START, (Note("12:01", "penalty", "7", "10 s"),))
    )
    assert patch["messages"] == [{"level": "warning", "text": "Box", "at": at}]
    assert patch["notes"] == [{"time": "12:01", "kind": "penalty", "number": "7", "text": "10 s", "at": at}]


# -- sleeping, coming back, surviving ----------------------------------------------------------------------------


def again(stage: Stage, *, lost: int = 0) -> None:
    """The service begins anew, with what its journal holds."""
    base = max(number for number, step in enumerate(stage.steps) if step.base)
    after = [step.message for step in stage.steps[base + 1 : len(stage.steps) - lost]]
    stored = Stored(stage.stream.epoch, stage.stream.seq, stage.steps[base].base, after)
    stage.stream = V1Stream("hill", clock=stage.clock)
    stage.logbook = Logbook()
    assert stage.stream.go_on(stored) == (lost == 0)


def test_a_restart_goes_on_where_the_stream_was() -> None:
    """Same epoch, next seq, the same state for a late joiner; then whatever the timing system shows."""
    stage = opened()
    for n in range(3):
        stage.publish(*lap(START + n, f"1:0{n}.131", 60_131 + n))
    epoch, seq, before = stage.stream.epoch, stage.stream.seq, orjson.loads(stage.stream.snapshot({}))
    again(stage)
    assert orjson.loads(stage.stream.snapshot({})) == before
    assert (stage.stream.epoch, stage.stream.seq) == (epoch, seq)
    assert stage.stream.resume(Position(epoch, seq)) is not None
    assert stage.stream.resume(Position(epoch, seq - 1)) is None, "memory does not have it"
    assert stage.stream.resume(Position(epoch, seq - 1), [stage.steps[-1].message]) is not None, "the journal has"
    [message] = stage.publish(*opening(["7"], START + 9, session="2"))
    assert (message["type"], message["seq"], message["epoch"]) == ("snapshot", seq + 1, epoch)
    assert stage.heard is not None
    assert (stage.heard.session, dict(stage.heard.competitors)) == shown(stage.session)


def test_the_same_session_after_a_restart_is_a_patch() -> None:
    """What was missed while nobody looked is in it, also who left the board."""
    stage = opened()
    stage.publish(*lap(START, "1:06.131", 66_131))
    again(stage)
    [message] = stage.publish(*opening(["24089"], START + 9))
    assert (message["type"], message["removed"]) == ("patch", ["24090"])
    assert stage.heard is not None
    assert (stage.heard.session, dict(stage.heard.competitors)) == shown(stage.session)


def test_a_journal_that_does_not_lead_to_its_end_is_not_continued() -> None:
    """A hole would be a wrong state for everybody: a new epoch begins."""
    stage = opened()
    for n in range(2):
        stage.publish(*lap(START + n, f"1:06.13{n}", 66_130 + n))
    epoch = stage.stream.epoch
    again(stage, lost=1)
    assert (stage.stream.epoch != epoch, stage.stream.seq) == (True, 0)
    assert not stage.stream.go_on(Stored(epoch, 1, b"{", []))


def test_a_broken_chain_is_a_new_epoch_and_a_snapshot() -> None:
    """At once, or from the next message on; nobody can come back over it."""
    stage = opened()
    epoch = stage.stream.epoch
    stage.stream.new_epoch(at_once=True)
    first = stage.stream.epoch
    assert first != epoch
    assert stage.join()["epoch"] == first
    stage.publish(*lap(START, "1:06.131", 66_131))
    stage.stream.new_epoch(at_once=False)
    assert stage.stream.epoch == first, "nothing was said in the new one yet"
    assert stage.stream.resume(Position(first, stage.stream.seq)) is None
    [message] = stage.publish(*lap(START + 1, "1:06.132", 66_132))
    assert (message["type"], message["epoch"]) == ("snapshot", stage.stream.epoch)
    assert len({epoch, first, stage.stream.epoch}) == 3
    assert stage.steps[-1].base, "whoever restarts begins from it"


def test_the_whole_state_is_written_down_now_and_then() -> None:
    """With the first message, and after so many more."""
    stage = opened()
    for n in range(v1.BASE_EVERY + 2):
        stage.publish(FlagChanged(START + n, (SAFETY, Flag.GREEN)[n % 2], ""))
    assert [step.seq for step in stage.steps if step.base] == [1, v1.BASE_EVERY + 1]
    assert fold(None, orjson.loads(stage.steps[v1.BASE_EVERY].base)) is not None


def test_more_than_a_client_could_be_sent_is_refused() -> None:
    """A snapshot is smaller."""
    stage = opened()
    epoch, many = stage.stream.epoch, v1.MAX_MISSED
    assert stage.stream.resume(Position(epoch, -many), [b""] * many) is not None
    assert stage.stream.resume(Position(epoch, -many - 1), [b""] * (many + 1)) is None
    assert stage.stream.resume(Position(epoch, -1), [b" " * (v1.MAX_MISSED_SIZE + 1)]) is None


@pytest.mark.parametrize(("seq", "count"), [(0, 3), (1, 2), (3, 0), (4, None), (None, None)])
def test_resume_is_exact_or_refused(seq: int | None, count: int | None) -> None:
    """What follows the position, in order; a position that never was gets nothing."""
    stage = opened()
    for n in range(3):
        stage.publish(*lap(START + n, f"1:0{n}.131", 60_131 + n))
    missed = stage.stream.resume(Position(stage.stream.epoch, seq))
    if count is None:
        assert missed is None
        return
    assert missed is not None
    answer, *messages = map(orjson.loads, missed)
    assert answer == {
        "type": "resumed", "circuit_id": "hill", "epoch": stage.stream.epoch, "seq": seq, "recovered": True
    }  # fmt: skip
    assert [message["seq"] for message in messages] == list(range(3 - count + 1, 4))
    assert stage.stream.resume(Position("another", seq)) is None


def test_a_snapshot_says_why_it_comes() -> None:
    """Its notes, and no others; the bytes are made once for all who ask."""
    stage = opened()
    refused = stage.stream.snapshot({"recovered": False})
    assert orjson.loads(refused)["recovered"] is False
    assert stage.stream.snapshot({"recovered": False}) is refused
    assert "recovered" not in orjson.loads(stage.stream.snapshot({}))
    stage.publish(*lap(START, "1:06.131", 66_131))
    assert orjson.loads(stage.stream.snapshot({"recovered": False}))["seq"] == 1


def test_a_failure_on_the_way_is_made_good_by_the_next_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state and the seq stay together: what the failed message would have said is in the one after it."""
    stage = opened()
    with monkeypatch.context() as patch:
        patch.setattr(v1, "facts", lambda _item: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            stage.publish(*lap(START, "1:06.131", 66_131))
    stage.publish(FlagChanged(START + 1, SAFETY, ""))
    assert stage.heard is not None
    assert stage.heard.seq == 1
    assert (stage.heard.session, dict(stage.heard.competitors)) == shown(stage.session)


# -- whole feeds -------------------------------------------------------------------------------------------------


def follow(frames: Iterable[Frame], every: int, feed: str = "apex") -> tuple[Stage, int, int]:
    """Follow a feed from before its first session; compare the state at every N-th seq. Laps told, laps there are."""
    stage, decoder, told, seq = Stage(), FORMATS[feed].decoder(), 0, 0
    stage.join()
    for frame in frames:
        for message in stage.publish(*(it for it in decoder.feed(frame) if not isinstance(it, Rejection))):
            seq += 1
            assert message["seq"] == seq
            assert set(message) > {"type", "seq", "at"}, "an empty message"
            told += sum(not it["revised"] for it in message.get("laps", ()))
        if seq % every == 0:
            check(stage)
    check(stage)
    laps = sum(len(it.laps) for session in stage.logbook.sessions for it in session.competitors.values())
    return stage, told, laps


def check(stage: Stage) -> None:
    """The client sees what the session is, and what a late joiner is sent."""
    assert stage.heard is not None
    assert (stage.heard.session, dict(stage.heard.competitors)) == shown(stage.session)
    late = fold(None, orjson.loads(stage.stream.snapshot({})))
    assert late is not None
    assert late.columns == stage.heard.columns
    assert (late.seq, late.session, late.competitors) == (stage.heard.seq, stage.heard.session, stage.heard.competitors)


@pytest.mark.parametrize("path", sorted((ROOT / "recordings").glob("*.jsonl*")), ids=lambda path: path.name)
def test_the_fold_is_the_state_over_simulated_feeds(path: Path) -> None:
    """At every seq, mischief included; and every lap is told once."""
    recording = open_recording(path)
    stage, told, laps = follow(recording, every=1, feed=recording.header.feed or "apex")
    assert stage.stream.seq > 50
    assert told == laps > 0


@pytest.mark.captures
@pytest.mark.parametrize("name", ["los-santos-3h-race-start.ndjson", "sevilla-competition-edition.ndjson"])
def test_the_fold_is_the_state_over_real_traffic(name: str) -> None:
    """As above, on what venues really send."""
    if not CAPTURES.is_dir():
        pytest.skip(f"real traffic is not here: {CAPTURES}")
    _, told, laps = follow(open_recording(CAPTURES / name), every=10)
    assert told == laps > 0


def test_a_session_id_is_all_that_makes_a_session_new() -> None:
    """The same session told again is a patch at most."""
    stage = opened()
    again = SessionStarted(
        START + 1, SessionId("20260101T120000Z-1"), SessionKind.RACE, "Cup", "Race", "Hill", Provenance((0,), "first")
    )
    [message] = stage.publish(again, *opening()[1:])
    assert message["type"] == "patch"
