import json
from pathlib import Path

import pytest

from .conftest import Run

LINES = [{"t": 1_779_004_800_000 + at, "raw": f"r7c9|ti|{at}\n"} for at in range(0, 5000, 100)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in [*LINES, {"kind": "note"}]))
    return path


def test_a_recording_is_converted_with_a_summary(run: Run, tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out.jsonl"
    code, shown, error = run("import", source, out, "--circuit", "Hill")
    assert (code, error) == (0, "")
    assert shown.splitlines() == [
        f"{out}: 50 frames, 0 marks, {out.stat().st_size} bytes, from apex-raw",
        "  from 2026-05-17T08:00:00.000Z to 2026-05-17T08:00:04.900Z",
        "  unknown-record: 1",
    ]
    assert json.loads(out.read_text().splitlines()[0])["circuit"] == "Hill"


def test_overlapping_recordings_are_merged_with_a_summary(run: Run, tmp_path: Path, source: Path) -> None:
    late = tmp_path / "late.ndjson"
    late.write_text("".join(json.dumps({**line, "t": int(str(line["t"])) + 7000}) + "\n" for line in LINES))
    shown = run("import", source, late, tmp_path / "out.jsonl.gz")[1]
    assert f"  clock of {late} moved by -7.000 seconds\n  50 frames were in more than one recording\n" in shown


def test_a_recording_without_times_says_so(run: Run, tmp_path: Path) -> None:
    bare = tmp_path / "in.txt"
    bare.write_text("$A,1,2\n$A,2,3\n")
    assert "  0.100 seconds; the recording keeps no times of day\n" in run("import", bare, tmp_path / "out.jsonl")[1]


def test_bad_input_is_one_sentence_and_exit_code_2(run: Run, tmp_path: Path, source: Path) -> None:
    for arguments, sentence in (
        ((tmp_path / "none", tmp_path / "out.jsonl"), "does not exist"),
        ((tmp_path, tmp_path / "out.jsonl"), "is a directory"),
        ((source, source), "never overwritten"),
        ((source, tmp_path / "none" / "out.jsonl"), "create it first"),
    ):
        code, _, error = run("import", *arguments)
        assert code == 2
        assert error.startswith("karttime: ")
        assert sentence in error
        assert len(error.splitlines()) == 1
    assert not (tmp_path / "out.jsonl").exists()
