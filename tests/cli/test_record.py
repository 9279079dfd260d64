"""`karttime record` as a person runs it."""

import os
import re
import signal
import socketserver
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from karttime.cli.main import main
from karttime.cli.recording_progress import line, summary
from karttime.engine.recorder import RecordingProgress
from karttime.recording.reader import open_recording

Run = Callable[..., int]


@pytest.fixture
def feed() -> Iterator[str]:
    """The address of a feed that sends a message every 10 ms."""

    def talk(connection: ServerConnection) -> None:
        try:
            while True:
                connection.send("r1c5|ti|61.000\n")
                time.sleep(0.01)
        except ConnectionClosed:
            pass

    with serve(talk, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """The exit code of `karttime record` with these arguments."""

    def record(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["karttime", "record", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return record


def test_it_records_for_the_duration_and_says_what_it_has(
    feed: str, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hill.jsonl.gz"
    assert run(feed, "-o", path, "--duration", "400ms", "--circuit", "Hill Kart") == 0
    recording = open_recording(path)
    frames = list(recording)
    assert {frame.text for frame in frames} == {"r1c5|ti|61.000\n"}
    assert (recording.header.circuit, recording.header.source) == ("Hill Kart", feed)
    out, err = capsys.readouterr()
    assert re.fullmatch(rf"{len(frames)} messages in 0:00:0\d, [\d.]+ k?B on disk, 0 reconnects\n  {path}\n", out)
    assert err.count("\n") == 1, "not a terminal: a line now, then one every ten seconds"


def test_rmonitor_over_tcp_is_recorded_byte_for_byte(run: Run, tmp_path: Path) -> None:
    """Text where it is UTF-8, bytes where it is not; the header names the feed."""
    lines = (b'$F,9999,"00:00:00","09:11:08","00:11:08","Green "\r\n', b'$B,5,"500m\xa0Lauf"\r\n')

    class Talk(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            for one in lines:
                self.request.sendall(one)
                time.sleep(0.05)
            time.sleep(1)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        path, url = tmp_path / "a.jsonl", f"rmonitor://127.0.0.1:{server.server_address[1]}"
        assert run(url, "-o", path, "--duration", "400ms") == 0
        server.shutdown()
    recording = open_recording(path)
    assert [(frame.text, frame.data) for frame in recording] == [(lines[0].decode(), None), (None, lines[1])]
    assert (recording.header.source, recording.header.feed) == (url, "rmonitor")


def test_a_token_in_the_address_is_not_in_the_recording(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    assert run("ws://127.0.0.1:1/instance/209/secret-token-1", "-o", path, "--max-attempts", "1") == 1
    assert "secret" not in path.read_text()
    assert '"source":"ws://127.0.0.1:1/instance/209/***"' in path.read_text()


def test_a_race_is_looked_up_where_the_option_says(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("racemonitor:37872", "-o", tmp_path / "a.jsonl", "--max-attempts", "1")
    assert run(*arguments, "--race-monitor-url", "http://127.0.0.1:1") == 1
    assert "gave up after 1 attempts: race 37872 cannot be looked up: " in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_it_cleanly(feed: str, tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "hill.jsonl"
    command = [sys.executable, "-m", "karttime", "record", feed, "-o", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 10
        while (not path.exists() or path.stat().st_size < 1000) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=5)
    assert process.returncode == 0, err
    assert "messages in" in out
    assert "Traceback" not in err
    assert len(list(open_recording(path))) >= 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["http://x", "-o", "new.jsonl"], "does not begin with ws:// or wss://"),
        (["ws://u:p@h", "-o", "new.jsonl"], "user name or password"),
        (["racemonitor:x", "-o", "new.jsonl"], "names no race"),
        (["racemonitor:1", "-o", "new.jsonl", "--race-monitor-url", "h"], "not the address of a Race Monitor service"),
        (["ws://h", "-o", "old.jsonl"], "exists and is never overwritten"),
        (["ws://h", "-o", "nowhere/new.jsonl"], "does not exist: create it first"),
        (["ws://h", "-o", "new.jsonl", "--duration", "soon"], "not a duration"),
        (["ws://h", "-o", "new.jsonl", "--duration", "0"], "longer duration"),
        (["ws://h", "-o", "new.jsonl", "--rotate-size", "big"], "not a size"),
        (["ws://h", "-o", "new.jsonl", "--rotate-every", "0s"], "above zero"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(
    arguments: list[str],
    words: str,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.jsonl").write_text("precious")
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1
    assert os.listdir() == ["old.jsonl"], "nothing is left behind"


@pytest.mark.parametrize("arguments", [[], ["ws://h"], ["ws://h", "-o", "x", "--max-attempts", "-1"]])
def test_missing_or_impossible_arguments_are_exit_2(arguments: list[str], run: Run) -> None:
    assert run(*arguments) == 2


def test_giving_up_is_exit_1_with_the_reason(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hill.jsonl"
    assert run("ws://127.0.0.1:1", "-o", path, "--max-attempts", "1") == 1
    out, err = capsys.readouterr()
    assert "0 messages" in out
    assert "gave up after 1 attempts: the server refuses connections at this port" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_exit_1_and_says_so(
    feed: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the fifth write on, the operating system says that the disk is full."""
    real_write, writes = os.write, 0

    def write(fd: int, data: bytes) -> int:
        nonlocal writes
        if not data.startswith(b'{"at"'):
            return real_write(fd, data)
        writes += 1
        if writes > 4:
            with open("/dev/full", "wb", buffering=0) as full:
                return full.write(data) or 0
        return real_write(fd, data)

    monkeypatch.setattr(os, "write", write)
    path = tmp_path / "hill.jsonl"
    assert run(feed, "-o", path) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert len(list(open_recording(path))) >= 3


def test_recording_loads_neither_web_framework_nor_database(tmp_path: Path) -> None:
    """Nor the API, the simulator or the decoders: a laptop at the track starts quickly."""
    code = (
        "import sys, karttime.cli.main as m\n"
        "sys.argv = ['karttime', 'record', 'ws://127.0.0.1:1', '-o', sys.argv[1], '--max-attempts', '1']\n"
        "try: m.main()\n"
        "except SystemExit: pass\n"
        "print([n for n in ('fastapi', 'starlette', 'uvicorn', 'sqlalchemy', 'textual', 'firebase_admin',"
        " 'karttime.api', 'karttime.storage', 'karttime.simulator', 'karttime.feeds.apex',"
        " 'karttime.settings') if n in sys.modules])\n"
        "print('websockets' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x.jsonl")], capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout.splitlines()[-2:] == ["[]", "True"]
    assert "gave up" in done.stderr, "it ran to the end"


def test_a_progress_line_has_what_an_operator_wants_to_know() -> None:
    progress = RecordingProgress(
        3_723_000, 1234, 4.96, 1500, 5_250_000, (Path("a.jsonl"), Path("b.jsonl")), 2, "receiving"
    )
    assert line(progress) == "1:02:03  1234 messages  5.0/s  last 1.5 s ago  5.2 MB  2 reconnects  receiving"
    assert summary(progress) == "1234 messages in 1:02:03, 5.2 MB on disk, 2 reconnects\n  a.jsonl\n  b.jsonl"
    nothing = RecordingProgress(0, 0, 0.0, None, 158, (Path("a.jsonl"),), 0, "connecting")
    assert line(nothing) == "0:00:00  0 messages  0.0/s  no data yet  158 B  0 reconnects  connecting"
