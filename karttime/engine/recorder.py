"""Records one feed to disk, without looking into it: what `karttime record` runs."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, assert_never

from karttime.circuits.urls import shown
from karttime.domain.display import clean
from karttime.engine.clock import Clock
from karttime.engine.source import (
    Connected,
    Connecting,
    Ended,
    Flooding,
    FrameSource,
    GaveUp,
    Lost,
    Retrying,
    SourceEvent,
)
from karttime.engine.taps import FrameWriter
from karttime.errors import KarttimeError, SourceError, UsageError
from karttime.feeds.frame import Frame
from karttime.recording.durations import parse_duration
from karttime.recording.format import RecordingHeader

_RATE_OVER_S: Final = 10.0


def duration_or_never(text: str | None) -> int | None:
    """Milliseconds of a duration, None for none given.

    Raises:
        UsageError: it is none, or zero.
    """
    if text is None:
        return None
    duration_ms = parse_duration(text)
    if duration_ms <= 0:
        raise UsageError("a recording of no time at all would be empty: give a longer duration")
    return duration_ms


def recording_header(url: str, circuit: str, feed: str = "", clock: Clock | None = None) -> RecordingHeader:
    """The header of a recording that begins now, without what is secret in the address.

    Names are of one line and bounded, whatever was typed.
    """
    at = (clock or Clock()).wall_ms()
    return RecordingHeader(created_at=at, source=shown(url), circuit=clean(circuit), feed=feed)


@dataclass(frozen=True, slots=True)
class RecordingProgress:
    """How far a recording is.

    Attributes:
        elapsed_ms: since it began.
        frames: messages recorded.
        rate: messages a second over the last ten seconds.
        data_age_ms: since the last message, None before the first.
        bytes: on disk.
        paths: the files.
        reconnects: connections lost after they stood.
        state: what is going on, in a few words.
    """

    elapsed_ms: int
    frames: int
    rate: float
    data_age_ms: int | None
    bytes: int
    paths: Sequence[Path]
    reconnects: int
    state: str


class Recorder:
    """Records one source; reconnecting is the source's business, a disk that fails ends the recording."""

    def __init__(self, source: FrameSource, writer: FrameWriter, *, clock: Clock | None = None) -> None:
        self._source = source
        self._writer = writer
        self._clock = clock or Clock()
        self._began = self._clock.monotonic()
        self._samples: deque[tuple[float, int]] = deque([(self._began, 0)])
        self._data_at: float | None = None
        self._frames = self._reconnects = 0
        self._connected = False
        self._state = "connecting"
        self._lost = ""
        self._limit: asyncio.Timeout | None = None
        self._stopping = False

    async def run(
        self, *, duration_ms: int | None = None, report: Callable[[RecordingProgress], None], every_s: float
    ) -> None:
        """Record until the duration is over, `stop` is called or the source ends; `report` every so often.

        Raises:
            SourceError: the source gave up.
            RecorderError: the disk does not take it any more; what was written stays readable.
        """
        failure: KarttimeError | None = None
        async with asyncio.TaskGroup() as tasks:
            reporter = tasks.create_task(self._report(report, every_s))
            try:
                await self._record(duration_ms)
            except KarttimeError as error:  # raised below, as it is: the group would wrap it
                failure = error
            finally:
                reporter.cancel()
        if failure is not None:
            raise failure

    def stop(self) -> None:
        """End the recording now, cleanly."""
        self._stopping = True
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(0)

    def progress(self) -> RecordingProgress:
        """As it is now."""
        now = self._clock.monotonic()
        while len(self._samples) > 1 and now - self._samples[0][0] > _RATE_OVER_S:
            self._samples.popleft()
        since, frames = self._samples[0]
        self._samples.append((now, self._frames))
        return RecordingProgress(
            elapsed_ms=round((now - self._began) * 1000),
            frames=self._frames,
            rate=(self._frames - frames) / (now - since) if now > since else 0.0,
            data_age_ms=None if self._data_at is None else round((now - self._data_at) * 1000),
            bytes=self._writer.bytes,
            paths=tuple(self._writer.paths),
            reconnects=self._reconnects,
            state=self._state,
        )

    async def _record(self, duration_ms: int | None) -> None:
        limit = asyncio.timeout(None if duration_ms is None else duration_ms / 1000)
        try:
            async with limit, aclosing(aiter(self._source)) as items:
                self._limit = limit
                if self._stopping:
                    return
                async for item in items:
                    if isinstance(item, Frame):
                        self._writer.write(item)
                        self._frames += 1
                        self._data_at = self._clock.monotonic()
                        self._state = "receiving"
                    else:
                        self._happened(item)
        except TimeoutError:
            if not limit.expired():
                raise
        finally:
            self._limit = None
            self._writer.close()

    async def _report(self, report: Callable[[RecordingProgress], None], every_s: float) -> None:
        while True:
            report(self.progress())
            await self._clock.sleep(every_s)

    def _happened(self, event: SourceEvent) -> None:
        match event:
            case Connecting():
                self._state = "connecting"
            case Connected():
                self._connected, self._state = True, "connected, waiting for data"
                self._writer.mark(self._clock.wall_ms(), "connected")
            case Flooding(fault):
                self._state = f"receiving slowly: the feed sends {fault}"
            case Lost(reason):
                self._state = self._lost = reason
                if self._connected:
                    self._connected = False
                    self._reconnects += 1
                    self._writer.mark(self._clock.wall_ms(), f"connection lost: {reason}")
            case Retrying(delay_ms, attempt):
                self._state = f"{self._lost}; attempt {attempt} in {delay_ms / 1000:.0f} s"
            case GaveUp(attempts):
                raise SourceError(f"gave up after {attempts} attempts: {self._lost}")
            case Ended():
                self._state = "the source ended"
            case _:
                assert_never(event)
