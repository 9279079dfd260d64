"""Repository of `connection_logs`: what became of a circuit's connection."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, select

from karttime.storage.tables import connection_logs

_COLUMNS: Final = ("circuit_id", "at", "event", "detail")


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """Connected, disconnected, error, session change, …, with a sentence about it."""

    circuit_id: str
    at: int
    event: str
    detail: str
    id: int = 0


def insert(connection: Connection, rows: Sequence[ConnectionEvent]) -> None:
    """Add events, in order; one that is there already, with its moment and all its words, changes nothing."""
    table = connection_logs.c
    values = {name: bindparam(name, type_=table[name].type) for name in _COLUMNS}
    known = select(table.id).where(*(table[name] == value for name, value in values.items()))
    new = select(*values.values()).where(~known.exists())
    connection.execute(
        connection_logs.insert().from_select(_COLUMNS, new),
        [{name: getattr(row, name) for name in _COLUMNS} for row in rows],
    )


def newest(connection: Connection, circuit_id: str, limit: int, before_id: int | None = None) -> list[ConnectionEvent]:
    """Up to `limit` events of a circuit, newest first; only those before an id."""
    table = connection_logs.c
    conditions = [table.circuit_id == circuit_id]
    if before_id is not None:
        conditions.append(table.id < before_id)
    query = select(connection_logs).where(*conditions).order_by(table.id.desc()).limit(limit)
    return [ConnectionEvent(**row) for row in connection.execute(query).mappings()]
