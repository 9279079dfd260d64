"""The journal: a local file that holds what clients may see before any client sees it.

Whoever publishes hands entries in with `append` and shows nothing until it is told that they are in the file: then
nothing that a client has seen can be missing after a kill, and no position is given away twice. One thread writes,
everything that has come meanwhile in one transaction. Rows for the database wait here until the archive has written
them there, however long that takes, within `max_size`: above it the oldest timing rows go first, then the rest, loudly.
What clients of the stream got is kept for those that come back.

A kill loses nothing that was committed. A power cut may lose the last moment, unless `full_sync` is on, which costs a
disk's real speed for each commit.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from karttime.errors import StorageError
from karttime.storage import journal_file as file
from karttime.storage.journal_file import Entry, JournalBusyError, JournalLock, Stored, Waiting

log = logging.getLogger(__name__)

Done = Callable[[str], None]
"""Told, by the writing thread, that entries are in the file; or, with a text, why they are not."""

MAX_BESIDE: Final = 9  # journals of services that share a database
_RETRY_S: Final = 0.5
_CHECKPOINT_S: Final = 1.0
_CHECKPOINT_SIZE: Final = 4 * 1024 * 1024  # of the write-ahead log
_VACUUM: Final = "PRAGMA incremental_vacuum(256)"  # pages given back to the disk at once


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """Limits of the journal.

    Attributes:
        max_size: bytes of rows that wait for the database at most.
        full_sync: a commit is on the disk itself, not only with the operating system.
    """

    max_size: int = 2 * 1024**3
    full_sync: bool = False


@dataclass(frozen=True, slots=True)
class JournalStatus:
    """The journal as it is now.

    Attributes:
        path: its file.
        error: why the last commit failed; empty when it did not.
        rows: that wait for the database.
        size: bytes of them.
        commits: transactions so far.
        shed: rows that were given up because too much waited.
    """

    path: str
    error: str
    rows: int
    size: int
    commits: int
    shed: int


class _Job(NamedTuple):
    entries: Sequence[Entry]
    done: Done


def places(path: Path) -> list[Path]:
    """Where the journals of services that share a database are, the first of them at the path itself."""
    return [path, *(path.with_name(f"{path.stem}.{number}{path.suffix}") for number in range(2, MAX_BESIDE + 1))]


def open_beside(path: Path, options: JournalOptions | None = None) -> "Journal":
    """The journal at a path, or, while another process has that, the next free one of `name.2.db`, `name.3.db`, ….

    Rows that wait in others of them, whose processes are gone, come along.

    Raises:
        StorageError: none of them can be opened.
    """
    paths = places(path)
    for chosen in paths:
        try:
            journal = Journal(chosen, options)
        except JournalBusyError:
            continue
        if chosen != path:
            log.warning("Another karttime uses %s: this one has %s", path.name, chosen.name)
        for other in paths:
            if other != chosen and other.exists():
                journal.adopt(other)
        return journal
    raise StorageError(f"{MAX_BESIDE} services use the journals beside {path}: give this one a database of its own")


class Journal:
    """One journal that is open; every method may be called from any thread.

    Raises:
        StorageError: the file cannot be opened, or another process has it.
    """

    def __init__(self, path: Path, options: JournalOptions | None = None) -> None:
        self.path = path
        self._options = options or JournalOptions()
        file.refuse_foreign(path)
        self._lock = JournalLock(path.with_name(f"{path.name}.lock"))
        try:
            self._connection: sqlite3.Connection | None = file.open_checked(path, full_sync=self._options.full_sync)
            self._reader = file.connect(path)
            waits = file.load(self._reader)
        except (StorageError, sqlite3.Error) as error:
            self._lock.close()
            raise error if isinstance(error, StorageError) else StorageError(f"the journal {path}: {error}") from error
        self._rows, self._size = waits.rows, waits.size
        self._reading = threading.Lock()
        self._wake = threading.Condition()
        self._jobs: list[_Job] = []
        self._taken: list[tuple[int, int]] = []
        self._closing = threading.Event()
        self._error = ""
        self._commits = self._shed = 0
        self.on_rows: Callable[[], None] = lambda: None
        self._threads = [
            threading.Thread(target=target, name=f"karttime-journal-{name}", daemon=True)
            for name, target in (("writer", self._run), ("keeper", self._keep))
        ]
        for thread in self._threads:
            thread.start()

    def adopt(self, other: Path) -> None:
        """Take over the rows that wait in another journal, unless a process has it."""
        try:
            lock = JournalLock(other.with_name(f"{other.name}.lock"))
        except StorageError:
            return
        try:
            file.refuse_foreign(other)
            with self._reading:
                rows = file.move_waiting(self._reader, other)
                waits = file.load(self._reader)
        except (StorageError, sqlite3.Error) as error:
            log.warning("What waits in %s cannot be taken over: %s", other, error)
            return
        finally:
            lock.close()
        if rows:
            log.warning("%d rows that waited in %s for the database are taken over", rows, other.name)
            with self._wake:
                self._rows, self._size = waits.rows, waits.size
        self.on_rows()

    def append(self, entries: Sequence[Entry], done: Done) -> None:
        """Put entries into the file, soon; `done` is called once, by another thread. Never waits."""
        with self._wake:
            if self._closing.is_set():
                refused = True
            else:
                refused = False
                self._jobs.append(_Job(entries, done))
                self._wake.notify()
        if refused:
            done("the journal is closed")

    def stored(self, circuit_id: str) -> Stored | None:
        """Where a circuit's stream stands; None where there is none, or none that can be continued."""
        with self._read() as connection:
            return file.stored(connection, circuit_id)

    def messages(self, circuit_id: str, epoch: str, after: int) -> list[bytes] | None:
        """Messages of a stream after `after`, as far as they are in the file; None when one of them is gone."""
        with self._read() as connection:
            found = file.top(connection, circuit_id)
            if found is None or found[0] != epoch or not 0 <= after <= found[1]:
                return None
            return file.messages_after(connection, circuit_id, epoch, after, found[1])

    def waiting(self, after: int, limit: int) -> list[Waiting]:
        """Up to `limit` packets that the database has not taken, oldest first, behind an id."""
        with self._read() as connection:
            return file.waiting_after(connection, after, limit)

    def drained(self, packets: Sequence[Waiting]) -> None:
        """The database has these, which followed one another."""
        with self._wake:
            self._taken.append((packets[0].id, packets[-1].id))
            self._rows = max(0, self._rows - sum(it.rows for it in packets))
            self._size = max(0, self._size - sum(len(it.content) for it in packets))
            self._wake.notify()

    def status(self) -> JournalStatus:
        """As it is now."""
        return JournalStatus(str(self.path), self._error, self._rows, self._size, self._commits, self._shed)

    def close(self, timeout: float = 2.0) -> None:
        """Write what was handed in, then let go of the file."""
        with self._wake:
            self._closing.set()
            self._wake.notify_all()
        for thread in self._threads:
            thread.join(timeout)
        if not any(thread.is_alive() for thread in self._threads):
            with self._reading:
                self._reader.close()
            if self._connection is not None:
                with suppress(sqlite3.Error):
                    self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._connection.close()
        self._lock.close()

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        """The connection for readers; its errors are ours."""
        with self._reading:
            try:
                yield self._reader
            except sqlite3.Error as error:
                raise StorageError(f"the journal {self.path} cannot be read: {error}") from error

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._jobs or self._taken or self._closing.is_set())
                jobs, self._jobs = self._jobs, []
                taken, self._taken = self._taken, []
            if not jobs and not taken:
                return
            error = self._write([entry for job in jobs for entry in job.entries], taken)
            for job in jobs:
                job.done(error)
            if error and not jobs and self._closing.wait(_RETRY_S):
                return  # what the database has already is written to it once more after the next start

    def _write(self, entries: Sequence[Entry], taken: list[tuple[int, int]]) -> str:
        """One transaction; empty, or why it failed."""
        try:
            connection = self._writable()
            with file.transaction(connection):
                file.forget(connection, taken)
                file.write(connection, entries)
                if not entries:
                    file.probe(connection)
            self._commits += 1
            self._added(entries)
        except sqlite3.Error as error:
            with self._wake:
                self._taken = taken + self._taken
            return self._failed(error)
        if self._error:
            log.warning("The journal %s can be written again", self.path)
            self._error = ""
        return ""

    def _writable(self) -> sqlite3.Connection:
        """The writer's connection, made anew after an error of the disk: it is not to be trusted then."""
        if self._connection is None:
            self._connection = file.connect(self.path, full_sync=self._options.full_sync)
        return self._connection

    def _failed(self, error: sqlite3.Error) -> str:
        """Why."""
        text = " ".join(str(error).split())
        if text != self._error:
            log.error("The journal %s cannot be written: %s", self.path, text)
        self._error = text
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        return text

    def _added(self, entries: Sequence[Entry]) -> None:
        packets = [packet for entry in entries for packet in entry.packets]
        if not packets:
            return
        with self._wake:
            self._rows += sum(packet.rows for packet in packets)
            self._size += sum(len(packet.content) for packet in packets)
        if self._size > self._options.max_size:
            self._make_room()
        self.on_rows()

    def _make_room(self) -> None:
        connection = self._writable()
        with file.transaction(connection):
            gone = file.shed(connection, self._size - self._options.max_size * 9 // 10)
        self._shed += gone.rows
        waits = file.load(connection)
        with self._wake:
            self._rows, self._size = waits.rows, waits.size
        log.error(
            "The journal is full (JOURNAL_MAX_SIZE): the oldest %d rows that waited for the database are lost",
            gone.rows,
        )

    def _keep(self) -> None:
        """Move what was written from the log into the file, in a thread of its own: no commit waits for the disk."""
        log_path = Path(f"{self.path}-wal")
        connection: sqlite3.Connection | None = None
        while not self._closing.wait(_CHECKPOINT_S):
            with suppress(sqlite3.Error, OSError):
                if log_path.stat().st_size < _CHECKPOINT_SIZE:
                    continue
                connection = connection or file.connect(self.path)
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                if not self._rows:
                    connection.execute(_VACUUM).fetchall()
        if connection is not None:
            connection.close()
