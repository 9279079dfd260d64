"""Repository of `timing_data`: competitors' rows as they were displayed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, or_, select

from karttime.storage.database import insert_new
from karttime.storage.tables import timing_data


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


def insert(connection: Connection, rows: Sequence[TimingRow]) -> None:
    """Add rows, in order; those whose position is there already change nothing."""
    insert_new(
        connection,
        timing_data,
        [
            {
                "circuit_id": row.circuit_id,
                "session_id": row.session_id,
                "at": row.at,
                "seq": row.seq,
                "competitor_id": row.competitor_id,
                "mapped": row.mapped,
                "raw": row.raw,
                "source_url": row.source_url,
                "source_format": row.source_format,
                "epoch": row.epoch,
            }
            for row in rows
        ],
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
