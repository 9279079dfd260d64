"""Circuits, keys and analyses are kept as they were given."""

from dataclasses import replace

from karttime.storage import analyses, circuits, keys
from karttime.storage.analyses import AnalysisRow
from karttime.storage.circuits import CircuitRow
from karttime.storage.database import Database
from karttime.storage.keys import KeyRow

HILL = CircuitRow("hill", "Hill é", "wss://timing.example/", "apex", "https://hill.example/", {"C1": "Clt"}, 1000, 1000)
KEY = KeyRow("k1", "race control", "sha256:aa", "control", 1000)


def test_circuits_come_ordered_by_name_with_all_they_have(database: Database) -> None:
    """The order does not depend on who came first."""
    dale = replace(HILL, id="dale", name="Dale", column_labels={})
    with database.writing() as connection:
        assert circuits.add(connection, HILL)
        assert circuits.add(connection, dale)
    with database.reading() as connection:
        assert circuits.every(connection) == [dale, HILL]
        assert circuits.get(connection, "hill") == HILL
        assert circuits.get(connection, "vale") is None


def test_an_id_that_is_taken_adds_nothing(database: Database) -> None:
    """The circuit that is there stays as it is."""
    with database.writing() as connection:
        assert circuits.add(connection, HILL)
        assert not circuits.add(connection, replace(HILL, name="Other"))
        assert circuits.get(connection, "hill") == HILL


def test_a_circuit_is_replaced_but_for_its_creation(database: Database) -> None:
    """A name, an address and labels change; one that is not there is not made."""
    with database.writing() as connection:
        circuits.add(connection, HILL)
        changed = replace(HILL, name="New", column_labels={"C2": "Kart"}, created_at=5000, updated_at=6000)
        assert circuits.replace(connection, changed)
        assert not circuits.replace(connection, replace(changed, id="vale"))
    with database.reading() as connection:
        assert circuits.every(connection) == [replace(changed, created_at=1000)]


def test_a_removed_circuit_takes_its_analysis_with_it(database: Database) -> None:
    """Another one's stays; removing twice is said."""
    with database.writing() as connection:
        circuits.add(connection, HILL)
        for circuit_id in ("hill", "dale"):
            analyses.put(connection, AnalysisRow(circuit_id, 1000, {"format": "apex"}))
        assert circuits.remove(connection, "hill")
        assert not circuits.remove(connection, "hill")
    with database.reading() as connection:
        assert circuits.get(connection, "hill") is None
        assert analyses.get(connection, "hill") is None
        assert analyses.get(connection, "dale") is not None


def test_a_circuit_has_one_analysis_the_newest(database: Database) -> None:
    """The result of before is replaced."""
    with database.writing() as connection:
        for at in (1000, 2000):
            analyses.put(connection, AnalysisRow("hill", at, {"format": "apex", "rate": at / 3, "fields": [None, "é"]}))
    with database.reading() as connection:
        found = analyses.get(connection, "hill")
    assert found == AnalysisRow("hill", 2000, {"format": "apex", "rate": 2000 / 3, "fields": [None, "é"]})


def test_a_key_is_found_by_its_hash(database: Database) -> None:
    """And only by the whole of it."""
    with database.writing() as connection:
        assert keys.add(connection, KEY)
    with database.reading() as connection:
        assert keys.find(connection, "sha256:aa") == KEY
        assert keys.find(connection, "sha256:a") is None


def test_neither_id_nor_hash_of_a_key_is_taken_twice(database: Database) -> None:
    """The key that is there stays as it is."""
    with database.writing() as connection:
        assert keys.add(connection, KEY)
        assert not keys.add(connection, replace(KEY, hash="sha256:bb"))
        assert not keys.add(connection, replace(KEY, id="k2"))
        assert keys.every(connection) == [KEY]


def test_use_of_a_key_only_goes_forward(database: Database) -> None:
    """Two processes may tell of it in the wrong order."""
    with database.writing() as connection:
        keys.add(connection, KEY)
        for at in (2000, 1500):
            keys.used(connection, "k1", at)
        assert keys.find(connection, KEY.hash) == replace(KEY, last_used_at=2000)


def test_a_key_is_revoked_once_and_stays_listed(database: Database) -> None:
    """The time of the first revocation holds."""
    with database.writing() as connection:
        keys.add(connection, replace(KEY, id="k0", hash="x", created_at=2000))
        keys.add(connection, KEY)
        assert keys.revoke(connection, "k1", 3000)
        assert not keys.revoke(connection, "k1", 4000)
        assert not keys.revoke(connection, "missing", 4000)
    with database.reading() as connection:
        assert [(key.id, key.revoked_at) for key in keys.every(connection)] == [("k1", 3000), ("k0", None)]
