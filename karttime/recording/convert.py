"""Any recordings that can be read, as one recording of karttime's own format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from karttime import __version__
from karttime.errors import RecordingError
from karttime.recording.merge import MergedRecordings, read_frames
from karttime.recording.writer import RecordingWriter


@dataclass(frozen=True, slots=True)
class Converted:
    """What was converted.

    Attributes:
        formats: of the inputs, in their order.
        shifts: milliseconds that were added to the times of each input.
        clock: what the times mean; see `format.py`.
        frames: written.
        marks: written.
        duplicates: frames left out because two inputs have them.
        problems: what was refused, skipped or repaired, by name.
        first_at: time of the first frame.
        last_at: time of the last frame.
        bytes: written.
    """

    formats: tuple[str, ...]
    shifts: tuple[int, ...]
    clock: str
    frames: int
    marks: int
    duplicates: int
    problems: Mapping[str, int]
    first_at: int
    last_at: int
    bytes: int


def convert(inputs: Sequence[Path], out: Path, *, circuit: str | None = None, source: str | None = None) -> Converted:
    """Write `out`; it is removed again if the inputs cannot be read to their end.

    Args:
        inputs: recordings of one feed; several are merged.
        out: a file that does not exist.
        circuit: name to keep instead of the recorder's.
        source: address to keep instead of the recorder's.

    Raises:
        RecordingError: an input cannot be read, or holds no frames.
        RecorderError: `out` cannot be written.
    """
    merged = read_frames(inputs)
    header = replace(merged.header, software=f"karttime {__version__}")
    header = replace(header, circuit=circuit or header.circuit, source=source or header.source)
    writer = RecordingWriter(out, header)
    try:
        with writer:
            first_at, last_at = _copy(merged, writer)
    except BaseException:  # also when interrupted: half a file would be in the way of the next attempt
        out.unlink(missing_ok=True)
        raise
    return Converted(
        formats=tuple(recording.format for recording in merged.recordings),
        shifts=tuple(merged.shifts),
        clock=header.clock,
        frames=writer.frames,
        marks=len(merged.marks),
        duplicates=merged.duplicates,
        problems=merged.problems,
        first_at=first_at,
        last_at=last_at,
        bytes=writer.bytes,
    )


def _copy(merged: MergedRecordings, writer: RecordingWriter) -> tuple[int, int]:
    """Times of the first and the last frame."""
    first_at: int | None = None
    last_at = marks = 0
    for frame in merged:
        for mark in merged.marks[marks:]:
            writer.mark(mark.at, mark.text)
            marks += 1
        writer.write(frame)
        first_at = frame.at if first_at is None else first_at
        last_at = frame.at
    for mark in merged.marks[marks:]:
        writer.mark(mark.at, mark.text)
    if first_at is None:
        raise RecordingError(f"{merged.recordings[0].path} holds no frames that could be converted")
    return first_at, last_at
