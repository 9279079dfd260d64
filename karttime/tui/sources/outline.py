"""What happens in a whole recording, found out beside its replay: for the progress bar and jumps to the next event."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from karttime.domain.logbook import Logbook
from karttime.domain.session import Session
from karttime.domain.times import format_time
from karttime.domain.updates import (
    FlagChanged,
    LapCompleted,
    LapFlag,
    MessageShown,
    NotesAdded,
    PitEntered,
    PitLeft,
    SessionEnded,
    SessionStarted,
    Update,
)
from karttime.feeds.base import Decoder, Rejection
from karttime.recording.merge import MergedRecordings
from karttime.tui.sources.base import Marker

log = logging.getLogger(__name__)

MAX_MARKERS: Final = 50_000
_BREATH: Final = 400  # frames between two pauses that leave the processor to the screen


class Outline:
    """The events of a recording, in order of its frames.

    Attributes:
        markers: what was found so far.
        last_at: time of the last frame that was looked at, ms UTC.
        done: everything was looked at.
    """

    def __init__(self, recording: MergedRecordings, decoder: Callable[[], Decoder]) -> None:
        self._recording = recording
        self._decoder = decoder
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.markers: list[Marker] = []
        self.last_at = 0
        self.done = False

    def start(self) -> None:
        """Begin to look through it, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="outline", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End looking."""
        self._stop.set()

    def _look(self) -> None:
        try:
            self._read()
        except Exception:  # the end of a thread: whatever it is, the replay goes on without these marks
            log.exception("The outline of the recording stays incomplete")
        self.done = True

    def _read(self) -> None:
        decoder, logbook, best = self._decoder(), Logbook(1), dict[str, int]()
        for number, frame in enumerate(self._recording):
            if self._stop.is_set() or len(self.markers) >= MAX_MARKERS:
                return
            self.last_at = max(self.last_at, frame.at)
            if frame.direction != "in":
                continue
            for update in decoder.feed(frame):
                if not isinstance(update, Rejection):
                    change = logbook.apply(update)
                    if change.facts and logbook.current is not None:
                        self.markers.extend(_markers(update, logbook.current, best))
            if number % _BREATH == 0:
                time.sleep(0.001)
        self.markers += [Marker(mark.at, "mark", mark.text) for mark in self._recording.marks]
        self.markers.sort(key=lambda marker: marker.at)


def _markers(update: Update, session: Session, best: dict[str, int]) -> Iterator[Marker]:
    match update:
        case SessionStarted():
            yield Marker(update.at, "session", update.title or str(update.session_id))
        case SessionEnded():
            yield Marker(update.at, "session", "ended")
        case FlagChanged():
            yield Marker(update.at, "flag", update.flag.value)
        case PitEntered() | PitLeft():
            kind = "pit-in" if isinstance(update, PitEntered) else "pit-out"
            competitor = session.competitors[update.competitor_id]
            yield Marker(update.at, kind, f"kart {competitor.values(session.columns).get('number') or competitor.id}")
        case LapCompleted() if LapFlag.DOUBTFUL not in update.flags:
            if update.time_ms < best.get(session.id, 1 << 60):
                best[session.id] = update.time_ms
                competitor = session.competitors[update.competitor_id]
                number = competitor.values(session.columns).get("number") or competitor.id
                yield Marker(update.at, "fastest", f"kart {number} {format_time(update.time_ms)}")
        case MessageShown() if update.level == "penalty" and update.text:
            yield Marker(update.at, "penalty", update.text)
        case NotesAdded():
            for note in update.notes[-20:]:
                yield Marker(update.at, "penalty" if note.kind == "penalty" else "note", f"{note.number} {note.text}")
        case _:
            pass
