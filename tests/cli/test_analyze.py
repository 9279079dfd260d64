"""`karttime analyze` as a person meets it: tables, JSON, CSV, and what happens with bad input."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from karttime.recording.format import RecordingHeader
from karttime.recording.writer import RecordingWriter
from karttime.simulator.scenarios import START_AT, Options, simulator

from .conftest import Run

ESC = "\x1b"
EVIL_NAMES = (
    f"{ESC}[2J{ESC}]0;owned\x07RED",
    "[bold red]MARKUP[/]",
    "=HYPERLINK(1)",
    "\x9b31mC1",
    "\u202egnorw",
    "TAB\tNUL\x00",
)


@pytest.fixture(scope="module")
def meeting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of three short rental heats."""
    path = tmp_path_factory.mktemp("meeting") / "heats.jsonl"
    made = simulator(Options(preset="rental", karts=4, duration_ms=190_000, seed=2))
    with RecordingWriter(path, RecordingHeader(created_at=START_AT)) as writer:
        for frame in made.frames():
            writer.write(frame)
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording whose every text tries something."""
    names = "".join(
        f'<tr data-id="r{row}" data-pos="{row}"><td class="no"><div data-id="r{row}c1" class="">{row}</div></td>'
        f'<td data-id="r{row}c2" class="dr">{name}</td><td data-id="r{row}c3" class=""></td></tr>'
        for row, name in enumerate(EVIL_NAMES, 1)
    )
    head = '<td data-id="c1" data-type="no"></td><td data-id="c2" data-type="dr"></td><td data-id="c3" data-type="llp">'
    evil = EVIL_NAMES[0]
    texts = [
        f"init|r|\ntitle1||{evil}\ntitle2||{EVIL_NAMES[1]}\ntrack||{evil}\ncom||<p><b>{evil}</b>{evil}</p>\n"
        f'grid||<tbody><tr data-id="r0" class="head">{head}</td></tr>{names}</tbody>\n',
        "light|lg|\n" + "".join(f"r{row}|*||\n" for row in range(1, 7)),
        "\n",
        "\n",
        "".join(f"r{row}c3|tn|1:00.000\nr{row}|*|60000|\n" for row in range(1, 7)) + f"{evil}\n{evil}|a|b\n",
    ]
    path = tmp_path_factory.mktemp("hostile") / "evil.jsonl"
    records = [{"t": 1_779_004_800_000 + number * 20_000, "raw": text} for number, text in enumerate(texts)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def as_json(run: Run, *arguments: object) -> dict[str, Any]:
    code, out, err = run("analyze", "--json", *arguments)
    assert (code, err) == (0, "")
    document: dict[str, Any] = json.loads(out)
    return document


# -- good input ---------------------------------------------------------------------------------------------------


def test_tables(run: Run, meeting: Path) -> None:
    """Format with reasons, every session, its classification and laps; nothing on standard error."""
    code, out, err = run("analyze", meeting)
    assert (code, err) == (0, "")
    assert "format apex (100%)" in out
    assert "refused: nothing" in out
    for heat in ("Corsa 1", "Corsa 2", "Corsa 3"):
        assert heat in out
    assert "pos" in out
    assert "lap times" in out


def test_json(run: Run, meeting: Path) -> None:
    """One document; times in ms, moments in ISO 8601 UTC."""
    document = as_json(run, meeting)
    assert document["format"]["name"] == "apex"
    assert document["recording"]["frames"] > 50
    assert document["recording"]["first_at"] == "2026-05-30T09:00:00.000Z"
    assert [session["title"] for session in document["sessions"]] == ["Corsa 1", "Corsa 2", "Corsa 3"]
    assert all(isinstance(lap["time_ms"], int) for session in document["sessions"] for lap in session["laps"])


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [("1", ["Corsa 1"]), ("-1", ["Corsa 3"]), ("corsa 2", ["Corsa 2"]), ("CORSA", ["Corsa 1", "Corsa 2", "Corsa 3"])],
)
def test_one_session(run: Run, meeting: Path, wanted: str, titles: list[str]) -> None:
    """By number from 1, from the end, or part of the title."""
    document = as_json(run, meeting, f"--session={wanted}")
    assert [session["title"] for session in document["sessions"]] == titles


def test_a_session_by_its_id(run: Run, meeting: Path) -> None:
    """The id that the document gives."""
    wanted = as_json(run, meeting)["sessions"][1]["id"]
    assert [session["id"] for session in as_json(run, meeting, "--session", wanted)["sessions"]] == [wanted]


def test_one_kart(run: Run, meeting: Path) -> None:
    """By number: only its place and its laps, in every session."""
    first = as_json(run, meeting)["sessions"][0]["classification"][0]
    session = as_json(run, meeting, "--kart", first["number"], "--session", "1")["sessions"][0]
    assert {row["competitor_id"] for row in session["classification"]} == {first["competitor_id"]}
    assert {lap["competitor_id"] for lap in session["laps"]} == {first["competitor_id"]}


def test_csv(run: Run, meeting: Path, tmp_path: Path) -> None:
    """Two files with a header each, as many laps as the document has; a second run replaces them."""
    laps = sum(len(session["laps"]) for session in as_json(run, meeting)["sessions"])
    for _ in range(2):
        assert run("analyze", meeting, "--csv", tmp_path / "out")[0] == 0
        with (tmp_path / "out" / "laps.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == laps
        assert all(int(row["time_ms"]) > 0 for row in rows)
    with (tmp_path / "out" / "classification.csv").open(newline="", encoding="utf-8") as file:
        assert {row["position"] for row in csv.DictReader(file)} >= {"1", "2"}


def test_frames_of_no_known_format(run: Run, tmp_path: Path) -> None:
    """Said as such: nothing is decoded, the exit code is 0 because the question was answered."""
    path = tmp_path / "other.jsonl"
    path.write_text("".join(json.dumps({"t": 1_779_004_800_000 + n, "raw": "hello\n"}) + "\n" for n in range(9)))
    document = as_json(run, path)
    assert document["format"]["name"] == "unknown"
    assert document["sessions"] == []
    assert document["doubts"]


def test_a_torn_last_line_is_said_and_costs_nothing(run: Run, meeting: Path, tmp_path: Path) -> None:
    """A recorder that was killed."""
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(meeting.read_bytes() + b'{"at": 17')
    document = as_json(run, torn)
    assert len(document["sessions"]) == 3
    assert any("recording:" in doubt for doubt in document["doubts"])


# -- hostile texts ------------------------------------------------------------------------------------------------


def test_no_control_bytes_reach_the_terminal(run: Run, hostile: Path) -> None:
    """Escapes, bells, C1 controls and bidirectional overrides of a feed stay out; markup is plain text."""
    code, out, err = run("analyze", hostile)
    assert code == 0
    bad = [one for one in out + err if (one < " " and one != "\n") or "\x7f" <= one <= "\x9f" or one == "\u202e"]
    assert bad == []
    assert "[bold red]MARKUP[/]" in out


def test_no_control_bytes_in_the_document(run: Run, hostile: Path) -> None:
    """Neither raw nor as what JSON escapes."""
    code, out, _ = run("analyze", "--json", hostile)
    assert code == 0

    def texts(value: object) -> list[str]:
        if isinstance(value, dict):
            return [text for one in value.items() for part in one for text in texts(part)]
        if isinstance(value, list):
            return [text for one in value for text in texts(one)]
        return [value] if isinstance(value, str) else []

    found = texts(json.loads(out))
    assert not [text for text in found for one in text if one < " " or "\x7f" <= one <= "\x9f" or one == "\u202e"]
    assert "[bold red]MARKUP[/]" in found


def test_csv_holds_no_formulas(run: Run, hostile: Path, tmp_path: Path) -> None:
    """A cell that begins like a formula is quoted for spreadsheets."""
    assert run("analyze", hostile, "--csv", tmp_path)[0] == 0
    for name in ("laps.csv", "classification.csv"):
        with (tmp_path / name).open(newline="", encoding="utf-8") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert "'=HYPERLINK(1)" in cells
        assert not [cell for cell in cells if cell[:1] in "=+@\t\r" and cell]
        assert not [cell for cell in cells if cell[:1] == "-" and not cell[1:].replace(".", "").isdigit()]


# -- bad input ----------------------------------------------------------------------------------------------------


def make_bad(folder: Path, name: str) -> Path:
    path = folder / name
    content = {
        "empty.jsonl": b"",
        "blank.jsonl": b"\n\n\n",
        "binary.bin": bytes(range(256)) * 40,
        "image.png": b"\x89PNG\r\n\x1a\n" + bytes(500),
        "broken.jsonl.gz": b"\x1f\x8b\x08\x00garbage",
        "broken.jsonl.zst": b"\x28\xb5\x2f\xfdgarbage",
    }
    if name in content:
        path.write_bytes(content[name])
    elif name == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize("command", ["analyze", "explain"])
@pytest.mark.parametrize(
    "name",
    [
        "missing.jsonl",
        "folder",
        "empty.jsonl",
        "blank.jsonl",
        "binary.bin",
        "image.png",
        "broken.jsonl.gz",
        "broken.jsonl.zst",
    ],
)
def test_what_is_no_recording(run: Run, tmp_path: Path, command: str, name: str) -> None:
    """One sentence that names the file, exit code 2, nothing on standard output."""
    path = make_bad(tmp_path, name)
    more = ("--kart", "1", "--lap", "1") if command == "explain" else ()
    code, out, err = run(command, path, *more)
    assert (code, out) == (2, "")
    assert err.startswith("karttime: ")
    assert len(err.splitlines()) == 1
    assert name in err
    assert "Traceback" not in err


def test_a_truncated_archive_is_read_as_far_as_it_goes(run: Run, meeting: Path, tmp_path: Path) -> None:
    """Half of a .gz: what was read counts and the damage is said; never a traceback."""
    import gzip

    whole = gzip.compress(meeting.read_bytes())
    path = tmp_path / "half.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    code, out, err = run("analyze", path)
    assert code in (0, 2)
    assert "Traceback" not in err
    assert out or len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--session", "99"), "no session"),
        (("--session", "0"), "no session"),
        (("--session", "Sprint"), "no session"),
        (("--session", ""), ""),
    ],
)
def test_unknown_sessions(run: Run, meeting: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """The sentence lists what there is."""
    code, out, err = run("analyze", meeting, *arguments)
    if arguments[1] == "":
        assert code in (0, 2)  # an empty word is part of every title
        return
    assert (code, out) == (2, "")
    assert sentence in err
    assert "'Corsa 1'" in err
    assert len(err.splitlines()) == 1


def test_an_unknown_kart(run: Run, meeting: Path) -> None:
    """Said in one sentence, as by `explain`."""
    code, out, err = run("analyze", meeting, "--kart", "4711")
    assert (code, out) == (2, "")
    assert "4711" in err


def test_a_folder_for_csv_that_cannot_be_written(run: Run, meeting: Path, tmp_path: Path) -> None:
    """The name of a file."""
    (tmp_path / "taken").write_text("x")
    code, _, err = run("analyze", meeting, "--csv", tmp_path / "taken")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "taken" in err


@pytest.mark.parametrize("at", [10**17, -(10**17), 1e300, "soon"])
def test_impossible_times_in_a_recording(run: Run, tmp_path: Path, at: object) -> None:
    """A recorder with a broken clock: an answer or one sentence, no traceback."""
    grid = 'init|r|\ngrid||<tbody><tr data-id="r0" class="head"><td data-id="c1" data-type="llp"></td></tr></tbody>\n'
    path = tmp_path / "odd.jsonl"
    records = [{"t": 1_779_004_800_000, "raw": "\n"}, {"t": at, "raw": grid}, {"t": at, "raw": "light|lg|\n"}]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    for more in ((), ("--json",)):
        code, _, err = run("analyze", path, *more)
        assert code in (0, 2)
        assert len(err.splitlines()) <= 1


def test_as_a_command(meeting: Path) -> None:
    """The installed way: exit code, clean standard error, a closed pipe is no error."""
    command = [sys.executable, "-m", "karttime", "analyze", str(meeting)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    read, write = os.pipe()
    os.close(read)
    closed = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert b"Traceback" not in closed.stderr
