"""The schema: made, upgraded without loss, or refused with what to do."""

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from karttime.errors import StorageError
from karttime.storage import connections, laps, schema, sessions, timing
from karttime.storage.database import Database, look
from karttime.storage.schema import Schema
from karttime.storage.tables import VERSION_TABLE, metadata
from karttime.storage.timing import TimingRow, Wanted

NEWEST = schema.empty().newest


def revision(database: Database) -> object:
    with database.reading() as connection:
        return connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - a constant of ours


def row(number: int, epoch: str | None) -> TimingRow:
    return TimingRow("hill", "s1", 1000, number, "11", {"C1": "1"}, {"row": "r11", "cells": {}}, "u", "apex", epoch)


def test_a_new_database_gets_its_tables_and_can_be_opened_again(url: str) -> None:
    """The second time there is nothing to do."""
    befores = []
    for _ in range(2):
        database = Database(url)
        befores.append(database.before)
        assert revision(database) == NEWEST
        database.close()
    assert [before.revision for before in befores] == [None, NEWEST]
    assert befores[1].behind == 0


def test_the_steps_make_exactly_the_tables_that_the_program_knows(database: Database) -> None:
    """Columns, nullability, indexes: what Alembic would still change is nothing."""
    options = {"version_table": VERSION_TABLE, "compare_type": True}
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_a_database_of_the_first_version_becomes_ours_and_loses_nothing(old_database: str) -> None:
    """Every row is there, and can be told from those of now, which are written once however often they come."""
    database = Database(old_database, upgrade=True)
    assert database.before == Schema("0001", NEWEST, int(NEWEST) - 1)
    with database.writing() as connection:
        timing.insert(connection, [row(1, "e"), row(2, "e")])
        timing.insert(connection, [row(2, "e"), row(3, "e")])
    with database.reading() as connection:
        stored = timing.newest(connection, Wanted("hill"), 100)
        assert [(found.at, found.seq, found.epoch) for found in stored] == [
            (3000, 2, None),
            (3000, 1, None),
            (2000, 2, None),
            (1000, 3, "e"),
            (1000, 2, "e"),
            (1000, 1, "e"),
            (1000, 1, None),
        ]
        assert stored[0].mapped == {"C1": "1", "C2": "11", "C3": "Lions é"}
        assert [(lap.number, lap.time_ms, lap.driver) for lap in laps.newest(connection, "hill", 9)] == [
            (3, 61_003, "Ada"),
            (2, 61_002, "Ada"),
            (1, 61_001, "Ada"),
        ]
        assert [found.kind for found in sessions.newest(connection, "hill", 9)] == ["race", "practice"]
        assert len(connections.newest(connection, "hill", 9)) == 2
    assert revision(database) == NEWEST
    database.close()


def test_without_a_choice_a_file_is_upgraded_and_a_server_is_not(old_database: str) -> None:
    """Nobody else uses the file; of the server's database others may be in the middle of writing."""
    if old_database.startswith("sqlite"):
        database = Database(old_database)
        assert revision(database) == NEWEST
        database.close()
        return
    with pytest.raises(StorageError, match=rf"schema 0001.* {NEWEST}.*karttime db upgrade"):
        Database(old_database)
    assert look(old_database).revision == "0001", "it was left as it is"


def test_looking_changes_nothing(url: str, old_database: str) -> None:
    """Nor does it make a file."""
    assert [look(old_database).revision for _ in range(2)] == ["0001", "0001"]
    missing = url + ".missing"
    if url.startswith("sqlite"):
        assert look(missing).revision is None
        assert not Path(missing.removeprefix("sqlite:///")).exists()


def test_a_newer_schema_is_refused_with_both_versions(url: str) -> None:
    """An old program must not write into a database that it does not understand."""
    database = Database(url)
    with database.writing() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))  # noqa: S608 - a constant of ours
    database.close()
    for attempt in (Database, look):
        with pytest.raises(StorageError, match=rf"newer karttime \(schema 9999, this one knows {NEWEST}"):
            attempt(url)


def test_a_database_of_something_else_is_left_alone(url: str) -> None:
    """A `sessions` table that is not ours is neither used nor changed."""
    database = Database(url)
    with database.writing() as connection:
        connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
    database.close()
    for attempt in (Database, look):
        with pytest.raises(StorageError, match="something else"):
            attempt(url)


def test_another_programs_versions_do_not_disturb(url: str) -> None:
    """A database that is shared with a program that has Alembic too."""
    database = Database(url)
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('abc')"))
    database.close()
    assert look(url).revision == NEWEST


def test_a_step_that_fails_leaves_the_database_as_it_was(old_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps or none: the next attempt begins from the old schema, not from half of a new one."""
    real = command.upgrade

    def torn(*arguments: Any) -> None:
        real(*arguments)
        raise StorageError("the power went")

    monkeypatch.setattr(command, "upgrade", torn)
    with pytest.raises(StorageError, match="the power went"):
        Database(old_database, upgrade=True)
    monkeypatch.undo()
    assert look(old_database).revision == "0001"
    database = Database(old_database, upgrade=True)
    assert revision(database) == NEWEST
    database.close()


def test_several_that_begin_at_once_upgrade_once(old_database: str) -> None:
    """One takes the steps, the others wait for it and find nothing left to do."""
    befores: list[str | None] = []

    def begin() -> None:
        database = Database(old_database, upgrade=True)
        befores.append(database.before.revision)
        database.close()

    threads = [Thread(target=begin) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(befores) == 3
    assert "0001" in befores
    assert look(old_database).revision == NEWEST


def test_a_foreign_sqlite_database_is_untouched(tmp_path: Path) -> None:
    """Refusing leaves no table behind."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE laps (x)")
    with pytest.raises(StorageError):
        Database(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("laps",)]
