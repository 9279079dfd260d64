"""What reading a recording costs over parsing its lines: `python tests/bench/bench_recording.py [FILE…]`, by hand.

Without a file it makes one of each of two recorders' formats with 100,000 short frames, the worst case.
Prints nanoseconds per line of `orjson.loads` and `json.loads` alone and of reading, and their ratio; best of five.
"""

import json
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

import orjson

from karttime.feeds.frame import Frame
from karttime.recording.format import RecordingHeader
from karttime.recording.reader import open_recording
from karttime.recording.writer import RecordingWriter

FRAMES = 100_000
TEXTS = ("r7c9|ti|26.138\n", "\n", "r12c2|sr|\nr12c7|tn|1:03.655\nr12|*|62302|\n")


def consume(items: Iterable[object]) -> None:
    deque(items, maxlen=0)


def best_ns(work: Callable[[], None], lines: int) -> float:
    took = []
    for _ in range(5):
        begin = time.perf_counter_ns()
        work()
        took.append(time.perf_counter_ns() - begin)
    return min(took) / lines


def report(path: Path) -> None:
    lines = path.read_bytes().splitlines()
    plain = best_ns(lambda: consume(map(orjson.loads, lines)), len(lines))
    standard = best_ns(lambda: consume(map(json.loads, lines)), len(lines))
    read = best_ns(lambda: consume(open_recording(path)), len(lines))
    sys.stdout.write(
        f"{path.name}: {len(lines)} lines; orjson.loads {plain:.0f} ns, json.loads {standard:.0f} ns,"
        f" reading {read:.0f} ns a line: {read / plain:.2f} x orjson, {read / standard:.2f} x json\n"
    )


def make(directory: Path) -> list[Path]:
    own, msg = directory / "own.jsonl", directory / "msg.jsonl"
    with RecordingWriter(own, RecordingHeader(created_at=1_779_004_800_000)) as writer, msg.open("w") as other:
        other.write(json.dumps({"v": 1, "ws_port": 8523, "name": "x", "started_at": "2026-05-17T08:00:00Z"}) + "\n")
        for number in range(FRAMES):
            text = TEXTS[number % 3]
            writer.write(Frame(1_779_004_800_000 + number * 200, text, offset=number * 200))
            other.write(json.dumps({"t": number / 5, "msg": text}) + "\n")
    return [own, msg]


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        for path in [Path(name) for name in sys.argv[1:]] or make(Path(directory)):
            report(path)


if __name__ == "__main__":
    main()
