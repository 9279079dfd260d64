"""What the dashboard costs: 60 karts at 20 updates a second, attached to a server, drawn on a terminal of 200 by 60.

    python tests/bench/bench_tui.py [seconds]

A simulated race is served as an upstream, collected by `karttime serve`, and watched by `karttime tui` in a terminal of
its own, whose CPU time and memory are read from /proc. Wanted: less than a quarter of one core, less than a second from
the start to the first kart on the screen.
"""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import urllib.request
from pathlib import Path
from statistics import median

import orjson

KARTS, UPDATES_PER_S, WARM_S, STARTS = 60, 20, 5, 5
SPEED = 18.0  # sixty simulated karts send about one frame a second at the real pace


def karttime(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "karttime", *arguments]
    return subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def on_terminal(*arguments: str, columns: int = 200, rows: int = 60) -> tuple[int, int]:
    """A command on a terminal of its own: process id, and the terminal's other end."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        os.execv(sys.executable, [sys.executable, "-m", "karttime", *arguments])  # noqa: S606 - ourselves
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    return child, terminal


def used(process: int) -> tuple[float, int]:
    """CPU seconds and resident bytes of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    ticks, pages = int(fields[11]) + int(fields[12]), int(fields[21])
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE")


class Screen:
    """Reads what a terminal is sent, so that nobody waits for it; knows when a text first came."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self.bytes = 0
        self.seen_at: float | None = None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        tail = b""
        while True:
            select.select([self._terminal], [], [])
            try:
                data = os.read(self._terminal, 1 << 16)
            except OSError:
                return
            self.bytes += len(data)
            tail = (tail + data)[-200_000:] if self.seen_at is None else b""
            if self.seen_at is None and re.search(rb"\d\d\.\d{3}", tail):
                self.seen_at = time.monotonic()


def frames_of(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as answer:
        return int(sum(it["seq"] for it in orjson.loads(answer.read())["collectors"]))


def started(port: int) -> float:
    """Seconds from the start of the command to the first lap time on its terminal."""
    began = time.monotonic()
    tui, terminal = on_terminal("tui", "--connect", f"127.0.0.1:{port}")
    screen = Screen(terminal)
    while screen.seen_at is None and time.monotonic() - began < WARM_S:
        time.sleep(0.005)
    os.kill(tui, 9)
    os.waitpid(tui, 0)
    return (screen.seen_at or float("inf")) - began


def main(seconds: int) -> None:
    upstream, port = 18_813, 18_814
    with tempfile.TemporaryDirectory() as folder:
        simulated = ("simulate", "apex", "--karts", str(KARTS), "--duration", "60m", "--preset", "sprint")
        processes = [karttime(*simulated, "--port", str(upstream), "--speed", str(SPEED))]
        time.sleep(2)
        serve = ("serve", "--port", str(port), "--circuit", f"Bench=ws://127.0.0.1:{upstream}/")
        processes.append(karttime(*serve, DATABASE_URL=f"sqlite:///{folder}/bench.db"))
        try:
            time.sleep(20)  # into the race: everybody has laps
            starts = [started(port) for _ in range(STARTS)]
            tui, terminal = on_terminal("tui", "--connect", f"127.0.0.1:{port}")
            screen = Screen(terminal)
            time.sleep(WARM_S)
            first = f"{median(starts):.2f} s, median of {STARTS}, {min(starts):.2f} to {max(starts):.2f} s"
            (cpu, _), frames, sent, at = used(tui), frames_of(port), screen.bytes, time.monotonic()
            time.sleep(seconds)
            (cpu_after, resident), passed = used(tui), time.monotonic() - at
            rate = (frames_of(port) - frames) / passed
            print(f"start to first lap time on screen: {first}")  # noqa: T201 - a bench prints
            drawn = (screen.bytes - sent) / passed / 1000
            print(f"{rate:.1f} updates a second, {drawn:.0f} kB a second to the terminal")  # noqa: T201
            print(f"CPU {100 * (cpu_after - cpu) / passed:.1f} % of one core, {resident / 1e6:.0f} MB")  # noqa: T201
            os.kill(tui, 9)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
