"""Clients that come and go for long: `python -m tests.bench.soak_churn [MINUTES [CLIENTS [CHURN-PERCENT]]]`, by hand.

200 clients of `karttime serve` at 20 messages a second; each second some of them (5 %) leave, by the closing handshake
or by vanishing, and come again: most where they stopped (`epoch` and `seq`), some anew, some for other formats. Every
client of `karttime.v1` checks that no number is missing or comes twice. Prints memory and descriptors of the server
every 15 seconds and the slope of its memory after the first minute. Ends with 1 when a number was missing, or memory
grew by more than 1 MB a minute, or descriptors were left behind.
"""

import asyncio
import random
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.bench.machine import open_files, rss_kib
from tests.bench.served import CIRCUIT, HZ, serving

SHOW_S: Final = 15.0
WARM_S: Final = 60.0
say: Final = sys.stdout.write


class Totals:
    """What all clients saw."""

    def __init__(self) -> None:
        self.messages = self.resumed = self.refused = self.wrong = self.left = 0


class Viewer:
    """One client that may be told to leave and come again."""

    def __init__(self, port: int, totals: Totals) -> None:
        self._base = f"ws://127.0.0.1:{port}/circuits/{CIRCUIT}/live?format="
        self._totals = totals
        self._at: tuple[str, int] | None = None
        self.connection: ClientConnection | None = None

    async def run(self) -> None:
        """Come again whenever it is over."""
        while True:
            other = random.random() < 0.1
            fresh = random.random() < 0.2
            place = "" if self._at is None or fresh else "&epoch={}&seq={}".format(*self._at)
            self._at = None if fresh else self._at
            url = self._base + ("both" if other else f"karttime.v1{place}")
            with suppress(ConnectionClosed, OSError):
                async with connect(url, compression=None, max_queue=None, ping_interval=None) as self.connection:
                    async for text in self.connection:
                        self._totals.messages += 1
                        if not other:
                            self._check(orjson.loads(text))
            await asyncio.sleep(random.random())

    def _check(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "snapshot":
                self._totals.refused += message.get("recovered") is False
                self._at = message["epoch"], message["seq"]
            case "resumed":
                self._totals.resumed += 1
                self._totals.wrong += (message["epoch"], message["seq"]) != self._at
            case "patch":
                epoch, seq = self._at or ("", -1)
                self._totals.wrong += message["seq"] != seq + 1
                self._at = epoch, message["seq"]
            case _:
                pass  # the way to the timing system

    async def leave(self) -> None:
        """Close, or vanish."""
        self._totals.left += 1
        if self.connection is None:
            return
        if random.random() < 0.5:
            await self.connection.close()
        else:
            self.connection.transport.abort()


def slope(points: list[tuple[float, float]]) -> float:
    """Of a line through points (seconds, MB), in MB a minute."""
    if not points:
        return 0.0
    middle = sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
    across = sum((x - middle[0]) ** 2 for x, _ in points)
    return 60 * sum((x - middle[0]) * (y - middle[1]) for x, y in points) / across if across else 0.0


async def soak(
    port: int, pid: int, seconds: float, clients: int, churn: float, warm: float = WARM_S
) -> tuple[Totals, float, int]:
    """The clients; what they saw, the slope of memory and the descriptors that were left behind."""
    totals, points, before = Totals(), [], open_files(pid)
    viewers = [Viewer(port, totals) for _ in range(clients)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(viewer.run()) for viewer in viewers]
        begin = shown = time.monotonic()
        while (now := time.monotonic()) - begin < seconds:
            for viewer in random.sample(viewers, round(clients * churn / 100)):
                group.create_task(viewer.leave())
            if now - begin >= warm:
                points.append((now, rss_kib(pid) / 1024))
            if now - shown >= SHOW_S:
                shown = now
                say(
                    f"{now - begin:6.0f} s: {rss_kib(pid) / 1024:7.1f} MB, {open_files(pid)} descriptors; "
                    f"{totals.messages} messages, {totals.left} left, {totals.resumed} resumed, "
                    f"{totals.refused} refused, {totals.wrong} wrong\n"
                )
                sys.stdout.flush()
            await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
    await asyncio.sleep(3)
    return totals, slope(points), open_files(pid) - before


def main() -> None:
    minutes, clients, churn = (float(word) for word in (*sys.argv[1:4], *("5", "200", "5")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as it:
        feeding = threading.Thread(target=it.feed.send, args=(10**9, HZ), daemon=True)
        feeding.start()
        totals, grown, left = asyncio.run(soak(it.port, it.process.pid, minutes * 60, int(clients), churn))
        it.process.terminate()
        code = it.process.wait(20)
    say(f"memory {grown:+.2f} MB a minute, {left:+} descriptors, {totals.wrong} wrong, exit code {code}\n")
    sys.exit(1 if totals.wrong or grown > 1 or left > 3 or code else 0)


if __name__ == "__main__":
    main()
