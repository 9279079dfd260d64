"""The parts without a screen: texts, columns, laps and stops, log, notes beside a recording."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from karttime.domain.updates import LapFlag
from karttime.errors import UsageError
from karttime.tui.facts import moment
from karttime.tui.log import Log
from karttime.tui.proposals import Proposed, proposals
from karttime.tui.race import Decision, Race
from karttime.tui.sources.address import Address
from karttime.tui.sources.kept import Kept
from karttime.tui.text import age, clock_of, difference, duration, gap, lap_time, safe, size
from karttime.tui.widgets.columns import Column, fit


def test_values_are_shown_short() -> None:
    """Times, gaps, ages, sizes."""
    assert [lap_time(ms) for ms in (26_138, 66_131, 254, 3_723_004, None)] == [
        *("26.138", "1:06.131", "0.254", "1:02:03.004", "")
    ]
    assert [difference(ms) for ms in (312, -1004, 62_300, 0)] == ["+0.312", "-1.004", "+1:02.300", "+0.000"]
    assert [gap(it) for it in (312, {"laps": 1}, {"laps": 2}, {"lap": 16}, None, "x", {"laps": "<"})] == [
        *("+0.312", "+1 lap", "+2 laps", "lap 16", "", "", "")
    ]
    assert [duration(ms) for ms in (42_900, 725_000, 3_753_000, -1000, None)] == [
        *("0:42", "12:05", "1:02:33", "-0:01", "")
    ]
    assert [age(ms) for ms in (400, 12_000, 180_000, 7_200_000, None)] == ["< 1 s", "12 s", "3 min", "2 h", "-"]
    assert [size(n) for n in (812, 12_300, 1_500_000, 2_000_000_000, None)] == [
        *("812 B", "12.3 kB", "1.5 MB", "2.0 GB", "-")
    ]
    assert clock_of(1_780_131_600_000) == "09:00:00"


@given(st.text())
def test_any_text_becomes_a_short_plain_line(text: str) -> None:
    """Whatever a feed sends: no control characters, at most as many cells as there is room for."""
    shown = safe(text, 20)
    assert cell_len(shown) <= 20
    assert shown.isprintable()


def test_columns_leave_by_rank_and_share_what_is_left() -> None:
    """The essential ones stay; nothing is wider than the screen."""
    columns = [Column("a", "A", 4), Column("b", "B", 6, 2), Column("c", "C", 5, 1, most=20)]
    assert [(column.key, width) for column, width in fit(columns, 40)] == [("a", 4), ("b", 6), ("c", 20)]
    assert [(column.key, width) for column, width in fit(columns, 14)] == [("a", 4), ("c", 9)]
    assert [column.key for column, _ in fit(columns, 5)] == ["a"]
    assert fit(columns, 2) == []


def lap(number: int | None, time_ms: int | None, **more: object) -> dict[str, object]:
    told = {"competitor_id": "7", "number": number, "time_ms": time_ms, "at": "2026-05-30T09:00:00.000Z"}
    return told | {"flags": [], "sectors_ms": [], "revised": False} | more


def test_laps_are_known_by_their_numbers() -> None:
    """Told twice, revised, taken away, of the session before."""
    race = Race("1")
    assert race.lap(lap(1, 60_000)) is not None
    assert race.lap(lap(2, 61_000)) is None
    assert race.lap(lap(2, 61_000)) is None
    assert race.lap(lap(None, 50_000)) is None
    race.lap(lap(2, 59_000, revised=True))
    runner = race.runners["7"]
    assert [it.time_ms for it in runner.in_order()] == [60_000, 59_000]
    assert runner.laps[2].flags == {LapFlag.CORRECTED}
    race.lap(lap(2, None, revised=True))
    assert runner.laps[2].flags == {LapFlag.CORRECTED, LapFlag.DOUBTFUL}
    assert runner.figures().best_ms == 60_000


def test_the_pace_is_of_the_last_five_clean_laps() -> None:
    """Pit laps, first laps and excluded ones do not count."""
    race = Race("1")
    for number, ms in enumerate((70_000, 60_000, 61_000, 62_000, 99_000, 63_000, 64_000), 1):
        race.lap(lap(number, ms, flags=["first"] if number == 1 else ["pit"] if number == 5 else []))
    assert race.runners["7"].pace_ms() == 62_000
    race.decide([Decision("7", 7, True, "cut", 1)])
    assert race.runners["7"].pace_ms() == 61_500
    race.decide([Decision("7", 7, False, "no", 2)])
    assert race.runners["7"].pace_ms() == 62_000


def test_stops_are_known_by_their_moments() -> None:
    """History and stream may tell the same one; the first leaving is no stop."""
    race = Race("1")
    told = [("out", "09:00:00"), ("in", "09:10:00"), ("in", "09:10:00"), ("out", "09:12:00"), ("in", "09:30:00")]
    for number, (event, at) in enumerate(told):
        race.stop({"competitor_id": "7", "event": event, "at": f"2026-05-30T{at}Z"}, 0 if number == 0 else 5 * number)
    runner = race.runners["7"]
    assert [(it.number, it.after_lap, it.duration_ms) for it in runner.stops] == [(1, 5, 120_000), (2, 20, None)]
    stints = runner.stints(moment("2026-05-30T09:00:00Z"))
    assert [(it.first_lap, it.last_lap) for it in stints] == [(1, 5), (6, 20), (21, 0)]


def test_a_lap_and_the_first_leaving_of_the_pits_in_one_message_are_no_stop() -> None:
    """The lap counts already when the leaving is told; the board's own count of stops says that it is none."""
    race = Race("1")
    race.stop({"competitor_id": "7", "event": "out", "at": "2026-05-30T09:00:00Z"}, laps=1, stops=0)
    assert race.runners["7"].stops == []
    race.stop({"competitor_id": "7", "event": "out", "at": "2026-05-30T09:10:00Z"}, laps=9, stops=1)
    assert [(it.in_at, it.after_lap) for it in race.runners["7"].stops] == [(None, 9)]


