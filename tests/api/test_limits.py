"""Bounded rates, known pages, and floods over a real connection."""

import asyncio
import subprocess
import sys
from contextlib import suppress

import pytest
from starlette.datastructures import Headers
from websockets.exceptions import ConnectionClosed

from karttime.api.limits import SPARE_CONNECTIONS, Bucket, LinkLimits, with_room
from karttime.api.origins import Origins

from .conftest import START, Venue, lap, opening, until


def test_a_bucket_allows_a_burst_and_then_its_rate() -> None:
    """Five at once, then two a second, and never more than the burst after a pause."""
    bucket = Bucket(2.0, 5)
    assert [bucket.take(100.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert [bucket.take(100.5), bucket.take(100.5)] == [True, False]
    assert sum(bucket.take(900.0) for _ in range(20)) == 5


def test_as_many_connections_fit_as_clients_are_allowed() -> None:
    """And calls beside them; any number where there is no limit of clients; never fewer than before."""
    given = LinkLimits(connections=5000)
    rooms = [with_room(given, clients).connections for clients in (10, 5000, 10_000, 0)]
    assert rooms == [5000, 5000 + SPARE_CONNECTIONS, 10_000 + SPARE_CONNECTIONS, 0]


def test_the_number_of_open_files_follows() -> None:
    """Up to what the system allows, which is said when it is too few; what was more stays."""
    pytest.importorskip("resource")
    program = """
import resource
from karttime.api.server import allow_files
for soft, connections in ((200, 400), (200, 5000), (900, 100), (200, 0)):
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, 1000))
    allow_files(connections)
    print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["656", "1000", "900", "1000"]
    assert run.stderr.count("ulimit -n") == 1


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "a:1", True),
        ("http://a:1", "a:1", True),
        ("https://app.example", "a:1", True),
        ("http://localhost", "a:1", True),
        ("http://localhost:65000", "a:1", True),
        ("http://localhost:6500000", "a:1", False),
        ("http://localhost.evil.example:80", "a:1", False),
        ("https://app.example.evil.example", "a:1", False),
        ("https://appXexample", "a:1", False),
        ("http://app.example", "a:1", False),
        ("null", "a:1", False),
        ("", "a:1", False),
    ],
)
def test_pages_are_known_by_their_whole_origin(origin: str | None, host: str, allowed: bool) -> None:
    """A name that only begins or ends like a known one is another page."""
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    assert Origins(["https://app.example", "http://localhost:*"]).allow(Headers(headers)) is allowed


def test_no_origins_means_our_own_page_alone() -> None:
    """And a star means all."""
    foreign = {"host": "a", "origin": "https://b"}
    assert not Origins([]).allow(foreign)
    assert Origins([]).allow({"host": "a", "origin": "https://a"})
    assert Origins(["*"]).allow(foreign)


async def test_a_flood_of_pings_ends_its_sender_alone(venue: Venue) -> None:
    """It is told why, and its connection ends; a usual number of pings is answered."""
    await venue.publish(*opening())
    async with venue.watch("?format=karting_data") as good:
        await good.next("status_update")
        await (await good.socket.ping())
        async with venue.watch() as bad:
            with suppress(ConnectionClosed):
                for _ in range(5000):
                    _pong = await bad.socket.ping()
                    await asyncio.sleep(0)
            assert await bad.closed() in {1006, 1008}, "told, when it listens at all"
        await until(lambda: venue.service.clients == 1)
        await venue.publish(*lap(START + 1000, "1:06.131", 66_131))
        assert (await good.next())["drivers"]["24089"]["Dernier T."] == "1:06.131"
