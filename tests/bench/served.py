"""`karttime serve` with a feed of the bench's own: a small Apex server whose every message is one message of ours."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from karttime.settings import Settings
from tests.bench.machine import SERVER_CORE, on_core

KARTS: Final = 20
HZ: Final = 20  # messages a second
_TYPES: Final = ("rk", "no", "dr", "llp", "blp", "gap", "int", "tlp")
CIRCUIT: Final = "bench"
LIVE: Final = f"/circuits/{CIRCUIT}/live?format=karttime.v1"


def grid() -> str:
    """The whole board."""
    head = "".join(f'<td data-id="c{n}" data-type="{kind}" data-pr="1">{kind}</td>' for n, kind in enumerate(_TYPES, 1))
    rows = "".join(
        f'<tr data-id="r{row}" data-pos="{row}">'
        + "".join(
            f'<td data-id="r{row}c{n}" class="{kind}">{value}</td>'
            for n, (kind, value) in enumerate(zip(_TYPES, (row, row, f"Team {row}", "", "", "", "", 0), strict=True), 1)
        )
        + "</tr>"
        for row in range(1, KARTS + 1)
    )
    return f'init|p|\ntitle2||Race\ngrid||<tbody><tr data-id="r0" class="head" data-pos="0">{head}</tr>{rows}</tbody>\n'


def cells(seq: int) -> str:
    """A message of some rows, with the time of sending in a name: gaps, and now and then a lap; 400 bytes of ours."""
    lines = [f"r1c3|dr|t_ns {time.monotonic_ns()}"]
    for step in range(9):
        row, ms = 2 + (seq + step * 2) % (KARTS - 1), (seq * 37 + step * 11) % 1000
        lines.append(f"r{row}c6|ib|{step + 1}.{ms:03}\nr{row}c7|ib|0.{ms:03}")
    if seq % 10 == 0:
        row = 2 + seq // 10 % (KARTS - 1)
        lines.append(f"r{row}c4|tn|1:02.{seq % 1000:03}\nr{row}c8|in|{seq // 10 // (KARTS - 1) + 1}")
    return "\n".join(lines) + "\n"


class Feed:
    """The timing system."""

    def __init__(self) -> None:
        self._clients: list[ServerConnection] = []
        self._server = serve(self._talk, "127.0.0.1", 0, compression=None)
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.seq = 0

    def _talk(self, connection: ServerConnection) -> None:
        connection.send(grid())
        self._clients.append(connection)
        with suppress(ConnectionClosed):
            for _ in connection:
                pass
        self._clients.remove(connection)

    def send(self, count: int, hz: float) -> None:
        """So many messages; waits until they are sent."""
        start = time.monotonic()
        for tick in range(count):
            time.sleep(max(0.0, start + tick / hz - time.monotonic()))
            self.seq += 1
            for client in tuple(self._clients):
                with suppress(ConnectionClosed):
                    client.send(cells(self.seq))

    def close(self) -> None:
        """No more."""
        self._server.shutdown()


@dataclass
class Serving:
    """The service as it runs."""

    process: "subprocess.Popen[str]"
    port: int
    feed: Feed
    log: Path


def environment(**values: str) -> dict[str, str]:
    """Ours, with nothing set that the service reads but what is given."""
    fixed = tuple(name.upper() for name in Settings.model_fields)
    return {name: value for name, value in os.environ.items() if name not in fixed} | values


@contextmanager
def serving(folder: Path, *, core: str = SERVER_CORE, **values: str) -> Iterator[Serving]:
    """`karttime serve` in a folder, with its feed live; settings as for thousands of clients from one address."""
    folder.mkdir(parents=True, exist_ok=True)
    feed = Feed()
    given = {
        "DATABASE_URL": f"sqlite:///{folder / 'bench.db'}",
        "WS_MAX_CLIENTS": "12000",
        "WS_MAX_CLIENTS_PER_ADDRESS": "0",
        "LOG_LEVEL": "WARNING",
    }
    arguments = "-m", "karttime", "serve", "--port", "0", "--allow-private", "--circuit", f"{CIRCUIT}={feed.url}"
    log = folder / "log.txt"
    with log.open("w") as to, subprocess.Popen(
        on_core(core, [sys.executable, *arguments]), cwd=folder, env=environment(**given | values),
        stdout=subprocess.PIPE, stderr=to, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            found = re.search(r"http://\S+?:(\d+)/", process.stdout.readline())
            if found is None:
                raise RuntimeError(log.read_text())
            port = int(found[1])
            _wait(port)
            yield Serving(process, port, feed, log)
        finally:
            process.terminate()
            process.wait(20)
            feed.close()


def _wait(port: int) -> None:
    """Until the board is there."""
    for _ in range(100):
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/health/ready") as answer:
            if any(it["data_age_ms"] is not None for it in json.loads(answer.read())["circuits"]):
                return
        time.sleep(0.1)
    raise RuntimeError("no data came")
