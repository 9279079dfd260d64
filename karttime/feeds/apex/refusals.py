"""What is refused, and why: a closed set of reasons, counted; a bounded number of samples per frame."""

import re
from typing import Final

REASONS: Final = (
    "binary-frame",  # Apex sends text only
    "torn-line",  # the frame's last line has no end
    "foreign-bytes",  # strangers' HTTP requests, TLS hellos and port scans, broadcast by the venue's raw input
    "unknown-command",  # a line of no known kind
    "unknown-row",  # about a competitor who is not on the board (kept for a while: see `early.py`)
    "unknown-column",
    "unknown-event",  # a row event of no known kind
    "malformed",  # a known subject without its three fields
    "too-long",
    "too-many-lines",  # in one frame
    "bad-value",  # a text that cannot be what its place says
    "layout-mismatch",  # values of another layout than the board's: a session that began before its board
    "bad-grid",
    "bad-grid-cell",
)

_ROW = re.compile(r"r\d{1,12}(?:c\d{1,3})?", re.ASCII)
_HTTP = re.compile(
    r"(?:[A-Z]{3,10} \S{1,4000} [A-Z]+/\d|[A-Za-z-]{2,40}: ?\S|MGLNDD_|SSH-|EHLO |HELO |\*\d+$|OPTIONS |CONNECT )"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")


def reason_of(subject: str, line: str) -> str:
    """Why a line with an unknown subject is refused."""
    if _ROW.fullmatch(subject):
        return "unknown-row"
    if _CONTROL.search(line[:4096]) or _HTTP.match(line):
        return "foreign-bytes"
    return "unknown-command"
