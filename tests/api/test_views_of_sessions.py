"""Drivers, export, statistics and classification, of sessions in memory and of those that are only stored."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from karttime.api.timing_schemas import Statistics
from karttime.domain.columns import Column, Role
from karttime.domain.competitor import Lap
from karttime.domain.updates import BoardRow, BoardShown, Cell, LapCompleted, LapFlag, Provenance, Update

from .conftest import START, Venue, kart, lap, opening, serving, until
from .test_rest import detail, stored

FIRST = "20260101T120000Z-1"


def timed(at: int, name: str, time_ms: int) -> Update:
    return LapCompleted(at, kart(name), time_ms, Provenance((3,), "last-lap-cell"))


async def race(venue: Venue) -> None:
    """Two laps by 24090, three slower ones by 24089: the race is won by laps, the best lap is the other's."""
    await venue.publish(*opening())
    for number, (name, time_ms) in enumerate(
        [("24090", 61_000), ("24089", 66_000), ("24090", 60_000), ("24089", 65_000), ("24089", 67_000)], 1
    ):
        await venue.publish(timed(START + number * 10_000, name, time_ms))


@pytest.fixture
async def past(tmp_path: Path) -> AsyncIterator[Venue]:
    """A service that was restarted after a race: memory knows nothing of it."""
    async with serving(tmp_path) as venue:
        await race(venue)
        archive = venue.service.archive
        assert archive is not None
        await venue.service.gate.settled()
        await until(lambda: not archive.status().queued)
    async with serving(tmp_path) as venue:
        yield venue


async def test_a_past_race_is_ranked_from_its_laps(past: Venue) -> None:
    """By laps, not by the best; the source says that no board was kept."""
    board = (await past.http.get("/circuits/hill/classification", params={"session": FIRST})).json()
    assert (board["source"], board["session"]["id"], board["session"]["running"]) == ("laps", FIRST, False)
    rows = [(it["position"], it["competitor_id"], it["laps"], it["best_lap_ms"]) for it in board["standings"]]
    assert rows == [(1, "24089", 3, 65_000), (2, "24090", 2, 60_000)]
    assert (board["standings"][0]["number"], board["standings"][0]["team"]) == ("11", "LIONS")
    assert (await past.http.get("/circuits/hill/classification")).json()["session"] is None


async def test_an_earlier_session_in_memory_keeps_its_board(venue: Venue) -> None:
    """Named by its id while the next one runs."""
    await race(venue)
    await venue.publish(*opening(at=START + 100_000, session="2"))
    get = venue.http.get
    first = (await get("/circuits/hill/classification", params={"session": FIRST})).json()
    assert (first["source"], first["session"]["id"], len(first["standings"])) == ("board", FIRST, 2)
    assert (await get("/circuits/hill/classification")).json()["session"]["id"] == "20260101T120000Z-2"


@pytest.mark.parametrize("path", ["classification", "session/export"])
async def test_total_time_and_class_are_shown_where_the_board_has_them(venue: Venue, path: str) -> None:
    """Null and empty where it has none."""
    began, *_ = opening()
    columns = (Column(1, Role.TOTAL_TIME, "Total", "total_time"), Column(2, Role.CLASS, "Class", "class"))
    rows = {kart("1"): BoardRow(1, {1: Cell("", "3:21.533"), 2: Cell("", "Pro")}), kart("2"): BoardRow(2, {})}
    await venue.publish(began, BoardShown(START, columns, rows))
    standings = (await venue.http.get(f"/circuits/hill/{path}")).json()["standings"]
    assert [(row["total_ms"], row["class"]) for row in standings] == [(201_533, "Pro"), (None, "")]
    assert "class_name" not in standings[0]


@pytest.mark.parametrize("path", ["classification", "drivers", "session/export"])
async def test_a_session_that_never_was_is_404(venue: Venue, path: str) -> None:
    """And where to find those that were."""
    await venue.publish(*opening())
    assert "/sessions" in detail(await venue.http.get(f"/circuits/hill/{path}?session=nope"), 404)


async def test_export_before_any_session_is_404(venue: Venue) -> None:
    """There is nothing to export, and no driver either."""
    assert "no session yet" in detail(await venue.http.get("/circuits/dale/session/export"), 404)
    assert (await venue.http.get("/circuits/dale/drivers")).json() == []


async def test_drivers_have_figures_of_their_clean_laps(venue: Venue) -> None:
    """Mean and spread without first laps, stops and doubtful ones; names in the order in which they drove."""
    await race(venue)
    session = venue.service.engine.collector("hill").logbook.sessions[-1]
    doubtful = Lap(4, 1_000, START + 60_000, Provenance((9,), "x"), (), frozenset({LapFlag.DOUBTFUL}), "Grace")
    session.competitors[kart("24089")].laps.append(doubtful)
    [first, second] = (await venue.http.get("/circuits/hill/drivers")).json()
    assert first == {
        "session_id": FIRST,
        "competitor_id": "24089",
        "kart": "11",
        "team": "LIONS",
        "drivers": ["Ada", "Grace"],
        "laps": 4,
        "last_lap_ms": 1_000,
        "best_lap_ms": 65_000,
        "mean_lap_ms": 66_000,
        "spread_ms": 816,
    }
    assert (second["competitor_id"], second["laps"], second["spread_ms"]) == ("24090", 2, 500)


