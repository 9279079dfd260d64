"""The upstream server: exact frames, in order, to everybody, at their pace."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from karttime.engine import upstream
from karttime.engine.clock import Clock
from karttime.engine.upstream import Service, UpstreamServer, UpstreamSummary
from karttime.errors import RecordingError, UsageError
from karttime.feeds.frame import Frame

Pairs = Iterable[tuple[int, Frame]]


def frames(*texts: str) -> list[tuple[int, Frame]]:
    return [(0, Frame(at, text)) for at, text in enumerate(texts)]


class Running:
    """A server that runs while the test looks at it."""

    def __init__(self, server: UpstreamServer) -> None:
        self.server = server
        self.url = ""
        self.ready = asyncio.Event()
        self.task: asyncio.Task[UpstreamSummary] | None = None

    def announce(self, url: str) -> None:
        self.url = url
        self.ready.set()

    async def ended(self) -> UpstreamSummary:
        assert self.task is not None
        return await asyncio.wait_for(asyncio.shield(self.task), 10)


@asynccontextmanager
async def running(server: UpstreamServer) -> AsyncIterator[Running]:
    now = Running(server)
    async with asyncio.TaskGroup() as tasks:
        now.task = tasks.create_task(server.run(now.announce))
        await asyncio.wait_for(now.ready.wait(), 10)
        try:
            yield now
        finally:
            server.stop()


async def received(client: ClientConnection) -> list[str | bytes]:
    """Everything until the server closes the connection."""
    got: list[str | bytes] = []
    try:
        async with asyncio.timeout(20):
            while True:
                got.append(await client.recv())
    except ConnectionClosed:
        return got


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what the server counts has no event
            await asyncio.sleep(0.001)


def held(gate: asyncio.Event) -> Clock:
    """A clock that stands still, and whose sleeps last until the gate opens."""

    async def sleep(_seconds: float) -> None:
        await gate.wait()

    return Clock(monotonic=lambda: 0.0, sleep=sleep)


def server(pairs: Pairs, service: Service, **more: object) -> UpstreamServer:
    return UpstreamServer(lambda: pairs, service, **more)  # type: ignore[arg-type] # named by the tests


async def test_a_client_gets_exact_texts_and_bytes_and_a_farewell() -> None:
    sent = [(0, Frame(1, "r1|*||\nÚ 😎\n")), (0, Frame(2, None, b"\x00\xff")), (0, Frame(3, "\n"))]
    async with running(server(sent, Service(wait=True, leave=True))) as now, connect(now.url) as client:
        assert await received(client) == ["r1|*||\nÚ 😎\n", b"\x00\xff", "\n"]
        assert client.close_code == 1000
        summary = await now.ended()
    assert str(summary) == "served 3 frames to 1 client"


async def test_what_a_client_sent_in_a_recording_is_not_sent_to_it() -> None:
    sent = [(0, Frame(1, "a")), (0, Frame(2, "ping", direction="out")), (0, Frame(3, "b"))]
    async with running(server(sent, Service(wait=True, leave=True))) as now, connect(now.url) as client:
        assert await received(client) == ["a", "b"]


@given(texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=30), min_size=1, max_size=30))
@settings(max_examples=15, deadline=None)
def test_any_text_arrives_as_it_is(texts: list[str]) -> None:
    async def play() -> list[str | bytes]:
        service = Service(speed=None, wait=True, leave=True)
        async with running(server(frames(*texts), service)) as now, connect(now.url) as client:
            return await received(client)

    assert asyncio.run(play()) == texts


async def test_halves_of_characters_do_not_stop_the_stream() -> None:
    async with (
        running(server(frames("a\ud800b", "c"), Service(wait=True, leave=True))) as now,
        connect(now.url) as client,
    ):
        assert await received(client) == ["a?b", "c"]


async def test_every_client_gets_everything_in_order() -> None:
    texts = [str(number) for number in range(500)]
    go = asyncio.Event()

    def pairs() -> Iterator[tuple[int, Frame]]:
        assert go.is_set()
        yield from frames(*texts)

    clock = held(go)
    service = Service(speed=None, leave=True)
    late = [(0, Frame(0, "first"))] * 32  # the 32nd lets other tasks run: here until all have connected

    def schedule() -> Iterator[tuple[int, Frame]]:
        yield from late
        yield from pairs()

    async with (
        running(UpstreamServer(schedule, service, clock=clock)) as now,
        connect(now.url) as one,
        connect(now.url) as two,
        connect(now.url) as three,
    ):
        await until(lambda: now.server.summary.clients == 3)
        go.set()
        results = await asyncio.gather(received(one), received(two), received(three))
    assert [result[-500:] for result in results] == [texts] * 3


async def test_frames_are_sent_when_they_are_due_and_lost_time_is_made_up() -> None:
    now_s = [100.0]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 6))
        now_s[0] += seconds + (0.25 if seconds else 0)  # every wait is too long by a quarter of a second
        await asyncio.sleep(0)

    clock = Clock(monotonic=lambda: now_s[0], sleep=sleep)
    sent = [(0, Frame(0, "a")), (1000, Frame(1, "b")), (2000, Frame(2, "c")), (2100, Frame(3, "d"))]
    async with running(server(sent, Service(wait=True, leave=True), clock=clock)) as now, connect(now.url) as client:
        assert await received(client) == ["a", "b", "c", "d"]
    assert slept == [1.0, 0.75]  # `d` is overdue after the wait for `c`, and is sent at once


async def test_a_late_client_gets_the_board_first_and_then_all_that_follows() -> None:
    """No frame falls between snapshot and stream, wherever the client comes in."""
    told = [0]
    gates = [asyncio.Event() for _ in range(4)]

    async def sleep(_seconds: float) -> None:
        await gates[told[0]].wait()

    def schedule() -> Iterator[tuple[int, Frame]]:
        for number in range(4):
            yield 10_000, Frame(number, f"frame {number}")
            told[0] = number + 1

    clock = Clock(monotonic=lambda: 0.0, sleep=sleep)
    service = Service(leave=True)
    board = UpstreamServer(schedule, service, snapshot=lambda: f"board after {told[0]}", clock=clock)
    async with running(board) as now, connect(now.url) as early:
        assert await early.recv() == "board after 0"
        gates[0].set()
        assert await early.recv() == "frame 0"
        gates[1].set()
        assert await early.recv() == "frame 1"
        async with connect(now.url) as late:
            assert await late.recv() == "board after 2"
            for gate in gates:
                gate.set()
            assert await received(late) == ["frame 2", "frame 3"]
        assert await received(early) == ["frame 2", "frame 3"]


async def test_as_fast_as_possible_waits_for_the_slowest_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """The player never runs further ahead than the backlog and the network's buffers."""
    monkeypatch.setattr(upstream, "BACKLOG", 4)
    drawn = [0]
    count, size = 400, 50_000

    def schedule() -> Iterator[tuple[int, Frame]]:
        for number in range(count):
            drawn[0] = number + 1
            yield 0, Frame(number, "x" * size)

    service = Service(speed=None, wait=True, leave=True)
    async with running(UpstreamServer(schedule, service)) as now, connect(now.url, max_queue=1) as client:
        await client.recv()
        for _ in range(200):
            await asyncio.sleep(0.001)
        ahead = drawn[0]
        assert ahead < count
        assert len(await received(client)) == count - 1
    assert now.server.summary.too_slow == 0


