"""Whether a feed is still what its parser reads: counted over the latest messages, nothing is looked at twice."""

from collections import deque
from typing import Final

from karttime.engine.clock import Clock

_WINDOW: Final = 200
_ENOUGH: Final = 50
_REFUSED: Final = 0.8
_TOLD: Final = 0.1
_MUTE_S: Final = 60.0
_LATEST: Final = 20
_SOUND: Final = 3


class Fit:
    """What became of the latest messages: each told something, or was refused, or neither."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._latest: deque[tuple[bool, bool]] = deque(maxlen=_WINDOW)
        self._told_at = clock.monotonic()
        self._mute = 0

    def begin(self) -> None:
        """Count anew: with another parser, or after a look that found nothing wrong."""
        self._latest.clear()
        self._told_at = self._clock.monotonic()
        self._mute = 0

    def saw(self, *, told: bool, refused: bool) -> None:
        """A message was decoded."""
        self._latest.append((told, refused))
        if told:
            self._told_at, self._mute = self._clock.monotonic(), 0
        else:
            self._mute += 1

    @property
    def suspicion(self) -> str:
        """What speaks against the parser, empty for nothing; a board that stands still is suspicious as well."""
        return self.refusing or self._silent()

    @property
    def refusing(self) -> str:
        """The same, where messages are refused."""
        seen = len(self._latest)
        refused = sum(1 for told, refused in self._latest if refused and not told)
        told = sum(1 for told, _ in self._latest if told)
        if seen >= _ENOUGH and refused >= _REFUSED * seen and told <= _TOLD * seen:
            return f"{refused} of the last {seen} messages are refused"
        return ""

    def _silent(self) -> str:
        passed = self._clock.monotonic() - self._told_at
        if self._mute >= _WINDOW and passed >= _MUTE_S:
            return f"the last {self._mute} messages, in {passed:.0f} s, said nothing"
        return ""

    @property
    def sound(self) -> bool:
        """Whether the very latest messages are understood."""
        latest = [*self._latest][-_LATEST:]
        told = sum(1 for told, _ in latest if told)
        return told >= _SOUND and told >= sum(1 for told, refused in latest if refused and not told)
