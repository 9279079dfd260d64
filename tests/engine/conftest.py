"""Servers that misbehave on demand, a clock that is turned by hand, and a decoder of an invented format."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from karttime.circuits.circuit import Circuit
from karttime.domain.columns import Column, Role
from karttime.domain.ids import CompetitorId, SessionId
from karttime.domain.updates import (
    BoardRow,
    BoardShown,
    Cell,
    CellsChanged,
    LapCompleted,
    Provenance,
    SessionKind,
    SessionStarted,
    Update,
)
from karttime.engine.backoff import BackoffOptions
from karttime.engine.clock import Clock
from karttime.engine.source import FrameSource, SourceEvent, SourceItem
from karttime.engine.websocket import WebSocketOptions
from karttime.errors import RecorderError
from karttime.feeds.base import Decoder, FeedFormat, Rejection, Score
from karttime.feeds.frame import Frame

BEGIN = 1_779_004_800_000  # 2026-05-17T08:00:00Z
PROVENANCE = Provenance((0,), "invented")
COLUMNS = (Column(1, Role.NUMBER, "Kart", ""), Column(2, Role.LAST_LAP, "Last", ""))

Handler = Callable[[ServerConnection], Awaitable[None]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[..., AbstractAsyncContextManager[str]]


class HandClock:
    """Time that passes only when somebody sleeps or says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wall = BEGIN
        self.slept: list[float] = []

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.wall += round(seconds * 1000)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.now, self._sleep)


class WordDecoder:
    """An invented format, one line a frame: `session ID`, `board 1 2 …`, `last ID TEXT`, `lap ID MS`, `bad`, `boom`."""

    def __init__(self) -> None:
        self._fed = 0
        self._refused: dict[str, int] = {}

    @property
    def refused(self) -> dict[str, int]:
        return self._refused

    @property
    def doubts(self) -> Sequence[str]:
        return ("invented",)

    def feed(self, frame: Frame) -> Sequence[Update | Rejection]:
        self._fed += 1
        words = (frame.text or "").split()
        match words:
            case []:
                return ()
            case ["session", name]:
                started = SessionStarted(frame.at, SessionId(name), SessionKind.RACE, "", name, "", PROVENANCE)
                return (started, self._board(frame.at, ("1", "2")))
            case ["board", *ids]:
                return (self._board(frame.at, ids),)
            case ["last", competitor, text]:
                return (CellsChanged(frame.at, {CompetitorId(competitor): {2: Cell("", text)}}),)
            case ["lap", competitor, ms]:
                return (LapCompleted(frame.at, CompetitorId(competitor), int(ms), PROVENANCE),)
            case ["boom"]:
                raise RuntimeError("a bug of ours")
            case _:
                self._refused["unknown-word"] = self._refused.get("unknown-word", 0) + 1
                return (Rejection(frame.at, self._fed - 1, "unknown-word", (frame.text or "")[:200]),)

    def feed_many(self, frames: Iterable[Frame]) -> Iterator[Update | Rejection]:
        for frame in frames:
            yield from self.feed(frame)

    @staticmethod
    def _board(at: int, ids: Iterable[str]) -> BoardShown:
        rows = {CompetitorId(n): BoardRow(i, {1: Cell("", n), 2: Cell("", "")}) for i, n in enumerate(ids, 1)}
        return BoardShown(at, COLUMNS, rows)


@dataclass
class ListSource:
    """A source that delivers what it was given, then waits for more or ends."""

    items: Sequence[SourceItem]
    stay: bool = False
    closed: bool = False

    async def __aiter__(self) -> AsyncGenerator[SourceItem, None]:
        try:
            for item in self.items:
                yield item
            if self.stay:
                await asyncio.Event().wait()
        finally:
            self.closed = True


@dataclass
class MemoryWriter:
    """A writer that keeps lines in memory, and fails when told to."""

    name: str = "a.jsonl"
    lines: list[str] = field(default_factory=list)
    full: bool = False
    closed: bool = False

    @property
    def paths(self) -> Sequence[Path]:
        return (Path(self.name),)

    @property
    def bytes(self) -> int:
        return sum(len(line) for line in self.lines)

    def write(self, frame: Frame) -> None:
        self._check()
        self.lines.append(frame.text or repr(frame.data))

    def mark(self, at: int, text: str) -> None:  # noqa: ARG002 - as the protocol has it
        self._check()
        self.lines.append(f"# {text}")

    def close(self) -> None:
        self.closed = True
        self._check()

    def _check(self) -> None:
        if self.full:
            raise RecorderError("the disk is full")


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock()


@pytest.fixture
def word_decoder() -> type[WordDecoder]:
    return WordDecoder


@pytest.fixture
def word_formats() -> dict[str, FeedFormat]:
    decoder: Callable[[], Decoder] = WordDecoder
    return {"words": FeedFormat("words", decoder, lambda _: Score(0.0))}


@pytest.fixture
def list_source() -> type[ListSource]:
    return ListSource


@pytest.fixture
def memory_writer() -> type[MemoryWriter]:
    return MemoryWriter


@pytest.fixture
def frame() -> Callable[[str], Frame]:
    """Frames of a text, each a millisecond after the one before."""
    count = 0

    def make(text: str) -> Frame:
        nonlocal count
        count += 1
        return Frame(BEGIN + count, text)

    return make


@pytest.fixture
def circuit() -> Circuit:
    return Circuit("hill", "Hill Kart", "ws://127.0.0.1:1", "words")


@pytest.fixture
def quick() -> WebSocketOptions:
    """Timings of a hundredth of the usual ones."""
    return WebSocketOptions(
        open_timeout_s=1.0,
        silence_s=0.75,
        ping_interval_s=0.2,
        ping_timeout_s=0.2,
        close_timeout_s=0.1,
        stable_s=0.3,
        backoff=BackoffOptions(0.01, 0.02),
    )


@pytest.fixture
def ws_server() -> Serve:
    """`async with ws_server(handler) as url`: a WebSocket server on a port of its own."""

    @asynccontextmanager
    async def running(handler: Handler, **options: object) -> AsyncIterator[str]:
        port = options.pop("port", 0)
        async with serve(handler, "127.0.0.1", port, ping_interval=None, close_timeout=0.1, **options) as server:  # type: ignore[arg-type]  # options of `serve`, as the test gives them
            yield f"ws://127.0.0.1:{_port(server)}"

    return running


@pytest.fixture
def tcp_server() -> Serve:
    """`async with tcp_server(talk) as url`: a TCP server that calls `talk(reader, writer)` for each connection."""

    @asynccontextmanager
    async def running(talk: Talk, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await talk(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(guarded, host, port)
        async with server:
            yield f"ws://{host}:{server.sockets[0].getsockname()[1]}"

    return running


def _port(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])


Take = Callable[..., Awaitable[list[SourceItem]]]


@pytest.fixture
def take() -> Take:
    """Items of a source, until one fits or so many came; the source is closed after."""

    async def taken(source: FrameSource, until: type[SourceEvent] | int) -> list[SourceItem]:
        items: list[SourceItem] = []
        async with aclosing(aiter(source)) as stream:
            async for item in stream:
                items.append(item)
                if len(items) == until or (isinstance(until, type) and isinstance(item, until)):
                    break
        return items

    return taken


Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def eventually() -> Eventually:
    """Wait until something holds; fails after five seconds."""

    async def wait(holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not holds():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.005)

    return wait
