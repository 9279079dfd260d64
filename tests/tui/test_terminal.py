"""The command itself on a terminal, as a person drives it: a recording is served, collected, and watched in tmux."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import hostile

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed (Debian: apt-get install tmux)"),
]

SCREENS = {
    "1": "Msg/s",
    "3": "To best",
    "4": "pit-in",
    "5": "What is not understood",
    "6": "Mapped to",
    "7": "No recording is played",
    "2": "Interval",
}
SEQUENCE = re.compile(rb"\x1b(\]22;default\x07|\[[0-?]*[ -/]*[@-~]|[()][A-Z0-9]|[=>78cHM]|[P_^X][^\x1b]*\x1b\\)")


class Terminal:
    """A terminal of tmux: what is typed into it, what it shows, and every byte that was written to it."""

    def __init__(self, folder: Path, socket_path: Path) -> None:
        self._socket = socket_path
        self.written = folder / "written"

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-f", "/dev/null", "-S", str(self._socket), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout

    def open(self, command: str, columns: int, rows: int) -> None:
        """Run a command in it; the shell behind it says how it ended, and how the terminal is then."""
        shell = f"stty -a >before; {command}; echo left with $?; stty -a >after; cat"
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), shell)
        self.tmux("pipe-pane", f"cat >>{self.written}")

    def type(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def shows(self, condition: Callable[[str], bool] | str, seconds: float = 45) -> str:
        """What it shows, once it is as wanted."""
        wanted = condition if callable(condition) else lambda text: condition in text
        end = time.monotonic() + seconds
        while not wanted(text := self.tmux("capture-pane", "-p")):
            assert time.monotonic() < end, f"not {condition!r}:\n{text}"
            time.sleep(0.02)
        return text


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/karttime.db")
    monkeypatch.chdir(tmp_path)
    folder = Path(tempfile.mkdtemp(prefix="karttime"))  # a socket's path is short
    found = Terminal(tmp_path, folder / "tmux")
    yield found
    subprocess.run(["tmux", "-S", str(folder / "tmux"), "kill-server"], check=False, capture_output=True)
    shutil.rmtree(folder)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Runs `karttime` in the background; it ends with the test."""
    with ExitStack() as stack, (tmp_path / "log").open("wb") as log:

        def run(*arguments: object) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", "karttime", *map(str, arguments)]
            process = stack.enter_context(subprocess.Popen(command, stdout=log, stderr=log))
            stack.callback(process.kill)
            return process

        yield run


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def test_a_day_at_the_track(terminal: Terminal, start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    """Every screen; a filter and the cursor over a server that is killed, lost and found; leaving puts all back.

    The names of the feed are hostile: no control character of theirs is written to the terminal.
    """
    port, recording = free_port(), hostile(tmp_path / "evil.jsonl")

    def serve() -> subprocess.Popen[bytes]:
        upstream = free_port()
        start("replay", recording, "--port", upstream, "--from", "22m")
        return start("serve", "--port", port, "--circuit", f"Spa=ws://127.0.0.1:{upstream}/")

    server = serve()
    terminal.open(f"{sys.executable} -m karttime tui --connect 127.0.0.1:{port}", 120, 30)
    terminal.shows(lambda text: "● LIVE  Spa" in text and "[bold red]B[" in text)
    for key, words in SCREENS.items():
        terminal.type(key)
        terminal.shows(words)

    terminal.type("G", "/", "bold", "Enter")
    assert 0 < rows(terminal.shows("filter: bold")) < 10
    os.kill(server.pid, signal.SIGKILL)
    lost = terminal.shows("✖ LOST", seconds=10)
    assert "filter: bold" in lost
    assert rows(lost) == rows(terminal.shows("✖ LOST")) > 0, "what is known stays"
    serve()
    terminal.shows("● LIVE  Spa")
    terminal.tmux("resize-window", "-x", "80", "-y", "24")
    small = terminal.shows(lambda text: "q Quit" in text.splitlines()[23])
    assert "filter: bold" in small
    assert 0 < rows(small) < 10
    terminal.type("3")
    terminal.shows("To best")

    terminal.type("q")
    terminal.shows("Leave the dashboard?")
    terminal.type("n")
    terminal.shows(lambda text: "Leave the dashboard?" not in text)
    terminal.type("q")
    terminal.shows("Leave the dashboard?")
    terminal.type("y")
    terminal.shows("left with 0")
    assert terminal.tmux("display", "-p", "#{alternate_on}#{cursor_flag}#{mouse_any_flag}").strip() == "010"
    for _ in range(500):
        if (after := tmp_path / "after").exists() and after.stat().st_size:
            break
        time.sleep(0.01)
    # The size was changed by us; all else is as it was.
    assert modes(tmp_path / "after") == modes(tmp_path / "before")
    plain = SEQUENCE.sub(b"", terminal.written.read_bytes())
    assert b"[bold red]B" in plain
    assert not re.findall(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", plain), "control characters"
    assert not re.findall("[\x80-\x9f\u202a-\u202e\u2066-\u2069]", plain.decode()), "control characters beyond ASCII"
    assert b"\x1b[31m" not in terminal.written.read_bytes(), "a colour that the dashboard does not use"


def rows(text: str) -> int:
    """How many competitors the tower shows."""
    return len(re.findall(r"^ +\d+ .*\d:\d\d\.\d{3} ", text, re.MULTILINE))


def modes(path: Path) -> str:
    return re.sub(r"(rows|columns) \d+; ?", "", path.read_text())
