"""The session clock and the flag, from `$F`."""

from collections.abc import Sequence
from typing import Final

from karttime.domain.flags import Flag
from karttime.domain.updates import ClockChanged, ClockMode, FlagChanged, Update
from karttime.feeds.rmonitor.kinds import FLAGS
from karttime.feeds.rmonitor.records import NO_TIMES

NOT_LIMITED: Final = 9999
_DRIFT_MS: Final = 1500


class SessionClock:
    """What `$F` said last.

    Attributes:
        race_ms: time since the start, 0 before it; negative while a start is pending.
        running: a flag is shown and time passes.
        flag_text: the flag's word, trimmed.
        laps_to_go: in a race over laps, `NOT_LIMITED` else.
    """

    def __init__(self) -> None:
        self.race_ms = 0
        self.running = False
        self.flag = Flag.NONE
        self.flag_text = ""
        self.laps_to_go = NOT_LIMITED
        self._flag = ""
        self._mode, self._shown_laps = ClockMode.OFF, NOT_LIMITED
        self._shown = ClockChanged(0, ClockMode.OFF, None)
        self._shown_ms = 0

    @property
    def chequered(self) -> bool:
        """The race was flagged off; it may go on."""
        return self.flag is Flag.CHEQUERED

    def take(self, at: int, laps_to_go: int, to_go_ms: int, race_ms: int, flag: str) -> Sequence[Update]:
        """What is new by this tick."""
        self.race_ms = race_ms = 0 if race_ms in NO_TIMES else race_ms
        if flag == self._flag and laps_to_go == self._shown_laps and self._goes_on(at, to_go_ms, race_ms):
            self.running = race_ms > 0 and self.flag is not Flag.NONE
            return ()
        self.laps_to_go = laps_to_go
        updates: list[Update] = []
        if flag != self._flag:
            self._flag, text = flag, flag.strip()
            if text != self.flag_text:
                self.flag_text = text
                self.flag = FLAGS.get(text.casefold(), Flag.UNKNOWN)
                updates.append(FlagChanged(at, self.flag, text))
        self.running = self.race_ms > 0 and self.flag is not Flag.NONE
        clock = self._shown
        mode = ClockMode.COUNTDOWN if to_go_ms > 0 else ClockMode.COUNT_UP if self.race_ms > 0 else ClockMode.OFF
        ms = to_go_ms if to_go_ms > 0 else max(0, self.race_ms)
        if laps_to_go != self._shown_laps or mode is not self._mode or abs(_expected(clock, at) - ms) > _DRIFT_MS:
            text = f"{laps_to_go} laps to go" if 0 < laps_to_go < NOT_LIMITED else ""
            self._shown_laps, self._mode = laps_to_go, mode
            if mode is ClockMode.OFF:
                self._shown = ClockChanged(at, ClockMode.TEXT if text else mode, None, text)
            else:
                self._shown, self._shown_ms = ClockChanged(at, mode, ms, text), ms
            if (clock.mode, clock.ms, clock.text) != (self._shown.mode, self._shown.ms, self._shown.text):
                updates.append(self._shown)
        return updates

    def _goes_on(self, at: int, to_go_ms: int, race_ms: int) -> bool:
        """Whether the clock is where it would be by itself; so are nearly all ticks of a day."""
        if to_go_ms > 0:
            return (
                self._mode is ClockMode.COUNTDOWN
                and -_DRIFT_MS <= max(self._shown_ms - at + self._shown.at, 0) - to_go_ms <= _DRIFT_MS
            )
        return (
            race_ms > 0
            and self._mode is ClockMode.COUNT_UP
            and -_DRIFT_MS <= self._shown_ms + at - self._shown.at - race_ms <= _DRIFT_MS
        )

    def all(self, at: int) -> list[Update]:
        """Flag and clock anew, for a session that has just begun."""
        shown = self._shown
        ms = None if shown.ms is None else _expected(shown, at)
        return [FlagChanged(at, self.flag, self.flag_text), ClockChanged(at, shown.mode, ms, shown.text)]


def _expected(clock: ClockChanged, at: int) -> int:
    """What a running clock shows at another time."""
    if clock.ms is None:
        return 0
    passed = at - clock.at
    return max(clock.ms - passed, 0) if clock.mode is ClockMode.COUNTDOWN else clock.ms + passed