def test_a_time_that_comes_back_is_doubtful_no_more() -> None:
    """As the session has it: corrected, with its moment, sectors and driver of before."""
    race = Race("1")
    race.lap(lap(2, 59_000, sectors_ms=[20_000, 39_000], driver="A"))
    race.lap(lap(2, None, revised=True))
    race.lap(lap(2, 58_500, revised=True, at="2026-05-30T09:05:00.000Z"))
    found = race.runners["7"].laps[2]
    assert found.flags == {LapFlag.CORRECTED}
    assert (found.time_ms, found.sectors) == (58_500, (20_000, 39_000))
    assert (found.at, found.driver) == (moment("2026-05-30T09:00:00.000Z"), "A")


def test_laps_of_one_competitor_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go, in a session that never ends."""
    monkeypatch.setattr("karttime.tui.race.MAX_LAPS", 3)
    race = Race("1")
    for number in range(1, 6):
        race.lap(lap(number, 60_000))
    assert sorted(race.runners["7"].laps) == [3, 4, 5]


def test_the_log_is_in_order_bounded_and_says_nothing_twice() -> None:
    """The oldest go."""
    log = Log(3)
    for at in (5, 1, 3, 3, 9):
        log.add(at, "flag", "green")
    assert [it.at for it in log] == [3, 5, 9]
    copy = log.copy()
    for at in (20, 21):
        log.add(at, "note", "12:00 kart 7: cut", repeats=False)
    assert [it.at for it in log] == [5, 9, 20], "race control's list is told anew by each connection"
    assert [it.at for it in copy] == [3, 5, 9]
    log.clear()
    assert not log.entries


def test_notes_about_a_recording_only_grow(tmp_path: Path) -> None:
    """A torn line is skipped; a folder that cannot be written is said."""
    kept = Kept(tmp_path / "race.notes.jsonl")
    assert kept.decisions("1") == []
    kept.add({"at": 1, "session": "1", "competitor": "7", "lap": 3, "excluded": True, "reason": "cut"})
    with kept.path.open("ab") as file:
        file.write(b'{"at": 2, "sess\n[1]\n')
    kept.add({"at": 4, "mark": "debris"})
    assert kept.decisions("1") == [Decision("7", 3, True, "cut", 1)]
    assert kept.decisions("2") == []
    assert kept.marks() == [(4, "debris")]
    with pytest.raises(UsageError, match="cannot be written"):
        Kept(tmp_path / "away" / "x").add({"at": 1})


@pytest.mark.parametrize(
    ("typed", "http", "ws"),
    [
        ("localhost:8000", "http://localhost:8000", "ws://localhost:8000"),
        ("https://timing.example/proxy/", "https://timing.example/proxy", "wss://timing.example/proxy"),
        ("ws://[::1]:9", "http://[::1]:9", "ws://[::1]:9"),
    ],
)
def test_an_address_may_be_short(typed: str, http: str, ws: str) -> None:
    """Host and port are enough; a path of a reverse proxy stays."""
    assert Address.parse(typed) == Address(http, ws)


@pytest.mark.parametrize("typed", ["", "ftp://x", "http://", "http://me:secret@host", "http://host:0", "http://h:x"])
def test_what_is_no_address_is_refused(typed: str) -> None:
    """With an example."""
    with pytest.raises(UsageError, match="give one such as"):
        Address.parse(typed)


def test_proposals_are_read_from_the_analysis() -> None:
    """Where the service puts them, with how sure each is; empty labels and nonsense are nothing."""
    sure = {"C1": 0.9, "C3": "x", "C4": 7}
    told = {"proposed": {"C1": "Kart", "C2": "", "C3": "Gap", "C4": "S1", "C5": 7}, "confidence": sure}
    assert proposals({"result": {"mapping": told}}) == {
        "C1": Proposed("Kart", 0.9),
        "C3": Proposed("Gap"),
        "C4": Proposed("S1"),
    }
    hopeless: list[object] = [["x"], None, {"result": {}}, {"result": {"mapping": {"proposed": "C1"}}}]
    for nonsense in hopeless:
        assert proposals(nonsense) == {}
