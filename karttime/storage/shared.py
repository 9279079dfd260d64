"""Repository of `shared_documents` and `detected_mappings`: our copy of Firestore, and what is to be written there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from karttime.storage.database import upsert
from karttime.storage.tables import detected_mappings, shared_documents


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One document of a project, with the server's update time in ns UTC."""

    project: str
    id: str
    version: int
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DetectedRow:
    """The last mapping that was detected of a circuit, at `at` (ms UTC); `written` is what we wrote last."""

    project: str
    circuit_id: str
    labels: Mapping[str, str]
    at: int
    pending: bool
    written: Mapping[str, str] | None


def documents(connection: Connection, project: str) -> list[DocumentRow]:
    """Every document of a project."""
    query = select(shared_documents).where(shared_documents.c.project == project).order_by(shared_documents.c.id)
    return [DocumentRow(**row) for row in connection.execute(query).mappings()]


def keep(connection: Connection, rows: Sequence[DocumentRow]) -> None:
    """Keep documents; those of before are replaced."""
    if rows:
        upsert(connection, shared_documents, [{**asdict(row), "fields": dict(row.fields)} for row in rows])


def forget(connection: Connection, project: str, ids: Iterable[str]) -> None:
    """Documents that are gone."""
    table = shared_documents
    for document_id in ids:
        connection.execute(delete(table).where(table.c.project == project, table.c.id == document_id))


def detected(connection: Connection, project: str) -> list[DetectedRow]:
    """What was detected of every circuit of a project."""
    table = detected_mappings
    query = select(table).where(table.c.project == project).order_by(table.c.circuit_id)
    return [DetectedRow(**row) for row in connection.execute(query).mappings()]


def detected_of(connection: Connection, project: str, circuit_id: str) -> DetectedRow | None:
    """What was detected of one circuit, None for nothing."""
    table = detected_mappings
    query = select(table).where(table.c.project == project, table.c.circuit_id == circuit_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else DetectedRow(**row)


def put(connection: Connection, row: DetectedRow) -> None:
    """Keep what was detected; what was of before is replaced."""
    written = None if row.written is None else dict(row.written)
    upsert(connection, detected_mappings, [{**asdict(row), "labels": dict(row.labels), "written": written}])
