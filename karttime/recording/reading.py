"""What every importer is given: the head of a file to recognise it by, and one reading of its lines."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from karttime.recording.format import LATEST_AT, Mark, RecordingHeader, parse_json
from karttime.recording.lines import Limits, Lines, read_bytes

_HEAD_BYTES: Final = 64 * 1024
_HEAD_LINES: Final = 64


class Head:
    """The beginning of a file, decompressed: at least one line, and no more than the first 64.

    Attributes:
        name: of the file, for messages.
        data: the first bytes, without byte order mark.
        whole: the file has no more than `data`.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.name = str(path)
        data = bytearray()
        self.whole = True
        pieces = read_bytes(path, Counter(), limits)
        for piece in pieces:
            data += piece
            if (len(data) >= _HEAD_BYTES and b"\n" in data) or len(data) > limits.line:
                self.whole = next(pieces, None) is None
                break
        self.data = bytes(data).removeprefix(b"\xef\xbb\xbf")

    @cached_property
    def lines(self) -> list[bytes]:
        """The first lines that are not blank, without their line ends."""
        lines = self.data.split(b"\n", _HEAD_LINES)
        if len(lines) > _HEAD_LINES or not self.whole:
            lines.pop()
        return [stripped for line in lines if (stripped := line.rstrip(b"\r"))]

    @cached_property
    def records(self) -> list[dict[str, object]]:
        """The JSON objects among the first lines."""
        found = []
        for line in self.lines:
            try:
                value = parse_json(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                found.append(value)
        return found


@dataclass(slots=True)
class Reading:
    """One reading of a file from its beginning to its end.

    Attributes:
        path: the file.
        header: what was found when it was opened.
        limits: how much of it is accepted.
        problems: what was refused, repaired or skipped so far, by name.
        marks: the marks passed so far.
        lines: its lines.
    """

    path: Path
    header: RecordingHeader
    limits: Limits
    problems: Counter[str] = field(default_factory=Counter)
    marks: list[Mark] = field(default_factory=list)
    lines: Lines = field(init=False)

    def __post_init__(self) -> None:
        self.lines = Lines(self.path, self.problems, self.limits)

    def second_look(self, line: bytes) -> object:
        """The record of a line that orjson refused, or None if it is none; blank lines are passed over."""
        if not line.strip():
            return None
        try:
            return parse_json(line)
        except ValueError:
            self.lines.count_bad()
            return None

    def accepts(self, at: int, text: object) -> bool:
        """Whether a frame that is not simply later than the one before it can be kept: counts why not, or why so."""
        if type(text) is not str or not 0 <= at <= LATEST_AT:
            self.lines.count_bad()
            return False
        self.problems["time-goes-back"] += 1
        return True
