"""Where calls never reach an endpoint: HEAD, preflights, what is no HTTP, wrong upgrades; problems everywhere."""

import asyncio

import httpx
import orjson
import pytest

from karttime.api.gate import Gate

from .conftest import Venue, opening
from .test_rest import detail

APP = "https://app.example"


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/health", "/health/ready", "/circuits", "/circuits/hill", "/docs", "/asyncapi.json"),
        *("/static/page.js", "/metrics", "/circuits/hill/laps?limit=1", "/circuits/nowhere", "/nowhere"),
    ],
)
async def test_head_is_get_without_a_body(venue: Venue, path: str) -> None:
    """The same status and kind of content, and nothing after the head: the connection can be used on."""
    await venue.publish(*opening())
    head, get = await venue.http.head(path), await venue.http.get(path)
    assert (head.status_code, head.headers["content-type"]) == (get.status_code, get.headers["content-type"])
    assert head.content == b""


async def test_head_changes_nothing(venue: Venue) -> None:
    """A call that is no GET has no HEAD."""
    answer = await venue.http.head("/circuits/hill/stop-timing")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert venue.service.engine.collector("hill").running


async def preflight(venue: Venue, **more: str) -> httpx.Response:
    asked = {"origin": APP, "access-control-request-method": "PATCH"}
    asked |= {name.replace("_", "-"): value for name, value in more.items()}
    return await venue.http.options("/circuits/hill", headers=asked)


async def test_preflights_of_known_pages_are_allowed(venue: Venue) -> None:
    """With the headers of the app and of a key; the answer itself names the page, and no other."""
    answer = await preflight(venue, access_control_request_headers="authorization, content-type")
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, APP)
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    shown = await venue.http.get("/circuits?limit=1", headers={"origin": APP})
    assert shown.headers["access-control-allow-origin"] == APP
    assert "link" in shown.headers["access-control-expose-headers"]
    assert "Origin" in shown.headers["vary"]
    other = await venue.http.get("/circuits", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


async def test_preflights_of_others_are_refused_with_a_problem(venue: Venue) -> None:
    """Another page, a method or a header that nothing here takes."""
    assert "CORS_ORIGINS" in detail(await preflight(venue, origin="https://evil.example"), 400)
    assert "method" in detail(await preflight(venue, access_control_request_method="BREW"), 400)
    assert "headers" in detail(await preflight(venue, access_control_request_headers="x-evil"), 400)


async def test_errors_can_be_read_by_known_pages(venue: Venue) -> None:
    """A problem without the header would be an opaque failure in a browser."""
    for path in ("/nowhere", "/circuits/nowhere"):
        answer = await venue.http.get(path, headers={"origin": APP})
        assert detail(answer, 404)
        assert answer.headers["access-control-allow-origin"] == APP


UPGRADE = b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: %d\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"rubbish\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000, 431),
        (b"POST /circuits HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
        (UPGRADE % (b"/circuits/hill/live", 7) + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 426),
        (UPGRADE % (b"/circuits/hill/live", 13) + b"Sec-WebSocket-Key: short\r\n\r\n", 400),
        (UPGRADE % (b"/nowhere", 13) + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 404),
    ],
)
async def test_what_reaches_no_call_is_answered_with_a_problem(venue: Venue, request_: bytes, status: int) -> None:
    """And the connection is closed."""
    host, port = venue.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request_)
    async with asyncio.timeout(5):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        problem = orjson.loads(await reader.readexactly(length))
        assert head.startswith(f"http/1.1 {status} ")
        assert "content-type: application/problem+json" in head
        assert "connection: close" in head
        assert (problem["status"], bool(problem["detail"])) == (status, True)
    writer.close()


async def test_a_number_is_no_moment(venue: Venue) -> None:
    """It would be taken for seconds since 1970."""
    for number in ("0.5", "1780131666", "-1", "1e9", ""):
        for method in ("GET", "DELETE"):
            answer = await venue.http.request(method, "/circuits/hill/data", params={"before": number})
            assert "before: " in detail(answer, 422)
    for moment in ("2026-05-30", "2026-05-30T10:00:00Z", "2026-05-30T10:00:00.5+02:00"):
        assert (await venue.http.get("/circuits/hill/data", params={"after": moment})).status_code == 200


async def test_health_does_not_wait_for_what_it_reports(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that hangs holds other answers back, not those that say so."""

    async def never(_gate: Gate) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Gate, "settled", never)
    for path in ("/health", "/health/live", "/health/ready", "/metrics"):
        assert (await venue.http.get(path, timeout=2)).status_code == 200
