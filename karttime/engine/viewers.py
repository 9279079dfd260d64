"""Who is watching: circuits that are collected on demand, from the first viewer until a while after the last.

A circuit that somebody started on purpose is not stopped by viewers who leave: only what a viewer's arrival started
ends for want of viewers.
"""

from collections import Counter


class Viewers:
    """Counts the viewers of each circuit, and says which circuits nobody has watched for a while; no clock."""

    def __init__(self) -> None:
        self._present: Counter[str] = Counter()
        self._on_demand: set[str] = set()
        self._left_at: dict[str, float] = {}

    def __getitem__(self, circuit_id: str) -> int:
        return self._present[circuit_id]

    def joined(self, circuit_id: str) -> None:
        """One more."""
        self._present[circuit_id] += 1
        self._left_at.pop(circuit_id, None)

    def left(self, circuit_id: str, now: float) -> None:
        """One less; leaving without having joined counts for nothing."""
        if not self._present[circuit_id]:
            del self._present[circuit_id]
            return
        self._present[circuit_id] -= 1
        if not self._present[circuit_id]:
            del self._present[circuit_id]
            self._left_at[circuit_id] = now

    def started(self, circuit_id: str) -> None:
        """It runs because somebody watches."""
        self._on_demand.add(circuit_id)

    def pin(self, circuit_id: str) -> None:
        """It runs, or stands still, because somebody said so."""
        self._on_demand.discard(circuit_id)

    def forget(self, circuit_id: str) -> None:
        """It is gone."""
        self._on_demand.discard(circuit_id)
        self._left_at.pop(circuit_id, None)

    def unwatched(self, since: float) -> tuple[str, ...]:
        """Circuits that were started on demand and that nobody has watched since that time."""
        return tuple(
            circuit_id
            for circuit_id in self._on_demand
            if not self._present[circuit_id] and self._left_at.get(circuit_id, since) <= since
        )
