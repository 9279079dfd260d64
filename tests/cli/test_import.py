import json
import subprocess
import sys
from pathlib import Path

import pytest

LINES = [{"t": 1_779_004_800_000 + at, "raw": f"r7c9|ti|{at}\n"} for at in range(0, 5000, 100)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "karttime", "import", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in [*LINES, {"kind": "note"}]))
    return path


def test_a_recording_is_converted_with_a_summary(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = run(source, out, "--circuit", "Hill")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{out}: 50 frames, 0 marks, {out.stat().st_size} bytes, from apex-raw",
        "  from 2026-05-17T08:00:00.000Z to 2026-05-17T08:00:04.900Z",
        "  unknown-record: 1",
    ]
    assert json.loads(out.read_text().splitlines()[0])["circuit"] == "Hill"


def test_overlapping_recordings_are_merged_with_a_summary(tmp_path: Path, source: Path) -> None:
    late = tmp_path / "late.ndjson"
    late.write_text("".join(json.dumps({**line, "t": int(str(line["t"])) + 7000}) + "\n" for line in LINES))
    done = run(source, late, tmp_path / "out.jsonl.gz")
    assert f"  clock of {late} moved by -7.000 seconds\n  50 frames were in more than one recording\n" in done.stdout


def test_a_recording_without_times_says_so(tmp_path: Path) -> None:
    bare = tmp_path / "in.txt"
    bare.write_text("$A,1,2\n$A,2,3\n")
    assert "  0.100 seconds; the recording keeps no times of day\n" in run(bare, tmp_path / "out.jsonl").stdout


def test_bad_input_is_one_sentence_and_exit_code_2(tmp_path: Path, source: Path) -> None:
    for arguments, sentence in (
        ((tmp_path / "none", tmp_path / "out.jsonl"), "does not exist"),
        ((tmp_path, tmp_path / "out.jsonl"), "is a directory"),
        ((source, source), "never overwritten"),
        ((source, tmp_path / "none" / "out.jsonl"), "create it first"),
    ):
        done = run(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("karttime: ")
        assert sentence in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out.jsonl").exists()
