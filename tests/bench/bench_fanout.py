"""What fan-out costs: `python -m tests.bench.bench_fanout [ROUNDS]`, by hand, on Linux with a C compiler.

karttime's links and fan-out against `wsfan`, a C server that writes one prebuilt frame to each client with one `send`:
the least that can be. `… stalled [SECONDS]`: 200 clients of 160 KB/s each, without and with ten that read nothing.
Both, and the C load client, come from `../shared/tools/wsload`. The server runs on one core,
the load on the other, in rounds that take turns, since a machine drifts by more than what is measured. CPU is that of
the server's process; a message is 400 bytes of JSON. Prints the median of all rounds, and the ratio round by round.
"""

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.types import Receive, Scope, Send

from karttime.api.fanout import Fanout, Outbox
from karttime.api.frames import text_frame
from karttime.api.handshake import Request
from karttime.api.keeper import Keeper
from karttime.api.limits import Doors, LinkLimits
from karttime.api.link import Link
from karttime.api.server import bind, serve_over
from tests.bench.machine import SERVER_CORE, build, cpu_s, load, on_core, rss_kib

CLIENTS = 1000


@dataclass(frozen=True)
class Pace:
    """How messages come: `count` ticks at `hz` (0: as fast as clients take them), `burst` messages in each."""

    name: str
    count: int
    hz: float
    burst: int = 1


LOADS = (
    Pace("20 messages/s", 60, 20),
    Pace("saturated", 400, 0),
    Pace("4 messages in one turn", 60, 20, 4),
)


class Watcher:
    """One client of the bench."""

    def __init__(self, fanout: Fanout, link: Link) -> None:
        self._fanout = fanout
        self.outbox = Outbox(fanout, link, lambda: None, lambda: None)
        fanout.add(self.outbox, ())

    def received(self, content: str | bytes) -> None:
        """The load client says nothing."""

    def writable(self) -> None:
        self.outbox.writable()

    def lost(self) -> None:
        self._fanout.unfollow(self.outbox)


class Everybody:
    """The endpoint: one fan-out for all."""

    def __init__(self) -> None:
        self.doors = Doors()
        self.fanout = Fanout()
        self.keeper = Keeper(LinkLimits(connections=20_000))

    def subprotocol(self, request: Request) -> str | None:
        del request
        return None

    def visit(self, link: Link, request: Request) -> Watcher:
        del request
        return Watcher(self.fanout, link)


def message(seq: int, size: int = 0) -> bytes:
    """As `wsfan` makes it; `size` more bytes."""
    kart = '{"kart":"%s","pos":%s,"driver":"%s","last_lap":"%s","best_lap":"%s","gap":"%s","laps":LAPS,"pit":%s}'
    rows = (
        kart % ("17", 3, "DUPONT Jean", "1:02.347", "1:01.998", "+4.213", 0)
        + ","
        + kart % ("4", 4, "MARTIN Claire", "1:02.511", "1:02.104", "+5.871", 1)
    ).replace("LAPS", str(20 + seq % 50))
    head = f'"type":"delta","t_ns":{time.monotonic_ns()},"seq":{seq},"circuit":"rkc-paris"'
    tail = f'"flags":["green"],"remaining_ms":{3_600_000 - seq * 50}'
    return f'{{{head},"session":"2026-11-22T15:00:00Z","rows":[{rows}],{tail}}}'.encode() + b" " * size


