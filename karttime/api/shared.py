"""The database's side of circuits from Firestore: the copy for a start offline, and the queue of what to write."""

from collections.abc import Sequence

from karttime.circuits.firestore_documents import Document, Timestamp, packed, unpacked
from karttime.circuits.firestore_mapping import Detected
from karttime.storage import shared
from karttime.storage.database import Database, translated
from karttime.storage.shared import DetectedRow, DocumentRow


class StoredCopy:
    """A `Copy` of one project; other projects' rows in the same database stay as they are."""

    def __init__(self, database: Database, project: str) -> None:
        self._database, self._project = database, project

    def documents(self) -> Sequence[Document]:
        with self._database.reading() as connection:
            rows = shared.documents(connection, self._project)
        return [Document(row.id, unpacked(row.fields), Timestamp(row.version)) for row in rows]

    def keep(self, changed: Sequence[Document], gone: Sequence[str]) -> None:
        rows = [DocumentRow(self._project, one.id, one.version.ns, packed(one)) for one in changed]
        with translated(self._database.url), self._database.writing() as connection:
            shared.keep(connection, rows)
            shared.forget(connection, self._project, gone)

    def detected(self) -> Sequence[Detected]:
        with self._database.reading() as connection:
            return [_detected(row) for row in shared.detected(connection, self._project)]

    def detected_of(self, circuit_id: str) -> Detected | None:
        with self._database.reading() as connection:
            row = shared.detected_of(connection, self._project, circuit_id)
        return None if row is None else _detected(row)

    def put(self, detected: Detected) -> None:
        row = DetectedRow(
            self._project, detected.circuit_id, detected.labels, detected.at, detected.pending, detected.written
        )
        with translated(self._database.url), self._database.writing() as connection:
            shared.put(connection, row)


def _detected(row: DetectedRow) -> Detected:
    return Detected(row.circuit_id, row.labels, row.at, row.pending, row.written)
