"""A look at a database and at a journal that changes nothing, whoever uses them meanwhile."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from karttime.errors import StorageError
from karttime.storage import engines, schema
from karttime.storage.database import translated
from karttime.storage.engines import make_engine, parse_url
from karttime.storage.schema import Schema


@dataclass(frozen=True, slots=True)
class Examined:
    """A database as it is now.

    Attributes:
        shown: its address without a password.
        file: of an SQLite database, None for a server.
        schema: which steps it has had.
        size: bytes on disk, 0 where nothing is there yet.
        read_only: nothing can be written to it.
    """

    shown: str
    file: Path | None
    schema: Schema
    size: int
    read_only: bool = False


def examine(url: str) -> Examined:
    """Look at a database. One that is not there yet is not made.

    Raises:
        UsageError: the address is no good.
        StorageError: it cannot be reached, belongs to something else, or is of a newer karttime.
    """
    address = parse_url(url)
    shown = engines.shown(address)
    if address.get_backend_name() != "sqlite":
        with translated(address):
            return _server(make_engine(address), shown)
    file = Path(address.database or "").expanduser()
    if not file.exists():
        return Examined(shown, file, schema.empty(), 0)
    with translated(address):
        return _file(address, file, shown)


def _file(address: URL, file: Path, shown: str) -> Examined:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(_read_only(file), uri=True, timeout=2)

    engine = create_engine(URL.create(address.drivername), creator=connect, poolclass=NullPool)
    with _connected(engine) as connection:
        found = schema.look(connection)
    parts = (file.with_name(file.name + suffix) for suffix in ("", "-wal"))
    return Examined(shown, file, found, sum(part.stat().st_size for part in parts if part.exists()))


def _server(engine: Engine, shown: str) -> Examined:
    with _connected(engine) as connection:
        found = schema.look(connection)
        size = connection.scalar(text("SELECT pg_database_size(current_database())")) or 0
        read_only = connection.scalar(text("SHOW transaction_read_only")) == "on"
    return Examined(shown, None, found, size, read_only)


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def waiting_rows(path: Path) -> int:
    """Rows in a journal that the database has not taken yet; 0 where there is no journal.

    Raises:
        StorageError: it cannot be read, or is no journal.
    """
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(_read_only(path), uri=True, timeout=2)) as connection:
            [(rows,)] = connection.execute("SELECT coalesce(sum(rows), 0) FROM waiting")
    except sqlite3.Error as error:
        raise StorageError(f"the journal {path} cannot be read: {error}") from error
    return int(rows)


def _read_only(file: Path) -> str:
    return f"file:{quote(str(file.absolute()))}?mode=ro"
