"""What the whole service costs: `python -m tests.bench.bench_service [PART…] [rounds=N]`, by hand, on Linux.

`karttime serve` as anybody runs it, collecting a circuit from a feed of 20 messages a second, with its journal and an
SQLite database, beside `wsfan`, the C floor (see `bench_fanout`), and beside other servers that are installed: nginx
with nchan, mosquitto, nats-server. Server on one core, clients and the feed on the other, in rounds that take turns.
Everything the service does counts for it: decoding, the journal, the database, pings. Parts:

| part | prints |
|---|---|
| `floor` | CPU for each message to each of 1,000 clients: the service, `wsfan`, the others; ratio round by round |
| `deflate` | the same for clients that ask for compression, over those that do not |
| `many` | 5,000 clients: messages lost, p50 and p99 |
| `idle` | 10,000 connected: memory of each |
"""

import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.bench.bench_fanout import message, order, server
from tests.bench.machine import LOAD_CORE, build, cpu_s, load, rss_kib
from tests.bench.rivals import Publish, Start, installed
from tests.bench.served import LIVE, Serving, serving

HZ, COUNT, CLIENTS = 20, 60, 1000
say: Final = sys.stdout.write


@dataclass(frozen=True)
class Round:
    """One round of one server."""

    us: float
    p50_ms: float
    p99_ms: float
    size: float
    least: int
    kib: float


def measured(
    tools: Path, pid: int, port: int, send: Callable[[], None], clients: int, count: int, *options: str
) -> Round:
    """Connect, send, count."""
    before = rss_kib(pid)
    with load(tools, port, clients, *options, "-e", str(count), "--idle", "4", "-t", "60") as loading:
        time.sleep(0.5)
        kib = (rss_kib(pid) - before) / clients
        cpu = cpu_s(pid)
        send()
        time.sleep(0.2)
        cpu = cpu_s(pid) - cpu
        result = loading.result()
    return _round(result, cpu, kib)


def _round(result: dict[str, Any], cpu: float, kib: float) -> Round:
    latency, messages = result["latency_us"], result["messages"]
    size = result["payload_bytes"] / max(1, messages)
    return Round(cpu / messages * 1e6, latency["p50"] / 1e3, latency["p99"] / 1e3, size, result["min_msgs"], kib)


def paced(publish: Publish, count: int) -> None:
    """What `wsfan` does on its own."""
    start = time.monotonic()
    for seq in range(count):
        time.sleep(max(0.0, start + seq / HZ - time.monotonic()))
        publish(message(seq))


def of_service(tools: Path, it: Serving, clients: int, count: int, *options: str) -> Round:
    """One round of ours."""
    send = partial(it.feed.send, count, HZ)
    return measured(tools, it.process.pid, it.port, send, clients, count, "-P", LIVE, *options)


def of_floor(folder: Path, tools: Path, clients: int, count: int) -> Round:
    """One round of `wsfan`."""
    control = folder / "control"
    with server([str(tools / "wsfan"), "9482", str(control)], control) as process:

        def send() -> None:
            order(control, f"{count} {HZ} 1 0\n")

        return measured(tools, process.pid, 9482, send, clients, count)


def of_rival(folder: Path, tools: Path, start: Start, clients: int, count: int) -> Round:
    """One round of another server."""
    with start(folder, 9490) as rival:
        send = partial(paced, rival.publish, count)
        return measured(tools, rival.pid, rival.port, send, clients, count, *rival.options)


def table(rows: dict[str, list[Round]], to: str) -> None:
    """Medians, and the ratio to one of them, round by round."""
    say(f"{'':<16}{'us':>8}{'ratio':>7}{'(min..max)':>14}{'bytes':>7}{'p50 ms':>8}{'p99 ms':>8}{'KiB/conn':>10}\n")
    for name, rounds in rows.items():
        ratios = [mine.us / least.us for mine, least in zip(rounds, rows[to], strict=True)]
        middle = [statistics.median(getattr(it, key) for it in rounds) for key in ("size", "p50_ms", "p99_ms", "kib")]
        say(
            f"{name:<16}{statistics.median(it.us for it in rounds):>8.2f}{statistics.median(ratios):>7.2f}"
            f"{f'({min(ratios):.2f}..{max(ratios):.2f})':>14}{middle[0]:>7.0f}{middle[1]:>8.1f}{middle[2]:>8.1f}"
            f"{middle[3]:>10.1f}\n"
        )
    lost = {name: COUNT - min(it.least for it in rounds) for name, rounds in rows.items()}
    say("lost: " + ", ".join(f"{name} {count}" for name, count in lost.items()) + "\n")


def floor(folder: Path, rounds: int) -> None:
    """The service, the floor and the others."""
    tools, text = build(folder), build(folder, mark_in_text=True)
    others = installed()
    rows: dict[str, list[Round]] = {name: [] for name in ("karttime serve", "wsfan", *others)}
    for turn in range(rounds):
        with serving(folder / f"serve{turn}") as it:
            rows["karttime serve"].append(of_service(text, it, CLIENTS, COUNT))
        rows["wsfan"].append(of_floor(folder, tools, CLIENTS, COUNT))
        for name, start in others.items():
            rows[name].append(of_rival(folder, tools, start, CLIENTS, COUNT))
    table(rows, "wsfan")


def deflate(folder: Path, rounds: int) -> None:
    """Compressed and plain clients of one service, in turns."""
    text = build(folder, mark_in_text=True)
    rows: dict[str, list[Round]] = {"plain": [], "compressed": []}
    with serving(folder / "serve", WS_COMPRESSION="true") as it:
        for _ in range(rounds):
            rows["plain"].append(of_service(text, it, CLIENTS, COUNT))
            rows["compressed"].append(of_service(text, it, CLIENTS, COUNT, "--deflate"))
    table(rows, "plain")


def many(folder: Path, rounds: int) -> None:
    """5,000 clients."""
    tools, text = build(folder), build(folder, mark_in_text=True)
    rows: dict[str, list[Round]] = {"karttime serve": [], "wsfan": []}
    for turn in range(rounds):
        with serving(folder / f"serve{turn}") as it:
            rows["karttime serve"].append(of_service(text, it, 5000, COUNT, "--src-ips", "4"))
        rows["wsfan"].append(of_floor(folder, tools, 5000, COUNT))
    table(rows, "wsfan")


def idle(folder: Path, _rounds: int) -> None:
    """10,000 connected: what each takes, and that they hear something."""
    text = build(folder, mark_in_text=True)
    with serving(folder / "serve", WS_MAX_CLIENTS="10000") as it:
        of_service(text, it, 100, 5)  # whatever is made once
        found = of_service(text, it, 10_000, 10, "--src-ips", "8")
    say(
        f"10,000 connected: {found.kib:.2f} KiB each; {found.least} of 10 messages to each, p99 {found.p99_ms:.0f} ms\n"
    )


PARTS: Final = {"floor": floor, "deflate": deflate, "many": many, "idle": idle}


def main() -> None:
    words = sys.argv[1:]
    rounds = next((int(word[7:]) for word in words if word.startswith("rounds=")), 3)
    wanted: Iterable[str] = [word for word in words if word in PARTS] or PARTS
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    threading.stack_size(256 * 1024)
    for part in wanted:
        say(f"--- {part}: {HZ} messages/s, {rounds} rounds; load average {os.getloadavg()[0]:.1f}\n")
        sys.stdout.flush()
        with tempfile.TemporaryDirectory() as folder:
            PARTS[part](Path(folder), rounds)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
