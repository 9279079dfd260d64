"""What sees a collector's frames before the decoder does: the recorder tap and the buffer of recent frames."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from karttime.domain.session import Change
from karttime.engine.clock import Clock
from karttime.engine.status import RecorderStatus
from karttime.errors import RecorderError, UsageError
from karttime.feeds.base import Rejection
from karttime.feeds.frame import Frame

_log = logging.getLogger(__name__)

_RETRY_S: Final = 60.0  # a full disk is looked at again once a minute


class Inspected(NamedTuple):
    """A frame, what it changed, and what of it was refused (hostile bytes, to be escaped by whoever shows them).

    `changes` is None for a frame that is kept until it is known what its feed is.
    """

    frame: Frame
    changes: tuple[Change, ...] | None
    refused: tuple[Rejection, ...]


FrameTap = Callable[[Inspected], None]
"""Looks over the decoder's shoulder; quick, because it runs in the collector's own step."""


class FrameWriter(Protocol):
    """What the taps need of `RecordingWriter`; every method raises `RecorderError` when the disk does not take it."""

    @property
    def paths(self) -> Sequence[Path]: ...

    @property
    def bytes(self) -> int: ...

    def write(self, frame: Frame) -> None: ...

    def mark(self, at: int, text: str) -> None: ...

    def close(self) -> None: ...


class RecorderTap:
    """Writes every frame to disk before anything interprets it.

    A disk that fails is loud (an error in the log, `error` in the status, frames counted as missed) but does not end
    the collection; after a minute a new file is tried.

    Args:
        open_writer: begins a new recording; called again after a failure, so each call must name another file.
        clock: replaced by tests.
    """

    def __init__(self, open_writer: Callable[[], FrameWriter], *, clock: Clock | None = None) -> None:
        self._open_writer = open_writer
        self._clock = clock or Clock()
        self._writer: FrameWriter | None = None
        self._path = ""
        self._frames = 0
        self._missed = 0
        self._error = ""
        self._bytes = 0
        self._retry_at = float("-inf")

    def write(self, frame: Frame) -> None:
        """Take one frame in."""
        writer = self._writer or self._reopen()
        if writer is None:
            self._missed += 1
            return
        try:
            writer.write(frame)
        except RecorderError as error:
            self._fail(error)
            self._missed += 1
        else:
            self._frames += 1

    def mark(self, at: int, text: str) -> None:
        """Note what happened at `at`: a connection lost or made."""
        if self._writer is None:
            return
        try:
            self._writer.mark(at, text)
        except RecorderError as error:
            self._fail(error)

    def close(self) -> None:
        """End the file; the next frame begins another one."""
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except RecorderError as error:
                self._fail(error)

    def status(self) -> RecorderStatus:
        """As it is now."""
        if self._writer is not None:
            self._bytes = self._writer.bytes
        return RecorderStatus(self._path, self._frames, self._missed, self._error, self._bytes)

    def _reopen(self) -> FrameWriter | None:
        if self._clock.monotonic() < self._retry_at:
            return None
        try:
            writer = self._open_writer()
        except (RecorderError, UsageError) as error:
            self._fail(error)
            return None
        self._writer, self._path = writer, str(writer.paths[-1])
        if self._error:
            _log.warning("recording goes on in %s; %d frames are missing", self._path, self._missed)
            self._error = ""
        return writer

    def _fail(self, error: RecorderError | UsageError) -> None:
        self._writer = None  # a writer that failed has closed its file
        self._error = str(error)
        self._retry_at = self._clock.monotonic() + _RETRY_S
        _log.error("%s", error)


class FrameBuffer:
    """The last frames, bounded in number and size: the sample that an analysis of a live feed begins with."""

    def __init__(self, *, max_frames: int = 2000, max_bytes: int = 2 << 20) -> None:
        self._frames: deque[tuple[int, Frame]] = deque()
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._bytes = 0
        self.whole = True  # none had to go

    def add(self, size: int, frame: Frame) -> None:
        """Take a frame of this size in and let the oldest go."""
        frames = self._frames
        frames.append((size, frame))
        self._bytes += size
        while frames and (len(frames) > self._max_frames or self._bytes > self._max_bytes):
            self._bytes -= frames.popleft()[0]
            self.whole = False

    def frames(self) -> tuple[Frame, ...]:
        """What is kept, oldest first."""
        return tuple(frame for _, frame in self._frames)
