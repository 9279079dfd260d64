"""A service that runs, as it tells of itself: well, badly, or something else altogether."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from karttime.engine.checks.finding import Grade
from karttime.engine.checks.server import Running, running

HEALTHY = {"status": "healthy", "version": "0.1.0", "checks": {"engine": "ok", "storage": "ok", "journal": "off"}}
READY = {"status": "ready", "reasons": []}
COLLECTOR = {
    "circuit_id": "hill", "state": "live", "reason": "", "running": True, "data_age_ms": 180,
    "frames": 100, "updates": 1000, "refused": {"foreign-bytes": 900},
}  # fmt: skip


def status(**changes: Any) -> dict[str, Any]:
    return {"collectors": [COLLECTOR | changes], "storage": {"dropped": 0}, "journal": {"shed": 0}}


@asynccontextmanager
async def service(answers: Mapping[str, Any], code: int = 200) -> AsyncIterator[str]:
    """A server with these answers by path; one that is a list is answered in turn."""
    asked: dict[str, int] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1].partition("?")[0]
        found = answers.get(path, {})
        if isinstance(found, list):
            asked[path] = asked.get(path, -1) + 1
            found = found[min(asked[path], len(found) - 1)]
        body = found if isinstance(found, bytes) else orjson.dumps(found)
        denied = code if path == "/status" else 200
        writer.write(f"HTTP/1.1 {denied} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def look(answers: Mapping[str, Any], code: int = 200) -> Running:
    well = {"/health": HEALTHY, "/health/ready": READY, "/status": status()}
    async with service({**well, **answers}, code) as url:
        return await running(url, "key", 0.01)


def grades(found: Running) -> list[Grade]:
    return [finding.grade for finding in found.findings]


async def test_a_service_that_is_well() -> None:
    """Its circuits with the age of their data, and how many messages came between two looks."""
    found = await look({"/status": [status(), status(frames=107)]})
    assert grades(found) == [Grade.OK, Grade.OK]
    assert found.collected == {"hill"}
    figures = found.findings[1].figures
    assert (figures["messages"], figures["data_age_ms"]) == (7, 180)


@pytest.mark.parametrize(
    ("answers", "grade", "says"),
    [
        ({"/health": HEALTHY | {"status": "degraded", "checks": {"storage": "failing: disk full"}}}, "warning", "disk"),
        ({"/health": HEALTHY | {"status": "unhealthy"}}, "failure", "unhealthy"),
        ({"/health/ready": {"status": "not-ready", "reasons": ["the loop is late"]}}, "failure", "loop is late"),
        ({"/status": status(state="reconnecting", reason="silent: no message for 75 s")}, "warning", "silent"),
        ({"/status": status(state="gave-up", running=False)}, "failure", "gave-up"),
        ({"/status": status(state="failed")}, "failure", "failed"),
        ({"/status": status(state="dreaming")}, "warning", "dreaming"),
        ({"/status": status(refused={"unknown-row": 500})}, "warning", "unknown-row 500"),
        ({"/status": status() | {"storage": {"dropped": 7}}}, "failure", "7 rows"),
        ({"/status": status() | {"journal": {"shed": 8}}}, "failure", "8 rows"),
    ],
)
async def test_what_is_wrong_is_said(answers: Mapping[str, Any], grade: str, says: str) -> None:
    """One finding for each, with advice; the others stay well."""
    bad = [finding for finding in (await look(answers)).findings if finding.grade is not Grade.OK]
    [finding] = bad
    assert finding.grade.value == grade
    assert says in finding.said
    assert finding.advice


async def test_a_service_that_wants_a_key() -> None:
    """Its health is told to everybody."""
    found = await look({}, 401)
    assert grades(found) == [Grade.OK, Grade.UNCHECKED]
    assert "--token" in found.findings[1].advice


@pytest.mark.parametrize("body", [b"<html>router</html>", b"[]", b'{"status":"up"}', b"\xff"])
async def test_something_else_at_this_port(body: bytes) -> None:
    """A failure: the port is taken."""
    found = await look({"/health": body})
    assert grades(found) == [Grade.FAILURE]
    assert "PORT" in found.findings[0].advice


@pytest.mark.parametrize(
    "answer",
    [
        b"no json",
        {"collectors": "x", "storage": 7, "journal": []},
        {"collectors": [7, None, {}, {"circuit_id": 5, "state": None, "refused": [], "frames": "x"}]},
        status(circuit_id="\x1b]0;x\x07evil\u202e", reason="\x9b31m", refused={"\x1b[2J": 5000}, state="reconnecting"),
    ],
)
async def test_answers_that_make_no_sense(answer: Any) -> None:
    """No traceback, and nothing that controls a terminal."""
    for finding in (await look({"/status": answer})).findings:
        text = finding.area + finding.said + finding.advice + "".join(map(str, finding.figures))
        assert not any(char in text for char in "\x1b\x07\x9b\u202e")


async def test_nobody_there() -> None:
    """Not checked: whoever wants one running says so."""
    found = await running("http://127.0.0.1:1", None, 0.01)
    assert not found.answers
    assert grades(found) == [Grade.UNCHECKED]
