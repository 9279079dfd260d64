"""Upstreams that we play over TCP and as Race Monitor, read by our own sources."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from karttime.engine.addresses import AddressPolicy
from karttime.engine.budget import OWN_MACHINE
from karttime.engine.lookup import Lookup
from karttime.engine.racemonitor import RaceMonitorSource
from karttime.engine.reconnecting import LinkOptions
from karttime.engine.simulation import Simulation
from karttime.engine.source import Connected, Lost, SourceItem
from karttime.engine.tcp import TcpSource
from karttime.engine.upstream import Service
from karttime.engine.websocket import WebSocketOptions
from karttime.errors import UsageError
from karttime.feeds.frame import Frame
from karttime.simulator.scenarios import Options

from .conftest import Take

SHORT = Options("sprint", karts=3, duration_ms=150_000)


@contextlib.asynccontextmanager
async def served(simulation: Simulation, service: Service) -> AsyncIterator[str]:
    server = simulation.server(service)
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.run(url.set_result))
        try:
            yield await url
        finally:
            server.stop()


def told(items: list[SourceItem]) -> str:
    return "".join((item.text or "") for item in items if isinstance(item, Frame))


ALL = Service(speed=None, wait=True, leave=True)


async def test_a_timing_computer_sends_what_a_recording_holds(take: Take) -> None:
    """After the state before the beginning, every frame to the last, and then an end."""
    simulation = Simulation(SHORT, format="rmonitor")
    expected = "".join(frame.text or "" for frame in simulation.begin()[0])
    async with served(Simulation(SHORT, format="rmonitor"), ALL) as url:
        assert url.startswith("rmonitor://127.0.0.1:")
        items = await take(TcpSource(url, LinkOptions(budget=OWN_MACHINE)), Lost)
    idle, _, rest = told(items).partition("\r\n")
    assert idle.startswith("$F,0,")
    assert rest == expected
    assert items[-1] == Lost("the server closed the connection")


async def test_a_relay_sends_what_a_recording_holds(take: Take) -> None:
    """Lookup, token, greeting and race as for the real one."""
    simulation = Simulation(SHORT, format="racemonitor")
    expected = "".join(frame.text or "" for frame in simulation.begin()[0])
    async with served(Simulation(SHORT, format="racemonitor"), ALL) as url:
        items = await take(RaceMonitorSource("1", Lookup(url), AddressPolicy(), WebSocketOptions()), Lost)
    assert told(items) == '$RMDTL,""\r\n' + expected
    assert "code 1000" in next(item.reason for item in items if isinstance(item, Lost))


async def test_broken_connections_are_taken_up_again(take: Take) -> None:
    """Each with a dump of the state, over TCP and through another lookup."""
    options, service = WebSocketOptions(backoff=LinkOptions().backoff), Service(speed=200, wait=True)
    async with served(Simulation(SHORT, {"disconnect": 3.0}, "racemonitor"), service) as url:
        items = await take(RaceMonitorSource("1", Lookup(url), AddressPolicy(), options), Lost)
    assert any(isinstance(item, Connected) for item in items)
    assert "is restarting (code 1012)" in next(item.reason for item in items if isinstance(item, Lost))
    async with served(Simulation(SHORT, {"disconnect": 3.0}, "rmonitor"), service) as url:
        assert (await take(TcpSource(url), Lost))[-1] == Lost("the server closed the connection")


async def test_other_races_are_not_live_and_old_tokens_do_not_open() -> None:
    async with (
        served(Simulation(SHORT, format="racemonitor"), Service(wait=True)) as url,
        httpx.AsyncClient() as client,
    ):
        assert (await client.get(f"{url}/Info/WebRaceList?raceID=7")).json()["CurrentRaces"] == []
        found = [(await client.get(f"{url}/Info/WebRaceList?raceID=1")).json() for _ in range(9)]
        assert len({answer["LiveTimingToken"] for answer in found}) == 9
        relay = f"ws://{found[0]['LiveTimingHost']}/instance/{found[0]['CurrentRaces'][0]['Instance']}"
        async with connect(f"{relay}/{found[-1]['LiveTimingToken']}") as socket:
            assert str(await socket.recv()).startswith('$RMDTL,""')
        for path in (f"{relay}/{found[0]['LiveTimingToken']}", f"{relay}/", f"{relay}/x"):
            with pytest.raises(InvalidStatus, match="403"):
                await connect(path)
        assert (await client.get(url)).status_code == 403


async def test_a_port_in_use_is_one_sentence() -> None:
    async with served(Simulation(SHORT, format="rmonitor"), Service(wait=True)) as url:
        port = int(url.rpartition(":")[2])
        for name in ("rmonitor", "racemonitor", "apex"):
            with pytest.raises(UsageError, match="choose another --port"):
                await Simulation(SHORT, format=name).server(Service(port=port)).run()


async def test_a_client_that_says_no_more_still_listens() -> None:
    async with served(Simulation(SHORT, format="rmonitor"), Service(speed=100, wait=True)) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write_eof()
        assert b"$B,1," in await reader.readuntil(b"$B,1,")
        writer.close()
