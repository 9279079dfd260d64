"""What is on its way and has not arrived: to clients, and to the database."""

from dataclasses import dataclass

from karttime.api.service import Service


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits.

    Attributes:
        held: publications that clients may see and were not handed to them yet.
        held_ms: how long the oldest of them has waited, 0 while none does.
        rows: that wait for the database.
    """

    held: int
    held_ms: int
    rows: int


def backlog(service: Service) -> Backlog:
    """What waits now."""
    gate = service.gate.status()
    rows = service.archive.status().queued if service.archive is not None else 0
    return Backlog(held=gate.held, held_ms=gate.held_ms, rows=rows)
