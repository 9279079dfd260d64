"""Repository of `sessions`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, and_, or_, select

from karttime.storage.database import upsert
from karttime.storage.tables import sessions


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One run on track."""

    circuit_id: str
    session_id: str
    kind: str
    event: str
    title: str
    track: str
    started_at: int
    ended_at: int | None


def write(connection: Connection, rows: Sequence[SessionRow]) -> None:
    """Add sessions; what is known of one already is replaced."""
    upsert(connection, sessions, [asdict(row) for row in rows])


def newest(
    connection: Connection, circuit_id: str, limit: int, cursor: tuple[int, str] | None = None
) -> list[SessionRow]:
    """Up to `limit` sessions of a circuit, newest first; behind a cursor of start and id."""
    conditions = [sessions.c.circuit_id == circuit_id]
    if cursor is not None:
        at, session_id = cursor
        same = and_(sessions.c.started_at == at, sessions.c.session_id < session_id)
        conditions.append(or_(sessions.c.started_at < at, same))
    order = sessions.c.started_at.desc(), sessions.c.session_id.desc()
    query = select(sessions).where(*conditions).order_by(*order).limit(limit)
    return [SessionRow(**row) for row in connection.execute(query).mappings()]


def find(connection: Connection, circuit_id: str, session_id: str) -> SessionRow | None:
    """The session with this id, None where there is none."""
    query = select(sessions).where(sessions.c.circuit_id == circuit_id, sessions.c.session_id == session_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else SessionRow(**row)
