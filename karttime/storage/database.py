"""One database, given by its address: SQLite (write-ahead log) or PostgreSQL; its schema, and errors in our words."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from karttime.errors import StorageError, UsageError
from karttime.storage.tables import SCHEMA_VERSION, metadata, schema_info

BUSY_TIMEOUT_MS: Final = 5000
_DRIVERS: Final[Mapping[str, str]] = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "postgresql+asyncpg": "postgresql+psycopg",  # what other services of the house have in their .env
}


def parse_url(text: str) -> URL:
    """The address with the driver that is used here.

    Raises:
        UsageError: it is no address, or of a database that is not supported.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise UsageError("DATABASE_URL is no database address: write sqlite:///file.db or postgresql://…") from None
    if url.drivername not in _DRIVERS:
        raise UsageError(f"DATABASE_URL names {url.drivername}, which is not supported: use sqlite or postgresql")
    url = url.set(drivername=_DRIVERS[url.drivername])
    in_memory = not url.database or ":memory:" in url.database or url.query.get("mode") == "memory"
    if url.drivername == "sqlite" and in_memory:  # each thread would have a database of its own
        raise UsageError("DATABASE_URL names no file: write sqlite:///file.db")
    return url


class Database:
    """A database that is open: `reading()` and `writing()` give connections, from any thread."""

    def __init__(self, url: str) -> None:
        """Open the database and make its tables where there are none.

        Raises:
            UsageError: the address is no good.
            StorageError: it cannot be opened, belongs to something else, or has a newer schema.
        """
        self.url = parse_url(url)
        self._engine = _engine(self.url)
        try:
            with translated(self.url):
                _prepare(self._engine)
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
        shown = url.render_as_string(hide_password=True)
        raise StorageError(f"database {shown} cannot be used: {reason(error)}") from error


def reason(error: Exception) -> str:
    """What the database itself said, in one line."""
    text = str(error.orig) if isinstance(error, DBAPIError) and error.orig is not None else str(error)
    return " ".join(text.split())[:300]


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; a row whose key is there already is replaced."""
    statement = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), list(rows))


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite" and url.database:
        try:
            Path(url.database).expanduser().parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"the folder of {url.database} cannot be made: {error.strerror}") from error
    try:
        engine = create_engine(
            url,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
            pool_pre_ping=url.get_backend_name() != "sqlite",
            connect_args=_connect_args(url),
        )
    except ModuleNotFoundError:
        raise UsageError("PostgreSQL needs its driver: pip install 'karttime[postgres]'") from None
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _sqlite_pragmas)
    return engine


def _connect_args(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {}
    return {"connect_timeout": 5, "options": "-c statement_timeout=10000", "tcp_user_timeout": 10_000}


def _sqlite_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _prepare(engine: Engine) -> None:
    with engine.begin() as connection:
        present = set(inspect(connection).get_table_names())
        if schema_info.name in present:
            version = connection.scalar(select(schema_info.c.version)) or 0
            if version > SCHEMA_VERSION:
                raise StorageError(
                    f"the database is of a newer karttime (schema {version}, this one knows {SCHEMA_VERSION}): "
                    "install the newer one, or name another database in DATABASE_URL"
                )
        elif present & set(metadata.tables):
            names = ", ".join(sorted(present & set(metadata.tables)))
            raise StorageError(
                f"the database has tables of something else ({names}): set DATABASE_URL to a database of its own"
            )
        metadata.create_all(connection)
        if schema_info.name not in present:
            connection.execute(schema_info.insert(), [{"version": SCHEMA_VERSION}])
