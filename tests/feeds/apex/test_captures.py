"""Real traffic of nine venues against what an independent tracker found in it."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from karttime.domain.classification import classification
from karttime.domain.competitor import Lap
from karttime.domain.session import Session
from karttime.domain.updates import LapFlag, SessionKind

if TYPE_CHECKING:
    from tests.feeds.conftest import ReadCapture, ReportOf

pytestmark = pytest.mark.captures

FILES = (
    "brignoles-qualifying.jsonl",
    "los-santos-3h-race-start.ndjson",
    "mariembourg-24h-start.jsonl",
    "onlykart-rental-day.jsonl",
    "saintes-26h.jsonl",
    "sevilla-competition-edition.ndjson",
    "slovak-karting-center-18-columns.jsonl",
)
OTHERS = ("cremona-no-grid.ndjson", "eupen-idle.jsonl", "kartland-session-without-init.jsonl")

NOT_DRIVEN = {
    ("mariembourg-24h-start.jsonl", "43994"): [74_363],
    ("mariembourg-24h-start.jsonl", "44005"): [73_670],
    ("onlykart-rental-day.jsonl", "148341"): [64_711],
}
"""Laps of the other tracker that the frames disprove; see the tests of each below."""

MISSED = {
    ("brignoles-qualifying.jsonl", "44393"): [60_422],
    ("brignoles-qualifying.jsonl", "44397"): [60_924],
    ("onlykart-rental-day.jsonl", "148360"): [63_332],
}
"""Laps that the other tracker missed: the last one, identical to the one before."""


def truth_of(shared: Path, name: str) -> dict[str, Any]:
    path = shared / "truth" / "apex" / f"{name.partition('.')[0]}.json"
    truth: dict[str, Any] = json.loads(path.read_bytes())
    return truth


def laps_by_row(report_of: "ReportOf", name: str) -> dict[str, list[Lap]]:
    laps: dict[str, list[Lap]] = {}
    for session in report_of(name).logbook.sessions:
        for competitor in session.competitors.values():
            if competitor.laps:
                laps.setdefault(competitor.id, []).extend(competitor.laps)
    return laps


def last_session(report_of: "ReportOf", name: str) -> Session:
    session = report_of(name).logbook.current
    assert session is not None
    return session


@pytest.mark.parametrize("name", FILES)
def test_final_board(name: str, shared: Path, report_of: "ReportOf") -> None:
    """Every row of the last board: position, number, last and best lap, gap, interval, stops."""
    rows = {row.competitor_id: row for row in classification(last_session(report_of, name))}
    truth = truth_of(shared, name)["final_board"]
    assert sorted(rows) == sorted(row["row"] for row in truth)
    for known in truth:
        row = rows[known["row"]]
        assert row.position == known["position"], known["row"]
        assert row.number == known["number"], known["row"]
        assert row.pit_stops == int(known["pits_cell"] or 0), known["row"]
        assert row.gap == (known["gap"] or "").strip(), known["row"]
        assert row.interval == (known["interval"] or "").strip(), known["row"]
        if known["last_lap_ms"] is not None:
            assert row.last_lap_ms == known["last_lap_ms"], known["row"]
        if known["best_lap_ms"] is not None:
            assert row.best_lap_ms == known["best_lap_ms"], known["row"]
        if known["laps_cell"]:
            assert row.laps == int(known["laps_cell"]), known["row"]


@pytest.mark.parametrize("name", FILES)
def test_every_lap(name: str, shared: Path, report_of: "ReportOf") -> None:
    """Every lap of every competitor in order, except those six where the frames speak against the other tracker."""
    truth: dict[str, list[int]] = truth_of(shared, name)["laps_by_row"]
    laps = {row: [lap.time_ms for lap in laps] for row, laps in laps_by_row(report_of, name).items()}
    found: dict[str, tuple[list[int], list[int]]] = {}
    for row in truth.keys() | laps.keys():
        mine, theirs = laps.get(row, []), truth.get(row, [])
        if mine != theirs:
            found[row] = (
                list((Counter(theirs) - Counter(mine)).elements()),
                list((Counter(mine) - Counter(theirs)).elements()),
            )
            assert _is_subsequence(*sorted((mine, theirs), key=len)), row
    expected: dict[str, tuple[list[int], list[int]]] = {}
    expected |= {row: (times, []) for (file, row), times in NOT_DRIVEN.items() if file == name}
    expected |= {row: ([], times) for (file, row), times in MISSED.items() if file == name}
    assert found == expected


def _is_subsequence(short: list[int], long: list[int]) -> bool:
    rest = iter(long)
    return all(ms in rest for ms in short)


@pytest.mark.parametrize(
    ("name", "row", "frame"),
    [
        ("brignoles-qualifying.jsonl", "44393", 5239),
        ("brignoles-qualifying.jsonl", "44397", 5221),
        ("onlykart-rental-day.jsonl", "148360", 8344),
    ],
)
def test_a_last_lap_identical_to_the_one_before(name: str, row: str, frame: int, report_of: "ReportOf") -> None:
    """After the flag; the last-lap cell was not sent again: decided by the crossing alone."""
    laps = laps_by_row(report_of, name)[row]
    (found,) = [number for number, lap in enumerate(laps) if frame in lap.provenance.frames]
    assert [laps[found].time_ms] == MISSED[name, row]
    assert laps[found - 1].time_ms == laps[found].time_ms
    assert laps[found].provenance.rule == "identical"
    assert LapFlag.AFTER_FLAG in laps[found].flags


@pytest.mark.parametrize(("row", "frame"), [("44393", 5239), ("44397", 5221)])
def test_the_lap_counter_proves_the_last_lap(row: str, frame: int, capture: "ReadCapture") -> None:
    """Brignoles: a cell of the row goes from 54 to 55 with the crossing."""
    frames = capture("brignoles-qualifying.jsonl")
    before = "".join(one.text or "" for one in frames[: frame - 1])
    around = "".join(one.text or "" for one in frames[frame - 1 : frame + 2]).splitlines()
    counters = [line.removesuffix("55") for line in around if line.startswith(f"r{row}c") and line.endswith("|55")]
    assert any(f"{counter}54\n" in before for counter in counters)


def test_sectors_prove_the_last_lap(capture: "ReadCapture", report_of: "ReportOf") -> None:
    """OnlyKart: the sectors that were sent with the last crossing add up to the lap."""
    name = "onlykart-rental-day.jsonl"
    last = laps_by_row(report_of, name)["148360"][-1]
    assert 8344 in last.provenance.frames
    assert last.time_ms == 21_863 + 23_590 + 17_879
    assert "|17.879" in (capture(name)[8344].text or "") + (capture(name)[8343].text or "")


@pytest.mark.parametrize(
    ("name", "row", "frame", "needle"),
    [
        ("mariembourg-24h-start.jsonl", "43994", 2015, "3 Trs"),  # re-sent with a penalty, 60.9 s after a crossing
        ("onlykart-rental-day.jsonl", "148341", 5529, ""),  # restores a row that the frame before had cleared
    ],
)
def test_a_row_that_was_sent_again_is_no_lap(
    name: str, row: str, frame: int, needle: str, capture: "ReadCapture", report_of: "ReportOf"
) -> None:
    """A `*` with the old time, too soon for a lap."""
    text = capture(name)[frame].text or ""
    assert f"r{row}|*|" in text or f"r{row}c" in text
    assert needle in text
    assert not any(frame in lap.provenance.frames for lap in laps_by_row(report_of, name)[row])


def test_a_crossing_one_frame_before_its_lap(report_of: "ReportOf") -> None:
    """Mariembourg, frame 3763: the `*` belongs to the time in frame 3764, it is not one more lap of the time before."""
    laps = laps_by_row(report_of, "mariembourg-24h-start.jsonl")["44005"]
    decided = [(lap.time_ms, lap.provenance.frames) for lap in laps if 3763 in lap.provenance.frames]
    assert decided == [(73_850, (3763, 3764))]


@pytest.mark.parametrize(
    ("name", "sessions", "laps"),
    [
        ("brignoles-qualifying.jsonl", 4, 1143),
        ("kartland-session-without-init.jsonl", 3, 1737),
        ("los-santos-3h-race-start.ndjson", 1, 602),
        ("mariembourg-24h-start.jsonl", 1, 844),
        ("onlykart-rental-day.jsonl", 39, 1915),
        ("saintes-26h.jsonl", 1, 3979),
        ("sevilla-competition-edition.ndjson", 2, 445),
        ("slovak-karting-center-18-columns.jsonl", 49, 2025),
        ("eupen-idle.jsonl", 1, 0),
        ("cremona-no-grid.ndjson", 0, 0),
    ],
)
def test_sessions_and_laps(name: str, sessions: int, laps: int, report_of: "ReportOf") -> None:
    """How many sessions ran and how many laps were driven in them."""
    book = report_of(name).logbook
    assert len(book.sessions) == sessions
    assert sum(len(row.laps) for session in book.sessions for row in session.competitors.values()) == laps
    assert len({session.id for session in book.sessions}) == sessions


def test_kinds_of_sessions(report_of: "ReportOf") -> None:
    """Brignoles: practice and three qualifyings; Los Santos: a race."""
    kinds = [session.kind for session in report_of("brignoles-qualifying.jsonl").logbook.sessions]
    assert kinds == [SessionKind.PRACTICE, *[SessionKind.QUALIFYING] * 3]
    assert last_session(report_of, "los-santos-3h-race-start.ndjson").kind is SessionKind.RACE


def test_a_session_that_began_before_its_board(report_of: "ReportOf") -> None:
    """Kartland: laps of the second session come from lines that were sent before the board that explains them."""
    report = report_of("kartland-session-without-init.jsonl")
    second = report.logbook.sessions[1]
    assert second.provenance is not None
    (board,) = second.provenance.frames
    early = [lap for row in second.competitors.values() for lap in row.laps if max(lap.provenance.frames) < board]
    assert len(early) == 44
    assert all(30_000 < lap.time_ms < 300_000 for lap in early)
    assert any("676 lines came before the board" in doubt for doubt in report.doubts)


def test_no_board_no_sessions(report_of: "ReportOf") -> None:
    """Cremona was joined in mid-session: nothing is made up, and the report says why."""
    report = report_of("cremona-no-grid.ndjson")
    assert report.logbook.sessions == []
    assert report.refused == {"unknown-row": 516}
    assert any("no board was received" in doubt for doubt in report.doubts)


def test_strangers_bytes_are_refused(report_of: "ReportOf") -> None:
    """Eupen: TLS garbage among keep-alives."""
    report = report_of("eupen-idle.jsonl")
    assert report.detection.name == "apex"
    assert report.refused["foreign-bytes"] > 0
    assert set(report.refused) == {"foreign-bytes"}


@pytest.mark.parametrize("name", FILES)
def test_nothing_genuine_is_refused(name: str, report_of: "ReportOf") -> None:
    """Only strangers' bytes, lines about rows that no board explains, and one broken cell of one board."""
    allowed = {"foreign-bytes", "unknown-row", "bad-grid-cell"}
    assert set(report_of(name).refused) <= allowed


