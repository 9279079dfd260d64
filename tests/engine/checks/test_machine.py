"""The machine: disks, folders and the clock."""

import os
import shutil
import tempfile
from collections import namedtuple
from email.utils import formatdate
from pathlib import Path

import pytest

from karttime.engine.checks import machine
from karttime.engine.checks.finding import Grade

NOW = 1_767_268_800_000
Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(
    ("free", "grade"), [(50 * 1024**3, Grade.OK), (1024**3, Grade.WARNING), (10 * 1024**2, Grade.FAILURE)]
)
def test_room_on_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, grade: Grade) -> None:
    """Enough for a race day, little, none; a file that is not there yet is looked for where it will be."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(0, 0, free))
    finding = machine.folder("disk", tmp_path / "not" / "yet" / "karttime.db")
    assert finding.grade is grade
    assert finding.figures["free_bytes"] == free
    assert list(tmp_path.iterdir()) == [], "nothing was made"


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure that says whose rights matter."""
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    finding = machine.folder("disk", tmp_path)
    assert finding.grade is Grade.FAILURE
    assert "cannot be written" in finding.said
    assert "user" in finding.advice


def test_a_disk_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure, no traceback."""

    def broken(_path: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(shutil, "disk_usage", broken)
    assert "Input/output error" in machine.folder("disk", tmp_path).said


def test_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning without a place for them."""
    assert machine.temporary_folder().grade is Grade.OK

    def nowhere() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    assert machine.temporary_folder().grade is Grade.WARNING


@pytest.mark.parametrize(
    ("ahead_s", "grade", "says"),
    [
        (0, Grade.OK, "within"),
        (4, Grade.OK, "within"),
        (-30, Grade.WARNING, "30 s behind"),
        (30, Grade.WARNING, "30 s ahead"),
        (7200, Grade.FAILURE, "7,200 s ahead"),
    ],
)
def test_the_clock_against_a_server(ahead_s: int, grade: Grade, says: str) -> None:
    """Held against the middle of question and answer."""
    skew = machine.skew_s(formatdate(NOW / 1000 - ahead_s, usegmt=True), NOW + 400, NOW + 600)
    finding = machine.clock("time.example", skew)
    assert finding.grade is grade
    assert says in finding.said
    assert bool(finding.advice) is (grade is not Grade.OK)


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Foo 2026", "x" * 10_000])
def test_a_server_that_tells_no_time(date: str) -> None:
    """Not checked, and said so."""
    finding = machine.clock("time.example", machine.skew_s(date, NOW, NOW))
    assert finding.grade is Grade.UNCHECKED