async def test_a_paced_stream_drops_a_client_who_cannot_keep_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "BACKLOG", 4)
    sent = [(0, Frame(number, "x" * 100_000)) for number in range(400)]
    async with running(server(sent, Service(speed=1.0, wait=True))) as now, connect(now.url, max_queue=1) as client:
        await until(lambda: now.server.summary.too_slow == 1)
        got = await received(client)
        assert len(got) < 400
        assert client.close_code == upstream.TOO_SLOW
    assert "1 too slow and disconnected" in str(now.server.summary)


async def test_a_client_who_leaves_does_not_hold_up_the_others() -> None:
    texts = [str(number) for number in range(300)]
    service = Service(speed=None, wait=True, leave=True)
    gate = asyncio.Event()
    clock = held(gate)
    async with running(server(frames(*texts), service, clock=clock)) as now, connect(now.url) as stays:
        leaves = await connect(now.url)
        await until(lambda: now.server.summary.clients == 2)
        await leaves.close()
        gate.set()
        got = await received(stays)
    assert got == texts


async def test_the_stream_waits_for_its_first_client() -> None:
    begun: list[bool] = []

    def schedule() -> Iterator[tuple[int, Frame]]:
        begun.append(True)
        yield from frames("a")

    async with running(UpstreamServer(schedule, Service(wait=True, leave=True))) as now:
        for _ in range(20):
            await asyncio.sleep(0)
        assert begun == []
        async with connect(now.url) as client:
            assert await received(client) == ["a"]


