"""Readiness: lag of the event loop, ages of frames, and whose fault it is."""

import asyncio
import time

import pytest

from karttime.circuits.circuit import Circuit
from karttime.circuits.local import LocalCircuits
from karttime.engine.backoff import BackoffOptions
from karttime.engine.engine import Engine, EngineOptions
from karttime.engine.readiness import BEAT_S, Heartbeat
from karttime.engine.source import Connected, Connecting, Lost, SourceItem
from karttime.engine.status import CollectorState
from karttime.feeds.base import FeedFormat
from karttime.feeds.frame import Frame

from .conftest import BEGIN, Eventually, ListSource


def test_the_lag_is_how_late_the_last_beat_was() -> None:
    heartbeat = Heartbeat(100.0)
    assert heartbeat.lag_s(100.0 + BEAT_S) == 0
    heartbeat.beat(100.0 + BEAT_S + 0.4)
    assert heartbeat.lag_s(100.7) == pytest.approx(0.4)
    heartbeat.beat(100.65 + BEAT_S)
    assert heartbeat.lag_s(100.95) == pytest.approx(0.0, abs=1e-6)
    assert heartbeat.worst_s(100.95) == pytest.approx(0.4)


def test_a_beat_that_does_not_come_is_a_lag_already() -> None:
    """A call from another thread, or right after a long block, sees it."""
    assert Heartbeat(100.0).lag_s(103.0 + BEAT_S) == pytest.approx(3.0)


def test_an_old_lag_is_forgotten() -> None:
    heartbeat = Heartbeat(0.0)
    heartbeat.beat(5.0)
    for number in range(1, 41):
        heartbeat.beat(5.0 + number * BEAT_S)
    assert heartbeat.worst_s(5.0 + 40 * BEAT_S) == 0


def engine_of(formats: dict[str, FeedFormat], circuit: Circuit, *items: SourceItem) -> Engine:
    return Engine(
        LocalCircuits([circuit]),
        formats=formats,
        options=EngineOptions(restart=BackoffOptions(10, 20)),
        source_factory=lambda _: ListSource(items, stay=True),
    )


async def test_a_feed_that_delivers_is_ready(
    word_formats: dict[str, FeedFormat], circuit: Circuit, eventually: Eventually
) -> None:
    async with engine_of(word_formats, circuit, Connecting(1), Connected(), Frame(BEGIN, "session one")) as engine:
        assert engine.readiness().circuits == ()
        await engine.start("hill")
        await eventually(lambda: engine.collector("hill").state is CollectorState.LIVE)
        ready = engine.readiness()
    (hill,) = ready.circuits
    assert (ready.ready, ready.reasons) == (True, ())
    assert (hill.circuit_id, hill.state, hill.delivering) == ("hill", CollectorState.LIVE, True)
    assert hill.frame_age_ms is not None
    assert 0 <= hill.frame_age_ms < 2000


async def test_keep_alives_are_frames_but_no_data(
    word_formats: dict[str, FeedFormat], circuit: Circuit, eventually: Eventually
) -> None:
    async with engine_of(word_formats, circuit, Connecting(1), Connected(), Frame(BEGIN, "\n")) as engine:
        await engine.start("hill")
        await eventually(lambda: engine.collector("hill").status().frames == 1)
        (hill,) = engine.readiness().circuits
    assert hill.frame_age_ms is not None
    assert (hill.data_age_ms, hill.delivering) == (None, False)


async def test_an_upstream_that_is_away_is_shown_and_not_our_fault(
    word_formats: dict[str, FeedFormat], circuit: Circuit, eventually: Eventually
) -> None:
    """Taking this process out of service would not bring the venue back."""
    items = (Connecting(1), Connected(), Frame(BEGIN, "session one"), Lost("the server went away"))
    async with engine_of(word_formats, circuit, *items) as engine:
        await engine.start("hill")
        await eventually(lambda: engine.collector("hill").state is CollectorState.RECONNECTING)
        ready = engine.readiness()
    assert ready.ready
    assert (ready.circuits[0].delivering, ready.circuits[0].reason) == (False, "the server went away")


async def test_a_crash_of_ours_is(
    word_formats: dict[str, FeedFormat], circuit: Circuit, eventually: Eventually
) -> None:
    async with engine_of(word_formats, circuit, Connecting(1), Connected(), Frame(BEGIN, "boom")) as engine:
        await engine.start("hill")
        await eventually(lambda: engine.collector("hill").state is CollectorState.FAILED)
        ready = engine.readiness()
    assert not ready.ready
    assert "circuit hill: internal error (RuntimeError)" in ready.reasons[0]


async def test_a_blocked_event_loop_is_not_ready(word_formats: dict[str, FeedFormat], circuit: Circuit) -> None:
    """Seen at once after the block, and as the worst of the last seconds later."""
    async with engine_of(word_formats, circuit) as engine:
        await asyncio.sleep(0.01)
        time.sleep(1.5)  # noqa: ASYNC251 - this is the fault
        blocked = engine.readiness()
        await asyncio.sleep(3 * BEAT_S)
        after = engine.readiness()
    assert not blocked.ready
    assert "event loop" in blocked.reasons[0]
    assert blocked.loop_lag_ms >= 1000
    assert after.ready
    assert after.loop_lag_max_ms >= 1000
