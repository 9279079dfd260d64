"""Circuits that are collected while somebody watches."""

from collections.abc import AsyncIterator, Callable

import pytest

from karttime.circuits.circuit import Circuit
from karttime.circuits.local import LocalCircuits
from karttime.engine.engine import Engine, EngineOptions, UnknownCircuit
from karttime.engine.source import Connected, Connecting, GaveUp, SourceItem
from karttime.engine.status import CollectorState
from karttime.engine.viewers import Viewers
from karttime.feeds.base import FeedFormat

from .conftest import Eventually, ListSource


def test_a_circuit_is_unwatched_a_while_after_the_last_viewer_left() -> None:
    viewers = Viewers()
    for _ in range(2):
        viewers.joined("hill")
    viewers.started("hill")
    viewers.left("hill", 100.0)
    assert viewers.unwatched(1000.0) == ()
    viewers.left("hill", 200.0)
    assert viewers.unwatched(199.0) == ()
    assert viewers.unwatched(200.0) == ("hill",)
    viewers.joined("hill")
    assert viewers.unwatched(1000.0) == ()


def test_what_somebody_started_on_purpose_is_not_stopped() -> None:
    viewers = Viewers()
    viewers.joined("hill")
    viewers.started("hill")
    viewers.pin("hill")
    viewers.left("hill", 100.0)
    assert viewers.unwatched(1000.0) == ()


def test_leaving_without_having_come_counts_for_nothing() -> None:
    viewers = Viewers()
    viewers.left("hill", 1.0)
    viewers.joined("hill")
    assert viewers["hill"] == 1


Build = Callable[[float | None], Engine]


@pytest.fixture
def items() -> list[SourceItem]:
    return [Connecting(1), Connected()]


@pytest.fixture
def build(word_formats: dict[str, FeedFormat], circuit: Circuit, items: list[SourceItem]) -> Build:
    def make(on_demand_s: float | None) -> Engine:
        return Engine(
            LocalCircuits([circuit]),
            formats=word_formats,
            options=EngineOptions(on_demand_s=on_demand_s),
            source_factory=lambda _: ListSource(items, stay=not isinstance(items[-1], GaveUp)),
        )

    return make


@pytest.fixture
async def engine(build: Build) -> AsyncIterator[Engine]:
    async with build(0.1) as running:
        yield running


def runs(engine: Engine) -> bool:
    return engine.collector("hill").running


async def test_the_first_viewer_starts_it_and_the_last_one_ends_it(engine: Engine, eventually: Eventually) -> None:
    await engine.viewer_joined("hill")
    await engine.viewer_joined("hill")
    assert runs(engine)
    engine.viewer_left("hill")
    engine.viewer_left("hill")
    assert runs(engine)
    await eventually(lambda: not runs(engine))
    assert engine.collector("hill").state is CollectorState.STOPPED
    await engine.viewer_joined("hill")
    assert runs(engine)


async def test_start_and_stop_win_over_viewers(engine: Engine, eventually: Eventually) -> None:
    """A circuit that was started on purpose goes on; one that was stopped stands still for those who watch it."""
    await engine.start("hill")
    await engine.viewer_joined("hill")
    engine.viewer_left("hill")
    uptime = engine.status().uptime_ms
    await eventually(lambda: engine.status().uptime_ms > uptime + 700)
    assert runs(engine)
    await engine.viewer_joined("hill")
    await engine.stop("hill")
    await engine.viewer_joined("hill")
    assert not runs(engine)


async def test_a_circuit_that_gave_up_is_tried_again_for_the_next_viewer(
    build: Build, items: list[SourceItem], eventually: Eventually
) -> None:
    items[:] = [Connecting(1), GaveUp(1)]
    async with build(60.0) as engine:
        await engine.viewer_joined("hill")
        await eventually(lambda: engine.collector("hill").state is CollectorState.GAVE_UP)
        items[:] = [Connecting(1), Connected()]
        await engine.viewer_joined("hill")
        assert runs(engine)


async def test_without_the_option_viewers_change_nothing(build: Build) -> None:
    async with build(None) as engine:
        await engine.ensure("hill")
        await engine.viewer_joined("hill")
        engine.viewer_left("hill")
        assert not runs(engine)


async def test_a_viewer_of_an_unknown_circuit_is_told(engine: Engine) -> None:
    with pytest.raises(UnknownCircuit):
        await engine.viewer_joined("nowhere")
    engine.viewer_left("nowhere")
