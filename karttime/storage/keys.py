"""Repository of `api_keys`: operators' keys. Only their hashes are kept; how to hash is the caller's business."""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, or_, select, update

from karttime.storage.database import add_new
from karttime.storage.tables import api_keys


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key; times in ms UTC, None: never."""

    id: str
    name: str
    hash: str
    scope: str
    created_at: int
    last_used_at: int | None = None
    revoked_at: int | None = None


def every(connection: Connection) -> list[KeyRow]:
    """All keys, revoked ones too, oldest first."""
    query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
    return [KeyRow(**row) for row in connection.execute(query).mappings()]


def find(connection: Connection, hashed: str) -> KeyRow | None:
    """The key with this hash, revoked or not; None where there is none."""
    row = connection.execute(select(api_keys).where(api_keys.c.hash == hashed)).mappings().first()
    return None if row is None else KeyRow(**row)


def add(connection: Connection, row: KeyRow) -> bool:
    """Add a key; False when its id or its hash is taken, and nothing changes."""
    return add_new(connection, api_keys, asdict(row))


def used(connection: Connection, key_id: str, at: int) -> None:
    """Note that a key was used; an earlier time than the one known changes nothing."""
    known = api_keys.c.last_used_at
    query = update(api_keys).where(api_keys.c.id == key_id, or_(known.is_(None), known < at))
    connection.execute(query.values(last_used_at=at))


def revoke(connection: Connection, key_id: str, at: int) -> bool:
    """End a key's validity; False when there is none with this id or it was revoked before."""
    query = update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
    return connection.execute(query.values(revoked_at=at)).rowcount == 1
