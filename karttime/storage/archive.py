"""The archive: rows go into a bounded queue at once, and one thread writes them in groups.

Whoever hands rows in never waits. A database that is slow, locked, full or away costs time, not the live data: the
writer tries the same group again until it is taken, the queue holds what comes meanwhile, and what no longer fits is
counted by `status()` and logged, never dropped in silence. Rows that the database refuses for good are counted too.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from karttime.storage import connections, laps, sessions, timing
from karttime.storage.connections import ConnectionEvent
from karttime.storage.database import Database, reason
from karttime.storage.extract import Batch

log = logging.getLogger(__name__)

_WRITERS: Final[tuple[tuple[str, Callable[[Connection, Any], None]], ...]] = (
    ("sessions", sessions.write),
    ("laps", laps.write),
    ("timing", timing.insert),
    ("connections", connections.insert),
)

# What is wrong with a value itself, also as drivers say it that do not wrap it; trying again would not help.
_REFUSALS: Final = (SQLAlchemyError, TypeError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class ArchiveOptions:
    """Limits of the archive.

    Attributes:
        capacity: rows that wait at most; a busy circuit makes some 40 a second.
        group: rows after which a group is written at once.
        interval: seconds after which a smaller group is written.
        retry: seconds until a failed group is tried again; doubles up to `retry_max`.
        retry_max: the longest of these pauses.
    """

    capacity: int = 20_000
    group: int = 500
    interval: float = 0.2
    retry: float = 0.25
    retry_max: float = 5.0


@dataclass(frozen=True, slots=True)
class ArchiveStatus:
    """The archive as it is now. `state` is `ok`, `failing` (see `error`) or `closed`."""

    state: str
    error: str
    queued: int
    written: int
    dropped: int
    refused: int


class Archive:
    """Writes batches to a database; `take` from any thread, `close` when all is over."""

    def __init__(self, database: Database, options: ArchiveOptions | None = None) -> None:
        self.database = database
        self._options = options or ArchiveOptions()
        self._queue: deque[Batch] = deque()
        self._queued = 0
        self._wake = threading.Condition()
        self._closing = threading.Event()
        self._abandoned = threading.Event()
        self._error = ""
        self._written = self._dropped = self._refused = 0
        self._thread = threading.Thread(target=self._run, name="karttime-archive", daemon=True)
        self._thread.start()

    def take(self, batch: Batch) -> bool:
        """Queue rows to be written; False, counted and logged, when the queue has no room for them. Never waits."""
        rows = len(batch)
        if not rows:
            return True
        with self._wake:
            if self._queued + rows > self._options.capacity or self._closing.is_set():
                first = not self._dropped
                self._dropped += rows
                if first:
                    log.error("The archive's queue is full: rows are being lost. Database: %s", self._error or "slow")
                return False
            self._queue.append(batch)
            self._queued += rows
            self._wake.notify()
        return True

    def note(self, circuit_id: str, at: int, event: str, detail: str) -> None:
        """Log an event of a circuit's connection."""
        self.take(Batch(connections=[ConnectionEvent(circuit_id, at, event[:32], detail[:1000])]))

    def status(self) -> ArchiveStatus:
        """As it is now."""
        state = "closed" if not self._thread.is_alive() else "failing" if self._error else "ok"
        return ArchiveStatus(state, self._error, self._queued, self._written, self._dropped, self._refused)

    def close(self, timeout: float = 3.0) -> None:
        """Write what waits, then end; what cannot be written in time is counted as dropped and logged."""
        with self._wake:
            self._closing.set()
            self._wake.notify()
        self._thread.join(timeout)
        self._abandoned.set()
        with self._wake:
            lost, self._queued = self._queued, 0
            self._queue.clear()
            self._dropped += lost
        if lost:
            log.error("The archive was closed with %d rows unwritten: %s", lost, self._error or "the database is slow")

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            if not self._write(batch):
                return
            with self._wake:
                self._queued = max(0, self._queued - len(batch))

    def _next(self) -> Batch | None:
        """The next group; it stays counted as queued until it is written. None when all is over."""
        with self._wake:
            self._wake.wait_for(lambda: self._queue or self._closing.is_set())
            if not self._queue:
                return None
            self._wake.wait_for(
                lambda: self._queued >= self._options.group or self._closing.is_set(), self._options.interval
            )
            group = Batch()
            while self._queue and len(group) < self._options.group:
                group.extend(self._queue.popleft())
            return group

    def _write(self, batch: Batch) -> bool:
        """Write a group, however often it takes; False when the archive is closed before it succeeds."""
        pause = self._options.retry
        while True:
            try:
                with self.database.writing() as connection:
                    for name, write in _WRITERS:
                        if rows := getattr(batch, name):
                            write(connection, rows)
            except (OperationalError, InterfaceError) as error:
                self._failing(error)
                if self._closing.wait(pause) and self._abandoned.wait(0.1):
                    return False
                pause = min(2 * pause, self._options.retry_max)
            except _REFUSALS as error:
                self._one_by_one(batch, error)
                return True
            else:
                self._recovered(len(batch))
                return True

    def _one_by_one(self, batch: Batch, error: Exception) -> None:
        """Some row of a group is refused for good: save the others."""
        log.error("The database refuses a group of %d rows, trying one by one: %s", len(batch), reason(error))
        for name, write in _WRITERS:
            for row in getattr(batch, name):
                self._one(write, row)

    def _one(self, write: Callable[[Connection, Sequence[Any]], None], row: object) -> None:
        try:
            with self.database.writing() as connection:
                write(connection, [row])
        except _REFUSALS as error:
            self._refused += 1
            log.warning("The database refuses a row: %s", reason(error))
        else:
            self._written += 1

    def _failing(self, error: SQLAlchemyError) -> None:
        text = reason(error)
        if text != self._error:
            log.error("The database cannot be written, trying again: %s", text)
        self._error = text

    def _recovered(self, rows: int) -> None:
        if self._error:
            log.warning("The database can be written again; %d rows wait", self._queued - rows)
            self._error = ""
        self._written += rows
