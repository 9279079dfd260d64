"""The reference client against servers that do as the test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from karttime.client.stream import SUBPROTOCOL, Health, HealthChanged, Shown, Step, Stream, StreamOptions
from karttime.errors import SourceError, UsageError

SNAPSHOT: dict[str, Any] = {
    "type": "snapshot",
    "circuit_id": "hill",
    "epoch": "e1",
    "seq": 4,
    "at": "now",
    "session": {},
    "columns": [],
    "competitors": [],
}
STATUS = {"type": "status_update", "timing_connected": True, "state": "live", "data_age_ms": 1500, "reason": ""}
Act = Callable[[ServerConnection], Awaitable[None]]


def patch(seq: int) -> dict[str, Any]:
    return {"type": "patch", "seq": seq, "at": "later", "session": {"flag": f"{seq}"}}


def resumed(seq: int) -> dict[str, Any]:
    return {"type": "resumed", "epoch": "e1", "seq": seq, "recovered": True}


class Server:
    """Plays one act for each connection, and the last one again; remembers what it was asked."""

    def __init__(self, *acts: Act) -> None:
        self._acts = list(acts)
        self.asked: list[dict[str, list[str]]] = []
        self.headers: list[str | None] = []
        self.url = ""

    async def serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.asked.append(parse_qs(urlsplit(socket.request.path).query))
        self.headers.append(socket.request.headers.get("authorization"))
        act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
        await act(socket)


def says(*messages: Any, code: int | None = None) -> Act:
    """An act: send these, then close with a code, or drop the connection."""

    async def act(socket: ServerConnection) -> None:
        for message in messages:
            await socket.send(message if isinstance(message, str) else orjson.dumps(message).decode())
        if code is None:
            socket.transport.abort()
        else:
            await socket.close(code, "because")

    return act


@asynccontextmanager
async def running(*acts: Act, answer: HTTPStatus | None = None) -> AsyncIterator[Server]:
    """A server on a port of its own; `answer` refuses every handshake."""

    def refuse(connection: ServerConnection, _request: Request) -> Response | None:
        return None if answer is None else connection.respond(answer, "no\n")

    server = Server(*acts)
    async with serve(
        server.serve, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)], process_request=refuse
    ) as listening:
        host, port = next(iter(listening.sockets)).getsockname()
        server.url = f"ws://{host}:{port}/live"
        yield server


class Waits:
    """A sleep that returns at once, and remembers."""

    def __init__(self) -> None:
        self.all: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.all.append(seconds)
        await asyncio.sleep(0)


def client(url: str, waits: Waits | None = None, **options: Any) -> Stream:
    return Stream(url, StreamOptions(**options), sleep=waits or Waits(), chance=lambda: 0.0, monotonic=lambda: 100.0)


async def steps(stream: Stream, count: int) -> list[Step]:
    """The next steps."""
    taken: list[Step] = []
    async with asyncio.timeout(10), aclosing(aiter(stream)) as items:
        async for step in items:
            taken.append(step)
            if len(taken) == count:
                break
    return taken


async def test_it_resumes_by_epoch_and_seq() -> None:
    """The first time it asks for nothing; after a drop, for what follows the last message it took."""
    async with running(says(SNAPSHOT, patch(5), patch(6)), says(resumed(6), patch(7))) as server:
        stream = client(server.url)
        taken = await steps(stream, 5)
    assert server.asked == [{}, {"epoch": ["e1"], "seq": ["6"]}]
    shown = [step for step in taken if isinstance(step, Shown)]
    assert [(step.state.seq, step.gapless) for step in shown] == [(4, False), (5, True), (6, True), (7, True)]
    assert stream.drops == 1


async def test_a_refused_resume_is_no_lie() -> None:
    """The snapshot that comes instead is shown with the hole that it stands for."""
    again = SNAPSHOT | {"seq": 5, "recovered": False}
    later = SNAPSHOT | {"seq": 6}, SNAPSHOT | {"seq": 7, "conflated": True}
    async with running(says(SNAPSHOT), says(again, *later)) as server:
        taken = await steps(client(server.url), 5)
    assert [step.gapless for step in taken if isinstance(step, Shown)] == [False, False, True, False]


@pytest.mark.parametrize("wrong", [patch(9), patch(4), "no JSON", "[]", {"type": "snapshot"}])
async def test_out_of_step_it_asks_for_a_snapshot(wrong: Any) -> None:
    """It does not resume from a state that it cannot trust, and never shows a wrong one."""
    async with running(says(SNAPSHOT, patch(5), wrong), says(SNAPSHOT | {"seq": 20})) as server:
        taken = await steps(client(server.url), 4)
    assert server.asked == [{}, {}]
    assert [step.state.seq for step in taken if isinstance(step, Shown)] == [4, 5, 20]
    assert isinstance(taken[2], HealthChanged)


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 1013, 4429])
async def test_it_comes_back_after_any_close_that_may_pass(code: int) -> None:
    """And waits longer each time, but no longer than it should."""
    waits = Waits()
    async with running(says(code=code), says(code=code), says(code=code), says(SNAPSHOT)) as server:
        await steps(client(server.url, waits, first_wait_s=1.0, max_wait_s=3.0), 2)
    assert waits.all == [1.0, 2.0, 3.0]


async def test_the_wait_begins_anew_once_something_was_heard() -> None:
    """A connection that stands proves that the server is there."""
    waits = Waits()
    async with running(says(code=1012), says(SNAPSHOT), says(resumed(4), patch(5))) as server:
        await steps(client(server.url, waits, first_wait_s=1.0), 4)
    assert waits.all == [1.0, 1.0]


def test_chance_takes_up_to_half_of_a_wait() -> None:
    """So that many clients do not come back in the same instant."""
    lucks = iter((0.0, 0.5, 1.0))
    stream = Stream("ws://x", chance=lambda: next(lucks))
    assert [stream._wait(2) for _ in range(3)] == [2.0, 1.5, 1.0]


@pytest.mark.parametrize("code", [4004, 4400, 4401, 4403])
async def test_it_ends_where_trying_again_is_useless(code: int) -> None:
    """With the server's reason."""
    async with running(says(code=code)) as server:
        with pytest.raises(SourceError, match="because"):
            await steps(client(server.url), 9)


