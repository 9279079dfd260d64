"""`karttime explain`: the frames and the decision behind one lap."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from karttime.cli.main import main

BEGIN = 1_779_004_800_000
HEAD = (
    '<td data-id="c1" data-type="no"></td><td data-id="c2" data-type="dr">Equipe</td>'
    '<td data-id="c3" data-type="llp"></td>'
)
ROW = (
    '<tr data-id="r71" data-pos="1"><td class="no"><div data-id="r71c1" class="">7</div></td>'
    '<td data-id="r71c2" class="dr">LES \x1b[31mBIELLES</td><td data-id="r71c3" class=""></td></tr>'
)
GRID = f'grid||<tbody><tr data-id="r0" class="head">{HEAD}</tr>{ROW}</tbody>'
FRAMES = (
    (0, f"init|r|\ntitle2||RACE\n{GRID}\n"),
    (1, "light|lg|\nr71|*||\n"),
    (20, "\n"),
    (40, "\n"),
    (61, "r71c2|drteam|RENZO \x1b[0m[0:01]\nr71c3|tn|1:00.000\n"),
    (61.2, "r71|*|59000|20000\n"),
    (80, "\n"),
    (100, "\n"),
    (121.3, "r71|*|59000|20000\n"),
    (140, "\n"),
    (141, "\n"),
)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `karttime explain` in this process: exit code, output, errors."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["karttime", "explain", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        code = stopped.value.code
        return int(code) if isinstance(code, int) else 0, out, err

    return call


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "race.jsonl"
    records = [{"t": BEGIN + round(at * 1000), "raw": text} for at, text in FRAMES]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_a_lap_split_over_two_frames(run: Run, recording: Path) -> None:
    """Who, when, which rule, and the lines of both frames."""
    code, out, err = run(recording, "--kart", "7", "--lap", "1")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("kart 7 (id 71)")
    assert "time 1:00.000, completed at 2026-05-17T08:01:01" in out
    assert any(line.startswith("rule crossing: ") for line in lines)
    assert "frames 4, 5 decided" in out
    assert "  * r71c3|tn|1:00.000" in lines
    assert "  * r71|*|59000|20000" in lines


def test_an_identical_lap(run: Run, recording: Path) -> None:
    """The rule is told in words: the cell was not sent again."""
    code, out, _ = run(recording, "--kart", "7", "--lap", "2", "--session", "race")
    assert code == 0
    assert "rule identical: " in out
    assert "frames 8 decided" in out


def test_by_competitor_id(run: Run, recording: Path) -> None:
    """Where no number fits."""
    assert run(recording, "--kart", "71", "--lap", "1")[0] == 0


def test_no_control_bytes(run: Run, recording: Path) -> None:
    """Lines of frames are shown without the escapes that strangers put into them."""
    _, out, _ = run(recording, "--kart", "7", "--lap", "1")
    assert "RENZO" in out
    assert not [one for one in out if (one < " " and one != "\n") or "\x7f" <= one <= "\x9f"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--kart", "99", "--lap", "1"), "there is no kart 99; there are: 7"),
        (("--kart", "7", "--lap", "3"), "kart 7 has 2 laps, there is no lap 3"),
        (("--kart", "7", "--lap", "0"), "there is no lap 0"),
        (("--kart", "7", "--lap", "-1"), "there is no lap -1"),
        (("--kart", "7", "--lap", "1", "--session", "9"), "there is no session '9'"),
    ],
)
def test_what_is_not_there(run: Run, recording: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """One sentence that says what there is, exit code 2."""
    code, out, err = run(recording, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("karttime: ")
    assert sentence in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("--kart", "7"), ("--lap", "1"), ("--kart", "7", "--lap", "x"), ()])
def test_missing_arguments(run: Run, recording: Path, arguments: tuple[str, ...]) -> None:
    """Exit code 2, usage on standard error."""
    code, out, err = run(recording, *arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err


def test_an_unknown_kart_with_escapes(run: Run, recording: Path) -> None:
    """What a person typed comes back in one line."""
    code, _, err = run(recording, "--kart", "7\nx", "--lap", "1")
    assert code == 2
    assert "Traceback" not in err


def test_no_session_at_all(run: Run, tmp_path: Path) -> None:
    """Keep-alives only."""
    path = tmp_path / "idle.jsonl"
    path.write_text("".join(json.dumps({"t": BEGIN + n * 60_000, "raw": "\n"}) + "\n" for n in range(5)))
    code, _, err = run(path, "--kart", "7", "--lap", "1")
    assert code == 2
    assert "there is no kart 7" in err