async def test_without_waiting_the_stream_runs_for_nobody() -> None:
    async with running(server(frames("a", "b"), Service(leave=True))) as now:
        assert str(await now.ended()) == "served 2 frames to 0 clients"


async def test_a_loop_begins_again() -> None:
    async with running(server(frames("a", "b"), Service(wait=True, loop=True))) as now, connect(now.url) as client:
        got = [await client.recv() for _ in range(6)]
    assert got == ["a", "b"] * 3
    assert now.server.summary.rounds >= 2


async def test_a_disconnect_closes_every_connection_after_what_came_before() -> None:
    gate = asyncio.Event()
    clock = held(gate)
    sent = [(0, Frame(0, "a")), (0, Frame(1, None)), (1, Frame(2, "b"))]
    async with running(server(sent, Service(wait=True, leave=True), clock=clock)) as now:
        async with connect(now.url) as client:
            assert await received(client) == ["a"]
            assert client.close_code == upstream.RESTART
        async with connect(now.url) as client:
            await until(lambda: now.server.summary.clients == 2)
            gate.set()
            assert await received(client) == ["b"]
        assert (await now.ended()).frames == 2


async def test_after_the_last_frame_it_stays_and_keeps_connections_alive() -> None:
    ticks = asyncio.Queue[float]()

    async def sleep(seconds: float) -> None:
        await ticks.get()
        assert seconds == upstream.IDLE_S

    async with (
        running(server(frames("a"), Service(wait=True), keep_alive="\n", clock=Clock(sleep=sleep))) as now,
        connect(now.url) as client,
    ):
        assert await client.recv() == "a"
        ticks.put_nowait(0)
        assert await client.recv() == "\n"
        assert now.task is not None
        assert not now.task.done()


async def test_what_clients_say_is_ignored() -> None:
    gate = asyncio.Event()
    clock = held(gate)
    async with (
        running(server([(1, Frame(0, "a"))], Service(wait=True, leave=True), clock=clock)) as now,
        connect(now.url) as client,
    ):
        await client.send("init")
        await client.send(b"\x00" * 100)
        await (await client.ping())
        gate.set()
        assert await received(client) == ["a"]


async def test_nothing_to_serve_is_said() -> None:
    with pytest.raises(UsageError, match="nothing to serve"):
        await server([], Service()).run()


async def test_a_recording_that_breaks_off_ends_the_server_with_its_own_error() -> None:
    def schedule() -> Iterator[tuple[int, Frame]]:
        yield from frames("a")
        raise RecordingError("torn.jsonl cannot be read on")

    with pytest.raises(RecordingError, match=r"torn\.jsonl"):
        await UpstreamServer(schedule, Service()).run()


@pytest.mark.parametrize("host", ["127.0.0.1", "not a host.invalid"])
async def test_an_address_that_cannot_be_listened_on_is_a_sentence(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=r"cannot listen on .* port \d+ \(.*\): choose another"):
            await server(frames("a"), Service(host, port)).run()


def test_the_summary_counts_one_client_and_many() -> None:
    assert str(UpstreamSummary(frames=2, clients=2)) == "served 2 frames to 2 clients"
