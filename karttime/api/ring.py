"""The last messages of a stream, numbered without a hole, for clients that come back: exactly what they missed, or no.

Bounded by number, bytes and age. `floor` is the number before the oldest message that is kept: whoever knows less has
missed something that is gone.
"""

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class RingLimits:
    """How much is kept. A minute of the busiest real traffic was 44 KB; more than an outbox holds could not be sent."""

    messages: int = 2000
    size: int = 256 * 1024  # bytes
    age: float = 60.0  # seconds


class _Entry(NamedTuple):
    at: float
    message: bytes


class Ring:
    """Numbered messages; the oldest ones leave.

    Attributes:
        floor: number of the last message that is gone; as given, while none is.
        size: bytes of what is kept.
    """

    def __init__(self, limits: RingLimits | None = None, *, floor: int = 0) -> None:
        self.floor = floor
        self.size = 0
        self._limits = limits or RingLimits()
        self._entries: deque[_Entry] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def top(self) -> int:
        """Number of the newest message."""
        return self.floor + len(self._entries)

    def add(self, now: float, message: bytes) -> None:
        """The next message; `now` in monotonic seconds."""
        self._entries.append(_Entry(now, message))
        self.size += len(message)
        self.trim(now)

    def trim(self, now: float) -> None:
        """Let go of what is too much or too old."""
        limits, entries = self._limits, self._entries
        while entries and (
            len(entries) > limits.messages or self.size > limits.size or now - entries[0].at > limits.age
        ):
            self.size -= len(entries.popleft().message)
            self.floor += 1

    def after(self, number: int) -> list[bytes] | None:
        """Every message after this one; None when one of them is gone, or this one was never there."""
        if not self.floor <= number <= self.top:
            return None
        return [entry.message for entry in islice(self._entries, number - self.floor, None)]
