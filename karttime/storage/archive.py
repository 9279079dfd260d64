"""The archive: rows go into the database in groups, by one thread, as soon as it takes them.

Nobody waits for it. A database that is slow, locked, full, hung or away costs time, not the live data: the writer tries
the same group again until it is taken, and every write may be repeated without harm, so a commit whose answer was lost
makes nothing twice. What waits meanwhile stands in the journal, and is deleted there once the database has it.

Where there is no journal, or its disk takes nothing, `take` queues rows in memory, within `capacity`. When that is
full, rows are refused from then on, newest first: `state` is `losing`, the log says so as it begins and how many were
lost when it is over, and whoever handed them in says everything again later (`Extract.forget`), which brings back laps
and sessions, not rows. Rows that the database refuses for good, for what is in them, are found, counted and logged;
they cost no other.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError, StatementError

from karttime.errors import StorageError
from karttime.storage import connections, laps, sessions, timing
from karttime.storage.database import Database, reason
from karttime.storage.extract import Batch
from karttime.storage.journal import Journal
from karttime.storage.journal_file import Waiting
from karttime.storage.packing import unpack

log = logging.getLogger(__name__)

_WRITERS: Final[tuple[tuple[str, Callable[[Connection, Any], None]], ...]] = (
    ("sessions", sessions.write),
    ("laps", laps.write),
    ("timing", timing.insert),
    ("ready", timing.insert_values),
    ("connections", connections.insert),
)

# What is wrong with a value itself, also as drivers say it that do not wrap it; trying again would not help.
_PACKETS: Final = 500  # that are read from the journal at once

_VALUES: Final = (DataError, IntegrityError, TypeError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class ArchiveOptions:
    """Limits of the archive.

    Attributes:
        capacity: rows that wait in memory at most; a busy circuit makes some 40 a second.
        group: rows after which a group is written at once.
        interval: seconds after which a smaller group is written.
        retry: seconds until a failed group is tried again; doubles up to `retry_max`.
        retry_max: the longest of these pauses.
    """

    capacity: int = 20_000
    group: int = 2_000
    interval: float = 0.5
    retry: float = 0.25
    retry_max: float = 5.0


@dataclass(frozen=True, slots=True)
class ArchiveStatus:
    """The archive as it is now.

    Attributes:
        state: `ok`, `failing` (see `error`), `losing` (the queue is full) or `closed`.
        error: what the database said last, empty when it took the last group.
        queued: rows that wait, in the journal and in memory.
        written: rows that the database took.
        dropped: rows that found no room.
        refused: rows that the database will never take.
        failures: writes that failed, each of which is tried again.
    """

    state: str
    error: str
    queued: int
    written: int
    dropped: int
    refused: int
    failures: int = 0


class _Group(NamedTuple):
    """Rows that are written together, and what they are in the journal."""

    batch: Batch
    packets: list[Waiting]


class Archive:
    """Writes batches to a database; `take` from any thread, `close` when all is over."""

    def __init__(
        self, database: Database, options: ArchiveOptions | None = None, *, journal: Journal | None = None
    ) -> None:
        self.database = database
        self.journal = journal
        self._options = options or ArchiveOptions()
        self._queue: deque[Batch] = deque()
        self._queued = 0
        self._read = 0  # id of the last packet that was read from the journal
        self._behind = journal is not None  # there may be more in the journal
        self._wake = threading.Condition()
        self._closing = threading.Event()
        self._abandoned = threading.Event()
        self._error = ""
        self._written = self._dropped = self._refused = self._failures = 0
        self._losing = 0  # rows that were lost since the queue ran full; 0 while there is room
        if journal is not None:
            journal.on_rows = self._more
        self._thread = threading.Thread(target=self._run, name="karttime-archive", daemon=True)
        self._thread.start()

    def take(self, batch: Batch) -> bool:
        """Queue rows in memory; False, counted and logged, when there is no room for them. Never waits."""
        rows = len(batch)
        if not rows:
            return True
        with self._wake:
            if self._queued + rows > self._options.capacity or self._closing.is_set():
                self._drop(rows)
                return False
            self._queue.append(batch)
            self._queued += rows
            self._wake.notify()
        return True

    def _more(self) -> None:
        with self._wake:
            first, self._behind = not self._behind, True
            if first or self._enough():
                self._wake.notify()

    def status(self) -> ArchiveStatus:
        """As it is now."""
        waits = self._queued + (self.journal.status().rows if self.journal is not None else 0)
        return ArchiveStatus(
            self._state(), self._error, waits, self._written, self._dropped, self._refused, self._failures
        )

    def _state(self) -> str:
        if not self._thread.is_alive():
            return "closed"
        return "losing" if self._losing else "failing" if self._error else "ok"

    def _drop(self, rows: int) -> None:
        if not self._losing:
            log.error("The archive's queue is full: rows are being lost. Database: %s", self._error or "slow")
        self._losing += rows
        self._dropped += rows

    def close(self, timeout: float = 3.0) -> None:
        """Write what waits, then end.

        What cannot be written in time stays in the journal; what waits in memory is counted as dropped and logged.
        """
        with self._wake:
            self._closing.set()
            self._wake.notify()
        self._thread.join(timeout)
        self._abandoned.set()
        with self._wake:
            lost, self._queued = self._queued, 0
            self._queue.clear()
            self._dropped += lost
        why = self._error or "the database is slow"
        if lost:
            log.error("The archive was closed with %d rows unwritten: %s", lost, why)
        if self.journal is not None and (kept := self.journal.status().rows):
            log.warning("%d rows stay in the journal until the next start: %s", kept, why)

    def _run(self) -> None:
        while (group := self._next()) is not None:
            if not self._write(group.batch):
                return
            if group.packets and self.journal is not None:
                self.journal.drained(group.packets)
                continue
            with self._wake:
                self._queued = max(0, self._queued - len(group.batch))
                if self._losing and 2 * self._queued <= self._options.capacity:
                    log.error("The archive has room again; %d rows were lost", self._losing)
                    self._losing = 0

    def _next(self) -> _Group | None:
        """The next group; it stays counted as queued until it is written. None when all is over."""
        while not self._abandoned.is_set():
            with self._wake:
                self._wake.wait_for(lambda: self._queue or self._behind or self._closing.is_set())
                self._wake.wait_for(self._enough, self._options.interval)
            if (packets := self._packets()) and (group := self._unpacked(packets)):
                return group
            with self._wake:
                if self._queue:
                    return _Group(self._gathered(), [])
                if self._closing.is_set() and not self._behind:
                    return None
        return None

    def _enough(self) -> bool:
        waits = self._queued + (self.journal.status().rows if self.journal is not None else 0)
        return waits >= self._options.group or self._closing.is_set()

    def _gathered(self) -> Batch:
        batch = Batch()
        while self._queue and len(batch) < self._options.group:
            batch.extend(self._queue.popleft())
        return batch

    def _packets(self) -> list[Waiting]:
        """The next packets of the journal, oldest first, as many as make a group."""
        if self.journal is None or not self._behind:
            return []
        with self._wake:
            self._behind = False
        try:
            found = self.journal.waiting(self._read, _PACKETS)
        except StorageError as error:
            self._failing(error)
            self._closing.wait(self._options.retry_max)
            self._behind = not self._closing.is_set()
            return []
        rows = 0
        for count, packet in enumerate(found, 1):
            rows += packet.rows
            if rows >= self._options.group:
                found = found[:count]
                break
        if found:
            self._behind = True
            self._read = found[-1].id
        return found

    def _unpacked(self, packets: list[Waiting]) -> _Group | None:
        """One group of packets; those that cannot be read are counted and let go."""
        batch = Batch()
        for packet in packets:
            try:
                batch.extend(unpack(packet.kind, packet.content))
            except (ValueError, TypeError, AttributeError) as error:
                self._unreadable(packet, error)
        if len(batch):
            return _Group(batch, packets)
        if self.journal is not None:
            self.journal.drained(packets)
        return None

    def _write(self, batch: Batch) -> bool:
        """Write a group, however often it takes; False when the archive is closed before it succeeds."""
        pause = self._options.retry
        while True:
            try:
                with self.database.writing() as connection:
                    for name, write in _WRITERS:
                        if rows := getattr(batch, name):
                            write(connection, rows)
            except (SQLAlchemyError, *_VALUES) as error:
                if _for_good(error):
                    return self._without_the_bad(batch, error)
                self._failing(error)
                if self._closing.wait(pause) and self._abandoned.wait(0.1):
                    return False
                pause = min(2 * pause, self._options.retry_max)
            else:
                self._recovered(len(batch))
                return True

    def _without_the_bad(self, batch: Batch, error: Exception) -> bool:
        """Some row of a group is refused for good: write each half for itself, down to that row."""
        if len(batch) > 1:
            return all(self._write(half) for half in batch.halves())
        self._refused += 1
        log.error("The database refuses a row: %s", reason(error))
        return True

    def _unreadable(self, packet: Waiting, error: Exception) -> None:
        self._refused += packet.rows
        log.error("The journal holds %d rows that cannot be read: %s", packet.rows, error)

    def _failing(self, error: Exception) -> None:
        text = reason(error)
        self._failures += 1
        if text != self._error:
            log.error("The database cannot be written, trying again: %s", text)
        self._error = text

    def _recovered(self, rows: int) -> None:
        if self._error:
            log.warning("The database can be written again; %d rows wait", self.status().queued - rows)
            self._error = ""
        self._written += rows


def _for_good(error: Exception) -> bool:
    """Whether it is about a value, which no second attempt changes, and not about the database."""
    if isinstance(error, ProgrammingError):  # a driver that cannot send a value says so without a code of the server
        return not getattr(error.orig, "sqlstate", None) and not getattr(error.orig, "sqlite_errorcode", None)
    return isinstance(error, _VALUES) or (isinstance(error, StatementError) and not isinstance(error, DBAPIError))
