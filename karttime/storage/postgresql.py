"""What only PostgreSQL has: answers within a time limit, and rows by COPY. Imported only where its driver is there."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

_Result = TypeVar("_Result")

ANSWER_S: Final = 4.0
_CHECK_S: Final = 0.1


class PromptConnection(psycopg.Connection[Any]):
    """A connection that is given up, and closed, when the server does not answer within `ANSWER_S`.

    `statement_timeout` is the server's to keep, and TCP's own timeouts see only a host that is gone: a server that
    hangs still has a kernel that takes every byte.
    """

    def wait(self, gen: PQGen[_Result], interval: float = _CHECK_S, timeout: float | None = None) -> _Result:
        """For psycopg: run one exchange with the server."""
        limit = ANSWER_S if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except psycopg.errors._WaitTimeout:  # noqa: SLF001 - what `wait` says that it raises
            self.pgconn.finish()
            raise psycopg.OperationalError(f"the server has not answered for {limit:g} s") from None


def copy_new(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows but those of which a key is there already, which is rare: only then they take the way round."""
    driver: Any = connection.connection.driver_connection
    names = SQL(", ").join(map(Identifier, columns))
    target, staging = Identifier(table.name), Identifier(f"new_{table.name}")
    try:
        try:
            with connection.begin_nested():
                _copy(driver, target, names, rows)
        except psycopg.errors.UniqueViolation:
            make = SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA")
            driver.execute(make.format(staging, names, target))
            _copy(driver, staging, names, rows)
            move = SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT DO NOTHING")
            driver.execute(move.format(target, names, names, staging))
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
        raise DBAPIError.instance(f"COPY {table.name}", None, error, psycopg.Error) from error


def _copy(driver: Any, table: Identifier, names: Composed, rows: Iterable[Sequence[Any]]) -> None:
    with driver.cursor() as cursor, cursor.copy(SQL("COPY {} ({}) FROM STDIN").format(table, names)) as copy:
        for row in rows:
            copy.write_row(row)
