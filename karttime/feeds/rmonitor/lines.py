r"""Lines of the stream, however it was cut into frames.

A TCP read ends anywhere; a relay's message holds one line or several, with or without the last line's end. So what has
no end yet waits for the next frame. Where frames were never seen to end within a line, a frame that begins with `$`
says that the whole record before it was over; from then on such records are read at once. `\r` before the end is
dropped, however often it stands there.
Bytes are read as UTF-8, and a line that is none as Windows-1252.
"""

from collections.abc import Callable
from typing import Final

from karttime.feeds.frame import Frame
from karttime.feeds.rmonitor.records import MAX_LINE, is_whole

MAX_LINES: Final = 20_000
"""Of one frame: a dump of five hundred entries has some four thousand."""

_LOST_MS: Final = 1000
"""A line that was begun so long ago and is followed by a new one has lost its end with its connection."""


class LineBuffer:
    """Takes frames, gives lines.

    Attributes:
        waits: the beginning of a line waits for its end.
    """

    def __init__(self, refuse: Callable[[str, str], None]) -> None:
        self._refuse = refuse
        self._text = ""
        self._bytes = b""
        self._since = 0
        self._cut = False  # a frame went on where the one before it had stopped
        self._messages = False  # frames without line ends were seen to be records
        self._skipping = False  # the rest of a line that is too long
        self.waits = False

    def take(self, frame: Frame) -> list[str]:
        """The lines that this frame ends."""
        text, data = frame.text, frame.data
        lines = self._take_bytes(frame.at, data or b"") if text is None else self._take_text(frame.at, text)
        self.waits = bool(self._text or self._bytes or self._skipping)
        return lines

    def _take_text(self, at: int, text: str) -> list[str]:
        if self._bytes:
            return self._take_bytes(at, text.encode("utf-8", "surrogatepass"))
        lines: list[str] = []
        before = self._text
        if before and text and self._ends_before(at, text):
            lines.append(before)
            before = ""
        pieces = (before + text).split("\n")
        rest = pieces.pop()
        if pieces or not before:
            self._since = at
        if self._skipping and pieces:
            self._skipping = False
            del pieces[0]
        lines += pieces
        if rest and self._messages and not self._cut and is_whole(rest.rstrip("\r")):
            lines.append(rest)
            rest = ""
        self._keep(rest)
        return self._bounded(lines)

    def _ends_before(self, at: int, text: str) -> bool:
        """Whether the line that waits was over, though its end was not sent."""
        if text[0] != "$":
            self._cut = self._cut or text[0] not in "\r\n"
            return False
        if not self._cut and is_whole(self._text.rstrip("\r")):
            self._messages = True
            return True
        return at - self._since > _LOST_MS

    def _keep(self, rest: str) -> None:
        if self._skipping:
            return
        if len(rest) > MAX_LINE:
            self._refuse("too-long", rest)
            rest, self._skipping = "", True
        self._text = rest

    def _take_bytes(self, at: int, data: bytes) -> list[str]:
        lines: list[str] = []
        if self._text:
            self._bytes, self._text = self._text.encode("utf-8", "surrogatepass"), ""
        if self._bytes and data[:1] == b"$" and at - self._since > _LOST_MS:
            lines += self._finish_bytes()
        pieces = (self._bytes + data).split(b"\n")
        rest = pieces.pop()
        if pieces or not self._bytes:
            self._since = at
        if self._skipping and pieces:
            self._skipping = False
            del pieces[0]
        lines += [decoded(piece) for piece in pieces]
        if len(rest) > MAX_LINE:
            if not self._skipping:
                self._refuse("too-long", decoded(rest[:MAX_LINE]))
            rest, self._skipping = b"", True
        self._bytes = b"" if self._skipping else rest
        return self._bounded(lines)

    def _finish_bytes(self) -> list[str]:
        rest, self._bytes = self._bytes, b""
        return [decoded(rest)]

    def _bounded(self, lines: list[str]) -> list[str]:
        if len(lines) > MAX_LINES:
            self._refuse("too-many-lines", "")
            del lines[MAX_LINES:]
        return lines


def decoded(line: bytes) -> str:
    """Text in UTF-8, else Windows-1252, else (five bytes mean nothing there) Latin-1."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")
