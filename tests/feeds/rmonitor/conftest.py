"""Where the captures are; each is read and decoded once per worker."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from karttime.analysis.report import Report, analyze
from karttime.feeds.frame import Frame
from karttime.recording.reader import open_recording

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "captures" / "rmonitor"


@cache
def _frames(name: str) -> tuple[Frame, ...]:
    return tuple(open_recording(FOLDER / name))


@cache
def _report(name: str) -> Report:
    return analyze(_frames(name))


@pytest.fixture(scope="session")
def rmonitor() -> Path:
    """The folder of the captures."""
    if not FOLDER.is_dir():
        pytest.skip(f"real traffic is not here: {FOLDER}")
    return FOLDER


@pytest.fixture(scope="session")
def frames_of(rmonitor: Path) -> Callable[[str], Sequence[Frame]]:
    """The frames of a capture, by file name."""
    assert rmonitor == FOLDER
    return _frames


@pytest.fixture(scope="session")
def report_of(rmonitor: Path) -> Callable[[str], Report]:
    """What a capture says, by file name."""
    assert rmonitor == FOLDER
    return _report
