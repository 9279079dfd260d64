"""Write recordings of karttime's own format; see `format.py`, and `sink.py` for what survives a crash.

With rotation, `name.jsonl` is followed by `name.002.jsonl`, `name.003.jsonl`…, each with the header. The time that
rotation counts is the frames' own, so that a replay is cut where the live recording was.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from karttime.errors import RecorderError, UsageError
from karttime.feeds.frame import Frame
from karttime.recording.format import Mark, RecordingHeader, encode_frame, encode_header, encode_mark
from karttime.recording.sink import LineFile


class RecordingWriter:
    """Writes one recording to one file, or to several in turn; a context manager.

    Args:
        path: a file that does not exist; `.gz` and `.zst` are compressed.
        header: written at the start of every file.
        rotate_bytes: begin another file before one would grow beyond this size on disk.
        rotate_ms: begin another file when a frame comes this long after the first one of the file.

    Raises:
        UsageError: the file exists, or its directory does not.
        RecorderError: it cannot be written; from every method.
    """

    def __init__(
        self,
        path: Path,
        header: RecordingHeader,
        *,
        rotate_bytes: int | None = None,
        rotate_ms: int | None = None,
    ) -> None:
        for limit in (rotate_bytes, rotate_ms):
            if limit is not None and limit <= 0:
                raise UsageError("a recording can only be rotated by a size or time above zero")
        self._path = path
        self._header = encode_header(header)
        self._rotate_bytes = rotate_bytes
        self._rotate_ms = rotate_ms
        self._closed_bytes = 0
        self._frames = 0
        self._frames_here = 0
        self._began_at = 0
        self._paths: list[Path] = []
        if rotate_bytes is not None or rotate_ms is not None:
            self._refuse_old_parts()
        self._file = self._begin(path)

    @property
    def frames(self) -> int:
        """Frames written so far, in all files."""
        return self._frames

    @property
    def bytes(self) -> int:
        """Bytes on disk so far, in all files."""
        return self._closed_bytes + self._file.size

    @property
    def paths(self) -> Sequence[Path]:
        """The files written so far, the current one last."""
        return tuple(self._paths)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, frame: Frame) -> None:
        """Write one frame; it is on its way to the disk when this returns."""
        line = encode_frame(frame)
        if self._frames_here and self._is_due(len(line), frame.at):
            self._rotate()
        self._file.append(line)
        if not self._frames_here:
            self._began_at = frame.at
        self._frames_here += 1
        self._frames += 1

    def mark(self, at: int, text: str) -> None:
        """Write a text that a person set at `at`, milliseconds UTC."""
        self._file.append(encode_mark(Mark(at, text)))

    def close(self) -> None:
        self._file.close()

    def _is_due(self, size: int, at: int) -> bool:
        if self._rotate_bytes is not None and self._file.size + size > self._rotate_bytes:
            return True
        return self._rotate_ms is not None and at - self._began_at >= self._rotate_ms

    def _rotate(self) -> None:
        self._file.close()
        self._closed_bytes += self._file.size
        try:
            self._file = self._begin(_part(self._path, len(self._paths) + 1))
        except UsageError as error:  # a running recording did not ask for anything: it is the disk that changed
            raise RecorderError(f"the recording {self._path} stopped: {error}") from error
        self._frames_here = 0

    def _begin(self, path: Path) -> LineFile:
        file = LineFile(path)
        try:
            file.append(self._header)
        except BaseException:  # an empty file would be in the way of the next attempt
            file.discard()
            raise
        self._paths.append(path)
        return file

    def _refuse_old_parts(self) -> None:
        """Parts of an older recording would be taken for parts of this one."""
        second = _part(self._path, 2)
        if second.exists():
            raise UsageError(f"{second} exists and is never overwritten: choose another name or remove it")


def _part(path: Path, number: int) -> Path:
    """`name.002.jsonl.gz` of `name.jsonl.gz`."""
    suffixes = path.suffixes[-2:] if path.suffix in {".gz", ".zst"} else path.suffixes[-1:]
    ending = "".join(suffixes)
    return path.with_name(f"{path.name.removesuffix(ending)}.{number:03d}{ending}")
