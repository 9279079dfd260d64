"""Several recordings of one feed as one: in order of time, each frame once.

Two recorders of one feed get the same messages, but their clocks differ by some seconds, one may have been away for a
while, and each got its own greeting when it connected. So:

1. Every recording is read once for a *sketch*: the times of its runs of three received frames, by a hash of their
   texts. To bound the memory only hashes that end in enough zero bits are kept, the same ones in every recording.
2. Runs that occur once in each of two recordings give differences of their clocks. Where at least half of the
   differences up to five minutes, and at least three, agree within two seconds, their median is what the later-named
   recording is moved by; the clock of the recording named first counts. Without agreement none is moved.
3. The recordings are merged in order of time. A frame is a duplicate if a recording that overlaps with this one has
   the same at most two seconds before it, and that one does not yet stand for a frame of this recording. So a
   message that the feed itself repeats, such as a keep-alive, stays as often as in the recording that has it most
   often, and the parts of a rotated recording, which follow each other without overlap, lose nothing.

Within one recording the order of frames is never changed. Memory does not depend on the length of the recordings.
"""

import heapq
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from zlib import crc32

from karttime.errors import RecordingError, UsageError
from karttime.feeds.frame import Frame
from karttime.recording.format import Mark, RecordingHeader
from karttime.recording.lines import DEFAULT_LIMITS, Limits
from karttime.recording.reader import Recording, open_recording

SAME_FRAME_MS: Final = 2_000  # how much later another recorder may have got a frame, once the clocks agree
MAX_CLOCK_DIFFERENCE_MS: Final = 5 * 60_000  # a computer without time server is minutes off, not hours
_AGREEMENT_MS: Final = 2_000  # of a day's drift, and of what the network adds
_AGREEING_RUNS: Final = 3
_RUN: Final = 3
_SKETCH_RUNS: Final = 16_384  # some 2 MB; of a day at 20 frames a second it holds five runs per minute
_WINDOW_FRAMES: Final = 65_536  # frames that are compared at any time; hostile files may claim one time for all


