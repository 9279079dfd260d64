"""What a recording, or any run of frames, says: format, sessions, what was refused, what is doubtful.

Frames are read once. Memory grows with the laps alone.
"""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING

from karttime.analysis.detection import UNKNOWN, Detection, detect, sample_of
from karttime.domain.logbook import Logbook
from karttime.feeds.base import Decoder, FeedFormat, Rejection
from karttime.feeds.formats import FORMATS
from karttime.feeds.frame import Frame

if TYPE_CHECKING:
    from karttime.analysis.inference.findings import Findings
    from karttime.feeds.declared.spec import FeedSpec

_BATCH = 8192
_SAMPLES = 5
_STUDIED_FRAMES, _STUDIED_TEXT = 60_000, 8 << 20


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
        findings: what inference found in frames that no known format explains; None where there are none.
        spec: the declaration that decoded the frames; None where a known format did, or nothing.
        beside: the sessions of the other protocol, where two are in one stream; `beside_spec` decoded them.
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
    findings: "Findings | None" = None
    spec: "FeedSpec | None" = None
    beside: Logbook | None = None
    beside_spec: "FeedSpec | None" = None


def analyze(
    frames: Iterable[Frame],
    *,
    formats: Mapping[str, FeedFormat] = FORMATS,
    spec: "FeedSpec | None" = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Read all frames of one feed, in order. What no known format explains is studied and decoded by what was found.

    Args:
        frames: the frames.
        formats: the formats to choose from.
        spec: decode as this declares, whatever the frames look like.
        progress: called now and then with the number of frames and bytes read so far.
    """
    stream = iter(frames)
    head = sample_of(stream)
    detection = detect(head, formats)
    report = Report(detection)
    if spec is not None:
        report.detection = Detection(spec.name, 1.0, ("declared by the spec",), detection.ranking, len(head))
        _decode_declared(report, spec, chain(head, stream), progress)
    elif detection.name == UNKNOWN:
        _study(report, chain(head, stream), progress)
    else:
        _decode_known(report, formats[detection.name].decoder(), chain(head, stream), progress)
    return report


def _decode_declared(
    report: Report, spec: "FeedSpec", frames: Iterator[Frame], progress: Callable[[int, int], None] | None
) -> None:
    from karttime.feeds.declared.decoder import DeclaredDecoder
    from karttime.feeds.declared.laps import WAIT_MS

    decoder = DeclaredDecoder(spec)
    with _collecting_by_batch():
        _decode(report, decoder, frames, progress, (WAIT_MS + 1,))
    report.spec = spec
    report.refused = Counter(decoder.refused)
    report.doubts = (*report.doubts, *decoder.doubts)


def _study(report: Report, frames: Iterator[Frame], progress: Callable[[int, int], None] | None) -> None:
    """Find out what an unknown feed means, and decode it all by that."""
    from karttime.analysis.inference.study import study

    head = _as_many(frames)
    found = report.findings = study(head)
    report.doubts = tuple(found.notes)
    if found.check is not None:
        report.doubts = (*report.doubts, *found.check.contradictions)
    if found.spec is None:
        report.doubts = (*report.doubts, "no known format explains these frames: nothing was decoded")
        _count(report, chain(head, frames), progress)
    else:
        _decode_declared(report, found.spec, chain(head, frames), progress)


def _as_many(frames: Iterator[Frame]) -> list[Frame]:
    """As many frames as are studied; the rest stays in the iterator."""
    head: list[Frame] = []
    size = 0
    for frame in frames:
        head.append(frame)
        size += len(frame.text or "") + len(frame.data or b"")
        if len(head) >= _STUDIED_FRAMES or size >= _STUDIED_TEXT:
            break
    return head


def _decode_known(
    report: Report, decoder: Decoder, frames: Iterator[Frame], progress: Callable[[int, int], None] | None
) -> None:
    """Decode what a known format explains, and what is beside it in the stream by what it was found to mean."""
    others = report.detection.others
    if others:
        decoder = _with_others(report, decoder, others)
    with _collecting_by_batch():
        _decode(report, decoder, frames, progress)
    report.refused = Counter(decoder.refused)
    report.doubts = (*report.doubts, *decoder.doubts)


def _with_others(report: Report, known: Decoder, others: Sequence[Frame]) -> Decoder:
    """A decoder for both protocols of a mixed stream; the known one alone where nobody can say what the other means."""
    from karttime.analysis.inference.study import study
    from karttime.feeds.declared.decoder import DeclaredDecoder
    from karttime.feeds.mixed import MixedDecoder

    found = report.findings = study(others)
    if found.spec is None:
        report.doubts = (f"{len(others)} of the first frames are in another protocol, which nobody can say more about",)
        return known
    decoder = MixedDecoder(known, DeclaredDecoder(found.spec))
    report.beside_spec, report.beside = found.spec, decoder.beside
    return decoder


def _decode(
    report: Report,
    decoder: Decoder,
    frames: Iterator[Frame],
    progress: Callable[[int, int], None] | None,
    silence: Sequence[int] = (1, 2),
) -> None:
    """Decode all; `silence` ms after the last frame nothing is said."""
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
        for update in decoder.feed_many(Frame(report.last_at + after, "\n") for after in silence):
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
