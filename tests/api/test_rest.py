"""The REST calls: published paths and shapes, and errors that say what to do."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from karttime.api.problems import problem

from .conftest import START, Venue, lap, opening, serving, until

ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def detail(answer: httpx.Response, status: int) -> str:
    """The sentence of a problem with this status."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["type"].startswith("urn:karttime:problem:")
    text: str = document["detail"]
    return text


async def stored(venue: Venue, rows: int) -> None:
    """Wait until so many rows are in the database."""
    archive = venue.service.archive
    assert archive is not None
    await until(lambda: archive.status().written >= rows and not archive.status().queued)


async def test_health_is_cheap_and_healthy(venue: Venue) -> None:
    """The published keys; START in the app works only after a 200 here."""
    answer = await venue.http.get("/health")
    assert answer.status_code == 200
    health = answer.json()
    assert (health["status"], health["checks"]) == (
        "healthy",
        {"engine": "ok", "storage": "ok", "journal": "ok"},
    )
    assert health.keys() == {"status", "version", "timestamp", "checks"}


async def test_health_stays_200_while_the_database_cannot_be_written(venue: Venue) -> None:
    """Live data flows, so the app may start; the body says that something is wrong."""
    await stored(venue, 1)
    assert venue.service.archive is not None
    venue.service.archive._error = "database or disk is full"
    answer = await venue.http.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "disk is full" in answer.json()["checks"]["storage"]


async def test_health_is_503_when_nothing_is_kept_any_more(venue: Venue) -> None:
    """An archive that ended does not come back."""
    assert venue.service.archive is not None
    venue.service.archive.close()
    answer = await venue.http.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")


async def test_status_shows_collectors_clients_and_storage(venue: Venue) -> None:
    """The whole system in one call."""
    await venue.publish(*opening())
    async with venue.watch() as watcher:
        await watcher.next()
        status = (await venue.http.get("/status")).json()
    [collector] = status["collectors"]
    assert (collector["circuit_id"], collector["state"], collector["timing_connected"]) == ("hill", "live", True)
    assert collector["refused"] == {}
    assert status["clients"]["hill"]["clients"] == status["connected_clients"] == 1
    assert status["storage"]["state"] == "ok"


async def test_circuits_are_an_array_ordered_by_name(venue: Venue) -> None:
    """With the mapping both as C1… and as c1…c14, unused ones in the app's own words."""
    circuits = (await venue.http.get("/circuits")).json()
    assert [circuit["nom"] for circuit in circuits] == ["Dale", "Hill Kart", "Wild"]
    hill = circuits[1]
    assert hill["wssUrl"] == "wss://hill.example/"
    assert hill["mappings"] == {"C1": "Classement", "C2": "Kart"}
    assert (hill["c1"], hill["c2"], hill["c3"], hill["c14"]) == ("Classement", "Kart", "Non utilisé", "Non utilisé")
    assert (await venue.http.get("/circuits/hill")).json() == hill


async def test_start_and_stop_are_always_200(venue: Venue) -> None:
    """Also when there is nothing to do; no body is needed."""
    answers = []
    for call in ("start", "start", "stop", "stop"):
        answer = await venue.http.post(f"/circuits/dale/{call}-timing", headers={"content-type": "application/json"})
        answers.append((answer.status_code, answer.json()["status"]))
    words = ["started", "already_running", "stopped", "not_running"]
    assert answers == [(200, word) for word in words]


async def test_stop_by_one_is_not_stop_for_all(venue: Venue) -> None:
    """While two are watching the circuit is kept running, unless somebody insists."""
    async with venue.watch() as one, venue.watch() as other:
        await one.next()
        await other.next()
        assert (await venue.http.post("/circuits/hill/stop-timing")).json()["status"] == "kept_running"
        assert venue.service.engine.collector("hill").running
        assert (await venue.http.post("/circuits/hill/stop-timing?force=true")).json()["status"] == "stopped"


async def test_circuit_status(venue: Venue) -> None:
    """Also of a circuit that was never started."""
    status = (await venue.http.get("/circuits/hill/status")).json()
    assert (status["circuit_id"], status["timing_active"], status["connected_clients"]) == ("hill", True, 0)
    assert status["collector_status"]["circuit_id"] == "hill"
    idle = (await venue.http.get("/circuits/dale/status")).json()
    assert (idle["timing_active"], idle["collector_status"]) == (False, None)