@dataclass(slots=True)
class _Sketch:
    """When a recording has which runs of frames; None for a run that it has more than once."""

    first_at: int = 0
    last_at: int = 0
    empty: bool = True
    runs: dict[int, int | None] = field(default_factory=dict)
    _mask: int = 0

    @classmethod
    def of(cls, recording: Recording) -> "_Sketch":
        sketch = cls()
        recent: deque[int] = deque(maxlen=_RUN)
        for frame in recording:
            if sketch.empty:
                sketch.first_at = sketch.last_at = frame.at
                sketch.empty = False
            sketch.first_at = min(sketch.first_at, frame.at)
            sketch.last_at = max(sketch.last_at, frame.at)
            if frame.direction == "in":
                recent.append(_fingerprint(frame))
                if len(recent) == _RUN:
                    sketch._add(hash(tuple(recent)), frame.at)
        return sketch

    def _add(self, run: int, at: int) -> None:
        if run & self._mask:
            return
        self.runs[run] = None if run in self.runs else at
        while len(self.runs) > _SKETCH_RUNS:
            self._mask = self._mask << 1 | 1
            self.runs = {kept: time for kept, time in self.runs.items() if not kept & self._mask}

    def is_near(self, other: "_Sketch") -> bool:
        apart = max(self.first_at, other.first_at) - min(self.last_at, other.last_at)
        return apart <= MAX_CLOCK_DIFFERENCE_MS

    def clock_difference(self, other: "_Sketch") -> tuple[int, int]:
        """What to add to the other's times, and how many runs say so (0: it is not known)."""
        differences = sorted(
            mine - its
            for run in self.runs.keys() & other.runs.keys()
            if (mine := self.runs[run]) is not None
            and (its := other.runs[run]) is not None
            and abs(mine - its) <= MAX_CLOCK_DIFFERENCE_MS
        )
        best: list[int] = []
        for index, least in enumerate(differences):
            end = bisect_right(differences, least + _AGREEMENT_MS)
            if end - index > len(best):
                best = differences[index:end]
        if len(best) < _AGREEING_RUNS or 2 * len(best) < len(differences):
            return 0, 0
        return best[len(best) // 2], len(best)


def _fingerprint(frame: Frame) -> int:
    """The same in every process, unlike `hash`: which runs are kept must not change from one import to the next."""
    if frame.text is not None:
        return crc32(frame.text.encode("utf-8", "surrogatepass"))
    return crc32(frame.data or b"", 1)


class MergedRecordings:
    """Several recordings of one feed, read as one; iterate as often as wanted.

    Attributes:
        recordings: as they were named.
        shifts: milliseconds that were added to each one's times, to agree with the clock of the first.
        duplicates: frames left out in the latest iteration so far, because another recording has them.
    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self.recordings = tuple(recordings)
        self.duplicates = 0
        self._marks: list[Mark] = []
        self._starts: Sequence[int] = [0]
        self._overlaps: Sequence[frozenset[int]] = [frozenset()]
        self.shifts: Sequence[int] = (0,)
        if len(recordings) > 1:
            sketches = [_Sketch.of(recording) for recording in recordings]
            self._starts = [sketch.first_at for sketch in sketches]
            self.shifts = _shifts(sketches)
            self._overlaps = _overlaps(sketches, self.shifts)

    @property
    def header(self) -> RecordingHeader:
        """The first recording's, with what it leaves open taken from the others."""
        headers = [recording.header for recording in self.recordings]
        created = [header.created_at for header in headers if header.created_at is not None]
        return replace(
            headers[0],
            created_at=min(created, default=None),
            source=next((header.source for header in headers if header.source), ""),
            circuit=next((header.circuit for header in headers if header.circuit), ""),
            feed=next((header.feed for header in headers if header.feed), None),
        )

    @property
    def marks(self) -> Sequence[Mark]:
        """The marks passed in the latest iteration so far."""
        return self.recordings[0].marks if len(self.recordings) == 1 else self._marks

    @property
    def problems(self) -> Mapping[str, int]:
        """What was refused, skipped or repaired in the latest iteration so far, in all recordings, by name."""
        total: Counter[str] = Counter()
        for recording in self.recordings:
            total.update(recording.problems)
        return total

    def __iter__(self) -> Iterator[Frame]:
        self.duplicates = 0
        self._marks = []
        if len(self.recordings) == 1:
            yield from self.recordings[0]
            return
        window = _Window()
        for key, source, frame in self._in_order():
            if window.holds(key, source, frame, self._overlaps[source]):
                self.duplicates += 1
            else:
                yield frame

    def _in_order(self) -> Iterator[tuple[int, int, Frame]]:
        """Key, number of the recording and frame; a file is opened only when its time has come."""
        heap: list[tuple[int, int, Frame | None]] = [
            (start + shift, source, None)
            for source, (start, shift) in enumerate(zip(self._starts, self.shifts, strict=True))
        ]
        heapq.heapify(heap)
        streams: dict[int, Iterator[Frame]] = {}
        passed: Counter[int] = Counter()
        while heap:
            key, source, frame = heap[0]
            shift = self.shifts[source]
            if frame is not None:
                yield key, source, frame
            else:
                streams[source] = iter(self.recordings[source])
            following = next(streams[source], None)
            for mark in self.recordings[source].marks[passed[source] :]:
                self._marks.append(Mark(mark.at + shift, mark.text))
                passed[source] += 1
            if following is None:
                heapq.heappop(heap)
                continue
            moved = following._replace(at=max(0, following.at + shift)) if shift else following
            heapq.heapreplace(heap, (max(key, moved.at), source, moved))


class _Window:
    """The frames of the last seconds, and which recordings each of them stands for."""

    def __init__(self) -> None:
        self._order: deque[tuple[int, int]] = deque()
        self._stands_for: dict[int, deque[set[int]]] = {}

    def holds(self, key: int, source: int, frame: Frame, others: frozenset[int]) -> bool:
        """Whether the frame is known from one of the others; if it is not, it is kept to compare later ones with."""
        while self._order and (self._order[0][0] < key - SAME_FRAME_MS or len(self._order) >= _WINDOW_FRAMES):
            _, oldest = self._order.popleft()
            alike = self._stands_for[oldest]
            alike.popleft()
            if not alike:
                del self._stands_for[oldest]
        same = hash((frame.text, frame.data, frame.direction))
        for sources in self._stands_for.get(same, ()):
            if source not in sources and not others.isdisjoint(sources):
                sources.add(source)
                return True
        self._order.append((key, same))
        self._stands_for.setdefault(same, deque()).append({source})
        return False


def _shifts(sketches: Sequence[_Sketch]) -> tuple[int, ...]:
    """From the first recording on, the one whose clock is known best is placed next."""
    shifts = {0: 0}
    votes: dict[int, tuple[int, int]] = {}  # recording: runs that agree, shift
    newest = 0
    while len(shifts) < len(sketches):
        for number, sketch in enumerate(sketches):
            if number in shifts or not sketch.is_near(sketches[newest]):
                continue
            difference, runs = sketches[newest].clock_difference(sketch)
            votes[number] = max(votes.get(number, (0, 0)), (runs, difference + shifts[newest] if runs else 0))
        newest = max((n for n in range(len(sketches)) if n not in shifts), key=lambda n: (votes.get(n, (0, 0))[0], -n))
        shifts[newest] = votes.get(newest, (0, 0))[1]
    return tuple(shifts[number] for number in range(len(sketches)))


def _overlaps(sketches: Sequence[_Sketch], shifts: Sequence[int]) -> list[frozenset[int]]:
    """For each recording, those that ran while it did."""
    spans = [(sketch.first_at + by, sketch.last_at + by) for sketch, by in zip(sketches, shifts, strict=True)]
    return [
        frozenset(n for n, (begin, end) in enumerate(spans) if n != number and begin < its_end and its_begin < end)
        for number, (its_begin, its_end) in enumerate(spans)
    ]


def read_frames(paths: Sequence[Path], limits: Limits = DEFAULT_LIMITS) -> MergedRecordings:
    """Open recordings of one feed and merge them; one is read as it is.

    Raises:
        RecordingError: one cannot be read, or keeps no times to merge by.
        UsageError: none is named.
    """
    if not paths:
        raise UsageError("no recording is named: name at least one file")
    recordings = [open_recording(path, limits) for path in paths]
    timeless = [recording for recording in recordings if recording.header.clock != "utc"]
    if timeless and len(recordings) > 1:
        raise RecordingError(f"{timeless[0].path} keeps no times of day and cannot be merged: use it by itself")
    return MergedRecordings(recordings)
