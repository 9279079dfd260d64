"""A service that is started again goes on with the session that runs, and never with one that does not."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from karttime.circuits.circuit import Circuit
from karttime.circuits.local import LocalCircuits
from karttime.domain.session import Session
from karttime.engine.collector import Collector
from karttime.engine.engine import Engine
from karttime.engine.hub import Hub, Publication
from karttime.engine.past import MAX_PAUSE_MS, Written, following
from karttime.engine.recordings import Recordings, Retention
from karttime.engine.source import Connected, Connecting, Ended, SourceItem
from karttime.engine.status import CollectorState
from karttime.feeds.base import FeedFormat
from karttime.feeds.frame import Frame

from .conftest import BEGIN, Eventually, HandClock, ListSource

FIRST = "20260517T080000Z-1"
SECOND = "20260517T080500Z-2"
EARLY = (f"session {FIRST}", "lap 1 61000", f"session {SECOND}", "lap 1 62000", "rubbish", "lap 2 63000")

Formats = dict[str, FeedFormat]


class Service:
    """A service with a folder of recordings, as often as it is started."""

    def __init__(self, folder: Path, formats: Formats, circuit: Circuit, hand: HandClock, until: Eventually) -> None:
        self.folder, self.formats, self.circuit, self.hand, self.until = folder, formats, circuit, hand, until
        self.part_bytes = 1_000_000
        self.published: list[Publication] = []

    async def run(self, *words: str, starts: int = 1) -> Collector:
        """Start it, have the feed say these words, a second each, and stop it."""
        items: list[SourceItem] = [Connecting(1), Connected()]
        items += [Frame(self.hand.wall + 1000 * n, word) for n, word in enumerate(words)]
        recordings = Recordings(self.folder, Retention(part_bytes=self.part_bytes), clock=self.hand.clock)
        async with Engine(
            LocalCircuits([self.circuit]),
            formats=self.formats,
            source_factory=lambda _: ListSource([*items, Ended()]),
            recorder_factory=recordings.tap,
            past=recordings.past,
            clock=self.hand.clock,
        ) as engine:
            collector = await engine.ensure(self.circuit.id)
            self.published = self._listen(collector.hub)
            for _ in range(starts):
                await engine.start(self.circuit.id)
                await self.until(lambda: collector.state is CollectorState.STOPPED)
        self.hand.wall += 1000 * len(words)
        for file in self.folder.iterdir():
            os.utime(file, (self.hand.wall / 1000,) * 2)
        return collector

    @staticmethod
    def _listen(hub: Hub) -> list[Publication]:
        heard: list[Publication] = []
        hub.add_tap(lambda item: heard.append(item) if isinstance(item, Publication) else None)
        return heard


@pytest.fixture
def service(
    tmp_path: Path, word_formats: Formats, circuit: Circuit, hand_clock: HandClock, eventually: Eventually
) -> Service:
    return Service(tmp_path / "rec", word_formats, circuit, hand_clock, eventually)


def laps(collector: Collector) -> list[tuple[str, Sequence[int]]]:
    """Every session and its lap times by competitor, in their order."""

    def times(session: Session) -> list[int]:
        return [lap.time_ms for competitor in session.competitors.values() for lap in competitor.laps]

    return [(session.id, times(session)) for session in collector.logbook.sessions]


async def test_a_restart_goes_on_with_the_session_that_runs(service: Service) -> None:
    """All its laps are there, as often as it is restarted, and what follows belongs to it; nothing counts twice."""
    await service.run(*EARLY)
    again = await service.run("lap 1 64000")
    assert laps(again) == [(FIRST, [61000]), (SECOND, [62000, 64000, 63000])]
    assert again.status().refused == {}, "what was refused before is not refused again"
    assert service.published[0].changes[0].snapshot, "whoever watches gets the board"
    assert [item.session and item.session.id for item in service.published] == [SECOND, SECOND]
    third = await service.run("lap 2 65000")
    assert laps(third) == [(FIRST, [61000]), (SECOND, [62000, 64000, 63000, 65000])]


async def test_parts_of_a_long_recording_are_one(service: Service) -> None:
    """Also when a session is longer than a file."""
    service.part_bytes = 1
    await service.run(*EARLY)
    assert len(list(service.folder.iterdir())) > 3
    assert laps(await service.run("lap 1 64000"))[-1] == (SECOND, [62000, 64000, 63000])


async def test_only_the_first_start_looks_back(service: Service) -> None:
    """Stop and start of a running service keep what is in memory anyway."""
    await service.run(*EARLY)
    again = await service.run("lap 1 64000", starts=2)
    assert laps(again)[-1] == (SECOND, [62000, 64000, 64000, 63000])


async def test_what_ended_long_ago_is_left_alone(service: Service) -> None:
    """A race that was interrupted for too long is another one."""
    await service.run(*EARLY)
    service.hand.wall += MAX_PAUSE_MS + 1000
    assert laps(await service.run(f"session {FIRST}")) == [(FIRST, [])]


async def test_another_address_is_another_feed(service: Service) -> None:
    """What was recorded of it says nothing here."""
    await service.run(*EARLY)
    service.circuit = replace(service.circuit, url="ws://127.0.0.1:2/")
    assert laps(await service.run("lap 1 1")) == []


async def test_a_recording_that_leads_elsewhere_is_not_believed(service: Service) -> None:
    """Its beginning is gone, or it is damaged: a new session begins."""
    service.part_bytes = 1
    await service.run(*EARLY)
    sorted(service.folder.iterdir(), key=lambda path: (len(path.name), path.name))[2].unlink()  # where it began
    assert laps(await service.run("lap 1 64000")) == []
    for path in service.folder.iterdir():
        path.write_bytes(b"rubbish")
    assert laps(await service.run("lap 1 64000")) == []


def test_recordings_that_follow_each_other_are_one() -> None:
    """Up to a long pause, and no more than can be read."""
    at = BEGIN

    def written(name: str, begins: int, ends: int, size: int = 10) -> Written:
        return Written((Path(name),), at + begins * 60_000, at + ends * 60_000, size)

    files = [written("a", 0, 10), written("b", 30, 40), written("c", 41, 50)]
    assert following(files, at + 60 * 60_000) == [Path("b"), Path("c")]
    assert following(files, at + 66 * 60_000) == []
    assert following([*files, written("d", 50, 60, 100_000_000)], at + 60 * 60_000) == []
