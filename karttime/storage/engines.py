"""Connections to a database that is given by its address: SQLite (write-ahead log) or PostgreSQL."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from karttime.errors import StorageError, UsageError

BUSY: Final = "PRAGMA busy_timeout=5000"  # ms
_DRIVERS: Final[Mapping[str, str]] = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "postgresql+asyncpg": "postgresql+psycopg",  # what other services of the house have in their .env
}

_PUBLIC: Final = frozenset({"host", "port", "sslmode", "sslrootcert", "connect_timeout", "application_name", "options"})
"""Parameters of an address that are shown: those of the driver that hold no secret."""


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
    if url.drivername == "sqlite" and (url.host or url.username or url.password):
        raise UsageError("DATABASE_URL names a server for SQLite: write sqlite:///file.db, with three slashes")
    if "@" in (url.host or ""):  # what follows the first one would be taken for a host, and shown
        raise UsageError("DATABASE_URL: write an @ in the password as %40, a / as %2F, a : as %3A")
    in_memory = not url.database or ":memory:" in url.database or url.query.get("mode") == "memory"
    if url.drivername == "sqlite" and in_memory:  # each thread would have a database of its own
        raise UsageError("DATABASE_URL names no file: write sqlite:///file.db")
    return url


def shown(url: URL) -> str:
    """An address without what is secret in it, wherever that stands."""
    query = {name: value if name in _PUBLIC else "***" for name, value in url.query.items()}
    return url.set(query=query).render_as_string(hide_password=True)


def make_engine(url: URL, *, patient: bool = False) -> Engine:
    """An engine for the address; the folder of an SQLite file is made.

    Args:
        url: its address.
        patient: statements may take as long as they need. Otherwise a server that is slow or hangs is an error within
            5 seconds: what waits for it can say so, and tries again.

    Raises:
        StorageError: the folder cannot be made.
        UsageError: the driver is not installed.
    """
    options: dict[str, Any] = {
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
    }
    if url.get_backend_name() == "sqlite":
        _make_folder(url)
        engine = create_engine(url, **options)
        event.listen(engine, "connect", _sqlite_pragmas)
        return engine
    try:
        from karttime.storage.postgresql import use_prompt_connections

        engine = create_engine(url, connect_args=_connect_args(patient), **options)
    except ModuleNotFoundError:
        raise UsageError("PostgreSQL needs its driver: pip install 'karttime[postgres]'") from None
    if not patient:
        use_prompt_connections(engine)
    return engine


def _make_folder(url: URL) -> None:
    try:
        Path(url.database or "").expanduser().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the folder of {url.database} cannot be made: {error.strerror}") from error


def _connect_args(patient: bool) -> dict[str, Any]:
    limits = {} if patient else {"statement_timeout": 3000, "idle_in_transaction_session_timeout": 10_000}
    options = " ".join(f"-c {name}={value}" for name, value in limits.items())
    return {"connect_timeout": 3, "options": options, "tcp_user_timeout": 4000, "application_name": "karttime"}


def _sqlite_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(BUSY)
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
