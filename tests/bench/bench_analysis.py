"""What live clients notice of an analysis: latency of a circuit's publications, before and during one of 10 MB.

`python -m tests.bench.bench_analysis [MEGABYTES]`. A circuit publishes 50 times a second; the time between the frame
and the subscriber's turn is measured in the process that also packs and starts the analysis, as in the service.
"""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from statistics import median, quantiles
from typing import Final

from karttime.circuits.circuit import Circuit
from karttime.circuits.local import LocalCircuits
from karttime.engine.engine import Engine
from karttime.engine.hub import Publication
from karttime.engine.source import Connected, Connecting, SourceItem
from karttime.feeds.frame import Frame
from tests.analysis import synthetic

PERIOD_S: Final = 0.02
ALONE_S: Final = 6.0


class Beats:
    """A feed whose lines tell when they were sent."""

    async def __aiter__(self) -> AsyncGenerator[SourceItem, None]:
        yield Connecting(1)
        yield Connected()
        yield Frame(time.time_ns() // 1_000_000, BOARD)
        number = 0
        while True:
            await asyncio.sleep(PERIOD_S)
            number += 1
            sent = time.perf_counter_ns()
            yield Frame(time.time_ns() // 1_000_000, f"r1c4|tn|1:{number % 60:02}.{number % 1000:03}\n", offset=sent)


BOARD: Final = (
    'init|p|\ngrid||<tbody><tr data-id="r0" class="head" data-pos="0">'
    '<td data-id="c1" data-type="rk" data-pr="1">Clt</td>'
    '<td data-id="c2" data-type="no" data-pr="1">Kart</td><td data-id="c3" data-type="dr" data-pr="1">Pilote</td>'
    '<td data-id="c4" data-type="llp" data-pr="1">Dernier T.</td></tr><tr data-id="r1" data-pos="1"><td data-id="r1c1" '
    'class="rk"><div><p data-id="r1c1" class="">1</p></div></td><td data-id="r1c2" class="no">7</td>'
    '<td data-id="r1c3" class="dr">A</td><td data-id="r1c4" class="tn">1:01.000</td></tr></tbody>\n'
)


def sample(megabytes: float) -> list[Frame]:
    """An unknown feed of this size: one race after the other."""
    frames: list[Frame] = []
    size, seed = 0, 8
    while size < megabytes * 1e6:
        for frame in synthetic.make(8).frames:
            frames.append(frame._replace(at=frame.at + (seed - 8) * 3_600_000))
            size += len(frame.text or "")
        seed += 1
    return frames


async def main(megabytes: float) -> None:
    """Measure, and print a table."""
    frames = sample(megabytes)
    waits: dict[str, list[float]] = {"alone": [], "during": []}
    phase = "alone"
    async with Engine(
        LocalCircuits([Circuit("hill", "Hill", "ws://hill.example/")]), source_factory=lambda _: Beats()
    ) as engine:
        await engine.start("hill")

        async def listen() -> None:
            async with engine.hub("hill").subscribe() as items:
                async for item in items:
                    if isinstance(item, Publication) and item.frame.offset is not None:
                        waits[phase].append((time.perf_counter_ns() - item.frame.offset) / 1e6)

        listening = engine.aside("listener", listen, lambda _error, _wait: None)
        await asyncio.sleep(ALONE_S)
        phase = "during"
        began = time.perf_counter()
        found = await engine.analyst.analyse(frames)
        took = time.perf_counter() - began
        listening.task.cancel()
    size = sum(len(frame.text or "") for frame in frames) / 1e6
    print(f"{size:.1f} MB in {len(frames)} frames, analysed in {took:.1f} s: {found['verdict']['kind']}")  # noqa: T201
    for name, found_waits in waits.items():
        p99 = quantiles(found_waits, n=100)[-1]
        figures = f"p50 {median(found_waits):.2f} ms, p99 {p99:.2f} ms, max {max(found_waits):.2f} ms"
        print(f"{name:7} {len(found_waits)} publications: {figures}")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10))
