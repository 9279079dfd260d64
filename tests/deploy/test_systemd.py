"""The systemd unit, as systemd itself reads it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "karttime.service"
EXPOSURE = 15  # tenths; 10.0 is a unit without any restriction


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """`systemd-analyze` with these arguments."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def unit(folder: Path, **changed: str) -> Path:
    """The unit with a program that is there, and perhaps a fault."""
    text = UNIT.read_text(encoding="utf-8").replace("/opt/karttime/bin/karttime", sys.executable)
    for old, new in changed.items():
        text = text.replace(f"{old}=yes", new)
    path = folder / "karttime.service"
    path.write_text(text)
    return path


def test_the_unit_is_sound(tmp_path: Path) -> None:
    """No unknown key, no bad value; an unknown one is noticed."""
    assert analyze("verify", "--man=no", str(unit(tmp_path))).stderr == ""
    assert "Unknown key" in analyze("verify", "--man=no", str(unit(tmp_path, PrivateTmp="PrivateTemp=yes"))).stderr


def test_the_unit_is_locked_down(tmp_path: Path) -> None:
    """Little is left to take away; a unit that may more is noticed."""
    check = ("security", "--offline=yes", f"--threshold={EXPOSURE}", "--no-pager")
    assert analyze(*check, str(unit(tmp_path))).returncode == 0
    loose = unit(tmp_path, NoNewPrivileges="", PrivateUsers="", PrivateDevices="", ProtectProc="")
    assert analyze(*check, str(loose)).returncode != 0