@pytest.mark.parametrize("name", [*FILES, *OTHERS])
def test_format_is_recognised(name: str, report_of: "ReportOf") -> None:
    """Every capture is Apex, and the evidence says why."""
    detection = report_of(name).detection
    assert detection.name == "apex"
    assert detection.confidence > 0.5
    assert detection.evidence


@pytest.mark.parametrize("name", [*FILES, *OTHERS])
def test_laps_are_sane(name: str, report_of: "ReportOf") -> None:
    """In time order per competitor and session, positive, below 24 h; sectors add up where all are known."""
    for session in report_of(name).logbook.sessions:
        for row in session.competitors.values():
            times = [lap.at for lap in row.laps]
            assert times == sorted(times)
            for lap in row.laps:
                assert 0 < lap.time_ms < 86_400_000
                known = [ms for ms in lap.sectors if ms is not None]
                if lap.sectors and len(known) == len(lap.sectors):
                    assert abs(sum(known) - lap.time_ms) <= 90


@pytest.mark.parametrize("name", FILES)
def test_doubtful_laps_are_few(name: str, report_of: "ReportOf") -> None:
    """The rule explains all but one lap in fifty without doubt."""
    laps = [lap for laps in laps_by_row(report_of, name).values() for lap in laps]
    doubtful = [lap for lap in laps if LapFlag.DOUBTFUL in lap.flags]
    assert len(doubtful) * 50 <= len(laps)
