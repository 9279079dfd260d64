"""The copy of Firestore's documents, and mappings that are to be written there, on every kind of database."""

from dataclasses import replace

from karttime.storage import shared
from karttime.storage.database import Database
from karttime.storage.shared import DetectedRow, DocumentRow

HILL = DocumentRow("one", "hill", 1_795_388_986_727_123_000, {"nom": "Hill \u0000 é", "c1": None, "at": {"ns": 5}})
MAPPING = DetectedRow("one", "hill", {"C1": "Kart"}, 5, pending=True, written=None)


def test_documents_are_kept_by_project(database: Database) -> None:
    """The newest of each; those that are gone are forgotten, those that were never there too."""
    with database.writing() as connection:
        shared.keep(connection, [HILL, replace(HILL, id="dale"), replace(HILL, project="two")])
        shared.keep(connection, [replace(HILL, version=HILL.version + 1)])
        shared.keep(connection, [])
        shared.forget(connection, "one", ["dale", "never"])
    with database.reading() as connection:
        assert shared.documents(connection, "one") == [replace(HILL, version=HILL.version + 1)]
        assert shared.documents(connection, "two") == [replace(HILL, project="two")]


def test_the_last_detected_mapping_of_each_circuit_is_kept(database: Database) -> None:
    """With what was written last; nothing written is null, not an empty mapping."""
    written = replace(MAPPING, pending=False, written={"C1": "Kart"}, at=6)
    with database.writing() as connection:
        shared.put(connection, MAPPING)
        assert shared.detected_of(connection, "one", "hill") == MAPPING
        shared.put(connection, written)
        shared.put(connection, replace(MAPPING, circuit_id="dale"))
    with database.reading() as connection:
        assert shared.detected(connection, "one") == [replace(MAPPING, circuit_id="dale"), written]
        assert shared.detected_of(connection, "two", "hill") is None
