"""Names that are attacks, from the feed to a real terminal and to a real browser: they are shown, as text."""

import asyncio
import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path

import orjson
import pytest

from karttime.domain.updates import Named
from tests.api.conftest import kart, opening, serving

EVIL = (
    "\x1b]52;c;ZXZpbA==\x07A",
    "\x1b]0;evil\x07B",
    "\x9b31mC",
    "\x1b[2J\x1b[HD",
    "\u202eevil\u2066E",
    "[bold red]F[/bold red][/]",
    "<img src=x onerror=alert(1)>G",
    "<script>document.title='evil'</script>H",
    "=cmd|' /C calc'!A0",
    "J\r\nK",
    "\x00\x08\x7fL",
)
ENVIRONMENT = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "150", "LINES": "50"}
DATA_CONTROLS = re.compile(r"\x1b\]52|\x1b\]0;evil|\x9b|\x1b\[2J\x1b\[HD|[\u202a-\u202e\u2066-\u2069]|\x00|\x08|\x7f")


def recording(folder: Path) -> Path:
    """A race with one such name in each kart, as a feed sends it."""
    head = "".join(
        f'<td data-id="c{n}" data-type="{kind}">{kind}</td>' for n, kind in enumerate(("no", "dr", "llp"), 1)
    )
    rows = "".join(
        f'<tr data-id="r{n}" data-pos="{n}"><td data-id="r{n}c1">{n}</td><td data-id="r{n}c2">-</td>'
        f'<td data-id="r{n}c3"></td></tr>'
        for n, _ in enumerate(EVIL, 1)
    )
    board = f'init|r|\ntitle2||Race\ngrid||<tbody><tr data-id="r0" class="head">{head}</tr>{rows}</tbody>\n'
    names = "".join(f"r{n}c2|dr|{name}\n" for n, name in enumerate(EVIL, 1))
    laps = [f"r{n}c3|tn|1:0{lap}.{n:03}\n" for lap in range(1, 4) for n, _ in enumerate(EVIL, 1)]
    path = folder / "evil.jsonl"
    lines = [{"t": 1_767_268_800 + n, "raw": text} for n, text in enumerate((board, names, *laps))]
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return path


def on_a_terminal(*command: str, enough: float) -> bytes:
    """What a command writes to a terminal of 150 x 50 until it ends, or so long after the names are there."""
    process, terminal = pty.fork()
    if process == 0:  # the child
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 150, 0, 0))
        os.execve(sys.executable, [sys.executable, "-m", "karttime", *command], ENVIRONMENT)  # noqa: S606 - it is one
    os.set_blocking(terminal, False)
    shown, began, seen = b"", time.monotonic(), time.monotonic()
    try:
        while time.monotonic() - began < 30:
            with suppress(BlockingIOError):
                piece = os.read(terminal, 65536)
                if not piece:
                    break
                shown += piece
                continue
            if b"bold red" in shown and time.monotonic() - seen > enough:
                break
            if b"bold red" not in shown:
                seen = time.monotonic()
            time.sleep(0.02)
    except OSError:  # the other end is closed
        pass
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(terminal)
    return shown


def check(shown: bytes) -> None:
    """Nothing of a name moved the cursor, changed the title or the clipboard; the harmless part of it is there."""
    text = shown.decode(errors="surrogateescape")
    assert not DATA_CONTROLS.search(text.replace("\x1b[?", "")), DATA_CONTROLS.findall(text)
    assert "[bold red]F[/bold red][/]" in text
    assert "Traceback" not in text


def test_a_report_on_a_terminal(tmp_path: Path) -> None:
    """`karttime analyze` with colours, as a person sees it."""
    check(on_a_terminal("analyze", str(recording(tmp_path)), enough=20))


def test_the_dashboard_on_a_terminal(tmp_path: Path) -> None:
    """`karttime tui --replay`: the real bytes of the whole screen."""
    path = recording(tmp_path)
    check(on_a_terminal("tui", "--replay", str(path), "--speed", "1000", enough=1))


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_the_page_in_a_real_browser(tmp_path: Path, long: bool) -> None:
    """Chromium draws the live board: the names are text, no tag came of them, and the title is ours."""
    program = shutil.which("chromium")
    if not long or program is None:
        pytest.skip("starts a browser: pytest --long, with chromium installed")
    async with serving(tmp_path) as venue:
        karts = [str(n) for n, _ in enumerate(EVIL, 1)]
        await venue.publish(*opening(karts))
        at = venue.service.engine.hub("hill").session.last_at  # type: ignore[union-attr]  # it has just begun
        await venue.publish(*(Named(at, kart(name), evil, evil) for name, evil in zip(karts, EVIL, strict=True)))
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", "--dump-dom",
            f"http://{venue.address}/#hill",
        ]  # fmt: skip
        run = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True, timeout=50)
    page = _Words()
    page.feed(run.stdout)
    assert "<img src=x onerror=alert(1)>G" in page.text
    assert "<script>document.title='evil'</script>H" in page.text
    assert "img" not in page.tags
    assert page.tags.count("script") == 1
    assert "<title>karttime" in run.stdout
