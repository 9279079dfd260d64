"""Copies of what is on disk, made while the service runs.

The journal is copied first: a row that moves from it to the database meanwhile is then in both copies, where it counts
once, and never in neither. Of the journal only rows that wait are kept, not the streams: a service that is set back to
an older moment begins new epochs, so that no position of a stream is given away twice.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from karttime.errors import StorageError, UsageError
from karttime.storage.engines import parse_url
from karttime.storage.journal import places

_PAGES: Final = 2_000  # copied at once; between two such steps others may write


def backup(url: str, journal: Path, folder: Path) -> list[Path]:
    """Copy the journals at and beside a path, and the database if it is an SQLite file; the copies.

    Args:
        url: the database's address.
        journal: where the service's journal is, or would be.
        folder: where to; made if it is not there, and files in it are left alone.

    Raises:
        UsageError: the folder cannot be made, or holds such a file already.
        StorageError: something cannot be read or written.
    """
    address = parse_url(url)
    sources: list[tuple[Path, Callable[[sqlite3.Connection], None]]] = [
        (path, _forget_streams) for path in places(journal) if path.exists()
    ]
    if address.get_backend_name() == "sqlite":
        file = Path(address.database or "").expanduser()
        if not file.exists():
            raise UsageError(f"{file} is not there: name another with --database or DATABASE_URL")
        sources.append((file, _nothing))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}; name another folder") from error
    for source, _ in sources:
        if (folder / source.name).exists():
            raise UsageError(f"{folder / source.name} is there already: name another folder")
    return [_copied(source, folder / source.name, then) for source, then in sources]


def _copied(source: Path, target: Path, then: Callable[[sqlite3.Connection], None]) -> Path:
    """One file, under another name until it is whole and sound."""
    part = target.with_name(f"{target.name}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True, timeout=10)) as running, closing(
            sqlite3.connect(part)
        ) as copy:  # fmt: skip
            running.backup(copy, pages=_PAGES, sleep=0.01)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, whatever the source had beside it
            then(copy)
            copy.commit()
            copy.execute("VACUUM")
            [verdict] = copy.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise StorageError(f"the copy of {source} is damaged ({verdict}): the file itself may be")
        part.replace(target)
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"{source} cannot be copied to {target}: {error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return target


def _forget_streams(journal: sqlite3.Connection) -> None:
    journal.execute("DELETE FROM messages")
    journal.execute("DELETE FROM streams")


def _nothing(_database: sqlite3.Connection) -> None:
    """The database is kept as it is."""
