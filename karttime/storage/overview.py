"""What a database holds: its size, its rows, and the time they span."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, text

from karttime.storage.database import Database
from karttime.storage.tables import connection_logs, laps, metadata, sessions, timing_data


@dataclass(frozen=True, slots=True)
class Overview:
    """A database as it is now.

    Attributes:
        size: bytes on disk.
        rows: by table.
        first_at: of the oldest timing row, lap or event, ms UTC; None where there is none.
        last_at: of the newest.
    """

    size: int
    rows: Mapping[str, int]
    first_at: int | None
    last_at: int | None


def overview(database: Database) -> Overview:
    """Count everything; on a large database this takes a while.

    Raises:
        StorageError: the database cannot be read.
    """
    with database.reading() as connection:
        rows = {
            str(table.name): connection.scalar(select(func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
        }
        moments = [
            moment
            for column in (timing_data.c.at, laps.c.at, connection_logs.c.at, sessions.c.started_at)
            for moment in connection.execute(select(func.min(column), func.max(column))).one()
            if moment is not None
        ]
        if database.url.get_backend_name() == "postgresql":
            size = connection.scalar(text("SELECT pg_database_size(current_database())")) or 0
        else:
            size = sum(path.stat().st_size for path in _files(database.url.database or ""))
    return Overview(size, dict(sorted(rows.items())), min(moments, default=None), max(moments, default=None))


def _files(name: str) -> list[Path]:
    return [path for suffix in ("", "-wal") if (path := Path(name + suffix).expanduser()).exists()]
