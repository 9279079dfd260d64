"""Repository of `laps`: every timed lap once, however often it is written."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, or_, select

from karttime.storage.database import upsert
from karttime.storage.tables import laps


@dataclass(frozen=True, slots=True)
class LapRow:
    """One timed lap; `provenance` says which frames and which rule decided it."""

    circuit_id: str
    session_id: str
    competitor_id: str
    number: int
    at: int
    time_ms: int
    kart: str
    team: str
    driver: str
    sectors: list[int | None]
    flags: list[str]
    provenance: dict[str, Any]


class LapCursor(NamedTuple):
    """Where a page ended: the next one begins behind it."""

    at: int
    competitor_id: str
    number: int


def write(connection: Connection, rows: Sequence[LapRow]) -> None:
    """Add laps; one that is there already (same circuit, session, competitor and number) is replaced."""
    upsert(connection, laps, [asdict(row) for row in rows])


def newest(
    connection: Connection,
    circuit_id: str,
    limit: int,
    session_id: str | None = None,
    competitor_id: str | None = None,
    cursor: LapCursor | None = None,
) -> list[LapRow]:
    """Up to `limit` laps of a circuit, newest first, those of one moment by competitor."""
    conditions = [laps.c.circuit_id == circuit_id]
    if session_id is not None:
        conditions.append(laps.c.session_id == session_id)
    if competitor_id is not None:
        conditions.append(laps.c.competitor_id == competitor_id)
    if cursor is not None:
        at, competitor, number = cursor
        same = and_(laps.c.competitor_id == competitor, laps.c.number < number)
        behind = and_(laps.c.at == at, or_(laps.c.competitor_id > competitor, same))
        conditions.append(or_(laps.c.at < at, behind))
    order = laps.c.at.desc(), laps.c.competitor_id, laps.c.number.desc()
    query = select(laps).where(*conditions).order_by(*order).limit(limit)
    return [LapRow(**row) for row in connection.execute(query).mappings()]


def of_session(connection: Connection, circuit_id: str, session_id: str) -> list[LapRow]:
    """Every lap of a session, oldest first."""
    order = laps.c.at, laps.c.competitor_id, laps.c.number
    query = select(laps).where(laps.c.circuit_id == circuit_id, laps.c.session_id == session_id).order_by(*order)
    return [LapRow(**row) for row in connection.execute(query).mappings()]


def fastest(connection: Connection, circuit_id: str, limit: int) -> list[LapRow]:
    """Up to `limit` laps of a circuit, fastest first."""
    order = laps.c.time_ms, laps.c.at, laps.c.competitor_id
    query = select(laps).where(laps.c.circuit_id == circuit_id).order_by(*order).limit(limit)
    return [LapRow(**row) for row in connection.execute(query).mappings()]
