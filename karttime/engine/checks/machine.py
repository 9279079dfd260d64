"""The machine: room on its disks, folders that can be written, its clock."""

import os
import shutil
import tempfile
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from karttime.engine.checks.finding import Figures, Finding, Grade

LITTLE_BYTES: Final = 2 * 1024**3  # a race day of recordings, rows and the journal
NO_BYTES: Final = 256 * 1024**2
SLIGHT_SKEW_S: Final = 5.0  # half of what a sign-in may be off
WRONG_SKEW_S: Final = 60.0
_WHOLE_S: Final = 1.0  # a Date header has whole seconds


def folder(area: str, path: Path) -> Finding:
    """Whether files can be made below a path, and how much room is left; nothing is made."""
    existing = path.expanduser().absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    where = existing if existing.is_dir() else existing.parent
    try:
        free = shutil.disk_usage(where).free
    except OSError as error:
        return Finding(area, Grade.FAILURE, f"{where} cannot be looked at: {error.strerror}", "Name another folder.")
    if not os.access(where, os.W_OK | os.X_OK) or (existing.is_file() and not os.access(existing, os.W_OK)):
        advice = "Make it writable for the user that karttime runs as, or name another place."
        return Finding(area, Grade.FAILURE, f"{existing} cannot be written", advice)
    figures: Figures = {"path": str(existing), "free_bytes": free}
    said = f"{where}: {free / 1e9:,.1f} GB free"
    if free < NO_BYTES:
        return Finding(area, Grade.FAILURE, said, "Make room at once: soon nothing can be kept.", figures)
    if free < LITTLE_BYTES:
        return Finding(area, Grade.WARNING, said, "Make room: a race day may need more.", figures)
    return Finding(area, Grade.OK, said, "", figures)


def temporary_folder() -> Finding:
    """Whether there is a folder for temporary files, which checking sign-ins needs."""
    try:
        return Finding("disk", Grade.OK, f"temporary files go to {tempfile.gettempdir()}")
    except OSError:
        advice = "Make /tmp writable, or set TMPDIR: without, sign-ins cannot be checked."
        return Finding("disk", Grade.WARNING, "there is no folder for temporary files", advice)


def skew_s(date: str, asked_ms: int, answered_ms: int) -> float | None:
    """How far this machine's clock is ahead of a server's, by the `Date` of its answer; None where that is none.

    Args:
        date: the header.
        asked_ms: when the question left, ms UTC by this machine.
        answered_ms: when the answer was here.
    """
    try:
        told = parsedate_to_datetime(date.strip()[:60]).timestamp()
    except (ValueError, OverflowError):
        return None
    return (asked_ms + answered_ms) / 2000 - (told + _WHOLE_S / 2)


def clock(server: str, skew: float | None) -> Finding:
    """What a difference of clocks means."""
    if skew is None:
        return Finding("clock", Grade.UNCHECKED, f"{server} did not tell the time, so the clock was not compared")
    figures: Figures = {"skew_s": round(skew, 1), "server": server}
    if abs(skew) <= SLIGHT_SKEW_S:
        return Finding("clock", Grade.OK, f"as that of {server}, within {max(1.0, abs(skew)):.0f} s", "", figures)
    said = f"{abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} that of {server}"
    advice = "Set it, and let it be kept: systemd-timesyncd or chrony. Times of laps and sign-ins depend on it."
    return Finding("clock", Grade.FAILURE if abs(skew) > WRONG_SKEW_S else Grade.WARNING, said, advice, figures)
