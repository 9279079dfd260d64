"""One database that is open: connections for readers and writers, its schema, and errors in our words."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from karttime.errors import StorageError
from karttime.storage import engines, schema
from karttime.storage.engines import make_engine, parse_url
from karttime.storage.schema import Schema


class Database:
    """A database that is open: `reading()` and `writing()` give connections, from any thread.

    Attributes:
        url: its address.
        before: its schema as it was when it was opened; now it is the newest.
    """

    def __init__(self, url: str, *, upgrade: bool | None = None, patient: bool = False) -> None:
        """Open the database; an empty one gets its tables.

        Args:
            url: its address.
            upgrade: an older schema becomes ours (True), is refused (False), or, without a choice, becomes ours in an
                SQLite file, which nobody else uses, and is refused in PostgreSQL, which others may be using.
            patient: statements may take as long as they need; otherwise a slow server is an error after seconds.

        Raises:
            UsageError: the address is no good.
            StorageError: it cannot be opened, belongs to something else, or has another schema than ours.
        """
        self.url = parse_url(url)
        self._engine = make_engine(self.url, patient=patient)
        if upgrade is None:
            upgrade = self.url.get_backend_name() == "sqlite"
        try:
            with translated(self.url):
                self.before = _prepare(self._engine, self.url, upgrade=upgrade)
        except StorageError:
            self._engine.dispose()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with."""
        with translated(self.url), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back on an error (which is not translated)."""
        with self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._engine.dispose()


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn the library's errors into one sentence of ours that names the database, without its password."""
    try:
        yield
    except SQLAlchemyError as error:
        shown = engines.shown(url)
        raise StorageError(f"database {shown} cannot be used: {reason(error)}") from error


def reason(error: Exception) -> str:
    """What the database itself said, in one line."""
    text = str(error.orig) if isinstance(error, DBAPIError) and error.orig is not None else str(error)
    return " ".join(text.split())[:300]


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; a row whose key is there already is replaced."""
    statement = insert(connection, table)
    keys = [column.name for column in table.primary_key]
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), list(rows))


def add_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert one row; False when a key of it, any unique one, is there already."""
    statement = insert(connection, table).values(row).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(statement).first() is not None


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An insertion in the words of the database, which may say what to do about a row that is there already."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def look(url: str) -> Schema:
    """The schema of the database at an address, which is left as it is.

    Raises:
        UsageError: the address is no good.
        StorageError: it cannot be opened, belongs to something else, or is of a newer karttime.
    """
    address = parse_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").expanduser().exists():
        return schema.empty()
    engine = make_engine(address)
    try:
        with translated(address), engine.connect() as connection:
            return schema.look(connection)
    finally:
        engine.dispose()


def _prepare(engine: Engine, url: URL, *, upgrade: bool) -> Schema:
    with engine.begin() as connection:
        found = schema.look(connection)
    if not found.behind:
        return found
    if found.revision is not None and not upgrade:
        raise StorageError(
            f"the database has schema {found.revision}, this karttime needs {found.newest}: "
            "make a backup, stop what else uses it, and run `karttime db upgrade` with the same address"
        )
    patient = make_engine(url, patient=True)  # an index over a season takes its time
    try:
        with patient.begin() as connection:
            return schema.upgrade(connection)
    finally:
        patient.dispose()
