"""One new file that grows by whole lines: plain, gzip or Zstandard, and readable whenever it is cut.

A plain line is one `write` of the operating system to a file opened for appending, without a buffer of ours: a
process that is killed loses at most the line it was writing. A compressed line ends with a flush that completes its
block, which costs some of the compression and gives the same promise.
"""

import os
import zlib
from pathlib import Path
from typing import Protocol

import zstandard

from karttime.errors import RecorderError, UsageError


class _Packer(Protocol):
    def pack(self, line: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class _Plain:
    def pack(self, line: bytes) -> bytes:
        return line

    def finish(self) -> bytes:
        return b""


class _Gzip:
    def __init__(self) -> None:
        self._engine = zlib.compressobj(6, zlib.DEFLATED, 31)

    def pack(self, line: bytes) -> bytes:
        return self._engine.compress(line) + self._engine.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._engine.flush(zlib.Z_FINISH)


class _Zstd:
    def __init__(self) -> None:
        self._engine = zstandard.ZstdCompressor(level=3).compressobj()

    def pack(self, line: bytes) -> bytes:
        return self._engine.compress(line) + self._engine.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self._engine.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH)


_PACKERS: dict[str, type[_Plain | _Gzip | _Zstd]] = {".gz": _Gzip, ".zst": _Zstd}


class LineFile:
    """A file that did not exist before; see the module's docstring.

    Attributes:
        path: the file.
        size: bytes on disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._packer: _Packer = _PACKERS.get(path.suffix, _Plain)()
        self._fd: int | None = _create(path)

    def append(self, line: bytes) -> None:
        """Write one line, whole or not at all.

        Raises:
            RecorderError: the disk is full or fails; what was written before stays readable, the file is closed.
        """
        self._write(self._packer.pack(line))

    def close(self) -> None:
        """End the compression, and have the operating system bring all to disk."""
        if self._fd is None:
            return
        self._write(self._packer.finish())
        fd, self._fd = self._fd, None
        try:
            os.fsync(fd)
        except OSError as error:
            raise self._failure(error) from error
        finally:
            os.close(fd)

    def discard(self) -> None:
        """Close and remove the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        self.path.unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        if self._fd is None:
            raise RecorderError(f"{self.path} is closed: nothing more can be recorded in it")
        rest = data
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            self._cut_off(self._fd, partial=len(rest) < len(data))
            raise self._failure(error) from error
        self.size += len(data)

    def _cut_off(self, fd: int, *, partial: bool) -> None:
        """Take a partial line away, or at least end it; then stop, since a compressed stream has lost its thread."""
        self._fd = None
        try:
            if partial:
                os.ftruncate(fd, self.size)
        except OSError:
            if isinstance(self._packer, _Plain):
                _end_line(fd)
        finally:
            os.close(fd)

    def _failure(self, error: OSError) -> RecorderError:
        return RecorderError(
            f"the recording {self.path} stopped: {error.strerror or error}; what was recorded before is kept."
            " Free space or choose another disk, then record to a new file"
        )


def _end_line(fd: int) -> None:
    try:
        os.write(fd, b"\n")
    except OSError:
        return  # readers skip a torn last line, and count it


def _create(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError as error:
        raise UsageError(f"{path} exists and is never overwritten: choose another name or remove it") from error
    except FileNotFoundError as error:
        raise UsageError(f"the directory {path.parent} does not exist: create it first") from error
    except NotADirectoryError as error:
        raise UsageError(f"{path.parent} is not a directory: choose another place") from error
    except PermissionError as error:
        raise UsageError(f"{path} cannot be created: no permission in {path.parent}") from error
    except OSError as error:
        raise RecorderError(f"{path} cannot be created: {error.strerror or error}") from error
