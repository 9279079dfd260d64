"""A real service on a free port, whose timing system does what the test says."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from karttime.api.access import Access
from karttime.api.app import create_app
from karttime.api.channel import Client
from karttime.api.fanout import Outbox
from karttime.api.origins import Origins
from karttime.api.policy import Key, Policy, Scope
from karttime.api.server import bind, serve
from karttime.api.service import Service
from karttime.api.stored import StoredCircuits, StoredKeys
from karttime.api.tokens import new_token
from karttime.circuits.circuit import Circuit
from karttime.circuits.local import LocalCircuits
from karttime.domain.columns import Column, Role
from karttime.domain.ids import CompetitorId, SessionId
from karttime.domain.updates import (
    BoardRow,
    BoardShown,
    Cell,
    CellsChanged,
    LapCompleted,
    Named,
    Provenance,
    SessionKind,
    SessionStarted,
    Update,
)
from karttime.engine.engine import Engine
from karttime.engine.source import Connected, Connecting, Lost, SourceItem
from karttime.feeds.base import FeedFormat, Score
from karttime.feeds.formats import FORMATS
from karttime.feeds.frame import Frame
from karttime.storage.archive import Archive, ArchiveOptions
from karttime.storage.database import Database
from karttime.storage.journal import Journal

START = 1_767_268_800_000  # 2026-01-01T12:00:00Z

COLUMNS = (
    Column(1, Role.STATUS, "", "sta"),
    Column(2, Role.POSITION, "Clt", "rk"),
    Column(3, Role.NUMBER, "N°", "no"),
    Column(4, Role.DRIVER, "Equipe/Pilote", "dr"),
    Column(5, Role.LAST_LAP, "Dern. tour", "llp"),
    Column(6, Role.BEST_LAP, "Meilleur", "blp"),
    Column(7, Role.GAP, "Ecart", "gap"),
)


def kart(name: str) -> CompetitorId:
    return CompetitorId(name)


def opening(karts: Sequence[str] = ("24089", "24090"), at: int = START, session: str = "1") -> tuple[Update, ...]:
    """The updates of a first frame: a session, its board, and who is in the first kart."""
    rows = {
        kart(name): BoardRow(
            place,
            {
                2: Cell("", str(place)),
                3: Cell("no1", str(10 + place)),
                4: Cell("dr", f"Crew {place}"),
                5: Cell("", ""),
            },
        )
        for place, name in enumerate(karts, 1)
    }
    begun = SessionStarted(
        at, SessionId(f"20260101T120000Z-{session}"), SessionKind.RACE, "Cup", "Race", "Hill", Provenance((0,), "first")
    )
    return begun, BoardShown(at, COLUMNS, rows), Named(at, kart(karts[0]), "LIONS", "Ada")


def lap(at: int, text: str, time_ms: int, name: str = "24089") -> tuple[Update, ...]:
    """A crossing as a feed tells it: the cell, and the fact."""
    return (
        CellsChanged(at, {kart(name): {5: Cell("tn", text)}}),
        LapCompleted(at, kart(name), time_ms, Provenance((7,), "last-lap-cell")),
    )


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - conditions of several kinds, none of which is an event
            await asyncio.sleep(0)


def outbox(client: Client) -> Outbox:
    """What a client that is connected to this process is sent."""
    assert isinstance(client.outbox, Outbox)
    return client.outbox


class Script:
    """A timing system, its wire format and its decoder: frame N means the updates that were published as N."""

    def __init__(self) -> None:
        self.items: asyncio.Queue[SourceItem] = asyncio.Queue()
        self.meaning: list[tuple[Update, ...]] = []
        self.refused: dict[str, int] = {}
        self.doubts: list[str] = []

    def feed(self, frame: Frame) -> tuple[Update, ...]:
        return self.meaning[int(frame.text or 0)]

    def feed_many(self, frames: Iterable[Frame]) -> Iterator[Update]:
        for frame in frames:
            yield from self.feed(frame)

    async def __aiter__(self) -> AsyncGenerator[SourceItem, None]:
        yield Connecting(1)
        yield Connected()
        while True:
            yield await self.items.get()


class Venue:
    """The service under test, and the hand that moves its timing system."""

    def __init__(self, service: Service, script: Script, address: str) -> None:
        self.service = service
        self.script = script
        self.address = address
        self.http = httpx.AsyncClient(base_url=f"http://{address}")

    async def publish(self, *updates: Update) -> None:
        """One frame with these updates; returns when the hub has published it."""
        hub = self.service.engine.hub("hill")
        before = hub.seq
        self.script.meaning.append(updates)
        self.script.items.put_nowait(Frame(updates[-1].at, str(len(self.script.meaning) - 1)))
        await until(lambda: hub.seq != before)

    def key(self, scope: str) -> dict[str, str]:
        """The header of a new key of this scope."""
        assert self.service.archive is not None
        made = new_token()
        keys = StoredKeys(self.service.archive.database)
        keys.add(Key(made.id, f"a {scope} key", Scope(scope), made.digest, START))
        return {"authorization": f"Bearer {made.token}"}

    async def lose(self, reason: str) -> None:
        self.script.items.put_nowait(Lost(reason))

    @asynccontextmanager
    async def watch(self, query: str = "", circuit: str = "hill", **options: Any) -> AsyncIterator["Watcher"]:
        uri = f"ws://{self.address}/circuits/{circuit}/live{query}"
        async with websockets.connect(uri, **options) as socket:
            yield Watcher(socket)


class Watcher:
    """One WebSocket client."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """The next message, or the next of a kind."""
        async with asyncio.timeout(5):
            while True:
                text = await self.socket.recv()
                assert isinstance(text, str), "clients are sent text frames only"
                message: dict[str, Any] = orjson.loads(text)
                if kind in (None, message["type"]):
                    return message

    async def closed(self) -> int | None:
        """Wait for the end; its code."""
        async with asyncio.timeout(5):
            await self.socket.wait_closed()
        return self.socket.close_code


CIRCUITS = (
    Circuit("hill", "Hill Kart", "wss://hill.example/", "script", {"C1": "Classement", "C2": "Kart"}),
    Circuit("dale", "Dale", "wss://dale.example/", "script"),
    Circuit("wild", "Wild", "wss://wild.example/", "telepathy"),
)


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    origins: Sequence[str] = ("https://app.example", "http://localhost:*"),
    policy: Policy = Policy.OPEN,
    **options: Any,
) -> AsyncIterator[Venue]:
    """A service that listens; `hill` is collected."""
    script = Script()
    formats = dict(FORMATS) | {"script": FeedFormat("script", lambda: script, lambda _frames: Score(1.0))}
    database = Database(f"sqlite:///{folder}/karttime.db")
    journal = Journal(folder / "journal.db")
    archive = Archive(database, ArchiveOptions(interval=0.005), journal=journal)
    listener = bind("127.0.0.1", 0)
    host, port = listener.getsockname()
    ready, stop = asyncio.Event(), asyncio.Event()
    try:
        store = options.pop("store", None) or StoredCircuits(database, LocalCircuits(CIRCUITS))
        async with Engine(store, formats=formats, source_factory=lambda _circuit: script) as engine:
            access = Access(policy, StoredKeys(database))
            given: dict[str, Any] = {"access": access, "store": store, "feeds": ("script", *FORMATS)} | options
            service = Service(engine, archive, Origins(origins), **given)
            async with asyncio.TaskGroup() as group:
                group.create_task(serve(create_app(service), listener, ready, stop))
                await ready.wait()
                venue = Venue(service, script, f"{host}:{port}")
                await service.start("hill")
                async with venue.http:
                    try:
                        yield venue
                    finally:
                        stop.set()
        await service.drain()
    finally:
        archive.close()
        journal.close()
        database.close()
        listener.close()


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[Venue]:
    """A running service."""
    async with serving(tmp_path) as running:
        yield running


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An open database, empty."""
    database = Database(f"sqlite:///{tmp_path}/alone.db")
    yield database
    database.close()
