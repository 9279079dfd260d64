"""Circuits: a venue, how to reach its feed, and what its columns are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from karttime.errors import KarttimeError


@dataclass(frozen=True, slots=True)
class Circuit:
    """A venue and how to reach its feed.

    Attributes:
        id: unique, stable, safe in a URL path.
        name: for people.
        url: where the feed is, `ws://` or `wss://`.
        feed: the name of the wire format, a key of `FORMATS`.
        column_labels: what the operator calls columns, keyed `C1`…`Cn` in column order.
        live_timing_url: the venue's own page, for people.
        created_at: ms UTC, 0 when unknown.
        updated_at: ms UTC, 0 when unknown.
        version: by which a shared source notices that others changed the circuit meanwhile; empty elsewhere. It says
            nothing about the circuit, and two versions of the same circuit are equal.
    """

    id: str
    name: str
    url: str
    feed: str = "apex"
    column_labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    live_timing_url: str = ""
    created_at: int = 0
    updated_at: int = 0
    version: str = field(default="", compare=False)


class CircuitSource(Protocol):
    """Where circuits come from: arguments, the database, Firestore."""

    async def list(self) -> Sequence[Circuit]:
        """Every circuit, ordered by name."""
        ...

    async def get(self, circuit_id: str) -> Circuit | None:
        """The circuit with this id, None where there is none; raises only when the source itself cannot answer."""
        ...


class CircuitConflict(KarttimeError):  # noqa: N818 - it says what is wrong, and is raised to be told
    """A circuit cannot be added, changed or removed as things stand; the text says why.

    Attributes:
        current: the circuit as it stands, where somebody else changed it meanwhile.
    """

    def __init__(self, message: str, current: Circuit | None = None) -> None:
        super().__init__(message)
        self.current = current


class CircuitsUnavailable(KarttimeError):  # noqa: N818 - it says what is wrong
    """A source of circuits cannot be reached, or does not let us in; the text says why and what to do."""


class CircuitStore(CircuitSource, Protocol):
    """A source whose circuits can be edited."""

    async def add(self, circuit: Circuit) -> None:
        """Keep a new circuit. Raises `CircuitConflict` where its id is taken."""
        ...

    async def replace(self, circuit: Circuit) -> None:
        """Keep a circuit that is known already. Raises `CircuitConflict` where it is gone or cannot be changed."""
        ...

    async def remove(self, circuit_id: str) -> None:
        """Forget a circuit. Raises `CircuitConflict` where it is gone or cannot be removed."""
        ...
