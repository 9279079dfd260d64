"""Hostile timing servers at full length: `python -m tests.bench.hostile_upstreams [MODE…]`, by hand.

Each mode of `tests/engine/hostile.py` runs for up to 30 s against an engine with the settings of `karttime serve`,
beside a healthy feed of 100 messages a second; both servers are processes of their own. Printed for each mode: how
long until the first attempt was given up, and why; attempts in all; by how much the engine's memory grew; how late the
healthy feed's messages came. Ends with 1 when an attempt took longer than 15 s, memory grew by 25 MB or the healthy
feed lost its connection.
"""

import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from karttime.circuits.circuit import Circuit
from karttime.circuits.local import LocalCircuits
from karttime.engine.addresses import AddressPolicy
from karttime.engine.engine import Engine, EngineOptions
from karttime.engine.hub import HubItem, Publication
from karttime.engine.status import CollectorState
from karttime.feeds.base import FeedFormat, Score
from tests.engine import hostile
from tests.engine.conftest import WordDecoder

LONGEST_S = 30.0
ALLOWED_S = 15.0
ALLOWED_MB = 25.0
MODES = {name: mode for name, (mode, _) in hostile.GIVEN_UP.items()} | hostile.ENDURED
FORMATS = {"words": FeedFormat("words", WordDecoder, lambda _: Score(0.0))}


async def healthy(connection: ServerConnection) -> None:
    await connection.send("session one")
    with contextlib.suppress(ConnectionClosed):
        while True:
            await connection.send(f"lap 1 {round(time.monotonic() * 1e6)}")
            await asyncio.sleep(0.01)


async def be_server(name: str) -> None:
    """Serve one mode, or the healthy feed, on a free port that is printed."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await MODES[name](reader, writer)
        writer.transport.abort()

    server = await (serve(healthy, "127.0.0.1", 0) if name == "healthy" else asyncio.start_server(talk, "127.0.0.1", 0))
    sys.stdout.write(f"{next(iter(server.sockets)).getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


@contextlib.contextmanager
def server(name: str) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.bench.hostile_upstreams", "--serve", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"ws://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def memory_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000


@dataclass
class Outcome:
    """What one mode did to us."""

    given_up_s: float | None = None
    reason: str = ""
    attempts: int = 0
    before_mb: float = 0.0
    most_mb: float = 0.0
    latencies: list[float] = field(default_factory=list)
    lost_healthy: int = 0
    flooded: bool = False

    @property
    def good(self) -> bool:
        in_time = self.given_up_s is None or self.given_up_s <= ALLOWED_S
        return in_time and self.most_mb - self.before_mb < ALLOWED_MB and not self.lost_healthy

    def line(self, name: str) -> str:
        late = statistics.quantiles(self.latencies, n=100)
        end = "not given up" if self.given_up_s is None else f"{self.given_up_s:5.1f} s"
        return (
            f"{'ok ' if self.good else 'BAD'} {name:28} {end:>12}  attempts {self.attempts:2}"
            f"  memory {self.most_mb - self.before_mb:+6.1f} MB  healthy p50 {late[49] * 1000:5.1f} p99"
            f" {late[98] * 1000:5.1f} max {max(self.latencies) * 1000:5.1f} ms"
            f"  {'flooding ' if self.flooded else ''}{self.reason}"
        )


@contextlib.asynccontextmanager
async def engine_for(bad: str, good: str) -> AsyncIterator[Engine]:
    circuits = LocalCircuits([Circuit("bad", "Bad", bad, "words"), Circuit("good", "Good", good, "words")])
    options = EngineOptions(addresses=AddressPolicy(allow_private=True))
    async with Engine(circuits, formats=FORMATS, options=options) as engine:
        yield engine


async def try_mode(name: str, seconds: float) -> Outcome:
    outcome = Outcome()

    def seen(item: HubItem) -> None:
        if isinstance(item, Publication) and (item.frame.text or "").startswith("lap"):
            outcome.latencies.append(time.monotonic() - int((item.frame.text or "").split()[2]) / 1e6)

    with server(name) as bad, server("healthy") as good:
        async with engine_for(bad, good) as engine:
            await engine.start("good")
            await asyncio.sleep(1)
            engine.hub("good").add_tap(seen)
            outcome.before_mb = memory_mb()
            began = time.monotonic()
            await engine.start("bad")
            while time.monotonic() - began < seconds:
                await asyncio.sleep(0.02)
                outcome.most_mb = max(outcome.most_mb, memory_mb())
                status = engine.collector("bad").status()
                outcome.flooded |= status.state is CollectorState.FLOODING
                if status.last_error and outcome.given_up_s is None and "flooding" not in status.last_error:
                    outcome.given_up_s, outcome.reason = time.monotonic() - began, status.last_error
                    seconds = min(seconds, time.monotonic() - began + 5)  # another attempt or two
            outcome.attempts = 1 + sum("; attempt " in item.reason for item in engine.collector("bad").history)
            outcome.lost_healthy = engine.collector("good").status().reconnects
    return outcome


def main() -> int:
    words = sys.argv[1:]
    if words[:1] == ["--serve"]:
        asyncio.run(be_server(words[1]))
        return 0
    good = True
    for name in words or MODES:
        outcome = asyncio.run(try_mode(name, LONGEST_S))
        good = good and outcome.good
        sys.stdout.write(outcome.line(name) + "\n")
        sys.stdout.flush()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
