"""Opening a database: made when missing, refused with a reason when it is not ours to use."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from karttime.errors import StorageError, UsageError
from karttime.storage.database import Database
from karttime.storage.engines import parse_url


def test_sqlite_writes_ahead_and_waits_for_locks(tmp_path: Path) -> None:
    """Readers never block the writer, and a short lock is waited for."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    with database.reading() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA busy_timeout")) == 5000
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    database.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """The error says which file, in one line."""
    (tmp_path / "a.db").write_bytes(b"this is no database, only a text that is long enough to be looked at" * 20)
    with pytest.raises(StorageError, match=r"a\.db cannot be used: file is not a database"):
        Database(f"sqlite:///{tmp_path}/a.db")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="folder"):
        Database(f"sqlite:///{tmp_path}/file/sub/a.db")


def test_a_foreign_sqlite_database_is_untouched(tmp_path: Path) -> None:
    """Refusing leaves no table behind."""
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE laps (x)")
    connection.close()
    with pytest.raises(StorageError):
        Database(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("laps",)]
    connection.close()


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgresql+asyncpg", "postgres"])
def test_every_usual_postgresql_address_is_accepted(scheme: str) -> None:
    """Whatever driver an existing `.env` names, ours is used."""
    assert parse_url(f"{scheme}://me:secret@host/db").drivername == "postgresql+psycopg"


@pytest.mark.parametrize("text_", ["", "no address", "mysql://host/db", "sqlite", "sqlite://", "sqlite:///:memory:"])
def test_bad_addresses_name_the_setting(text_: str) -> None:
    """The sentence begins with what the person has to change."""
    with pytest.raises(UsageError, match=r"^DATABASE_URL"):
        parse_url(text_)


def test_errors_never_show_the_password() -> None:
    """What is printed names the database without its password."""
    pytest.importorskip("psycopg")
    with pytest.raises(StorageError) as caught:
        Database("postgresql://me:canary@127.0.0.1:1/db")
    assert "canary" not in str(caught.value)


def test_a_connection_that_the_server_closed_is_replaced_unnoticed(database: Database) -> None:
    """Whoever uses the database next after a restart of the server gets no error."""
    if database.url.get_backend_name() == "sqlite":
        pytest.skip("a file closes no connection")
    psycopg = pytest.importorskip("psycopg")
    with database.reading() as connection:
        mine = connection.scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(database.url.set(drivername="postgresql").render_as_string(hide_password=False)) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [mine])
    with database.reading() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != mine


def test_a_statement_that_takes_too_long_is_ended_by_the_server(database: Database) -> None:
    """What waits for a slow server is told within seconds; `karttime db` may take its time."""
    if database.url.get_backend_name() == "sqlite":
        pytest.skip("a file has no server")
    shown = []
    for patient in (False, True):
        opened = Database(database.url.render_as_string(hide_password=False), patient=patient)
        with opened.reading() as connection:
            shown.append(connection.scalar(text("SHOW statement_timeout")))
        opened.close()
    assert shown == ["3s", "0"]
