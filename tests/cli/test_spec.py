"""`karttime analyze --spec` and `--feed`, `karttime spec check`: as a person uses them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.analysis import synthetic


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "karttime", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up feed, as another program recorded it."""
    path = tmp_path_factory.mktemp("spec") / "unknown.jsonl"
    frames = synthetic.make(8).frames
    path.write_text("".join(json.dumps({"t": frame.at, "raw": frame.text}) + "\n" for frame in frames), "utf-8")
    return path


@pytest.fixture(scope="module")
def spec(recording: Path) -> Path:
    """The parser that was generated for it."""
    path = recording.with_name("spec.json")
    assert run("analyze", str(recording), "--spec", str(path)).returncode == 0
    return path


def test_an_unknown_feed_is_explained(recording: Path) -> None:
    """Framing, fields with roles, the check and the classification."""
    done = run("analyze", str(recording))
    assert done.returncode == 0, done.stderr
    for word in ("framing: JSON", "last_lap", "checked on", "lap times"):
        assert word in done.stdout


def test_json_says_what_was_found(recording: Path) -> None:
    """Fields, kinds, frequency and spec, in the published shape."""
    document = json.loads(run("analyze", str(recording), "--json").stdout)
    field = next(field for field in document["fields"] if field["role"] == "last_lap")
    assert {"path", "role", "unit", "confidence", "examples"} <= field.keys()
    assert document["spec"]["karttime_spec"] == 1
    assert document["kinds"]
    assert document["frequency"]


def test_a_saved_spec_decodes_and_checks(recording: Path, spec: Path) -> None:
    """The same laps as without it; the check agrees."""
    with_spec = json.loads(run("analyze", str(recording), "--feed", str(spec), "--json").stdout)
    without = json.loads(run("analyze", str(recording), "--json").stdout)
    assert with_spec["sessions"] == without["sessions"]
    assert with_spec["sessions"][0]["laps"]
    assert run("spec", "check", str(spec), str(recording)).returncode == 0


def test_a_wrong_spec_fails_the_check(recording: Path, spec: Path) -> None:
    """A role that the values contradict is named."""
    data = json.loads(spec.read_text("utf-8"))
    for field in data["tables"][0]["fields"]:
        if field["role"] == "last_lap":
            field["role"] = "laps"
    wrong = spec.with_name("wrong.json")
    wrong.write_text(json.dumps(data), "utf-8")
    done = run("spec", "check", str(wrong), str(recording))
    assert done.returncode == 1
    assert "as laps make no sense" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("spec", "check", "/nowhere.json", "x"), "cannot read"),
        (("analyze", "RECORDING", "--feed", "RECORDING"), "no JSON"),
    ],
)
def test_what_cannot_be_is_one_line(recording: Path, arguments: tuple[str, ...], says: str) -> None:
    """And says what to do."""
    done = run(*(str(recording) if word == "RECORDING" else word for word in arguments))
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_known_format_has_no_spec_to_save(tmp_path: Path) -> None:
    """It says that the format is known."""
    path = tmp_path / "apex.jsonl"
    assert (
        run("simulate", "apex", "--preset", "sprint", "--karts", "3", "--duration", "3m", "-o", str(path)).returncode
        == 0
    )
    done = run("analyze", str(path), "--spec", str(tmp_path / "s.json"))
    assert done.returncode == 2
    assert "speaks apex already" in done.stderr


def test_a_recording_that_the_spec_does_not_explain_fails_the_check(tmp_path: Path, spec: Path) -> None:
    """In the same framing, but of something else: nothing was read, and that is said."""
    other = tmp_path / "other.jsonl"
    lines = [json.dumps({"t": 1000 * number, "raw": json.dumps({"other": number})}) for number in range(20)]
    other.write_text("\n".join(lines) + "\n", "utf-8")
    done = run("spec", "check", str(spec), str(other))
    assert done.returncode == 1
    assert "nothing that the spec explains was received" in done.stdout
