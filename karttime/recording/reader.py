"""Recordings, whoever recorded them: open one, then iterate over its frames as often as wanted."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from karttime.feeds.frame import Frame
from karttime.recording.format import Mark, RecordingHeader
from karttime.recording.importers import Importer, recognise
from karttime.recording.lines import DEFAULT_LIMITS, Limits
from karttime.recording.reading import Head, Reading


class Recording:
    """One recording on disk; iterating reads it from its beginning, lazily and in constant memory.

    Attributes:
        path: the file.
        header: what it says about itself, as far as its recorder kept it.
        format: which recorder's format it is, such as `karttime-1` or `apex-msg`.
    """

    def __init__(self, path: Path, header: RecordingHeader, importer: Importer, limits: Limits) -> None:
        self.path = path
        self.header = header
        self.format = importer.name
        self._importer = importer
        self._limits = limits
        self._reading = Reading(path, header, limits)

    def __iter__(self) -> Iterator[Frame]:
        self._reading = reading = Reading(self.path, self.header, self._limits)
        return self._importer.read(reading)

    @property
    def marks(self) -> Sequence[Mark]:
        """The marks passed in the latest iteration so far: all of them once it has ended."""
        return self._reading.marks

    @property
    def problems(self) -> Mapping[str, int]:
        """What was refused, skipped or repaired in the latest iteration so far, by name."""
        return {name: count for name, count in self._reading.problems.items() if count}


def open_recording(path: Path, limits: Limits = DEFAULT_LIMITS) -> Recording:
    """Open a recording of any known recorder; see `IMPORTERS`.

    Raises:
        RecordingError: it is missing, unreadable, empty, binary, too new or not a recording.
    """
    head = Head(path, limits)
    importer, header = recognise(head)
    if importer.open is not None:
        header = importer.open(Reading(path, header, limits))
    return Recording(path, header, importer, limits)