async def test_data_is_what_was_displayed_newest_first(venue: Venue) -> None:
    """The published fields, with session, source and what the feed sent."""
    await venue.publish(*opening())
    await venue.publish(*lap(START + 1000, "1:06.131", 66_131))
    await stored(venue, 5)
    rows = (await venue.http.get("/circuits/hill/data")).json()
    assert rows[0].keys() == {
        *("id", "circuit_id", "session_id", "timestamp", "data_type", "mapped_data", "raw_data", "source_url"),
        "source_format",
    }
    assert rows[0]["timestamp"] == "2026-01-01T12:00:01.000Z"
    assert rows[0]["mapped_data"]["C5"] == "1:06.131"
    assert rows[0]["raw_data"] == {"row": "r24089", "cells": {"c5": ["tn", "1:06.131"]}}
    assert (rows[0]["source_url"], rows[0]["data_type"]) == ("wss://hill.example/", "timing_data")
    assert len(rows) == 3


async def test_pages_follow_each_other_by_their_link(venue: Venue) -> None:
    """Every row once, filters kept; the last page has no link."""
    await venue.publish(*opening())
    for n in range(1, 8):
        await venue.publish(*lap(START + 1000 * n, f"1:06.13{n}", 66_130 + n))
    await stored(venue, 17)
    address: str | None = "/circuits/hill/data?limit=3&after=2026-01-01T12:00:01.000Z"
    seen: list[str] = []
    while address:
        answer = await venue.http.get(address)
        seen += [row["mapped_data"]["C5"] for row in answer.json()]
        address = answer.links["next"]["url"] if "next" in answer.links else None
    assert seen == [f"1:06.13{n}" for n in range(7, 1, -1)]


async def test_data_is_filtered_by_session_and_time(venue: Venue) -> None:
    """`session`, `before` and `after` together or alone."""
    await venue.publish(*opening())
    await venue.publish(*opening(at=START + 5000, session="2"))
    await stored(venue, 4)
    get = venue.http.get
    first = (await get("/circuits/hill/data", params={"session": "20260101T120000Z-1"})).json()
    assert {row["session_id"] for row in first} == {"20260101T120000Z-1"}
    assert len((await get("/circuits/hill/data", params={"before": "2026-01-01T12:00:05Z"})).json()) == 2
    assert not (await get("/circuits/hill/data", params={"before": "2020-01-01T12:00:05"})).json()


async def test_classification_laps_and_sessions(venue: Venue) -> None:
    """Typed views: milliseconds, flags, and which frames and rule decided a lap."""
    await venue.publish(*opening())
    await venue.publish(*lap(START + 1000, "1:06.131", 66_131))
    board = (await venue.http.get("/circuits/hill/classification")).json()
    assert (board["session"]["title"], board["session"]["running"]) == ("Race", True)
    assert (board["standings"][0]["team"], board["standings"][0]["last_lap_ms"]) == ("LIONS", 66_131)
    [found] = (await venue.http.get("/circuits/hill/laps")).json()
    assert (found["number"], found["time_ms"], found["team"]) == (1, 66_131, "LIONS")
    assert found["provenance"] == {"frames": [7], "rule": "last-lap-cell", "note": ""}
    assert not (await venue.http.get("/circuits/hill/laps?competitor=24090")).json()
    assert [session["id"] for session in (await venue.http.get("/circuits/hill/sessions")).json()] == [
        "20260101T120000Z-1"
    ]


async def test_views_of_a_circuit_without_a_session_are_empty(venue: Venue) -> None:
    """200 and nothing, not an error."""
    for path in ("data", "laps", "sessions"):
        assert (await venue.http.get(f"/circuits/dale/{path}")).json() == []
    assert (await venue.http.get("/circuits/dale/classification")).json()["session"] is None


async def test_logs_tell_what_became_of_the_connection(venue: Venue) -> None:
    """Newest first, with the reason."""
    await venue.publish(*opening())
    await venue.lose("the timing system went away")
    await until(lambda: venue.service.engine.collector("hill").state.value == "reconnecting")
    await stored(venue, 5)
    events = (await venue.http.get("/circuits/hill/logs")).json()
    assert (events[0]["event"], events[0]["detail"]) == ("reconnecting", "the timing system went away")
    assert "live" in {event["event"] for event in events}


