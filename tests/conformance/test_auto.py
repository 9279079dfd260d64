"""Feeds that nobody has seen, played through a real WebSocket into a circuit with feed `auto`.

The frames keep the moments of the race, which the socket alone would compress to a second.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.server import ServerConnection, serve

from karttime.analysis.document import lap_document, standing_document
from karttime.analysis.report import Report, analyze
from karttime.api.app import create_app
from karttime.api.origins import Origins
from karttime.api.parsers import StoredParsers
from karttime.api.server import bind
from karttime.api.server import serve as serve_api
from karttime.api.service import Service
from karttime.api.stored import StoredCircuits
from karttime.circuits.circuit import Circuit
from karttime.domain.classification import classification
from karttime.engine.awaiting import DetectionOptions
from karttime.engine.engine import Engine, EngineOptions
from karttime.engine.source import FrameSource, SourceItem
from karttime.engine.websocket import WebSocketSource
from karttime.feeds.declared.laps import WAIT_MS
from karttime.feeds.declared.spec import load_spec
from karttime.feeds.frame import Frame
from karttime.simulator.scenarios import Options, simulator
from karttime.storage.archive import Archive, ArchiveOptions
from karttime.storage.database import Database
from karttime.storage.journal import Journal
from tests.analysis import synthetic
from tests.feeds.test_mixed import STREAM

LOOKS = DetectionOptions(samples=20, first_s=0.2, wait_s=0.1, growth=1.2, longest_s=0.5, poll_s=0.02, refresh_s=0.05)


class Moments:
    """The frames of a socket at the moments of the race that they tell."""

    def __init__(self, source: FrameSource, frames: Sequence[Frame]) -> None:
        self._source = source
        self._moments = iter(frames)

    async def __aiter__(self) -> AsyncGenerator[SourceItem, None]:
        async for item in self._source:
            yield item._replace(at=next(self._moments).at) if isinstance(item, Frame) else item


class Track:
    """A timing server: sends the first frames to who connects, the rest when it is told to."""

    def __init__(self, frames: Sequence[Frame], first: int) -> None:
        self.frames = frames
        self.first = first
        self.go_on = asyncio.Event()
        self.url = ""

    async def handle(self, socket: ServerConnection) -> None:
        for frame in self.frames[: self.first]:
            await socket.send(frame.text if frame.text is not None else frame.data or b"")
        await self.go_on.wait()
        for frame in self.frames[self.first :]:
            await socket.send(frame.text if frame.text is not None else frame.data or b"")
        await socket.wait_closed()


class Place:
    """A service with one circuit, `hill`."""

    def __init__(self, service: Service, http: httpx.AsyncClient) -> None:
        self.service = service
        self.http = http

    async def get(self, path: str) -> Any:
        answer = await self.http.get(f"/circuits/hill{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the collector's status is so."""
        async with asyncio.timeout(60):
            while True:
                told: dict[str, Any] = (await self.get("/status"))["collector_status"]
                if condition(told):
                    return told
                await asyncio.sleep(0.02)


@asynccontextmanager
async def serving(
    folder: Path, frames: Sequence[Frame], first: int, *, feed: str = "auto", looks: DetectionOptions = LOOKS
) -> AsyncIterator[tuple[Place, Track]]:
    """A service on a free port with a circuit at a track that plays these frames."""
    track = Track(frames, first)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serve(track.handle, "127.0.0.1", 0, compression=None))
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        database = Database(f"sqlite:///{folder}/karttime.db")
        stack.callback(database.close)
        journal = Journal(folder / "journal.db")
        stack.callback(journal.close)
        archive = Archive(database, ArchiveOptions(interval=0.01), journal=journal)
        stack.callback(archive.close)
        listener = bind("127.0.0.1", 0)
        stack.callback(listener.close)
        store, parsers = StoredCircuits(database), StoredParsers(database)
        if await store.get("hill") is None:
            await store.add(Circuit("hill", "Hill", "ws://hill.example/", feed, updated_at=1))
        engine = Engine(
            store,
            options=EngineOptions(detection=looks),
            source_factory=lambda _: Moments(WebSocketSource(url), frames),
            parsers=parsers,
        )
        service = Service(engine, archive, Origins(()), store=store, parsers=parsers)
        stack.push_async_callback(service.drain)
        ready, stop = asyncio.Event(), asyncio.Event()
        async with engine, asyncio.TaskGroup() as group:
            group.create_task(serve_api(create_app(service), listener, ready, stop))
            await ready.wait()
            base = "http://{}:{}".format(*listener.getsockname())
            async with httpx.AsyncClient(base_url=base, timeout=60) as http:
                await service.start("hill")
                try:
                    yield Place(service, http), track
                finally:
                    track.go_on.set()
                    stop.set()


def ended(frames: Sequence[Frame]) -> list[Frame]:
    """The frames and the keep-alives after them, by which what waits for the next message is decided."""
    last = frames[-1].at
    return [*frames, Frame(last + WAIT_MS + 1, "\n")]


