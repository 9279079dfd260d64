"""What `karttime analyze` costs: `python tests/bench/bench_analyze.py [FRAMES [FORMAT or CAPTURE]]`, by hand.

Makes a recording of so many frames (300,000: a day at 3.5 a second) in a temporary folder, out of simulated races (in
FORMAT: apex, rmonitor, racemonitor) or of the frames of one capture, one after another. Prints the time of `analyze`
over the time of reading the same file with `json.loads` per line, both in their own processes, in turns, median of
five; and the peak memory (VmHWM) of `analyze` for half of the frames and for all of them.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from statistics import median

from karttime.feeds.frame import Frame
from karttime.recording.reader import open_recording
from karttime.simulator.formats import FORMATS
from karttime.simulator.scenarios import Options

FRAMES, ROUNDS = 300_000, 5
BEGIN = 1_779_004_800_000

PLAIN = """
import json, sys, time
begin = time.perf_counter()
with open(sys.argv[1], encoding="utf-8") as file:
    for line in file:
        json.loads(line)
print(time.perf_counter() - begin)
"""

ANALYZE = """
import sys, time
from pathlib import Path
from karttime.analysis.report import analyze
from karttime.recording.merge import read_frames
begin = time.perf_counter()
report = analyze(read_frames([Path(sys.argv[1])]))
took = time.perf_counter() - begin
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
laps = sum(len(row.laps) for session in report.logbook.sessions for row in session.competitors.values())
print(took, peak, len(report.logbook.sessions), laps)
"""


def simulated(name: str) -> Iterator[Frame]:
    """Races of an hour and a half, one after another."""
    for number in count(1):
        options = Options(preset="endurance", karts=30, duration_ms=90 * 60_000, seed=number)
        yield from FORMATS[name].make(options).frames()


def captured(path: Path) -> Iterator[Frame]:
    """A capture, again and again."""
    while True:
        yield from open_recording(path)


def write(path: Path, frames: Iterator[Frame], wanted: int) -> None:
    """A recording in the plainest format, times going on where one source follows another."""
    at, last = BEGIN, None
    with path.open("w", encoding="utf-8") as file:
        for frame in islice(frames, wanted):
            at += min(max(frame.at - last, 0), 60_000) if last is not None else 0
            last = frame.at
            file.write(json.dumps({"t": at, "raw": frame.text or ""}) + "\n")


def measure(program: str, path: Path) -> list[float]:
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else FRAMES
    what = sys.argv[2] if len(sys.argv) > 2 else "apex"
    with tempfile.TemporaryDirectory() as folder:
        sizes = {}
        for share in (2, 1):
            path = Path(folder) / f"{wanted // share}.jsonl"
            frames = simulated(what) if what in FORMATS else captured(Path(what))
            write(path, frames, wanted // share)
            sizes[share] = path
        whole = sizes[1]
        sys.stdout.write(f"{wanted} frames, {whole.stat().st_size / 1e6:.0f} MB\n")
        turns = [(measure(PLAIN, whole), measure(ANALYZE, whole)) for _ in range(ROUNDS)]
        plain = median(one[0] for one, _ in turns)
        took = median(other[0] for _, other in turns)
        ratio = median(other[0] / one[0] for one, other in turns)
        _, peak, sessions, laps = turns[0][1]
        _, half, _, half_laps = measure(ANALYZE, sizes[2])
        sys.stdout.write(
            f"json.loads {plain:.2f} s, analyze {took:.2f} s: {ratio:.2f} times\n"
            f"{sessions:.0f} sessions, {laps:.0f} laps\n"
            f"peak memory {half / 1024:.0f} MB for {wanted // 2} frames with {half_laps:.0f} laps,"
            f" {peak / 1024:.0f} MB for {wanted} with {laps:.0f}\n"
        )


if __name__ == "__main__":
    main()
