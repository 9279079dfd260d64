"""When a session of a declared feed ends and another begins.

A title changes, or most counters of laps fall, or all who had driven leave. Both signs come one after the other, and
row by row: counters that were carried into a session are awaited to fall, and a title that follows the fall names the
session that has begun. In feeds of changes who is not told of again has left with the session before.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from karttime.feeds.declared.entrants import Entrant
from karttime.feeds.declared.facts import Facts
from karttime.feeds.declared.spec import SessionRule

_WINDOW_MS: Final = 30_000
_TITLE: Final = "another title"
_FALL: Final = "most lap counters fell"


class Sittings:
    """Decides when sessions begin.

    Attributes:
        title: of the session that runs; `track` where.
        hidden: keys of competitors that were in the session before, and have not been told of since it ended.
    """

    def __init__(self, rule: SessionRule) -> None:
        self._by_title, self._by_fall = "name" in rule.new_when, "fall" in rule.new_when
        self.title = self.track = ""
        self.hidden: set[str] = set()
        self._count = 0
        self._began = 0
        self._why = ""
        self._fallen: dict[str, int] = {}
        self._carried: dict[str, int] = {}
        self._many = self._renewed = 0

    def is_called_otherwise(self, facts: Facts) -> bool:
        """Whether the feed has another title or track than the session that runs."""
        return (facts.title, facts.track) != (self.title, self.track)

    def begins(
        self, at: int, facts: Facts, entrants: Mapping[str, Entrant], touched: Iterable[Entrant], gone: int
    ) -> str:
        """Why a session begins with this frame; empty where none does."""
        if self._count == 0:
            return "first rows"
        if facts.title != self.title and self.title and self._by_title and not self._names(at):
            return _TITLE
        return _FALL if self._by_fall and self._fell(at, entrants, touched, gone) else ""

    def _names(self, at: int) -> bool:
        """Whether a title is that of the session that the counters began."""
        return self._why == _FALL and at - self._began <= _WINDOW_MS

    def _fell(self, at: int, entrants: Mapping[str, Entrant], touched: Iterable[Entrant], gone: int) -> bool:
        """Whether most counters of laps are lower than they were, within half a minute."""
        fell = False
        for entrant in touched:
            before, laps = entrant.tracker.count, entrant.laps or 0
            known = entrant.id in self._carried or entrant.id in self.hidden
            if before is not None and before >= 2 and laps < before and laps <= 1 and not known:
                self._fallen[entrant.id] = at
                fell = True
        if not fell and not gone:
            return False
        self._fallen = {key: when for key, when in self._fallen.items() if at - when <= _WINDOW_MS}
        driven = {key for key, entrant in entrants.items() if (entrant.tracker.count or 0) >= 2}
        return len(self._fallen) + gone > max(1, len(driven | self._fallen.keys()) / 2)

    def started(self, at: int, facts: Facts, entrants: Mapping[str, Entrant], why: str) -> set[str]:
        """A session has begun; `entrants` are who is there, their trackers as they were before it.

        Returns the keys of those who had begun it in frames before.
        """
        self.title, self.track = facts.title, facts.track
        self._count += 1
        self._began, self._why = at, why
        counts = {key: entrant.tracker.count or 0 for key, entrant in entrants.items()} if self._count > 1 else {}
        gone = self._fallen.keys() | self.hidden
        self._carried = {key: count for key, count in counts.items() if count and key not in gone}
        self._renewed = sum(key in counts for key in self._fallen)
        self._many = len(self._carried) + self._renewed
        self._renewed += sum(not entrant.tracker.seen for entrant in entrants.values())
        earlier = {key for key, when in self._fallen.items() if when < at}
        self._fallen = {}
        return earlier

    def told(self, touched: Iterable[Entrant], *, merged: bool) -> bool:
        """Who is told of is there; who is not, when most others began anew, has left. True where that changes."""
        other = False
        for entrant in touched:
            key = str(entrant.id)
            if key in self.hidden:
                self.hidden.discard(key)
                other = True
            carried = self._carried.get(key)
            if carried is not None and entrant.laps != carried:
                del self._carried[key]
                self._renewed += (entrant.laps or 0) < carried
            elif self._carried and not entrant.tracker.seen:
                self._renewed += 1  # somebody new, who comes instead of another
        if merged and self._carried and self._renewed * 2 > self._many:
            self.hidden |= self._carried.keys()
            self._carried = {}
            other = True
        return other
