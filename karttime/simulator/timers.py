"""What a board does by itself between two things that happen on track: an agenda of calls."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True, slots=True)
class _Due:
    at: int
    ordinal: int
    call: Callable[[int], None] = field(compare=False)


class Timers:
    """Calls at given times, in order."""

    def __init__(self) -> None:
        self._due: list[_Due] = []
        self._ordinal = 0

    @property
    def next_at(self) -> int | None:
        return self._due[0].at if self._due else None

    def at(self, at: int, call: Callable[[int], None]) -> None:
        self._ordinal += 1
        heapq.heappush(self._due, _Due(at, self._ordinal, call))

    def every(self, first: int, period: int, call: Callable[[int], bool]) -> None:
        """Call at `first` and then every `period` ms for as long as it returns True."""

        def again(now: int) -> None:
            if call(now):
                self.at(now + period, again)

        self.at(first, again)

    def run_next(self) -> None:
        due = heapq.heappop(self._due)
        due.call(due.at)

    def clear(self) -> None:
        self._due.clear()
