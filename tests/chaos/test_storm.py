"""Everybody is dropped and comes back at once, again and again: nothing is missing or comes twice, all is let go."""

import asyncio
import os
from pathlib import Path

import orjson
import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.api.conftest import START, Venue, lap, opening, serving, until

RATE_S = 0.02


class Watcher:
    """A client of `karttime.v1` that comes back wherever it stopped, and checks every number."""

    def __init__(self, venue: Venue) -> None:
        self._url = f"ws://{venue.address}/circuits/hill/live?format=karttime.v1"
        self.epoch, self.seq = "", -1
        self.comings = self.snapshots = self.faults = 0
        self.connection: ClientConnection | None = None
        self.over = False

    async def run(self) -> None:
        """Until it is over."""
        while not self.over:
            place = f"&epoch={self.epoch}&seq={self.seq}" if self.epoch else ""
            try:
                async with websockets.connect(self._url + place, compression=None, max_queue=None) as self.connection:
                    self.comings += 1
                    async for text in self.connection:
                        self._take(orjson.loads(text))
            except (ConnectionClosed, OSError):
                continue

    def _take(self, message: dict[str, object]) -> None:
        match message["type"]:
            case "snapshot":
                self.snapshots += 1
                self.faults += bool(self.epoch) and message.get("recovered") is not False
                self.epoch, self.seq = str(message["epoch"]), int(str(message["seq"]))
            case "resumed":
                self.faults += (message["epoch"], message["seq"]) != (self.epoch, self.seq)
            case "patch":
                self.faults += message["seq"] != self.seq + 1
                self.seq = int(str(message["seq"]))
            case _:
                pass

    def drop(self) -> None:
        """The network is gone, without a word."""
        if self.connection is not None:
            self.connection.transport.abort()


async def publishing(venue: Venue) -> None:
    """Laps, fifty a second."""
    for n in range(10**6):
        await venue.publish(*lap(START + 1000 + n * 20, f"1:06.{n % 1000:03}", 66_000 + n % 1000))
        await asyncio.sleep(RATE_S)


@pytest.mark.timeout(240)
async def test_a_storm_of_reconnects(tmp_path: Path, long: bool) -> None:
    """Each sees the last number; the hub, the tasks and the descriptors are those of before."""
    clients, drops = (200, 20) if long else (40, 5)
    async with serving(tmp_path) as venue:
        await venue.publish(*opening())
        publisher = asyncio.create_task(publishing(venue))
        watchers = [Watcher(venue) for _ in range(clients)]
        tasks, files = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
        running = [asyncio.create_task(it.run()) for it in watchers]
        for turn in range(1, drops + 1):
            await until(lambda turn=turn: all(it.comings >= turn and it.epoch for it in watchers))  # type: ignore[misc]
            await asyncio.sleep(0.1)
            for it in watchers:
                it.drop()
        await until(lambda: all(it.comings > drops for it in watchers))
        publisher.cancel()
        await asyncio.wait([publisher])
        last = venue.service.place("hill").seq
        await until(lambda: all(it.seq == last for it in watchers))
        assert sum(it.faults for it in watchers) == 0
        assert sum(it.snapshots for it in watchers) == clients, "whoever came back went on where it was"
        for it in watchers:
            it.over = True
            it.drop()
        await asyncio.wait(running)
        await until(lambda: venue.service.clients == 0)
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
        await until(lambda: len(os.listdir("/proc/self/fd")) <= files + 2)
