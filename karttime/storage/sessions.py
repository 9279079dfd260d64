"""Repository of `sessions`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, select

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


def newest(connection: Connection, circuit_id: str, limit: int) -> list[SessionRow]:
    """Up to `limit` sessions of a circuit, newest first."""
    order = sessions.c.started_at.desc(), sessions.c.session_id.desc()
    query = select(sessions).where(sessions.c.circuit_id == circuit_id).order_by(*order).limit(limit)
    return [SessionRow(**row) for row in connection.execute(query).mappings()]
