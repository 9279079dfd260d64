"""What ran before a restart: the sessions that the recordings of a circuit lead to.

A service that is started again in the middle of a race decodes what it recorded of it, and goes on with the same
session: every lap of an endurance race is there after an upgrade or a crash in its tenth hour. The recordings that
follow each other with less than `MAX_PAUSE_MS` between them are read as one. A mark in them names each session as it
begins; unless the last one is the session that they lead to, nothing is taken over, and a new session begins.
"""

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from karttime.circuits.circuit import Circuit
from karttime.circuits.urls import shown
from karttime.domain.ids import SessionId
from karttime.domain.logbook import Logbook
from karttime.errors import RecordingError
from karttime.feeds.base import Decoder, Rejection
from karttime.feeds.frame import Frame
from karttime.recording.reader import open_recording

_log = logging.getLogger(__name__)

MAX_PAUSE_MS: Final = 15 * 60_000  # a race that is interrupted for longer begins anew
MAX_BYTES: Final = 64_000_000  # of files on disk; a whole day of a busy track is a tenth of it
MAX_S: Final = 20.0  # of reading; who waits longer would rather see a race that begins now

_MARK: Final = re.compile(r"session (\d{8}T\d{6}Z-\d{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Past:
    """Where the recordings lead to.

    Attributes:
        decoder: as it stands after the last frame.
        logbook: the sessions, the last of which runs.
        last: the last frame.
        refused: what the decoder refused, by reason: counted in the life before.
    """

    decoder: Decoder
    logbook: Logbook
    last: Frame
    refused: Counter[str]


def session_mark(session_id: SessionId) -> str:
    """The mark by which a recording names a session that begins."""
    return f"session {session_id}"


def read_past(
    paths: Sequence[Path], circuit: Circuit, decoder: Decoder, logbook: Logbook, *, now_ms: int
) -> Past | None:
    """Decode recordings of one circuit, in order; None when they lead to no session that can go on now.

    Args:
        paths: the files, oldest first.
        circuit: whose they must be, by address and feed.
        decoder: a new one.
        logbook: an empty one.
        now_ms: ms UTC.
    """
    reading = _Reading(circuit, decoder, logbook)
    try:
        whole = all(reading.take(path) for path in paths)
    except RecordingError as error:
        _log.warning("%s: what ran before cannot be read: %s", circuit.id, error)
        return None
    last, current = reading.last, logbook.current
    if not whole or last is None or current is None or current.id != reading.named:
        return None
    if not -60_000 <= now_ms - last.at <= MAX_PAUSE_MS:
        return None
    return Past(decoder, logbook, last, Counter(decoder.refused))


class _Reading:
    """Reads one recording after the other.

    Attributes:
        last: the last frame.
        named: the session that the last mark names.
    """

    def __init__(self, circuit: Circuit, decoder: Decoder, logbook: Logbook) -> None:
        self.last: Frame | None = None
        self.named = ""
        self._circuit = circuit
        self._decoder = decoder
        self._logbook = logbook
        self._until = time.monotonic() + MAX_S

    def take(self, path: Path) -> bool:
        """Decode a file; False for one of another feed, and when there is no time."""
        recording = open_recording(path)
        header, circuit = recording.header, self._circuit
        if (header.source, header.feed) != (shown(circuit.url), circuit.feed):
            return False
        for frame in recording:
            self.last = frame
            if frame.direction == "in":
                self._decode(frame)
            if time.monotonic() > self._until:
                _log.warning("%s: what was recorded before is too much to be read again", circuit.id)
                return False
        for mark in recording.marks:
            if (found := _MARK.fullmatch(mark.text)) is not None:
                self.named = found[1]
        return True

    def _decode(self, frame: Frame) -> None:
        for fact in self._decoder.feed(frame):
            if not isinstance(fact, Rejection):
                self._logbook.apply(fact)


@dataclass(frozen=True, slots=True)
class Written:
    """A recording in a folder, all its parts.

    Attributes:
        paths: in order.
        begins: ms UTC.
        ends: when it was last written to, ms UTC.
        size: bytes on disk.
    """

    paths: tuple[Path, ...]
    begins: int
    ends: int
    size: int


def following(recordings: Sequence[Written], now_ms: int) -> list[Path]:
    """Of recordings of one circuit, oldest first, the files of those that lead to now without a long pause."""
    chosen: list[Written] = []
    after = now_ms
    for recording in reversed(recordings):
        if after - recording.ends > MAX_PAUSE_MS:
            break
        chosen.append(recording)
        after = recording.begins
    if sum(recording.size for recording in chosen) > MAX_BYTES:
        return []
    return [path for recording in reversed(chosen) for path in recording.paths]


ReadPast = Callable[[Circuit, Decoder, Logbook], Past | None]
"""Reads what ran before; called in a thread."""
