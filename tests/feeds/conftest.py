"""Where real traffic is, and what it says: each capture is read and decoded once per worker."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from karttime.analysis.report import Report, analyze
from karttime.feeds.frame import Frame
from karttime.recording.reader import open_recording

SHARED = Path(__file__).resolve().parents[3] / "shared"

ReadCapture = Callable[[str], Sequence[Frame]]
ReportOf = Callable[[str], Report]


@cache
def _frames(name: str) -> tuple[Frame, ...]:
    return tuple(open_recording(SHARED / "captures" / "apex" / name))


@cache
def _report(name: str) -> Report:
    return analyze(_frames(name))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with captures and what is known of them."""
    if not (SHARED / "captures" / "apex").is_dir():
        pytest.skip(f"real traffic is not here: {SHARED / 'captures'}")
    return SHARED


@pytest.fixture(scope="session")
def capture(shared: Path) -> ReadCapture:
    """The frames of a capture, by file name."""
    assert shared == SHARED
    return _frames


@pytest.fixture(scope="session")
def report_of(shared: Path) -> ReportOf:
    """What a capture says, by file name."""
    assert shared == SHARED
    return _report
