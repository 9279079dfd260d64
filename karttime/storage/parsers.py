"""Repository of `circuit_parsers`: how a circuit's feed is read. What a person said is replaced by persons only."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, select

from karttime.storage.database import insert
from karttime.storage.tables import circuit_parsers

PERSON: Final = "person"


@dataclass(frozen=True, slots=True)
class ParserRow:
    """How one circuit is read: `feed`, or `spec` as JSON; said by `origin` at `at` (ms UTC) for the address `source`.

    `revision` grows by one with each change; what is put need not name it.
    """

    circuit_id: str
    at: int
    feed: str
    spec: Mapping[str, Any] | None
    origin: str
    source: str
    settled: bool
    frames: int
    revision: int = 1


def put(connection: Connection, row: ParserRow) -> bool:
    """Keep a row in place of the one of before; False where that is a person's and this one is not."""
    statement = insert(connection, circuit_parsers).values(asdict(row) | {"revision": 1})
    names = [column.name for column in circuit_parsers.columns if column.name not in ("circuit_id", "revision")]
    new: dict[str, Any] = {name: statement.excluded[name] for name in names}
    new["revision"] = circuit_parsers.c.revision + 1
    allowed = None if row.origin == PERSON else circuit_parsers.c.origin != PERSON
    statement = statement.on_conflict_do_update(index_elements=["circuit_id"], set_=new, where=allowed)
    return connection.execute(statement.returning(circuit_parsers.c.revision)).first() is not None


def get(connection: Connection, circuit_id: str) -> ParserRow | None:
    """The row of a circuit, None where there is none."""
    query = select(circuit_parsers).where(circuit_parsers.c.circuit_id == circuit_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else ParserRow(**row)


def revisions(connection: Connection) -> dict[str, tuple[int, int]]:
    """Revision and time by circuit: what changed since one looked last."""
    table = circuit_parsers.c
    query = select(table.circuit_id, table.revision, table.at)
    return {circuit_id: (revision, at) for circuit_id, revision, at in connection.execute(query)}


def remove(connection: Connection, circuit_id: str) -> bool:
    """Forget the row of a circuit; False where there is none."""
    return connection.execute(delete(circuit_parsers).where(circuit_parsers.c.circuit_id == circuit_id)).rowcount == 1
