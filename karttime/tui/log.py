"""The log: one timeline of what happened on a circuit, bounded, in order of time."""

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

KINDS: Final = (
    *("connection", "session", "flag", "pit-in", "pit-out", "fastest", "penalty", "message", "note", "refusal"),
    *("mark", "mapping", "decision"),
)
GLYPHS: Final = {
    "connection": "⇄",
    "session": "▶",
    "flag": "⚑",
    "pit-in": "▼",
    "pit-out": "▲",
    "fastest": "★",
    "penalty": "!",
    "message": "✉",
    "note": "✎",
    "refusal": "✗",
    "mark": "◆",
    "mapping": "≡",
    "decision": "±",
}
MAX_ENTRIES: Final = 5_000


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One thing that happened; `number` tells apart what happened at the same `at` (ms UTC)."""

    at: int
    number: int
    kind: str
    text: str
    kart: str = ""


class Log:
    """The timeline of one circuit."""

    def __init__(self, limit: int = MAX_ENTRIES) -> None:
        self._entries: list[Entry] = []
        self._known: set[tuple[int, str, str, str]] = set()
        self._limit = limit
        self._numbers = count(1)
        self.revision = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    @property
    def entries(self) -> Sequence[Entry]:
        """Oldest first."""
        return self._entries

    def add(self, at: int, kind: str, text: str, kart: str = "", *, repeats: bool = True) -> None:
        """Note what happened, once; `repeats`: the same words at another moment are another event."""
        keys = (at, kind, text, kart), (0, kind, text, kart)
        if keys[0] in self._known or (not repeats and keys[1] in self._known):
            return
        self._known.update(keys)
        insort(self._entries, Entry(at, next(self._numbers), kind, text, kart))
        self.revision += 1
        if len(self._entries) > self._limit:
            oldest = self._entries.pop(0)
            self._known -= {(at, oldest.kind, oldest.text, oldest.kart) for at in (0, oldest.at)}

    def copy(self) -> "Log":
        """One that stands still."""
        log = Log(self._limit)
        log._entries, log.revision = list(self._entries), self.revision
        return log

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._known.clear()
        self.revision += 1
