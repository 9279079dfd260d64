"""Repository of `circuits`: the circuits that were added while running, not those of the command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select, update

from karttime.storage.database import add_new
from karttime.storage.tables import circuit_analysis, circuit_parsers, circuits


@dataclass(frozen=True, slots=True)
class CircuitRow:
    """A venue and how to reach its feed; `column_labels` by C1…Cn, times in ms UTC."""

    id: str
    name: str
    url: str
    feed: str
    live_timing_url: str
    column_labels: Mapping[str, str]
    created_at: int
    updated_at: int


def every(connection: Connection) -> list[CircuitRow]:
    """All circuits, ordered by name."""
    query = select(circuits).order_by(circuits.c.name, circuits.c.id)
    return [CircuitRow(**row) for row in connection.execute(query).mappings()]


def get(connection: Connection, circuit_id: str) -> CircuitRow | None:
    """The circuit with this id, None where there is none."""
    row = connection.execute(select(circuits).where(circuits.c.id == circuit_id)).mappings().first()
    return None if row is None else CircuitRow(**row)


def add(connection: Connection, row: CircuitRow) -> bool:
    """Add a circuit; False when its id is taken, and nothing changes."""
    return add_new(connection, circuits, _values(row))


def replace(connection: Connection, row: CircuitRow) -> bool:
    """Change everything of a circuit but when it was created; False when there is none with this id."""
    values = _values(row)
    del values["id"], values["created_at"]
    return connection.execute(update(circuits).where(circuits.c.id == row.id).values(values)).rowcount == 1


def remove(connection: Connection, circuit_id: str) -> bool:
    """Remove a circuit and what is known of its feed, not what ran there; False when there is none with this id."""
    for known in (circuit_analysis, circuit_parsers):
        connection.execute(delete(known).where(known.c.circuit_id == circuit_id))
    return connection.execute(delete(circuits).where(circuits.c.id == circuit_id)).rowcount == 1


def _values(row: CircuitRow) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in circuits.columns} | {
        "column_labels": dict(row.column_labels)
    }
