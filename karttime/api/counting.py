"""Figures that cost a walk over a table, made seldom: nobody counts again what was counted a moment ago.

A count of millions of rows takes its time and the database's, so one is good for `FRESH_S`, and for `SHARE` times as
long as it took: at most so much of the time is spent counting, however often somebody asks.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

FRESH_S: Final = 10.0
SHARE: Final = 50
MAX_KEPT: Final = 1000  # circuits; beyond them those that nobody asked for longest are counted again

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Counted(Generic[_T]):
    """Figures, and until when they are good."""

    figures: _T
    good_until: float


class Counting(Generic[_T]):
    """Keeps the figures of each circuit for a while; whoever asks while they are counted waits for the same count."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._kept: OrderedDict[str, Counted[_T]] = OrderedDict()
        self._under_way: dict[str, asyncio.Future[_T]] = {}

    async def get(self, circuit_id: str, count: Callable[[], _T]) -> _T:
        """The figures; `count` is called in a thread where they are too old. Raises what it raises."""
        kept = self._kept.get(circuit_id)
        if kept is not None and self._monotonic() < kept.good_until:
            self._kept.move_to_end(circuit_id)
            return kept.figures
        under_way = self._under_way.get(circuit_id)
        if under_way is None:
            under_way = asyncio.ensure_future(self._count(circuit_id, count))
            self._under_way[circuit_id] = under_way
            under_way.add_done_callback(lambda done: self._over(circuit_id, done))
        return await asyncio.shield(under_way)

    def forget(self, circuit_id: str) -> None:
        """Something was deleted: the next who asks gets new figures."""
        self._kept.pop(circuit_id, None)
        self._under_way.pop(circuit_id, None)

    async def _count(self, circuit_id: str, count: Callable[[], _T]) -> _T:
        began, me = self._monotonic(), asyncio.current_task()
        figures = await asyncio.to_thread(count)
        now = self._monotonic()
        if self._under_way.get(circuit_id) is me:  # nothing was deleted meanwhile
            self._kept[circuit_id] = Counted(figures, now + max(FRESH_S, SHARE * (now - began)))
            self._kept.move_to_end(circuit_id)
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return figures

    def _over(self, circuit_id: str, done: "asyncio.Future[_T]") -> None:
        if self._under_way.get(circuit_id) is done:
            del self._under_way[circuit_id]
        if not done.cancelled():
            done.exception()  # told to those who waited; nobody may