async def publish(site: Everybody, count: int, hz: float, burst: int, size: int) -> None:
    """What `wsfan` does on `COUNT HZ`, with bursts."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for tick in range(count):
        await asyncio.sleep(max(0.0, start + tick / hz - loop.time()) if hz else 0)
        if not hz:
            await all_sent(site)
        for part in range(burst):
            site.fanout.publish([text_frame(message(tick * burst + part, size))])
    await asyncio.sleep(0)
    await all_sent(site)


async def all_sent(site: Everybody) -> None:
    """Wait until nothing is unsent."""
    while site.keeper.behind:  # noqa: ASYNC110 - a bench need not be elegant where it waits
        await asyncio.sleep(0.001)


async def nothing_else(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """There is no application."""


async def run_server(port: int, control: str) -> None:
    """karttime's side, told what to do on a socket as `wsfan` is."""
    site = Everybody()
    listener = bind("127.0.0.1", port)

    async def obey(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count, hz, burst, size = (await reader.read(100)).split()
        await publish(site, int(count), float(hz), int(burst), int(size))
        writer.write(b"%d\n" % site.keeper.cut)
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(obey, control)
    async with server:
        await serve_over(site, site.keeper, nothing_else, listener, asyncio.Event(), asyncio.Event())


@contextmanager
def server(command: list[str], control: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server on the first core, until the end of the block."""
    control.unlink(missing_ok=True)
    with subprocess.Popen(on_core(SERVER_CORE, command)) as process:
        try:
            for _ in range(200):
                if control.exists():
                    break
                time.sleep(0.05)
            time.sleep(0.3)
            yield process
        finally:
            process.terminate()


def order(control: Path, text: str) -> bytes:
    """Tell a server to send, and wait until it has; its answer."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(control))
        line.sendall(text.encode())
        return line.recv(1000)


@dataclass(frozen=True)
class Measured:
    """One round of one server."""

    us: float
    p99_ms: float
    gaps: int
    kib: float


def measure(tools: Path, command: list[str], port: int, control: Path, wanted: Pace) -> Measured:
    """One round: connect, send, count."""
    with server(command, control) as process:
        before = rss_kib(process.pid)
        total = wanted.count * wanted.burst
        with load(tools, port, CLIENTS, "-e", str(total), "--idle", "3") as clients:
            time.sleep(0.3)
            kib = (rss_kib(process.pid) - before) / CLIENTS
            cpu = cpu_s(process.pid)
            order(control, f"{wanted.count} {wanted.hz} {wanted.burst} 0\n")
            cpu = cpu_s(process.pid) - cpu
            result = clients.result()
    assert result["messages"] == total * CLIENTS, result
    return Measured(cpu / result["messages"] * 1e6, result["latency_us"]["p99"] / 1e3, result["seq_gaps"], kib)


def bench(rounds: int, folder: Path) -> None:
    """All loads, and a table."""
    tools = build(folder)
    control = folder / "control"
    ours = [sys.executable, "-m", "tests.bench.bench_fanout", "--serve", "9481", str(control)]
    floor = [str(tools / "wsfan"), "9482", str(control)]
    say = sys.stdout.write
    say(f"{CLIENTS} clients, {len(message(0))} bytes, {rounds} rounds; load average {os.getloadavg()[0]:.1f}\n")
    titles = f"{'load':<26}{'karttime us':>12}{'C us':>8}{'ratio':>7}{'(min..max)':>14}{'p99 ms':>8}{'C':>7}"
    say(f"{titles}{'KiB/conn':>10}\n")
    for pace in LOADS:
        pairs = []
        for _ in range(rounds):
            pair = measure(tools, ours, 9481, control, pace), measure(tools, floor, 9482, control, _for_floor(pace))
            pairs.append(pair)
        ratios = [mine.us / least.us for mine, least in pairs]
        mine, least = ([pair[side].us for pair in pairs] for side in (0, 1))
        p99 = [statistics.median(pair[side].p99_ms for pair in pairs) for side in (0, 1)]
        assert not any(it.gaps for pair in pairs for it in pair)
        say(
            f"{pace.name:<26}{statistics.median(mine):>12.2f}{statistics.median(least):>8.2f}"
            f"{statistics.median(ratios):>7.2f}{f'({min(ratios):.2f}..{max(ratios):.2f})':>14}"
            f"{p99[0]:>8.1f}{p99[1]:>7.1f}{statistics.median(pair[0].kib for pair in pairs):>10.1f}\n"
        )
        sys.stdout.flush()


def _for_floor(pace: Pace) -> Pace:
    """`wsfan` knows no bursts: it sends them one by one, at once at the same mean rate."""
    return Pace(pace.name, pace.count * pace.burst, pace.hz * pace.burst)


def unsent(port: int) -> int:
    """Connections of a port to whose client something is unsent, as the kernel counts."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[1].endswith(f":{port:04X}") and int(line[4].partition(":")[0], 16) > 0 for line in lines)


def stalled(seconds: int, folder: Path) -> None:
    """What ten of two hundred clients that read nothing do to the others."""
    tools, control, port = build(folder), folder / "control", 9483
    sys.stdout.write(f"200 clients, 160 KB/s each, {seconds} s; load average {os.getloadavg()[0]:.1f}\n")
    for slow in (0, 10):
        with server(
            [sys.executable, "-m", "tests.bench.bench_fanout", "--serve", str(port), str(control)], control
        ) as process:
            options = "-k", str(slow), "-e", str(seconds * 20), "-t", str(seconds + 20)
            with load(tools, port, 200, *options) as clients:
                before = rss_kib(process.pid)
                cut = order(control, f"{seconds * 20} 20 1 7800\n")
                time.sleep(0.5)  # the last message is acknowledged
                grown, behind = (rss_kib(process.pid) - before) / 1024, unsent(port)
                result = clients.result()
        latency = result["latency_us"]
        sys.stdout.write(
            f"{slow:>2} stalled: {result['min_msgs']} to {result['max_msgs']} of {seconds * 20} messages to each other,"
            f" {result['seq_gaps']} gaps; p50 {latency['p50'] / 1e3:.1f} ms, p99 {latency['p99'] / 1e3:.1f} ms,"
            f" max {latency['max'] / 1e3:.1f} ms; cut off {int(cut)}, still unsent {behind}, RSS {grown:+.1f} MiB\n"
        )
        sys.stdout.flush()


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(run_server(int(sys.argv[2]), sys.argv[3]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            if sys.argv[1:2] == ["stalled"]:
                stalled(int(sys.argv[2]) if len(sys.argv) > 2 else 25, Path(folder))
            else:
                bench(int(sys.argv[1]) if len(sys.argv) > 1 else 3, Path(folder))


if __name__ == "__main__":
    main()
