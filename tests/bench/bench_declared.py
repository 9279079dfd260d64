"""What a declared feed costs to decode beside Apex and RMonitor: `python tests/bench/bench_declared.py`, by hand.

One simulated meeting is told in every language, and every decoder reads its own frames, in turns, in one run: what
counts are the ratios. `board` is the declared feed that sends the whole board at every change; the others send what
changed, as Apex and RMonitor do. Prints the best of several rounds.
"""

import sys
import time
from collections.abc import Callable, Sequence

from karttime.feeds.base import Decoder
from karttime.feeds.formats import FORMATS
from karttime.feeds.frame import Frame
from karttime.simulator.formats import FORMATS as SIMULATED
from karttime.simulator.scenarios import Options
from tests.conformance import declared_race

ROUNDS = 5
OPTIONS = Options("competition", karts=20, duration_ms=900_000, seed=3, language="en")


def languages() -> dict[str, tuple[Sequence[Frame], Callable[[], Decoder]]]:
    """The frames of every language, and a fresh decoder for them."""
    found: dict[str, tuple[Sequence[Frame], Callable[[], Decoder]]] = {}
    for name in ("apex", "rmonitor"):
        found[name] = (list(SIMULATED[name].make(OPTIONS).frames()), FORMATS[name].decoder)
    for name in declared_race.SPECS:
        frames = declared_race.tell(name, OPTIONS).frames
        found[f"declared {name}"] = (frames, lambda name=name: declared_race.decoder(name))  # type: ignore[misc]
    return found


def seconds(frames: Sequence[Frame], decoder: Decoder) -> float:
    """How long a decoder takes for all frames, one by one, as in live use."""
    feed = decoder.feed
    began = time.perf_counter()
    for frame in frames:
        feed(frame)
    return time.perf_counter() - began


def main() -> None:
    every = languages()
    best = dict.fromkeys(every, float("inf"))
    for _ in range(ROUNDS):
        for name, (frames, decoder) in every.items():
            best[name] = min(best[name], seconds(frames, decoder()))
    sys.stdout.write(f"{'':20} frames     MB  frames/s    MB/s  ms/meeting  of apex\n")
    for name, (frames, _) in every.items():
        size, took = sum(len(frame.text or "") for frame in frames) / 1e6, best[name]
        sys.stdout.write(
            f"{name:20} {len(frames):6} {size:6.2f} {len(frames) / took:9.0f} {size / took:7.1f} {took * 1000:11.1f}"
            f" {took / best['apex']:8.2f}\n"
        )


if __name__ == "__main__":
    main()
