"""The bytes of a recording, whatever compresses them, and their lines: bounded, and never trusted.

What is read may be hostile or torn, so every step has a limit: a compressed file may grow to `Limits.total` bytes and
by `Limits.ratio`, a line may have `Limits.line` bytes (longer ones are skipped without being held), and a compressed
file that ends anywhere gives all that can still be decompressed.
"""

import stat
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import zstandard

from karttime.errors import RecordingError

READ_BYTES: Final = 128 * 1024
# One 1 KiB slice of Zstandard's densest blocks (3 bytes of header, 1 of content, 128 KiB out) gives some 32 MiB:
# input is fed in slices this small because its decompressor cannot bound its output.
_ZSTD_SLICE: Final = 1024
_ZSTD_WINDOW: Final = 128 * 1024 * 1024
# A ratio is judged only after this much came out: a short text of one repeated character is no attack.
_RATIO_FROM: Final = 64 * 1024 * 1024

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ARCHIVES: Final = {b"PK\x03\x04": "a ZIP archive", b"BZh": "a bzip2 file", b"\xfd7zXZ": "an xz file"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a file is accepted.

    Attributes:
        line: bytes of one line; a longer one is skipped and counted.
        total: bytes that a compressed file may decompress to.
        ratio: how many times larger than the compressed bytes they may be. Recordings reach about 40.
        document: bytes of a file that can only be read as a whole (HAR).
    """

    line: int = 16 * 1024 * 1024
    total: int = 2 * 1024 * 1024 * 1024
    ratio: int = 500
    document: int = 256 * 1024 * 1024


DEFAULT_LIMITS: Final = Limits()


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file, unbuffered; what the operating system refuses becomes one clear sentence."""
    if "\0" in str(path):
        raise RecordingError("a file name cannot contain a NUL character")
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # opening a pipe would wait for a writer, for ever
            what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise RecordingError(f"{path} is {what}: name a recording file")
        with path.open("rb", buffering=0) as file:
            yield file
    except FileNotFoundError as error:
        raise RecordingError(f"{path} does not exist: check the name") from error
    except PermissionError as error:
        raise RecordingError(f"{path} cannot be read: no permission") from error
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}") from error


def read_bytes(path: Path, problems: Counter[str], limits: Limits = DEFAULT_LIMITS) -> Iterator[bytes]:
    """The file's content in pieces of bounded size, decompressed; torn or damaged compression is counted."""
    with opened(path) as file:
        pieces = iter(lambda: file.read(READ_BYTES), b"")
        first = next(pieces, b"")
        if not first:
            raise RecordingError(f"{path} is empty: nothing was recorded in it")
        for magic, what in _ARCHIVES.items():
            if first.startswith(magic):
                raise RecordingError(f"{path} is {what}: unpack it first (.gz and .zst are read as they are)")
        if first.startswith(_GZIP):
            yield from _guarded(path, _gunzip(first, pieces, problems), limits)
        elif first.startswith(_ZSTD):
            yield from _guarded(path, _unzstd(path, first, pieces, problems), limits)
        else:
            yield first
            yield from pieces


def _guarded(path: Path, pieces: Iterator[tuple[int, bytes]], limits: Limits) -> Iterator[bytes]:
    """Pass on what was decompressed, as long as its size stays believable."""
    total = 0
    for taken, piece in pieces:
        total += len(piece)
        if total > limits.total:
            raise RecordingError(
                f"{path} decompresses to more than {limits.total >> 20} MiB: decompress it yourself if you trust it"
            )
        if total > max(_RATIO_FROM, taken * limits.ratio):
            raise RecordingError(
                f"{path} decompresses to more than {limits.ratio} times its size, which no recording does:"
                " decompress it yourself if you trust it"
            )
        for start in range(0, len(piece), READ_BYTES):
            yield piece[start : start + READ_BYTES]


def _gunzip(first: bytes, rest: Iterator[bytes], problems: Counter[str]) -> Iterator[tuple[int, bytes]]:
    """Pairs of compressed bytes taken so far and what came out; members that follow each other are joined."""
    member = zlib.decompressobj(31)
    fresh = True
    taken = 0
    for piece in _chain(first, rest):
        taken += len(piece)
        data = piece
        while data:
            if fresh and not (data := data.lstrip(b"\0")):  # padding between and after members
                break
            fresh = False
            try:
                out = member.decompress(data, READ_BYTES)
            except zlib.error:
                problems["damaged-compression"] += 1
                return
            yield taken, out
            if member.eof:
                data, member, fresh = member.unused_data, zlib.decompressobj(31), True
            else:
                data = member.unconsumed_tail
    if not fresh:
        yield taken, member.flush()
        if not member.eof:
            problems["unfinished-compression"] += 1


def _unzstd(path: Path, first: bytes, rest: Iterator[bytes], problems: Counter[str]) -> Iterator[tuple[int, bytes]]:
    """The same for Zstandard's frames."""
    opener = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frame = opener.decompressobj()
    fresh = True
    taken = 0
    for piece in _chain(first, rest):
        for start in range(0, len(piece), _ZSTD_SLICE):
            data = piece[start : start + _ZSTD_SLICE]
            taken += len(data)
            while data:
                fresh = False
                try:
                    out = frame.decompress(data)
                except zstandard.ZstdError as error:
                    if "memory" in str(error):
                        raise RecordingError(
                            f"{path} needs a window above 128 MiB: compress it again without --long"
                        ) from error
                    problems["damaged-compression"] += 1
                    return
                yield taken, out
                if not frame.eof:
                    break
                data, frame, fresh = frame.unused_data, opener.decompressobj(), True
    if not fresh:
        problems["unfinished-compression"] += 1


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


class Lines:
    r"""The lines of a recording as lists of bytes without their `\n`, as many at a time as one read gives.

    Lists, because a generator that hands on single lines costs a quarter of what parsing a line costs.

    Attributes:
        unterminated: the list handed on last is one line that the file ends in the middle of, or that only lacks
            its line end.
    """

    def __init__(self, path: Path, problems: Counter[str], limits: Limits = DEFAULT_LIMITS) -> None:
        self._path = path
        self._problems = problems
        self._limits = limits
        self.unterminated = False

    def __iter__(self) -> Iterator[list[bytes]]:
        self.unterminated = False
        limit = self._limits.line
        start: list[bytes] = []  # pieces of the line that the next read continues
        size = 0
        first = True
        for piece in read_bytes(self._path, self._problems, self._limits):
            lines = (piece.removeprefix(b"\xef\xbb\xbf") if first else piece).split(b"\n")
            first = False
            last = lines.pop()
            if lines:
                if size > limit:
                    del lines[0]
                elif start:
                    start.append(lines[0])
                    lines[0] = b"".join(start)
                yield lines
                start, size = [], 0
            size += len(last)
            if size <= limit:
                start.append(last)
            elif start:
                start.clear()
                self._problems["line-too-long"] += 1
        if start and (last := b"".join(start)):
            self.unterminated = True
            yield [last]

    def count_bad(self) -> None:
        """Count a line that cannot be read: the last, torn one of a killed recorder, or a damaged one."""
        self._problems["torn-last-line" if self.unterminated else "bad-line"] += 1
