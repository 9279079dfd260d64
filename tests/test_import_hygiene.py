"""What a command does not need is not loaded: seen in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FRONT_ENDS = ("fastapi", "starlette", "uvicorn", "textual", "firebase_admin", "sqlalchemy")
HEAVY = (*FRONT_ENDS, "pydantic", "rich", "websockets", "orjson", "zstandard", "asyncio")

_SPY = """
import json, sys
sys.argv = json.loads(sys.argv[1])
from karttime.cli.main import main
code = 0
try:
    main()
except SystemExit as end:
    code = end.code or 0
sys.stderr.write("\\nSPY " + json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def run(*arguments: str) -> tuple[int, set[str]]:
    """Exit code, and the libraries that were loaded."""
    command = [sys.executable, "-c", _SPY, json.dumps(["karttime", *arguments])]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    code, modules = json.loads(result.stderr.rpartition("SPY ")[2])
    return code, set(modules)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of a few messages."""
    path = tmp_path_factory.mktemp("hygiene") / "race.jsonl"
    code, _ = run("simulate", "apex", "--preset", "sprint", "--karts", "3", "--duration", "3m", "-o", str(path))
    assert code == 0
    return path


@pytest.mark.parametrize("command", ["record", "replay", "analyze"])
def test_help_of_a_tool_loads_no_front_end(command: str) -> None:
    """Neither the dashboard nor the service."""
    code, modules = run(command, "--help")
    assert code == 0
    assert not modules & set(FRONT_ENDS)


def test_analyze_and_replay_load_no_front_end(recording: Path) -> None:
    """Nor when they really run."""
    replay = ("replay", str(recording), "--speed", "max", "--port", "0", "--no-wait", "--exit")
    for arguments in (("analyze", str(recording)), replay):
        code, modules = run(*arguments)
        assert code == 0, arguments
        assert not modules & set(FRONT_ENDS), arguments


def test_record_loads_no_front_end(tmp_path: Path) -> None:
    """Even when it only finds that nobody answers."""
    path = str(tmp_path / "out.jsonl")
    _, modules = run("record", "ws://127.0.0.1:9/", "-o", path, "--max-attempts", "1")
    assert "websockets" in modules, "it really ran"
    assert not modules & set(FRONT_ENDS)


def test_circuits_of_the_database_load_nothing_of_googles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where Firestore is configured."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/a.db")
    monkeypatch.setenv("CIRCUITS_SOURCE", "database")
    code, modules = run("circuits", "list")
    assert code == 0
    assert "sqlalchemy" in modules, "it really ran"
    assert not modules & {"google", "grpc", "firebase_admin"}


def test_help_loads_no_heavy_library() -> None:
    """`karttime --help` answers at once."""
    code, modules = run("--help")
    assert code == 0
    assert not modules & set(HEAVY)