@pytest.mark.parametrize("status", [HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND])
async def test_a_refused_handshake_ends_it(status: HTTPStatus) -> None:
    """With the status."""
    async with running(says(), answer=status) as server:
        with pytest.raises(SourceError, match=str(status.value)):
            await steps(client(server.url), 9)


@pytest.mark.parametrize("status", [HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS])
async def test_a_full_server_is_tried_again(status: HTTPStatus) -> None:
    """Lost, with the reason, and on."""
    async with running(says(), answer=status) as server:
        [told] = await steps(client(server.url), 1)
    assert isinstance(told, HealthChanged)
    assert (told.health, str(status.value) in told.reason) == (Health.LOST, True)


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    """A refused connection is a reason, not an end."""
    async with running(says()) as server:
        url = server.url
    [told] = await steps(client(url), 1)
    assert isinstance(told, HealthChanged)
    assert told.health is Health.LOST


async def test_an_address_that_is_none_is_refused() -> None:
    """A person's mistake, told as such."""
    with pytest.raises(UsageError, match="ws://"):
        await steps(client("http://x/"), 1)


async def test_health_and_age_follow_the_server() -> None:
    """Age counts from the last data that the server had, or from a patch."""
    stale = STATUS | {"state": "reconnecting", "reason": "gone", "data_age_ms": 7000}
    async with running(says(SNAPSHOT, STATUS, stale, patch(5), code=1012)) as server:
        stream = client(server.url)
        ages, healths = [], []
        async with asyncio.timeout(10), aclosing(aiter(stream)) as items:
            async for _ in items:
                ages.append(stream.data_age_ms())
                healths.append(stream.health)
                if len(ages) == 5:
                    break
    assert ages == [None, 1500, 7000, 0, 0]
    assert healths == [Health.LOST, Health.LIVE, Health.STALE, Health.STALE, Health.LOST]
    assert "because" in stream.reason


async def test_headers_go_with_the_handshake() -> None:
    """A token, for one; a query that is there is kept."""
    async with running(says(SNAPSHOT)) as server:
        stream = client(server.url + "?a=b", headers={"Authorization": "Bearer x"})
        await steps(stream, 4)
    assert server.headers[0] == "Bearer x"
    assert server.asked[:2] == [{"a": ["b"]}, {"a": ["b"], "epoch": ["e1"], "seq": ["4"]}]
