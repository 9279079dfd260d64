"""Everything that is stored, row by row, without ever holding it all."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, select

from karttime.storage.database import Database
from karttime.storage.tables import laps, sessions, timing_data

# In an order that an index gives.
_ORDERS: Final[Mapping[str, tuple[Table, tuple[ColumnElement[Any], ...]]]] = {
    "sessions": (sessions, (sessions.c.circuit_id, sessions.c.started_at, sessions.c.session_id)),
    "laps": (laps, (laps.c.circuit_id, laps.c.at, laps.c.competitor_id, laps.c.number)),
    "timing": (timing_data, (timing_data.c.circuit_id, timing_data.c.at, timing_data.c.id)),
}

KINDS: Final = tuple(_ORDERS)


def columns(kind: str) -> list[str]:
    """The names of a kind's fields."""
    return [str(column.name) for column in _ORDERS[kind][0].columns]


def stored(database: Database, kind: str, circuit_id: str | None = None) -> Iterator[Mapping[str, Any]]:
    """Rows of a kind, by circuit and time.

    Raises:
        StorageError: the database cannot be read.
    """
    table, order = _ORDERS[kind]
    names = columns(kind)
    query = select(table).order_by(*order)
    if circuit_id is not None:
        query = query.where(table.c.circuit_id == circuit_id)
    with database.reading() as connection:
        for row in connection.execution_options(yield_per=1000).execute(query):
            yield dict(zip(names, row, strict=True))
