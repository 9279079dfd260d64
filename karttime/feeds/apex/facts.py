r"""Session facts of the Apex feed: titles, track, clock, light, race-control list, ticker.

| line | meaning |
|---|---|
| `title1\|\|…`, `title2\|\|…`, `track\|\|…` | event, session, track with length: free texts |
| `dyn1\|countdown\|10785490` | ms remaining, re-sent every 30 s |
| `dyn1\|count\|23245600`, `dyn2\|count\|44988` | ms elapsed; `dyn2` in the competition edition only |
| `dyn1\|text\|Lap 3/10`, `dyn1\|text\|` | a text; none after the flag |
| `light\|lg\|` | green; `ly` yellow, `lr` red (and at rest), `lf` chequered, `lsc` safety car |
| `com\|\|<html>` | race-control list, whole each time |
| `msg\|msgp\|…` | ticker: `` and `msgt` information, `msgw` warning, `msgp` penalty |
"""

from typing import Final

from karttime.domain.flags import Flag
from karttime.domain.updates import (
    ClockChanged,
    ClockMode,
    FlagChanged,
    MessageShown,
    NotesAdded,
    NotesCleared,
    Update,
)
from karttime.domain.values import whole_number
from karttime.feeds.apex.codes import LIGHTS, MESSAGE_LEVELS
from karttime.feeds.apex.notes import NoteList
from karttime.feeds.apex.sessions import Countdown

COMMANDS: Final = frozenset({"title1", "title2", "track", "dyn1", "dyn2", "light", "com", "msg"})
MAX_FACT: Final = 500
MAX_NOTES: Final = 1 << 18
_CLOCKS: Final = {"countdown": ClockMode.COUNTDOWN, "count": ClockMode.COUNT_UP, "text": ClockMode.TEXT}


class Facts:
    """What the feed says of the running session; each `take` returns the updates that a line makes, or None if bad."""

    def __init__(self) -> None:
        self.event = ""
        self.title = ""
        self.track = ""
        self.flag = Flag.NONE
        self.light = ""
        self.message = ("", "")
        self._notes = NoteList()
        self._clock1: tuple[ClockMode, int | None, str] = (ClockMode.OFF, None, "")
        self._clock2: tuple[ClockMode, int | None, str] = (ClockMode.OFF, None, "")
        self._clock_at = 0
        self._was_green = False

    def countdown(self) -> Countdown | None:
        """The clock, when it counts down."""
        mode, ms, _ = self._clock1
        if mode is not ClockMode.COUNTDOWN or ms is None:
            return None
        return Countdown(self._clock_at, ms, self.light == "lg")

    def new_session(self) -> None:
        """Forget what belongs to a session that is over; titles, clock and light come with the next burst."""
        self._was_green = False
        self.flag = Flag.NONE
        self.message = ("", "")
        self._notes = NoteList()

    def take(self, at: int, command: str, verb: str, value: str) -> list[Update] | None:
        """Take a fact in; None refuses it. Titles and track change no more than this object's fields."""
        if command == "com":
            return self._take_notes(at, value) if len(value) <= MAX_NOTES else None
        if len(value) > MAX_FACT:
            return None
        if command in ("title1", "title2", "track"):
            setattr(self, {"title1": "event", "title2": "title"}.get(command, command), value.strip())
            return []
        if command == "light":
            return self._take_light(at, verb)
        if command == "msg":
            return self._take_message(at, verb, value)
        return self._take_clock(at, command, verb, value)

    def all(self, at: int) -> list[Update]:
        """Every fact anew, for a session that has just begun."""
        updates: list[Update] = [FlagChanged(at, self.flag, self.light), self.clock(at)]
        if self._notes.notes:
            updates.append(NotesAdded(at, tuple(reversed(self._notes.notes))))
        if self.message[1]:
            updates.append(MessageShown(at, *self.message))
        return updates

    def clock(self, at: int) -> ClockChanged:
        """The clock that matters: `dyn1` when it runs, else the elapsed time of `dyn2` with the text of `dyn1`."""
        mode, ms, text = self._clock1
        if ms is None and self._clock2[1] is not None:
            mode, ms = self._clock2[:2]
        if mode is ClockMode.TEXT and not text:
            mode = ClockMode.OFF
        return ClockChanged(at, mode, ms, text)

    def _take_light(self, at: int, verb: str) -> list[Update] | None:
        flag = LIGHTS.get(verb, Flag.UNKNOWN)
        if not verb.isalnum() or len(verb) > 8:
            return None
        self._was_green = self._was_green or flag in (Flag.GREEN, Flag.YELLOW, Flag.SAFETY_CAR)
        if flag is Flag.RED and (not self._was_green or self.flag in (Flag.CHEQUERED, Flag.NONE)):
            flag = Flag.NONE  # the light is red at rest, too: before the start and after the end
        self.light = verb
        if flag is self.flag:
            return []
        self.flag = flag
        return [FlagChanged(at, flag, verb)]

    def _take_clock(self, at: int, command: str, verb: str, value: str) -> list[Update] | None:
        mode = _CLOCKS.get(verb)
        if mode is None:
            return None
        ms = None if mode is ClockMode.TEXT else whole_number(value)
        if mode is not ClockMode.TEXT and ms is None and value:
            return None
        clock = (mode, ms, value.strip() if mode is ClockMode.TEXT else "")
        if command == "dyn1":
            self._clock1, self._clock_at = clock, at
        else:
            self._clock2 = clock
        return [self.clock(at)]

    def _take_message(self, at: int, verb: str, value: str) -> list[Update] | None:
        level = MESSAGE_LEVELS.get(verb)
        if level is None:
            return None
        message = (level, value.strip())
        if message == self.message:
            return []
        self.message = message
        return [MessageShown(at, *message)]

    def _take_notes(self, at: int, value: str) -> list[Update]:
        held = bool(self._notes.notes)
        fresh = self._notes.take(value)
        if not self._notes.notes:
            return [NotesCleared(at)] if held else []
        return [NotesAdded(at, fresh)] if fresh else []
