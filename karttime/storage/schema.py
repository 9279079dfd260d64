"""Which schema a database has, and how it becomes ours: the steps in `migrations`, all in one transaction or none."""

import logging
from dataclasses import dataclass
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, column, func, inspect, select, table

from karttime.errors import StorageError
from karttime.storage.tables import VERSION_TABLE, metadata

log = logging.getLogger(__name__)
logging.getLogger("alembic").setLevel(logging.WARNING)  # what it does is said here, in one line

FIRST: Final = "0001"
_FIRST_TABLE: Final = "schema_info"  # by which the first version was known before there were steps
_LOCK: Final = 0x6B617274  # any number that no other program takes: two services may begin at once


@dataclass(frozen=True, slots=True)
class Schema:
    """Steps that a database has had. `revision` is None in an empty one; `behind` counts the steps to come."""

    revision: str | None
    newest: str
    behind: int


def empty() -> Schema:
    """The schema of an empty database."""
    steps = _steps()
    return Schema(None, steps[0], len(steps))


def look(connection: Connection) -> Schema:
    """The schema of a database, which is left as it is.

    Raises:
        StorageError: it belongs to something else, or is of a newer karttime.
    """
    steps = _steps()
    revision = _revision(connection)
    if revision is None:
        _refuse_foreign(connection)
        return empty()
    if revision not in steps:
        raise StorageError(
            f"the database is of a newer karttime (schema {revision}, this one knows {steps[0]}): "
            "install the newer one, or name another database in DATABASE_URL"
        )
    return Schema(revision, steps[0], steps.index(revision))


def upgrade(connection: Connection) -> Schema:
    """Take the steps that are missing, in the transaction that the caller began; the schema as it was before.

    Raises:
        StorageError: it belongs to something else, or is of a newer karttime.
    """
    _lock(connection)
    before = look(connection)
    if before.behind:
        if before.revision is not None:
            log.info("Upgrading the database from schema %s to %s", before.revision, before.newest)
        config = _config()
        config.attributes["connection"] = connection
        if before.revision == FIRST:
            command.stamp(config, FIRST)
        command.upgrade(config, "head")
    return before


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":  # whose driver would begin a transaction only at the first row written
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "karttime.storage:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _steps() -> list[str]:
    """Every step, newest first."""
    return [step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions()]


def _revision(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    revision = context.get_current_revision()
    if revision is None and inspect(connection).has_table(_FIRST_TABLE):
        version = connection.scalar(select(column("version")).select_from(table(_FIRST_TABLE)))
        return f"{version or 0:04}"
    return revision


def _refuse_foreign(connection: Connection) -> None:
    present = set(inspect(connection).get_table_names()) & set(metadata.tables)
    if present:
        raise StorageError(
            f"the database has tables of something else ({', '.join(sorted(present))}): "
            "set DATABASE_URL to a database of its own"
        )