async def test_drivers_of_a_stored_session_are_the_same(past: Venue) -> None:
    """The latest session without an id; pages follow each other."""
    answer = await past.http.get("/circuits/hill/drivers?limit=1")
    [first] = answer.json()
    assert (first["competitor_id"], first["best_lap_ms"], first["mean_lap_ms"]) == ("24089", 65_000, 66_000)
    [second] = (await past.http.get(answer.links["next"]["url"])).json()
    assert second["competitor_id"] == "24090"


async def test_an_export_is_the_whole_session_with_provenance(venue: Venue) -> None:
    """As a file that is named after circuit and session."""
    await race(venue)
    answer = await venue.http.get("/circuits/hill/session/export")
    assert answer.headers["content-disposition"] == f'attachment; filename="hill-{FIRST}.json"'
    document = answer.json()
    assert [(it["competitor_id"], it["number"], it["time_ms"]) for it in document["laps"]] == [
        *(("24090", 1, 61_000), ("24089", 1, 66_000), ("24090", 2, 60_000), ("24089", 2, 65_000), ("24089", 3, 67_000))
    ]
    assert document["laps"][0]["provenance"] == {"frames": [3], "rule": "last-lap-cell", "note": ""}
    assert (document["source"], len(document["standings"])) == ("board", 2)


async def test_live_and_stored_export_have_the_same_laps(tmp_path: Path) -> None:
    """What memory says and what the database says is one truth."""
    exports = []
    async with serving(tmp_path) as venue:
        await race(venue)
        exports.append((await venue.http.get("/circuits/hill/session/export?format=csv")).text)
        await stored(venue, 8)
    async with serving(tmp_path) as venue:
        exports.append((await venue.http.get("/circuits/hill/session/export?format=csv")).text)
    assert exports[0] == exports[1]
    assert exports[0].count("\r\n") == 6


async def test_no_cell_of_an_exported_table_is_a_formula(venue: Venue) -> None:
    """A team may call itself what a spreadsheet would run."""
    await venue.publish(*opening())
    session = venue.service.engine.collector("hill").logbook.sessions[-1]
    session.competitors[kart("24089")].team = '=HYPERLINK("http://evil.example","x")'
    session.title = "@SUM(A1)"
    await venue.publish(*lap(START + 1000, "1:06.131", 66_131))
    answer = await venue.http.get("/circuits/hill/session/export?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, row = csv.reader(io.StringIO(answer.text))
    cells = dict(zip(header, row, strict=True))
    assert (cells["team"][:2], cells["title"][:2]) == ("'=", "'@")
    assert (cells["time_ms"], cells["frames"], cells["rule"]) == ("66131", "7", "last-lap-cell")


async def test_an_unknown_export_format_is_422(venue: Venue) -> None:
    """With those that there are."""
    assert "'json' or 'csv'" in detail(await venue.http.get("/circuits/hill/session/export?format=xml"), 422)


async def test_statistics_count_what_is_stored_and_what_runs(venue: Venue) -> None:
    """Counts, times, rates, best laps without doubtful ones, refusals."""
    await race(venue)
    venue.script.refused["unknown-line"] = 2
    await stored(venue, 8)
    found = (await venue.http.get("/circuits/hill/statistics")).json()
    assert found["stored"].pop("counted_at") <= found["timestamp"]
    assert found["stored"] == {
        "timing_rows": 2,
        "laps": 5,
        "sessions": 1,
        "sessions_by_kind": {"race": 1},
        "first_at": "2026-01-01T12:00:00.000Z",
        "last_at": "2026-01-01T12:00:50.000Z",
    }
    assert [it["time_ms"] for it in found["best_laps"]] == [60_000, 61_000, 65_000, 66_000, 67_000]
    live = found["live"]
    assert (live["state"], live["messages"]) == ("live", 6)
    assert live["messages_per_minute"] == 6.0, "five more in fifty seconds"
    assert live["laps_per_minute"] == 6.0
    assert found["refused"] == {"unknown-line": 2}


async def test_statistics_follow_a_deletion_at_once(venue: Venue) -> None:
    """Otherwise two calls in a row count once."""
    await race(venue)
    await stored(venue, 8)
    first, second = [(await venue.http.get("/circuits/hill/statistics")).json()["stored"] for _ in range(2)]
    assert second == first
    await venue.http.delete("/circuits/hill/data", params={"before": "2027-01-01"})
    assert (await venue.http.get("/circuits/hill/statistics")).json()["stored"]["timing_rows"] == 0


async def test_statistics_of_a_circuit_that_never_ran(venue: Venue) -> None:
    """Zeros and nulls, no NaN and no error."""
    found = (await venue.http.get("/circuits/dale/statistics")).json()
    assert (found["live"], found["best_laps"], found["refused"]) == (None, [], {})
    assert (found["stored"]["laps"], found["stored"]["first_at"]) == (0, None)
    Statistics.model_validate(found)


async def test_old_rows_are_deleted_and_no_others(venue: Venue) -> None:
    """What is newer, laps, and other circuits stay."""
    await venue.publish(*opening())
    await venue.publish(*lap(START + 5000, "1:06.131", 66_131))
    await stored(venue, 5)
    answer = await venue.http.delete("/circuits/hill/data", params={"before": "2026-01-01T12:00:05Z"})
    assert (answer.status_code, answer.json()) == (200, {"deleted": 2})
    assert len((await venue.http.get("/circuits/hill/data")).json()) == 1
    assert len((await venue.http.get("/circuits/hill/laps")).json()) == 1
    assert "before" in detail(await venue.http.delete("/circuits/hill/data"), 422)
