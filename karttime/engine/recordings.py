"""A folder of raw recordings: everything that is collected, a file for each circuit and start.

Names are `CIRCUIT-20260517T080000Z.jsonl.zst`, further parts of a long one `….002.jsonl.zst`. Files are removed when
they are older than allowed, and the oldest first when all together are larger than allowed; never one that is being
written, and never a file of another name.
"""

import errno
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from karttime.circuits.circuit import Circuit
from karttime.domain.logbook import Logbook
from karttime.engine.clock import Clock
from karttime.engine.past import Past, Written, following, read_past
from karttime.engine.recorder import recording_header
from karttime.engine.taps import RecorderTap
from karttime.errors import RecorderError, UsageError
from karttime.feeds.base import Decoder
from karttime.recording.writer import RecordingWriter

_log = logging.getLogger(__name__)

_NAME: Final = re.compile(r"([a-zA-Z0-9_-]{1,80})-(\d{8}T\d{6}Z)(?:-(\d{1,6}))?(?:\.(\d{3,6}))?\.jsonl\.zst", re.ASCII)
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Retention:
    """How long recordings stay; 0 means without limit.

    Attributes:
        keep_days: since a file was last written to.
        keep_bytes: of all files together.
        part_bytes: of one file; then another one is begun.
    """

    keep_days: float = 30
    keep_bytes: int = 20_000_000_000
    part_bytes: int = 64_000_000


class Recordings:
    """The folder. `tap` fits the engine's `recorder_factory`.

    Raises:
        UsageError: the folder is none, or cannot be written to.
    """

    def __init__(self, folder: Path, retention: Retention | None = None, *, clock: Clock | None = None) -> None:
        self._folder = folder
        self._retention = retention or Retention()
        self._clock = clock or Clock()
        self._writers: dict[str, RecordingWriter] = {}
        _prepare(folder)

    def tap(self, circuit: Circuit) -> RecorderTap:
        """What records this circuit; a new file for each start."""
        return RecorderTap(lambda: self._begin(circuit), clock=self._clock)

    def sweep(self) -> int:
        """Remove what is too old or too much; how many files were removed.

        Called at each start of a recording, and now and then by whoever runs the service.
        """
        retention, removed = self._retention, 0
        files = sorted(self._files(), key=lambda file: file.written_at)
        total = sum(file.size for file in files)
        oldest = self._clock.wall_ms() / 1000 - retention.keep_days * _DAY_S
        for file in files:
            too_old = bool(retention.keep_days) and file.written_at < oldest
            too_much = bool(retention.keep_bytes) and total > retention.keep_bytes
            if (too_old or too_much) and _remove(file.path):
                total -= file.size
                removed += 1
        if removed:
            _log.info("%d old recordings removed from %s", removed, self._folder)
        return removed

    def past(self, circuit: Circuit, decoder: Decoder, logbook: Logbook) -> Past | None:
        """What the recordings of a circuit lead to, if they lead to now; reads for seconds, so call it in a thread.

        Args:
            circuit: which.
            decoder: a new one.
            logbook: an empty one.
        """
        now = self._clock.wall_ms()
        try:
            paths = following(self._written(circuit.id), now)
        except RecorderError as error:
            _log.warning("%s", error)
            return None
        return read_past(paths, circuit, decoder, logbook, now_ms=now) if paths else None

    def _written(self, circuit_id: str) -> list[Written]:
        """The recordings of a circuit, oldest first."""
        parts: dict[tuple[int, int], list[tuple[int, _File]]] = {}
        for file in self._files():
            found = _NAME.fullmatch(file.path.name)
            if found is None or found[1] != _file_name(circuit_id):
                continue
            try:
                begins = datetime.strptime(found[2], _STAMP).replace(tzinfo=UTC)
            except ValueError:  # the thirteenth month: not a file of ours
                continue
            key = round(begins.timestamp() * 1000), int(found[3] or 1)
            parts.setdefault(key, []).append((int(found[4] or 1), file))
        recordings: list[Written] = []
        for (began, _), files in sorted(parts.items()):
            files.sort(key=lambda it: it[0])
            if [number for number, _ in files] != list(range(1, len(files) + 1)):
                recordings.clear()  # a part is gone: neither it nor what was before leads anywhere
                continue
            ordered = [file for _, file in files]
            ends = round(max(file.written_at for file in ordered) * 1000)
            recordings.append(Written(tuple(it.path for it in ordered), began, ends, sum(it.size for it in ordered)))
        return recordings

    def _begin(self, circuit: Circuit) -> RecordingWriter:
        self.sweep()
        at = self._clock.wall_ms()
        header = recording_header(circuit.url, circuit.name, circuit.feed, self._clock)
        writer = RecordingWriter(self._unused(circuit.id, at), header, rotate_bytes=self._retention.part_bytes)
        self._writers[circuit.id] = writer
        return writer

    def _unused(self, circuit_id: str, at: int) -> Path:
        stamp = datetime.fromtimestamp(at / 1000, UTC).strftime(_STAMP)
        name = _file_name(circuit_id)
        number, path = 1, self._folder / f"{name}-{stamp}.jsonl.zst"
        while path.exists():
            number += 1
            path = self._folder / f"{name}-{stamp}-{number}.jsonl.zst"
        return path

    def _files(self) -> Iterator["_File"]:
        written = {writer.paths[-1] for writer in tuple(self._writers.values())}  # also asked in a thread
        try:
            entries = list(os.scandir(self._folder))
        except OSError as error:
            raise RecorderError(f"the folder {self._folder} cannot be read: {error.strerror or error}") from error
        for entry in entries:
            path = Path(entry.path)
            if path in written or not _NAME.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError:  # somebody else removed it
                continue
            yield _File(path, found.st_size, found.st_mtime)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size: int
    written_at: float


def _file_name(circuit_id: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]", "_", circuit_id)[:80] or "_"


def _prepare(folder: Path) -> None:
    """Make the folder and see that it can be written to."""
    probe = folder / f".karttime-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        if error.errno == errno.ENOSPC:  # starting goes on without recording, as running would
            _log.error("%s is on a full disk: nothing can be recorded there", folder)
            return
        raise UsageError(
            f"recordings cannot be written to {folder} ({error.strerror or error}): choose another RECORD_DIR"
        ) from error


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError as error:
        _log.warning("the recording %s cannot be removed: %s", path, error.strerror or error)
        return False
    return True
