"""The journal's file: its tables, and what is asked of them. No threads here.

| table | one row is | key |
|---|---|---|
| `streams` | a circuit's stream: its epoch, its last `seq`, and a snapshot to begin from | circuit |
| `messages` | one message of that stream, as clients got it | circuit, epoch, seq |
| `waiting` | rows that the database has not taken yet | id, growing, never used twice |
"""

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple

from karttime.errors import StorageError
from karttime.storage.packing import Kind, Packet

log = logging.getLogger(__name__)

VERSION: Final = 1
_OURS: Final = 0x6B6A726E  # the application id in the header of an SQLite file
KEEP_MESSAGES: Final = 5_000  # of each circuit, for clients that come back
_CHECKED_SIZE: Final = 256 * 1024 * 1024  # a larger file is not read whole as it is opened

_TABLES: Final = """
CREATE TABLE streams (
  circuit TEXT PRIMARY KEY, epoch TEXT NOT NULL, seq INTEGER NOT NULL, base_seq INTEGER NOT NULL, base BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE messages (
  circuit TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, message BLOB NOT NULL,
  PRIMARY KEY (circuit, epoch, seq)
) WITHOUT ROWID;
CREATE TABLE waiting (
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, rows INTEGER NOT NULL, content BLOB NOT NULL
);
CREATE TABLE probe (at INTEGER NOT NULL);
"""
_MAKE: Final = f"BEGIN; PRAGMA application_id={_OURS}; PRAGMA user_version={VERSION}; {_TABLES} COMMIT;"


class Entry(NamedTuple):
    """What one publication puts into the journal.

    Attributes:
        circuit_id: whose.
        epoch: of the stream.
        seq: of the message; without one, of the last.
        message: what clients of the stream get, empty for nothing.
        base: the whole state at `seq`, now and then; empty otherwise.
        packets: rows for the database.
    """

    circuit_id: str
    epoch: str
    seq: int
    message: bytes = b""
    base: bytes = b""
    packets: tuple[Packet, ...] = ()


class Stored(NamedTuple):
    """Where a circuit's stream stands: the state at `seq` is `base` with `messages` after it."""

    epoch: str
    seq: int
    base: bytes
    messages: list[bytes]


class Waiting(NamedTuple):
    """Rows that the database has not taken yet."""

    id: int
    kind: int
    rows: int
    content: bytes


class Load(NamedTuple):
    """How much waits: rows, their bytes, and the last id."""

    rows: int
    size: int
    last: int


class JournalBusyError(StorageError):
    """Another process has the journal."""


class JournalLock:
    """One process at a time: held as long as the object lives, given back by the kernel when the process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = path.open("a+", encoding="ascii")
        except OSError as error:
            raise StorageError(f"the journal {path} cannot be made: {error.strerror}; see JOURNAL_PATH") from error
        try:
            import fcntl

            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ModuleNotFoundError:  # not on Windows, where a file that is open cannot be moved or removed either
            pass
        except OSError:
            self._file.close()
            raise JournalBusyError(
                f"the journal {path.with_suffix('')} is in use by another karttime: stop that one, "
                "or give this one a database or a JOURNAL_PATH of its own"
            ) from None

    def close(self) -> None:
        """Let others have it."""
        self._file.close()


def refuse_foreign(path: Path) -> None:
    """Leave alone what is no journal, whatever it is. Raises `StorageError`."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"the journal {path} cannot be read: {error.strerror}; see JOURNAL_PATH") from error
    if head and not (head.startswith(b"SQLite format 3\0") and head[68:72] == _OURS.to_bytes(4)):
        raise StorageError(f"{path} is no journal of karttime and stays as it is: name another file in JOURNAL_PATH")


def open_checked(path: Path, *, full_sync: bool) -> sqlite3.Connection:
    """A connection to the journal, which is made where there is none; one that is damaged is put aside, loudly.

    Raises:
        StorageError: the file cannot be opened or made.
    """
    try:
        return _opened(path, full_sync=full_sync)
    except sqlite3.DatabaseError as error:
        if not path.exists() or isinstance(error, sqlite3.OperationalError):
            raise StorageError(f"the journal {path} cannot be used: {error}") from error
        _put_aside(path, error)
        try:
            return _opened(path, full_sync=full_sync)
        except sqlite3.DatabaseError as again:
            raise StorageError(f"the journal {path} cannot be used: {again}") from again


def _put_aside(path: Path, error: Exception) -> None:
    aside = f"{path}.damaged-{int(time.time())}"
    log.error("The journal %s is damaged (%s): it is kept as %s, and a new one begins", path, error, aside)
    for suffix in ("", "-wal", "-shm"):
        part = Path(f"{path}{suffix}")
        if part.exists():
            part.rename(f"{aside}{suffix}")


