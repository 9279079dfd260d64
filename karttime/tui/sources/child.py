"""A server of our own: `karttime serve` in a child process, attached to like any other.

A process of its own, so that drawing never delays collecting, and a service with the settings of `serve`, because it is
that service. It ends with us.
"""

import logging
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

from karttime.errors import KarttimeError
from karttime.tui.sources.address import Address

log = logging.getLogger(__name__)

START_S: Final = 20.0
STOP_S: Final = 5.0
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - how to reach it  # nosec B104


class Child:
    """The child process.

    Args:
        arguments: of `karttime serve`.
        log_path: where what it logs goes.
    """

    def __init__(self, arguments: Sequence[str], log_path: Path) -> None:
        self._arguments = tuple(arguments)
        self._log_path = log_path
        self._process: subprocess.Popen[str] | None = None
        self._port: int | None = None
        self._wanted = False

    def start(self) -> Address:
        """Start it, on its port of before if it had one; where it can be reached.

        Raises:
            KarttimeError: it does not start; the text says why.
        """
        port = () if self._port is None else ("--port", str(self._port))
        command = [sys.executable, "-m", "karttime.cli.embedded", "serve", *self._arguments, *port]
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        with self._log_path.open("a", encoding="utf-8") as errors:
            began = errors.tell()
            self._process = process = subprocess.Popen(  # noqa: S603 - ourselves
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8"
            )
        assert process.stdout is not None  # noqa: S101 - piped above
        line = _first_line(process.stdout)
        if not line.startswith("page"):
            self._end()
            raise KarttimeError(f"the service does not start: {self._why(began)}")
        page = urlsplit(line.split()[-1])
        host, self._port = _LOOPBACK.get(page.hostname or "", page.hostname or ""), page.port
        self._wanted = True
        return Address.parse(f"http://{f'[{host}]' if ':' in host else host}:{self._port}")

    def revive(self) -> bool:
        """Start it again if it ended by itself; whether it was. Raises as `start` does."""
        if not self._wanted or (self._process is not None and self._process.poll() is None):
            return False
        log.error("the service ended by itself: it is started again")
        self._end()
        self.start()
        return True

    def stop(self) -> None:
        """End it for good."""
        self._wanted = False
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _why(self, began: int) -> str:
        """The last line that it wrote to the log."""
        with self._log_path.open(encoding="utf-8", errors="replace") as errors:
            errors.seek(began)
            lines = [line.strip() for line in errors if line.strip()]
        return lines[-1].removeprefix("karttime: ") if lines else f"see {self._log_path}"


def _first_line(pipe: IO[str]) -> str:
    """The first line of what it prints; the rest is read and forgotten, so that it never has to wait for us."""
    lines: queue.Queue[str] = queue.Queue(1)

    def read() -> None:
        lines.put(pipe.readline())
        try:
            while pipe.read(4096):
                pass
        except ValueError:  # closed by us
            pass

    threading.Thread(target=read, daemon=True).start()
    try:
        return lines.get(timeout=START_S)
    except queue.Empty:
        return ""
