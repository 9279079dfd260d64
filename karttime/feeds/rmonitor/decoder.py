"""The decoder of RMonitor and of Race Monitor's relay: frames in, updates out. `records.py` describes the wire.

Feed it every frame in order, also over reconnects: it decides whether what is told anew goes on with the session that
was running or begins another one (`story.py`, `sessions.py`). What the feed counts is what counts (`laps.py`); what it
does not tell, order in doubt, gaps and intervals, is worked out (`order.py`); the board is made here (`layout.py`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from karttime.domain.updates import Update
from karttime.feeds.base import Rejection
from karttime.feeds.frame import Frame
from karttime.feeds.refusals import Refusals
from karttime.feeds.rmonitor.lines import MAX_LINES, LineBuffer
from karttime.feeds.rmonitor.reader import Reader
from karttime.feeds.rmonitor.run import Now
from karttime.feeds.rmonitor.story import Story

HOLE_MS: Final = 5_000
"""Without a tick for so long, the connection was away."""


class RMonitorDecoder:
    """Decodes one feed, from a timing computer or through Race Monitor's relay."""

    def __init__(self) -> None:
        self._refusals = Refusals()
        self._now = Now()
        self._story = Story(self._now)
        self._buffer = LineBuffer(self._refuse)
        self._reader = Reader(self._story)
        self._silent = False

    @property
    def refused(self) -> Mapping[str, int]:
        """How much was refused so far, by reason (see `refusals.REASONS`)."""
        return self._refusals.counts

    @property
    def doubts(self) -> Sequence[str]:
        """What cannot be known from what was received, in sentences."""
        run, doubts = self._story.run, self._story.doubts
        if run is not None and run.cars and not any(car.entered for car in run.cars.values()):
            return (*doubts, "no entries were sent: competitors have no names, and their numbers are a guess")
        return tuple(doubts)

    def feed(self, frame: Frame) -> Sequence[Update | Rejection]:
        """Decode one frame. Never raises on what a feed sends."""
        for _ in self._take((frame,)):
            pass
        return self._gathered()

    def feed_many(self, frames: Iterable[Frame]) -> Iterator[Update | Rejection]:
        """Decode frames that nobody watches one by one (see `Decoder.feed_many`)."""
        for _ in self._take(frames):
            yield from self._gathered(events_only=True)
        yield from self._gathered()

    def _take(self, frames: Iterable[Frame]) -> Iterator[None]:  # noqa: C901, PLR0912 - the one hot loop
        """Read frames, and yield after each that has more to tell than cells and places."""
        now, story, buffer, fresh = self._now, self._story, self._buffer, self._refusals.fresh
        short, long = self._reader.short, self._reader.long
        for frame in frames:
            now.frame += 1
            at, text = frame.at, frame.text
            if frame.direction == "out":
                continue
            if at - now.at > HOLE_MS and now.at:
                now.at = at
                story.away()
            now.at = at
            self._silent = False
            lines: Sequence[str] = ()
            if text is None or buffer.waits:
                lines = buffer.take(frame)
            elif not text or text.isspace():
                self._silent = True
                story.pause(silent=True)
            elif text.find("\n") == len(text) - 1:
                lines = (text,)  # nearly all frames of a recording are one line
            elif text[-1] != "\n" or len(lines := text.split("\n")) > MAX_LINES:
                lines = buffer.take(frame)
            for raw in lines:
                line = raw.strip("\r\n\t \ufeff")
                if not line:
                    continue
                way = short.get(line[:3])
                why = way(line) if way is not None else None
                if why is None:
                    why = long(line)
                if why:
                    self._refuse(why, raw)
            if story.told is not None and not self._silent:
                story.pause(silent=False)
            run = story.run
            if story.out or fresh or (run is not None and (run.events or run.board_due is not None)):
                yield

    def _gathered(self, *, events_only: bool = False) -> list[Update | Rejection]:
        """What was read since the last call."""
        updates: list[Update | Rejection] = [*self._story.out]
        self._story.out.clear()
        run = self._story.run
        if run is not None:
            run.flush(updates, silent=self._silent, events_only=events_only)
        if self._refusals.fresh:
            updates += self._refusals.take()
        return updates

    def _refuse(self, reason: str, line: str) -> None:
        self._refusals.refuse(self._now.at, self._now.frame, reason, line)