def _opened(path: Path, *, full_sync: bool) -> sqlite3.Connection:
    if not path.exists() or not path.stat().st_size:
        _make(path)
    connection = connect(path, full_sync=full_sync)
    try:
        _check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    """An empty journal; not as a log yet, so that the file itself says from its first moment what it is."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.executescript(_MAKE)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        raise StorageError(
            f"{path} is no journal of this karttime (version {version}): move it away, or set JOURNAL_PATH"
        )
    if path.stat().st_size <= _CHECKED_SIZE:
        [verdict] = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)


def connect(path: Path, *, full_sync: bool = False) -> sqlite3.Connection:
    """A connection that any one thread at a time may use."""
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL" if full_sync else "PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")  # by hand, when nobody waits for a commit
    connection.execute("PRAGMA journal_size_limit=67108864")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Committed at the end, rolled back on an error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def write(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    """Add entries, in the caller's transaction. Raises `sqlite3.IntegrityError` for a position that is taken."""
    messages = [(it.circuit_id, it.epoch, it.seq, it.message) for it in entries if it.message]
    packets = [packet for it in entries for packet in it.packets]
    if packets:
        connection.executemany("INSERT INTO waiting (kind, rows, content) VALUES (?, ?, ?)", packets)
    if not messages:
        return
    connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?)", messages)
    tops = {it.circuit_id: (it.circuit_id, it.epoch, it.seq) for it in entries if it.message}
    connection.executemany(
        "INSERT INTO streams VALUES (?, ?, ?, -1, x'') ON CONFLICT (circuit) DO UPDATE SET seq = excluded.seq, "
        "epoch = excluded.epoch, base_seq = CASE WHEN epoch = excluded.epoch THEN base_seq ELSE -1 END",
        tops.values(),
    )
    for circuit_id, epoch, seq, base in ((it.circuit_id, it.epoch, it.seq, it.base) for it in entries if it.base):
        connection.execute(
            "UPDATE streams SET base_seq = ?, base = ? WHERE circuit = ? AND epoch = ?", (seq, base, circuit_id, epoch)
        )
        _trim(connection, circuit_id)


def _trim(connection: sqlite3.Connection, circuit_id: str) -> None:
    """Let go of messages that are too old, and of those of other epochs."""
    epoch, floor = connection.execute(
        "SELECT epoch, min(base_seq, seq - ?) FROM streams WHERE circuit = ?", (KEEP_MESSAGES, circuit_id)
    ).fetchone()
    connection.execute(
        "DELETE FROM messages WHERE circuit = ? AND (epoch <> ? OR seq <= ?)", (circuit_id, epoch, floor)
    )


def stored(connection: sqlite3.Connection, circuit_id: str) -> Stored | None:
    """Where a circuit's stream stands; None where there is none, or none that can be continued."""
    row = connection.execute(
        "SELECT epoch, seq, base_seq, base FROM streams WHERE circuit = ?", (circuit_id,)
    ).fetchone()
    if row is None or row[2] < 0:
        return None
    epoch, seq, base_seq, base = row
    messages = messages_after(connection, circuit_id, epoch, base_seq, seq)
    return None if messages is None else Stored(epoch, seq, base, messages)


def top(connection: sqlite3.Connection, circuit_id: str) -> tuple[str, int] | None:
    """Epoch and last `seq` of a circuit's stream."""
    row = connection.execute("SELECT epoch, seq FROM streams WHERE circuit = ?", (circuit_id,)).fetchone()
    return None if row is None else (row[0], row[1])


def probe(connection: sqlite3.Connection) -> None:
    """Write something, in the caller's transaction, to see whether that is possible."""
    connection.execute("DELETE FROM probe")
    connection.execute("INSERT INTO probe VALUES (strftime('%s'))")


def messages_after(
    connection: sqlite3.Connection, circuit_id: str, epoch: str, after: int, upto: int
) -> list[bytes] | None:
    """Messages `after` < seq ≤ `upto` of an epoch; None when one of them is not there."""
    if upto - after > 2 * KEEP_MESSAGES:
        return None
    found = connection.execute(
        "SELECT message FROM messages WHERE circuit = ? AND epoch = ? AND seq > ? AND seq <= ? ORDER BY seq",
        (circuit_id, epoch, after, upto),
    ).fetchall()
    return [message for (message,) in found] if len(found) == upto - after else None


def waiting_after(connection: sqlite3.Connection, after: int, limit: int) -> list[Waiting]:
    """Up to `limit` packets that wait, oldest first."""
    query = "SELECT id, kind, rows, content FROM waiting WHERE id > ? ORDER BY id LIMIT ?"
    return [Waiting(*row) for row in connection.execute(query, (after, limit))]


def move_waiting(connection: sqlite3.Connection, other: Path) -> int:
    """Move the rows that wait in another journal here; how many. A kill in between leaves them in both."""
    connection.execute("ATTACH ? AS other", (str(other),))
    try:
        with transaction(connection):
            [rows] = connection.execute("SELECT coalesce(sum(rows), 0) FROM other.waiting").fetchone()
            connection.execute(
                "INSERT INTO waiting (kind, rows, content) SELECT kind, rows, content FROM other.waiting ORDER BY id"
            )
            connection.execute("DELETE FROM other.waiting")
    finally:
        connection.execute("DETACH other")
    return int(rows)


def load(connection: sqlite3.Connection) -> Load:
    """How much waits; reads all of it."""
    query = "SELECT coalesce(sum(rows), 0), coalesce(sum(length(content)), 0), coalesce(max(id), 0) FROM waiting"
    return Load(*connection.execute(query).fetchone())


def forget(connection: sqlite3.Connection, ids: Iterable[tuple[int, int]]) -> None:
    """Delete packets that the database has: spans of ids, both ends included."""
    connection.executemany("DELETE FROM waiting WHERE id BETWEEN ? AND ?", ids)


def shed(connection: sqlite3.Connection, size: int) -> Load:
    """Delete the oldest packets that wait, timing rows first, until so many bytes are gone; what was deleted."""
    rows = gone = last = 0
    for kind in (Kind.TIMING, Kind.HISTORY):
        while gone < size:
            found = connection.execute(
                "SELECT id, rows, length(content) FROM waiting WHERE kind = ? ORDER BY id LIMIT 500", (kind,)
            ).fetchall()
            if not found:
                break
            for packet_id, count, length in found:
                connection.execute("DELETE FROM waiting WHERE id = ?", (packet_id,))
                rows, gone, last = rows + count, gone + length, packet_id
                if gone >= size:
                    break
    return Load(rows, gone, last)
