"""A backup taken while rows are written: what was there before it is there once after the restore."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from karttime.errors import StorageError, UsageError
from karttime.storage import journal_file
from karttime.storage.archive import Archive, ArchiveOptions
from karttime.storage.backup import backup
from karttime.storage.database import Database
from karttime.storage.journal import Journal

from .test_archive import until
from .test_journal import commit, message

ROWS = 5  # of each message


@pytest.fixture
def other(url: str, tmp_path: Path) -> Iterator[str]:
    """The address of a second empty database, to restore into."""
    if url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path}/restored/karttime.db"
        return
    import psycopg

    name = f"{url.rpartition('/')[2]}_r"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield f"{url.rpartition('/')[0]}/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def saved(url: str, journal: Path, folder: Path) -> None:
    """The recipe of the operators' page: the journal and an SQLite file, then a dump of PostgreSQL."""
    backup(url, journal, folder)
    if not url.startswith("sqlite"):
        if shutil.which("pg_dump") is None:
            pytest.skip("pg_dump is not installed")
        dump = ["pg_dump", "--format=custom", f"--file={folder / 'karttime.dump'}", url]
        subprocess.run(dump, check=True, capture_output=True)


def restored(folder: Path, other: str) -> None:
    """The recipe the other way round; the journal is in the folder already."""
    if other.startswith("sqlite"):
        target = Path(other.removeprefix("sqlite:///"))
        target.parent.mkdir()
        shutil.copy(folder / "karttime.db", target)
    else:
        dump = ["pg_restore", "--exit-on-error", "--clean", "--if-exists", "--no-owner", f"--dbname={other}"]
        subprocess.run([*dump, str(folder / "karttime.dump")], check=True, capture_output=True)


def test_nothing_is_missing_and_nothing_is_there_twice(url: str, other: str, tmp_path: Path) -> None:
    """Rows move from the journal to the database while both are copied; the restored service writes what waited."""
    journal, database = Journal(tmp_path / "journal.db"), Database(url)
    archive = Archive(database, ArchiveOptions(interval=0.01, group=20), journal=journal)
    folder = tmp_path / "copy"
    for seq in range(1, 41):
        assert commit(journal, message(seq, base=b"b" if seq == 1 else b"", rows=ROWS)) == ""
    saved(url, journal.path, folder)
    for seq in range(41, 61):
        assert commit(journal, message(seq, rows=ROWS)) == ""
    archive.close()
    journal.close()
    database.close()

    restored(folder, other)
    journal, database = Journal(folder / "journal.db"), Database(other)
    archive = Archive(database, ArchiveOptions(interval=0.01), journal=journal)
    until(lambda: archive.status().queued == 0)
    with database.reading() as connection:
        count, distinct = connection.execute(text("SELECT count(*), count(DISTINCT seq) FROM timing_data")).one()
    archive.close()
    stream = journal.stored("hill")
    journal.close()
    database.close()
    assert count == distinct >= 40 * ROWS
    assert stream is None, "a stream that is set back must begin a new epoch"


def test_rows_that_only_the_journal_has_come_along(tmp_path: Path) -> None:
    """With a database that took nothing yet."""
    journal = Journal(tmp_path / "journal.db")
    Database(f"sqlite:///{tmp_path}/k.db").close()
    assert commit(journal, message(1, rows=ROWS)) == ""
    copies = backup(f"sqlite:///{tmp_path}/k.db", journal.path, tmp_path / "copy")
    journal.close()
    assert [copy.name for copy in copies] == ["journal.db", "k.db"]
    assert all(copy.stat().st_mode & 0o077 == 0 for copy in copies), "nobody else reads them"
    with closing(sqlite3.connect(copies[0])) as connection:
        assert journal_file.load(connection).rows == ROWS


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    """A second backup into the same folder, and one of a database that is not there, are refused."""
    url = f"sqlite:///{tmp_path}/k.db"
    with pytest.raises(UsageError, match="is not there"):
        backup(url, tmp_path / "j.db", tmp_path / "copy")
    Database(url).close()
    backup(url, tmp_path / "j.db", tmp_path / "copy")
    with pytest.raises(UsageError, match="is there already: name another folder"):
        backup(url, tmp_path / "j.db", tmp_path / "copy")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made"):
        backup(url, tmp_path / "j.db", tmp_path / "file")


def test_a_damaged_file_is_no_backup(tmp_path: Path) -> None:
    """It is said, and nothing that bears the name of a copy is left."""
    url = f"sqlite:///{tmp_path}/k.db"
    (tmp_path / "k.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)
    with pytest.raises(StorageError, match="cannot be copied"):
        backup(url, tmp_path / "j.db", tmp_path / "copy")
    assert list((tmp_path / "copy").iterdir()) == []
