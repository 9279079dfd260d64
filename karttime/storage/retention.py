"""Deleting what is older than somebody wants to keep."""

from typing import Final

from sqlalchemy import delete, select

from karttime.storage.database import Database, translated
from karttime.storage.tables import timing_data

_GROUP: Final = 5000  # rows of one transaction: the archive writes between two of them


def delete_timing(database: Database, circuit_id: str, before: int) -> int:
    """Delete a circuit's timing rows that are older than `before` (ms UTC), in groups; how many there were."""
    table = timing_data.c
    old = select(table.id).where(table.circuit_id == circuit_id, table.at < before).limit(_GROUP)
    deleted = 0
    with translated(database.url):
        while True:
            with database.writing() as connection:
                count = connection.execute(delete(timing_data).where(table.id.in_(old.scalar_subquery()))).rowcount
            deleted += count
            if count < _GROUP:
                return deleted
