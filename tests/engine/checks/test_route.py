"""The way to a feed: each step that can fail, and what is said then."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from karttime.engine.addresses import AddressPolicy
from karttime.engine.checks.finding import Finding, Grade
from karttime.engine.checks.route import Way, way_to

ANYWHERE = AddressPolicy(allow_private=True)


@asynccontextmanager
async def listening() -> AsyncIterator[int]:
    """A port that accepts, and says nothing but goodbye."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def to(url: str, *addresses: str, policy: AddressPolicy = ANYWHERE) -> Way:
    """The way, where the host has these addresses."""

    async def lookup(_host: str, _port: int) -> Sequence[str]:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return addresses

    return await way_to("feed", url, policy, lookup)


def only(way: Way) -> Finding:
    """The one finding of a way that is not open."""
    assert not way.open
    [finding] = way.findings
    assert finding.grade is Grade.FAILURE
    assert finding.advice
    return finding


async def test_a_way_that_is_open() -> None:
    """With the time that it took."""
    async with listening() as port:
        way = await to(f"ws://hill.example:{port}/", "127.0.0.1")
    assert way.open
    assert [finding.grade for finding in way.findings] == [Grade.OK]
    assert int(way.findings[0].figures["connect_ms"]) >= 0


async def test_a_name_that_is_none() -> None:
    """DNS is named."""
    assert "looked up" in only(await to("wss://hill.example/")).said


async def test_nobody_listens() -> None:
    """The port is named."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        finding = only(await to(f"ws://hill.example:{port}/", "127.0.0.1"))
    assert f"port {port}" in finding.said
    assert "Nothing listens" in finding.advice


async def test_a_port_without_tls() -> None:
    """Another scheme is proposed."""
    async with listening() as port:
        finding = only(await to(f"wss://hill.example:{port}/", "127.0.0.1"))
    assert "ws://" in finding.advice


async def test_a_certificate_that_is_not_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may be in between."""

    async def refuse(*_given: object, **_more: object) -> None:
        error = ssl.SSLCertVerificationError(1, "certificate verify failed")
        error.verify_message = "self-signed certificate"
        raise error

    monkeypatch.setattr(asyncio, "open_connection", refuse)
    assert "in between" in only(await to("wss://hill.example/", "203.0.114.9")).advice


@pytest.mark.parametrize(
    "url", ["http://hill.example/", "ws://user:canary@hill.example/", "ws://", "ws://hill.example:0/"]
)
async def test_what_is_no_address_of_a_feed(url: str) -> None:
    """Said, without what is secret in it."""
    assert "canary" not in only(await to(url)).said


async def test_an_address_that_is_not_allowed() -> None:
    """A private network by its number, or by its name."""
    assert "ALLOW_PRIVATE" in only(await to("ws://10.0.0.7:8080/", policy=AddressPolicy())).advice
    assert "private" in only(await to("ws://hill.example:8080/", "10.0.0.7", policy=AddressPolicy())).said


async def test_one_of_two_addresses_is_enough() -> None:
    """The other one is a warning: it costs a moment."""
    async with listening() as port:
        way = await to(f"ws://hill.example:{port}/", "127.0.0.2", "127.0.0.1")
    grades = sorted(finding.grade.value for finding in way.findings)
    assert way.open
    assert grades in (["ok", "ok"], ["ok", "warning"])


async def test_a_race_of_race_monitor_has_no_host() -> None:
    """It is asked for, later."""
    assert (await to("racemonitor:37872")).open