async def test_past_sessions_and_laps_outlive_a_restart(tmp_path: Path) -> None:
    """They come from the database when memory no longer knows them."""
    async with serving(tmp_path) as venue:
        await venue.publish(*opening())
        await venue.publish(*lap(START + 1000, "1:06.131", 66_131))
    async with serving(tmp_path) as venue:
        [session] = (await venue.http.get("/circuits/hill/sessions")).json()
        [found] = (await venue.http.get("/circuits/hill/laps")).json()
    assert (session["id"], session["running"]) == ("20260101T120000Z-1", False)
    assert (found["session_id"], found["time_ms"], found["team"]) == (session["id"], 66_131, "LIONS")


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/circuits/nowhere", 404, "GET /circuits lists"),
        ("GET", "/circuits/nowhere/status", 404, "GET /circuits lists"),
        ("POST", "/circuits/nowhere/start-timing", 404, "GET /circuits lists"),
        ("POST", "/circuits/nowhere/stop-timing", 404, "GET /circuits lists"),
        ("GET", "/circuits/nowhere/data", 404, "GET /circuits lists"),
        ("POST", "/circuits/wild/start-timing", 503, "telepathy"),
        ("GET", "/nothing/here", 404, "/docs"),
        ("DELETE", "/health", 405, "/docs"),
        ("GET", "/circuits/hill/data?limit=0", 422, "limit"),
        ("GET", "/circuits/hill/data?limit=1001", 422, "limit"),
        ("GET", "/circuits/hill/data?before=yesterday", 422, "before"),
        ("GET", "/circuits/hill/data?cursor=%27%20OR%201=1", 422, "cursor"),
        ("GET", "/circuits/hill/laps?limit=x", 422, "limit"),
    ],
)
async def test_errors_are_problems_that_say_what_to_do(
    venue: Venue, method: str, path: str, status: int, says: str
) -> None:
    """`application/problem+json` with a sentence."""
    assert says in detail(await venue.http.request(method, path), status)


async def test_a_fault_of_ours_is_a_problem_without_its_insides(
    venue: Venue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log knows more; only with DEBUG the caller does too."""

    def broken() -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr(venue.service.engine, "status", broken)
    assert "canary" not in detail(await venue.http.get("/status"), 500)
    assert "canary" in caplog.text


async def test_a_database_that_is_away_is_503(venue: Venue, tmp_path: Path) -> None:
    """With when to try again."""
    with sqlite3.connect(tmp_path / "karttime.db") as connection:
        connection.execute("DROP TABLE timing_data")
    connection.close()
    answer = await venue.http.get("/circuits/hill/data")
    assert detail(answer, 503) == "the database cannot be used now; try again later", "and not where it is"
    assert answer.headers["retry-after"]


@pytest.mark.parametrize("origin", ["https://app.example", "http://localhost:61234"])
async def test_the_app_in_a_browser_passes_its_preflight(venue: Venue, origin: str) -> None:
    """Its GET /health carries content-type, so the browser asks first."""
    headers = {
        "origin": origin,
        "access-control-request-method": "GET",
        "access-control-request-headers": "content-type",
    }
    answer = await venue.http.options("/health", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert "content-type" in answer.headers["access-control-allow-headers"].lower()
    assert (await venue.http.get("/health", headers={"origin": origin})).headers[
        "access-control-allow-origin"
    ] == origin


async def test_an_unknown_page_can_neither_read_nor_act(venue: Venue) -> None:
    """A POST without a body needs no preflight: it is refused by its origin."""
    headers = {"origin": "https://evil.example"}
    assert "access-control-allow-origin" not in (await venue.http.get("/health", headers=headers)).headers
    answer = await venue.http.post("/circuits/hill/stop-timing", headers=headers)
    assert "CORS_ORIGINS" in detail(answer, 403)
    assert venue.service.engine.collector("hill").running


async def test_a_star_lets_every_page_in(tmp_path: Path) -> None:
    """For who wants that."""
    async with serving(tmp_path, origins=("*",)) as venue:
        answer = await venue.http.post("/circuits/hill/stop-timing", headers={"origin": "https://any.example"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


async def test_the_page_works_offline_and_runs_nothing_foreign(venue: Venue) -> None:
    """A strict policy, no address of another host, and no HTML made from data."""
    answer = await venue.http.get("/")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    text = answer.text
    for name in ("page.js", "page.css"):
        assert f"/static/{name}" in text
        part = await venue.http.get(f"/static/{name}")
        assert part.status_code == 200
        text += part.text
    assert "://" not in text.replace("${scheme}//", "")
    assert "innerHTML" not in text
    assert "<script>" not in text
    assert " style=" not in text


async def test_every_call_is_documented(venue: Venue) -> None:
    """Each operation has a description, and the published ones are there."""
    document: dict[str, Any] = (await venue.http.get("/openapi.json")).json()
    paths = document["paths"]
    assert {"/health", "/status", "/circuits", "/circuits/{circuit_id}/data"} <= paths.keys()
    operations = [operation for methods in paths.values() for operation in methods.values()]
    assert all(operation["description"] for operation in operations)


async def test_calls_are_answered_while_data_is_read(venue: Venue) -> None:
    """Reading the database happens beside the event loop."""
    answers = await asyncio.gather(*(venue.http.get("/circuits/hill/data") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}


def test_a_problem_is_clean_text() -> None:
    """Whatever a caller sent comes back without control characters, bounded."""
    body = problem(404, "x", "\x1b[31m\ud800" + "x" * 5000).body
    assert b"\\u001b" not in bytes(body)
    assert len(bytes(body)) < 1200
