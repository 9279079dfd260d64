"""Repository of `timing_data`: competitors' rows as they were displayed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Connection, and_, or_, select

from karttime.storage.tables import timing_data

COLUMNS: Final = tuple(column.name for column in timing_data.columns if column is not timing_data.c.id)
_INSERT: Final = (  # for SQLite's own driver, at twice the library's speed
    f"INSERT INTO {timing_data.name} ({', '.join(COLUMNS)}) "  # noqa: S608 - names of our own tables  # nosec B608
    f"VALUES ({', '.join('?' * len(COLUMNS))}) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class TimingRow:
    """One competitor's row as displayed: `mapped` by C1…Cn, `raw` what the feed sent for this change.

    `epoch` and `seq` are the position in the circuit's stream; `epoch` is None in rows of before it was kept.
    """

    circuit_id: str
    session_id: str
    at: int
    seq: int
    competitor_id: str
    mapped: dict[str, str]
    raw: dict[str, Any]
    source_url: str
    source_format: str
    epoch: str | None = None
    id: int = 0


class Cursor(NamedTuple):
    """Where a page ended: the next one begins behind it."""

    at: int
    id: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: of one circuit, in `after` < at < `before`, of one session, behind a cursor."""

    circuit_id: str
    before: int | None = None
    after: int | None = None
    session_id: str | None = None
    cursor: Cursor | None = None


Values = tuple[Any, ...]
"""A row as drivers take it, in the order of `COLUMNS`."""


def insert(connection: Connection, rows: Sequence[TimingRow]) -> None:
    """Add rows, in order; those whose position is there already change nothing."""
    insert_values(connection, [values(row) for row in rows])


def insert_values(connection: Connection, rows: Sequence[Values]) -> None:
    """The same with rows as drivers take them."""
    if connection.dialect.name == "postgresql":
        from karttime.storage.postgresql import copy_new

        copy_new(connection, timing_data, COLUMNS, rows)
    else:
        connection.exec_driver_sql(_INSERT, list(rows))


def values(row: TimingRow) -> Values:
    """The row as drivers take it."""
    return (
        row.circuit_id,
        row.session_id,
        row.at,
        row.seq,
        row.competitor_id,
        orjson.dumps(row.mapped).decode(),
        orjson.dumps(row.raw).decode(),
        row.source_url,
        row.source_format,
        row.epoch,
    )


def newest(connection: Connection, wanted: Wanted, limit: int) -> list[TimingRow]:
    """Up to `limit` rows, newest first."""
    table = timing_data.c
    conditions = [table.circuit_id == wanted.circuit_id]
    if wanted.session_id is not None:
        conditions.append(table.session_id == wanted.session_id)
    if wanted.before is not None:
        conditions.append(table.at < wanted.before)
    if wanted.after is not None:
        conditions.append(table.at > wanted.after)
    if wanted.cursor is not None:
        at, row_id = wanted.cursor
        conditions.append(or_(table.at < at, and_(table.at == at, table.id < row_id)))
    query = select(timing_data).where(*conditions).order_by(table.at.desc(), table.id.desc()).limit(limit)
    return [TimingRow(**row) for row in connection.execute(query).mappings()]
