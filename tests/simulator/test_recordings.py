"""The recordings in the repository are what the commands in their README make."""

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from karttime.cli.main import app
from karttime.recording.reader import open_recording

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
README = (RECORDINGS / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for line in README.splitlines() if line.startswith("karttime simulate ")]


def test_the_readme_names_every_recording_and_nothing_else() -> None:
    files = {path.name for path in RECORDINGS.iterdir() if ".jsonl" in path.name}
    made = {Path(shlex.split(command)[-1]).name for command in COMMANDS}
    listed = {line.split("|")[1].strip() for line in README.splitlines() if line.startswith("| ") and ".jsonl" in line}
    assert files == made == listed


def test_recordings_are_small() -> None:
    assert all(path.stat().st_size < 200_000 for path in RECORDINGS.iterdir())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: Path(shlex.split(command)[-1]).name)
def test_the_same_command_makes_the_same_frames_and_truth(command: str, tmp_path: Path) -> None:
    *arguments, there = shlex.split(command)[1:]
    kept = RECORDINGS.parent / there
    again = tmp_path / kept.name
    assert CliRunner().invoke(app, [*arguments, str(again)]).exit_code == 0
    recording = open_recording(kept)
    assert list(open_recording(again)) == list(recording)
    assert recording.problems == {}
    stem = kept.name.removesuffix(".gz").removesuffix(".jsonl")
    truth, truth_again = (json.loads((at / f"{stem}.truth.json").read_bytes()) for at in (kept.parent, tmp_path))
    assert truth.pop("command") == command
    truth_again.pop("command")
    assert truth == truth_again
