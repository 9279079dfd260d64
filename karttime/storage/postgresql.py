"""What only PostgreSQL has: answers within a time limit, and rows by COPY. Imported only where its driver is there."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.exc import DBAPIError, DisconnectionError

_Result = TypeVar("_Result")

ANSWER_S: Final = 4.0
PING_S: Final = 1.5  # with the time limit of connecting anew, 3 s, it is less than 5 too
_CHECK_S: Final = 0.1


class PromptConnection(psycopg.Connection[Any]):
    """A connection that is given up, and closed, when the server does not answer within `ANSWER_S`.

    `statement_timeout` is the server's to keep, and TCP's own timeouts see only a host that is gone: a server that
    hangs still has a kernel that takes every byte.
    """

    answer_s = ANSWER_S

    def wait(self, gen: PQGen[_Result], interval: float = _CHECK_S, timeout: float | None = None) -> _Result:
        """For psycopg: run one exchange with the server."""
        limit = self.answer_s if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except psycopg.errors._WaitTimeout:  # noqa: SLF001 - what `wait` says that it raises
            self.pgconn.finish()
            raise psycopg.OperationalError(f"the server has not answered for {limit:g} s") from None

    def ping(self) -> None:
        """One empty statement, outside of any transaction. Raises `psycopg.Error` if the connection is of no use."""
        self.answer_s = PING_S
        self.autocommit = True
        self.execute("")
        self.autocommit = False
        self.answer_s = ANSWER_S


def use_prompt_connections(engine: Engine) -> None:
    """Let an engine connect that way, and try each connection before it is used again."""

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, given: list[Any], named: dict[str, Any]) -> PromptConnection:
        return PromptConnection.connect(*given, **named)

    @event.listens_for(engine, "checkout")
    def checkout(driver: PromptConnection, _record: object, _proxy: object) -> None:
        try:
            driver.ping()
        except psycopg.Error as error:
            raise DisconnectionError(str(error)) from error  # the pool connects anew


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
