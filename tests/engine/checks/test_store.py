"""Database and journal: looked at, and left as they are."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from karttime.engine.checks import store
from karttime.engine.checks.finding import Grade
from karttime.storage.database import Database
from karttime.storage.journal import Journal

POSTGRESQL = os.environ.get("KARTTIME_TEST_POSTGRESQL", "")


def grades(url: str) -> list[Grade]:
    return [finding.grade for finding in store.database(url)]


def test_no_database_yet(tmp_path: Path) -> None:
    """That is well, and none is made."""
    assert grades(f"sqlite:///{tmp_path}/new.db") == [Grade.OK]
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_ours(tmp_path: Path) -> None:
    """Its size and its schema, byte for byte as it was afterwards."""
    Database(f"sqlite:///{tmp_path}/karttime.db").close()
    before = (tmp_path / "karttime.db").read_bytes()
    first, second = store.database(f"sqlite:///{tmp_path}/karttime.db")
    assert (first.grade, second.grade) == (Grade.OK, Grade.OK)
    assert int(first.figures["size_bytes"]) > 10_000
    assert "newest" in second.said
    assert (tmp_path / "karttime.db").read_bytes() == before


def test_an_older_schema_is_a_warning_and_stays(tmp_path: Path) -> None:
    """`serve` will upgrade it, this does not."""
    path = tmp_path / "karttime.db"
    Database(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection:
        [(table,)] = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%version%' AND type='table'")
        connection.execute(f"UPDATE {table} SET version_num = '0002'")  # noqa: S608 - a name of our own
        connection.commit()
    assert grades(f"sqlite:///{path}") == [Grade.OK, Grade.WARNING]
    assert grades(f"sqlite:///{path}") == [Grade.OK, Grade.WARNING], "still"


@pytest.mark.parametrize("content", [b"", b"no database" * 100])
def test_what_is_no_database(tmp_path: Path, content: bytes) -> None:
    """An empty file becomes one, anything else is a failure."""
    (tmp_path / "x.db").write_bytes(content)
    assert grades(f"sqlite:///{tmp_path}/x.db") == [Grade.FAILURE if content else Grade.OK]


def test_somebody_elses_database(tmp_path: Path) -> None:
    """A failure; it is not turned into another mode of journal, either."""
    path = tmp_path / "photos.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE laps (id INTEGER)")
        connection.commit()
    before = path.read_bytes()
    assert grades(f"sqlite:///{path}") == [Grade.FAILURE]
    assert path.read_bytes() == before


@pytest.mark.parametrize("url", ["nonsense", "mysql://u@h/x", "postgresql://u:canary@127.0.0.1:1/x"])
def test_an_address_that_leads_nowhere(url: str) -> None:
    """A failure with what to do, without the password."""
    [finding] = store.database(url)
    assert finding.grade is Grade.FAILURE
    assert "DATABASE_URL" in finding.advice
    assert "canary" not in finding.said


@pytest.mark.skipif(not POSTGRESQL, reason="KARTTIME_TEST_POSTGRESQL is not set: address of a PostgreSQL server")
def test_a_server() -> None:
    """Reached; an empty one is not filled."""
    first, *_ = store.database(POSTGRESQL)
    assert first.grade in {Grade.OK, Grade.WARNING}
    assert first.figures["size_bytes"] != 0 or first.figures["schema"] == ""


def test_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None yet, one in use, one in which too much waits, one that is none."""
    path = tmp_path / "journal.db"
    assert store.journal(path).grade is Grade.OK
    assert not path.exists()
    journal = Journal(path)
    try:
        assert store.journal(path).figures["waiting_rows"] == 0
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("INSERT INTO waiting (kind, rows, content) VALUES (1, 7, x'00')")
            connection.commit()
        assert store.journal(path).figures["waiting_rows"] == 7
        monkeypatch.setattr(store, "MANY_ROWS", 5)
        assert store.journal(path).grade is Grade.WARNING
    finally:
        journal.close()
    other = tmp_path / "other.db"
    other.write_bytes(b"no journal" * 1000)
    assert store.journal(other).grade is Grade.FAILURE


def test_a_slow_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning."""
    Database(f"sqlite:///{tmp_path}/karttime.db").close()
    monkeypatch.setattr(store, "SLOW_MS", -1)
    assert grades(f"sqlite:///{tmp_path}/karttime.db")[0] is Grade.WARNING