async def same_as(place: Place, report: Report) -> None:
    """REST tells the classification and laps of the last session as the report has them, moments and all."""
    session = report.logbook.sessions[-1]
    standings = (await place.get("/classification"))["standings"]
    expected = [standing_document(standing) for standing in classification(session)]
    shown = expected[0].keys() & standings[0].keys()
    assert [{name: row[name] for name in shown} for row in standings] == [
        {name: row[name] for name in shown} for row in expected
    ]
    laps = [
        (lap["competitor_id"], lap["number"], lap["time_ms"], lap["timestamp"])
        for lap in await place.get("/laps?limit=1000")
    ]
    assert laps
    assert sorted(laps) == sorted(
        (lap["competitor_id"], lap["lap"], lap["time_ms"], lap["at"])
        for competitor in session.competitors.values()
        for lap in (lap_document(competitor, it) for it in competitor.laps)
    )


def collected(frames: Sequence[Frame]) -> Callable[[dict[str, Any]], bool]:
    """Whether a collector shows everything that was sent."""
    return lambda told: told["state"] == "live" and told["frames"] >= len(frames)


@pytest.mark.parametrize("seed", [2, 11])
async def test_an_unknown_feed_goes_live_by_itself_and_is_what_analyze_says(tmp_path: Path, seed: int) -> None:
    """Deltas in an envelope and polled XML: kept until they are understood, then decoded from the first frame on."""
    frames = ended(synthetic.make(seed).frames)
    async with serving(tmp_path, frames, len(frames)) as (place, _):
        told = await place.until(collected(frames))
        await same_as(place, analyze(frames))
        assert told["detection"]["by"] == "detection"
        assert (told["detection"]["feed"], told["detection"]["settled"], told["detection"]["lost"]) == ("spec", True, 0)
        proposed = (await place.get("/analysis"))["result"]["mapping"]["proposed"]
        assert {"Classement", "Kart", "Dernier T."} <= set(proposed.values())


async def test_what_was_found_reads_the_rest_and_is_used_at_once_after_a_restart(tmp_path: Path) -> None:
    """Found with the first part; later nothing is looked at again, and what comes is decoded as it comes."""
    frames = ended(synthetic.make(1).frames)
    async with serving(tmp_path, frames, 3 * len(frames) // 4) as (place, track):
        await place.until(lambda told: told["state"] == "live")
        track.go_on.set()
        await place.until(collected(frames))
        spec = load_spec((await place.get("/spec"))["spec"])
        await same_as(place, analyze(frames, spec=spec))
    async with serving(tmp_path, frames, len(frames)) as (place, _):
        told = await place.until(collected(frames))
        await same_as(place, analyze(frames, spec=spec))
        assert (told["detection"]["looks"], told["detection"]["revision"]) == (0, 1)


async def test_apex_joined_in_mid_stream_is_recognised_by_a_few_frames(tmp_path: Path) -> None:
    """No board was seen: the cells are enough."""
    whole = list(simulator(Options(preset="sprint", karts=6, duration_ms=200_000)).frames())
    frames = [frame for frame in whole[len(whole) // 2 :] if frame.text and frame.text.startswith("r")]
    async with serving(tmp_path, frames, len(frames)) as (place, _):
        told = await place.until(collected(frames))
        assert told["detection"]["feed"] == "apex"
        assert 0 < told["detection"]["sufficed"] <= 16


async def test_a_role_that_a_person_corrects_counts_for_what_was_there_before(tmp_path: Path) -> None:
    """All that came is decoded anew."""
    frames = ended(synthetic.make(1).frames)
    async with serving(tmp_path, frames, len(frames) - 1) as (place, track):
        await place.until(collected(frames[:-1]))
        spec = (await place.get("/spec"))["spec"]
        fields = spec["tables"][0]["fields"]
        next(field for field in fields if field["role"] == "driver")["role"] = "team"
        answer = await place.http.put("/circuits/hill/spec", json=spec)
        assert answer.status_code == 200, answer.text
        await place.until(lambda told: told["detection"]["by"] == "person" and told["state"] == "live")
        assert (await place.get(""))["feed"] == "spec"
        track.go_on.set()
        await place.until(collected(frames))
        await same_as(place, analyze(frames, spec=load_spec(spec)))
        assert all(row["team"] and not row["driver"] for row in (await place.get("/classification"))["standings"])


async def test_two_protocols_in_one_stream_are_both_read(tmp_path: Path) -> None:
    """The known one is the feed; the other has sessions beside it, which REST shows by their ids."""
    frames = ended(STREAM)
    at_once = replace(LOOKS, poll_s=3.0)  # a protocol that begins after the first look is not noticed
    async with serving(tmp_path, frames, len(frames), looks=at_once) as (place, _):
        await place.until(lambda told: told["state"] == "live" and told["detection"]["name"] != "")
        await place.until(collected(frames))
        report = analyze(frames)
        await same_as(place, report)
        assert report.beside is not None
        beside = report.beside.sessions[-1]
        told = await place.get(f"/classification?session={beside.id}")
        assert [row["competitor_id"] for row in told["standings"]] == [
            it.competitor_id for it in classification(beside)
        ]
        assert (await place.get("/spec"))["feed"] == "rmonitor"
