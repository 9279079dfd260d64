"""Today's app against the service, with a simulated circuit whose truth is known."""

import asyncio
from collections.abc import AsyncIterator
from itertools import groupby
from pathlib import Path

import orjson
import pytest

from karttime.api.karting import lap_time
from karttime.feeds.apex.decoder import ApexDecoder
from karttime.feeds.frame import Frame
from karttime.recording.reader import open_recording
from karttime.settings import APP_ORIGINS

from .conftest import Venue, serving, until
from .flutter_app import App

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
FRAMES = tuple(open_recording(RECORDINGS / "sprint-en.jsonl"))
TRUTH = orjson.loads((RECORDINGS / "sprint-en.truth.json").read_bytes())["sessions"]


@pytest.fixture
async def venue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Venue]:
    """A service whose circuit `hill` is the simulated one."""
    async with serving(tmp_path, origins=APP_ORIGINS) as running:
        decoder = ApexDecoder()
        monkeypatch.setattr(running.script, "feed", decoder.feed)
        yield running


@pytest.fixture
async def app(venue: Venue) -> AsyncIterator[App]:
    app = App(venue.address)
    yield app
    await app.quit()


async def drive(venue: Venue, *frames: Frame) -> None:
    """The circuit sends these."""
    collector = venue.service.engine.collector("hill")
    before = collector.status().frames
    for frame in frames:
        venue.script.items.put_nowait(frame)
    await until(lambda: collector.status().frames == before + len(frames))


async def seen(venue: Venue, app: App) -> None:
    """Wait until the app has what a client that joins now is told; it never loses what it showed before that."""
    async with asyncio.timeout(10):
        while True:
            rows = await board(venue)
            if all(row.items() <= app.cache.get(kart, {}).items() for kart, row in shown(rows).items()):
                return
            await asyncio.sleep(0.02)


async def board(venue: Venue) -> dict[str, dict[str, str]]:
    async with venue.watch("?format=karting_data") as late:
        rows: dict[str, dict[str, str]] = (await late.next("karting_data"))["drivers"]
        return rows


def shown(rows: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Without empty texts, which clear nothing in the app."""
    return {kart: {name: text for name, text in row.items() if text} for kart, row in rows.items()}


def countable() -> dict[str, list[str]]:
    """Every lap of the truth as the app can count it: the same time twice in a row is one lap to it."""
    times: dict[str, list[str]] = {}
    for session in TRUTH:
        for kart, laps in session["laps"].items():
            times.setdefault(kart, []).extend(lap_time(lap["time_ms"]) for lap in laps)
    return {kart: [time for time, _ in groupby(own)] for kart, own in times.items()}


async def test_a_race_day_with_the_app(venue: Venue, app: App) -> None:
    """Screen, START, both sessions: every lap once, with the name of who drove it, and the table as the board."""
    assert await app.open_screen()
    assert await app.start("hill")
    await app.ping()
    await drive(venue, *FRAMES)
    await seen(venue, app)
    assert app.laps == countable()
    names = {row["competitor_id"]: row["driver"] for session in TRUTH for row in session["classification"]}
    for kart, rows in app.told.items():
        assert {row["Pilote"] for row in rows} == {names[kart]}, "TOURS takes the name from the lap's own message"
    assert app.table == app.cache
    places = sorted((int(row["Classement"]), kart) for kart, row in app.table.items())
    assert [kart for _, kart in places] == [row["competitor_id"] for row in TRUTH[-1]["classification"]]
    assert {int(row["Kart"]) for row in app.table.values()} == {int(it["number"]) for it in TRUTH[-1]["classification"]}
    assert app.connections == 1


async def test_a_late_start_shows_the_whole_board(venue: Venue, app: App) -> None:
    """The table is full before the next frame; START again is a success."""
    await drive(venue, *FRAMES[:90])
    assert await app.open_screen()
    assert await app.start("hill")
    await seen(venue, app)
    assert app.table.keys() == (await board(venue)).keys()
    assert app.laps == {}, "nothing is invented before something changes"
    other = App(venue.address)
    assert await other.open_screen()
    assert await other.start("hill"), "already running is 200 too"
    await other.quit()


async def test_one_persons_stop_is_not_everybodys(venue: Venue, app: App) -> None:
    """The other one goes on getting laps."""
    other = App(venue.address)
    for person in (app, other):
        assert await person.open_screen()
        assert await person.start("hill")
    await drive(venue, *FRAMES[:60])
    await other.stop()
    await drive(venue, *FRAMES[60:])
    await seen(venue, app)
    assert app.laps == countable()
    await other.quit()


async def test_after_a_drop_the_app_is_told_everything_again(venue: Venue, app: App) -> None:
    """It forgets all and connects again: the first message fills its cache. Its screen is frozen, by its own fault."""
    assert await app.open_screen()
    assert await app.start("hill")
    await drive(venue, *FRAMES[:60])
    await seen(venue, app)
    frozen = app.table
    for client in tuple(venue.service._channels["hill"]._clients):
        client.outbox._way.shutdown()  # type: ignore[attr-defined]  # as at the end of a service
    await until(lambda: app.connections == 2)
    await seen(venue, app)
    assert app.cache.keys() == (await board(venue)).keys()
    await drive(venue, *FRAMES[60:100])
    await seen(venue, app)
    assert app.table is frozen
    assert app.laps == {}
    await app.stop()
    assert await app.start("hill")
    await drive(venue, *FRAMES[100:])
    await seen(venue, app)
    assert app.table.keys() == (await board(venue)).keys()
    assert app.laps
    assert app.lamp


async def test_an_unknown_circuit_is_told_to_the_app(app: App) -> None:
    """Its socket is accepted and closed; start-timing is no success."""
    assert await app.open_screen()
    assert not await app.start("nowhere")
    assert app.error.startswith("Impossible")
