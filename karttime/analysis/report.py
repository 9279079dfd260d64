"""What a recording, or any run of frames, says: format, sessions, what was refused, what is doubtful.

Frames are read once. Memory grows with the laps alone.
"""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice

from karttime.analysis.detection import SAMPLE_FRAMES, UNKNOWN, Detection, detect
from karttime.domain.logbook import Logbook
from karttime.feeds.base import Decoder, FeedFormat, Rejection
from karttime.feeds.formats import FORMATS
from karttime.feeds.frame import Frame

_BATCH = 8192
_SAMPLES = 5


@dataclass(slots=True)
class Report:
    """Everything that was found.

    Attributes:
        detection: the format, and why.
        logbook: the sessions.
        frames: how many were read; `bytes` of their payloads in UTF-8.
        first_at: time of the first frame, ms; None without frames.
        refused: by reason.
        samples: some of what was refused, by reason: hostile text.
        doubts: sentences for a person.
    """

    detection: Detection
    logbook: Logbook = field(default_factory=Logbook)
    frames: int = 0
    bytes: int = 0
    first_at: int | None = None
    last_at: int | None = None
    refused: Mapping[str, int] = field(default_factory=dict)
    samples: dict[str, list[str]] = field(default_factory=dict)
    doubts: Sequence[str] = ()


def analyze(
    frames: Iterable[Frame],
    *,
    formats: Mapping[str, FeedFormat] = FORMATS,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Read all frames of one feed, in order.

    Args:
        frames: the frames.
        formats: the formats to choose from.
        progress: called now and then with the number of frames and bytes read so far.
    """
    stream = iter(frames)
    head = list(islice(stream, SAMPLE_FRAMES))
    detection = detect(head, formats)
    report = Report(detection)
    if detection.name == UNKNOWN:
        _count(report, chain(head, stream), progress)
        report.doubts = ["no known format explains these frames: nothing was decoded"]
        return report
    decoder = formats[detection.name].decoder()
    with _collecting_by_batch():
        _decode(report, decoder, chain(head, stream), progress)
    report.refused = Counter(decoder.refused)
    report.doubts = tuple(decoder.doubts)
    return report


def _decode(
    report: Report, decoder: Decoder, frames: Iterator[Frame], progress: Callable[[int, int], None] | None
) -> None:
    apply = report.logbook.apply
    while batch := list(islice(frames, _BATCH)):
        for update in decoder.feed_many(batch):
            if isinstance(update, Rejection):
                _keep_sample(report, update)
            else:
                apply(update)
        _account(report, batch, progress)
        gc.collect(1)
    if report.last_at is not None:  # whatever waits for the next frame is decided by silence
        for update in decoder.feed_many(Frame(report.last_at + silence, "\n") for silence in (1, 2)):
            if not isinstance(update, Rejection):
                apply(update)


@contextmanager
def _collecting_by_batch() -> Iterator[None]:
    """Nearly all that is made here is kept: the garbage collector looks once per batch, not every 700 objects."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _count(report: Report, frames: Iterator[Frame], progress: Callable[[int, int], None] | None) -> None:
    while batch := list(islice(frames, _BATCH)):
        _account(report, batch, progress)


def _account(report: Report, batch: Sequence[Frame], progress: Callable[[int, int], None] | None) -> None:
    if report.first_at is None:
        report.first_at = batch[0].at
    report.last_at = batch[-1].at
    report.frames += len(batch)
    report.bytes += len("".join([frame.text or "" for frame in batch]).encode("utf-8", "surrogatepass"))
    report.bytes += sum(len(frame.data) for frame in batch if frame.data)
    if progress is not None:
        progress(report.frames, report.bytes)


def _keep_sample(report: Report, rejection: Rejection) -> None:
    samples = report.samples.setdefault(rejection.reason, [])
    if len(samples) < _SAMPLES:
        samples.append(rejection.sample)
