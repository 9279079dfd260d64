"""Repository of `connection_logs`: what became of a circuit's connection."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from karttime.storage.tables import connection_logs


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """Connected, disconnected, error, session change, …, with a sentence about it."""

    circuit_id: str
    at: int
    event: str
    detail: str
    id: int = 0


def insert(connection: Connection, rows: Sequence[ConnectionEvent]) -> None:
    """Add events, in order."""
    connection.execute(
        connection_logs.insert(),
        [{"circuit_id": row.circuit_id, "at": row.at, "event": row.event, "detail": row.detail} for row in rows],
    )


def newest(connection: Connection, circuit_id: str, limit: int, before_id: int | None = None) -> list[ConnectionEvent]:
    """Up to `limit` events of a circuit, newest first; only those before an id."""
    table = connection_logs.c
    conditions = [table.circuit_id == circuit_id]
    if before_id is not None:
        conditions.append(table.id < before_id)
    query = select(connection_logs).where(*conditions).order_by(table.id.desc()).limit(limit)
    return [ConnectionEvent(**row) for row in connection.execute(query).mappings()]
