"""`/health/live` and `/health/ready`: what is said to whoever restarts and balances."""

from pathlib import Path

import pytest

from karttime.api import health
from karttime.api.delivery import Backlog
from karttime.api.policy import Policy
from karttime.engine.engine import Engine
from karttime.engine.readiness import CircuitReadiness, Readiness
from karttime.engine.status import CollectorState

from .conftest import Venue, opening, serving


def broken(_engine: Engine) -> Readiness:
    """An engine with a collector that failed."""
    hill = CircuitReadiness("hill", CollectorState.FAILED, False, 9000, 9000, "the decoder crashed")
    return Readiness(False, ("circuit hill: the decoder crashed",), 3, 4, (hill,))


async def test_who_answers_is_alive(tmp_path: Path) -> None:
    """Without a key, and whatever else is wrong."""
    async with serving(tmp_path, policy=Policy.ALL) as venue:
        answer = await venue.http.get("/health/live")
        assert (answer.status_code, answer.json()["status"]) == (200, "alive")
        assert answer.headers["cache-control"] == "no-store"


async def test_a_service_that_delivers_is_ready(venue: Venue) -> None:
    """With the age of each circuit's data."""
    await venue.publish(*opening())
    answer = await venue.http.get("/health/ready")
    view = answer.json()
    assert (answer.status_code, view["status"], view["reasons"]) == (200, "ready", [])
    [hill] = view["circuits"]
    assert (hill["circuit_id"], hill["state"], hill["delivering"]) == ("hill", "live", True)
    assert 0 <= hill["data_age_ms"] < 5000
    assert view["loop_lag_max_ms"] >= view["loop_lag_ms"] >= 0
    assert 0 <= view["fanout_age_ms"] < 2000


async def test_a_lost_timing_system_does_not_make_it_unready(venue: Venue) -> None:
    """Restarting us would not bring it back."""
    await venue.publish(*opening())
    await venue.lose("the timing system went away")
    async with venue.watch() as watcher:
        await watcher.next("status_update")
    answer = await venue.http.get("/health/ready")
    [hill] = answer.json()["circuits"]
    assert (answer.status_code, hill["delivering"]) == (200, False)


async def test_what_does_not_work_is_said(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with every reason: a collector that failed, publications that do not leave, an archive that ended."""
    monkeypatch.setattr(Engine, "readiness", broken)
    monkeypatch.setattr(health, "backlog", lambda _service: Backlog(3, health.MAX_HELD_MS + 1000, 7))
    assert venue.service.archive is not None
    venue.service.archive.close()
    answer = await venue.http.get("/health/ready")
    view = answer.json()
    assert (answer.status_code, view["status"]) == (503, "not-ready")
    assert view["reasons"][0] == "circuit hill: the decoder crashed"
    assert "6.0 s ago" in view["reasons"][1]
    assert "archive has ended" in view["reasons"][2]
    assert (view["fanout_age_ms"], view["storage_rows"]) == (6000, 7)


async def test_circuits_are_named_to_those_who_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Balancers send no key: they get the status alone."""
    monkeypatch.setattr(Engine, "readiness", broken)
    async with serving(tmp_path, policy=Policy.ALL) as venue:
        for headers in ({}, {"authorization": "Bearer kt_00000000_" + "A" * 43}):
            answer = await venue.http.get("/health/ready", headers=headers)
            assert (answer.status_code, answer.json()["circuits"]) == (503, [])
            assert "hill" not in answer.text
        answer = await venue.http.get("/health/ready", headers=venue.key("read"))
        assert (answer.status_code, answer.json()["circuits"][0]["circuit_id"]) == (503, "hill")
