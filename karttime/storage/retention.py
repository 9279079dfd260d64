"""Deleting what is older than somebody wants to keep, in groups: a service that runs writes between two of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Table, delete, exists, func, select, tuple_

from karttime.storage.database import Database, translated
from karttime.storage.tables import connection_logs, laps, sessions, timing_data

_GROUP: Final = 5000  # rows of one transaction


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were deleted, or would be."""

    timing_rows: int
    laps: int
    sessions: int
    events: int


def delete_timing(database: Database, circuit_id: str, before: int) -> int:
    """Delete a circuit's timing rows that are older than `before` (ms UTC); how many there were."""
    with translated(database.url):
        return _delete(database, timing_data, _older(timing_data, circuit_id, before))


def prune(database: Database, before: int, *, keep_laps: bool = False, dry_run: bool = False) -> Pruned:
    """Delete what is older than `before` (ms UTC): timing rows, events, and laps and sessions unless they are kept.

    A session goes when it began, and ended if its end is known, before that, and nothing of it is left.
    """
    act = _count if dry_run else _delete
    with translated(database.url):
        counts = [
            sum(act(database, table, _older(table, circuit_id, before)) for circuit_id in _circuits(database, table))
            for table in (timing_data, connection_logs)
        ]
        timed = raced = 0
        if not keep_laps:
            for circuit_id in _circuits(database, laps):
                timed += act(database, laps, _older(laps, circuit_id, before))
            raced = act(database, sessions, _over(before))
    return Pruned(counts[0], timed, raced, counts[1])


def _older(table: Table, circuit_id: str, before: int) -> ColumnElement[bool]:
    return (table.c.circuit_id == circuit_id) & (table.c.at < before)


def _over(before: int) -> ColumnElement[bool]:
    """Sessions of which everything is older: also right when their laps and rows are not deleted yet."""
    old = func.coalesce(sessions.c.ended_at, sessions.c.started_at) < before
    for table in (laps, timing_data):
        same = (table.c.circuit_id == sessions.c.circuit_id) & (table.c.session_id == sessions.c.session_id)
        old &= ~exists().where(same, table.c.at >= before)
    return old


def _circuits(database: Database, table: Table) -> Sequence[str]:
    """Each circuit by itself, because that is how the tables are indexed."""
    with database.reading() as connection:
        return connection.scalars(select(table.c.circuit_id).distinct()).all()


def _count(database: Database, table: Table, which: ColumnElement[bool]) -> int:
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table).where(which)) or 0


def _delete(database: Database, table: Table, which: ColumnElement[bool]) -> int:
    group = select(*table.primary_key).where(which).limit(_GROUP)
    statement = delete(table).where(tuple_(*table.primary_key).in_(group))
    deleted = 0
    while True:
        with database.writing() as connection:
            count = connection.execute(statement).rowcount
        deleted += count
        if count < _GROUP:
            return deleted
