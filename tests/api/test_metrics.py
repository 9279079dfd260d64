"""`/metrics`: what Prometheus reads."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from karttime.api import metrics
from karttime.api.policy import Policy

from .conftest import START, Venue, lap, opening, serving
from .test_rest import stored

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


async def samples(venue: Venue) -> Samples:
    """Every sample as Prometheus sees it, by name and labels; none comes twice."""
    answer = await venue.http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation, family.name
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found
            found[key] = sample.value
    return found


def of(found: Samples, name: str, **labels: str) -> float:
    """One sample."""
    return found[name, frozenset(labels.items())]


async def test_feeds_fanout_storage_and_process_are_there(venue: Venue) -> None:
    """As /status says it."""
    await venue.publish(*opening())
    await venue.publish(*lap(START + 1000, "1:06.131", 66_131))
    await stored(venue, 1)
    async with venue.watch() as watcher:
        await watcher.next("status_update")
        found = await samples(venue)
        status = (await venue.http.get("/status")).json()
    [hill] = status["collectors"]
    assert of(found, "karttime_feed_frames_total", circuit="hill") == hill["frames"] == 2
    assert of(found, "karttime_feed_bytes_total", circuit="hill") == hill["bytes"]
    assert 0 <= of(found, "karttime_feed_data_age_seconds", circuit="hill") < 10
    assert of(found, "karttime_feed_state", circuit="hill", state="live") == 1
    assert sum(value for (name, _), value in found.items() if name == "karttime_feed_state") == 1
    assert of(found, "karttime_feed_connected", circuit="hill") == 1
    assert of(found, "karttime_clients", circuit="hill") == 1
    assert of(found, "karttime_client_cut_total", circuit="hill") == 0
    assert of(found, "karttime_storage_written_rows_total") >= 1
    assert of(found, "karttime_storage_state", state="ok") == 1
    assert of(found, "karttime_ready") == 1
    assert of(found, "karttime_client_bytes_sent_total", circuit="hill") == status["clients"]["hill"]["sent_bytes"]
    assert of(found, "karttime_fanout_seconds_count") >= 2
    assert 0 < of(found, "karttime_fanout_seconds_sum") < 10
    assert of(found, "karttime_journal_state", state="ok") == 1
    assert of(found, "karttime_journal_commits_total") >= 2
    assert of(found, "karttime_connections_cut_total", reason="stalled") == 0
    assert of(found, "process_resident_memory_bytes") > 1_000_000


async def test_refusals_are_counted_by_a_bounded_number_of_reasons(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is beyond it comes together; whatever a reason holds, its label is harmless and the text stays whole."""
    monkeypatch.setattr(metrics, "MAX_REASONS", 2)
    venue.script.refused = {"seldom": 7, 'a"b\\c\nd\x1b': 9, "never before": 6, "often": 8}
    found = await samples(venue)
    refused = {
        dict(labels)["reason"]: value
        for (name, labels), value in found.items()
        if name == "karttime_feed_refused_total"
    }
    assert refused == {'a"b\\c d': 9, "often": 8, metrics.OTHERS: 13}


async def test_what_is_refused_is_counted_by_reason(tmp_path: Path) -> None:
    """Calls and clients alike; every reason is there from the beginning, and no other is ever counted."""
    async with serving(tmp_path, max_clients=1, max_per_address=1, policy=Policy.CONTROL) as venue:
        page = {"origin": "https://evil.example"}
        await venue.http.post("/circuits", headers=page)
        await venue.http.post("/circuits", content=b"x" * 300_000)
        await venue.http.post("/circuits", json={})
        await venue.http.get("/circuits?" + "x" * 5000)
        async with venue.watch() as first:
            await first.next()
            async with venue.watch() as second:
                assert await second.closed() == 1013
        for query, circuit, headers in (("", "nowhere", {}), ("?format=x", "hill", {}), ("", "hill", page)):
            async with venue.watch(query, circuit, additional_headers=headers) as refused:
                await refused.closed()
        found = await samples(venue)
    counted = {
        dict(labels)["reason"]: value for (name, labels), value in found.items() if name == "karttime_refused_total"
    }
    assert counted == dict.fromkeys(metrics.REFUSALS, 0) | {
        "page": 2, "body": 1, "key": 1, "query": 1, "full": 1, "circuit": 1, "format": 1,
    }  # fmt: skip
    assert set(venue.service.refused) <= set(metrics.REFUSALS)


async def test_the_number_of_circuits_is_bounded(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how many are left out is said."""
    monkeypatch.setattr(metrics, "MAX_CIRCUITS", 1)
    async with venue.watch("", "dale") as watcher:
        await watcher.next("status_update")
        found = await samples(venue)
    assert of(found, "karttime_circuits_not_shown") == 1
    assert len([name for name, _ in found if name == "karttime_clients"]) == 1


async def test_two_services_in_one_process_do_not_meet(tmp_path: Path) -> None:
    """Each counts its own."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with serving(tmp_path / "a") as one, serving(tmp_path / "b") as other:
        await one.publish(*opening())
        assert of(await samples(one), "karttime_feed_frames_total", circuit="hill") == 1
        assert of(await samples(other), "karttime_feed_frames_total", circuit="hill") == 0


async def test_no_secret_is_in_it(tmp_path: Path) -> None:
    """Neither a key nor an address of a feed or a database; and reading needs a key where it does."""
    async with serving(tmp_path, policy=Policy.ALL) as venue:
        assert (await venue.http.get("/metrics")).status_code == 401
        key = venue.key("read")
        text = (await venue.http.get("/metrics", headers=key)).text
        for secret in (key["authorization"].removeprefix("Bearer "), "example", str(tmp_path)):
            assert secret not in text
