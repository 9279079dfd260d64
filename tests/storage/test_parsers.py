"""How feeds are read is kept once for each circuit, and a person's word is replaced by persons only."""

from dataclasses import replace

from karttime.storage import circuits, parsers
from karttime.storage.database import Database
from karttime.storage.parsers import ParserRow

from .test_circuits import HILL

FOUND = ParserRow("hill", 1000, "spec", {"karttime_spec": 1}, "detection", "wss://timing.example/", True, 40)
GIVEN = replace(FOUND, at=2000, spec={"karttime_spec": 1, "name": "é"}, origin="person", frames=0)


def test_a_circuit_has_one_row_whose_revision_grows(database: Database) -> None:
    with database.writing() as connection:
        assert parsers.put(connection, FOUND)
        assert parsers.put(connection, replace(FOUND, feed="apex", spec=None, at=1500))
    with database.reading() as connection:
        assert parsers.get(connection, "hill") == replace(FOUND, feed="apex", spec=None, at=1500, revision=2)
        assert parsers.get(connection, "dale") is None
        assert parsers.revisions(connection) == {"hill": (2, 1500)}


def test_detection_never_replaces_what_a_person_gave(database: Database) -> None:
    """A person replaces both."""
    with database.writing() as connection:
        assert parsers.put(connection, FOUND)
        assert parsers.put(connection, GIVEN)
        assert not parsers.put(connection, replace(FOUND, at=3000))
        assert parsers.get(connection, "hill") == replace(GIVEN, revision=2)
        assert parsers.put(connection, replace(GIVEN, at=4000))
        assert parsers.get(connection, "hill") == replace(GIVEN, at=4000, revision=3)


def test_it_is_removed_alone_or_with_its_circuit(database: Database) -> None:
    with database.writing() as connection:
        circuits.add(connection, HILL)
        parsers.put(connection, FOUND)
        assert parsers.remove(connection, "hill")
        assert not parsers.remove(connection, "hill")
        parsers.put(connection, GIVEN)
        assert circuits.remove(connection, "hill")
        assert parsers.revisions(connection) == {}
