"""What storing timing rows costs: `python tests/bench/bench_storage.py [ROWS [POSTGRESQL-ADDRESS]]`, by hand.

Prints, for rows of a simulated race: rows a second through the archive's own way of writing (groups, idempotent by
position) over the same rows through the bare driver into the same table with the same indexes, in one transaction, all
values ready to send: `executemany` for SQLite, COPY for PostgreSQL. In turns, into emptied tables, median of five. Then
the way that a row takes in the service: packed with the others of its publication, committed to the journal with a
message for clients, read and unpacked by the archive, written, and deleted from the journal; as fast as it goes, and
what is left of that once the rows stand in the journal, as after an outage. And rows that are all there already.
"""

import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text

from karttime.domain.logbook import Logbook
from karttime.feeds.apex.decoder import ApexDecoder
from karttime.feeds.base import Rejection
from karttime.simulator.scenarios import Options, simulator
from karttime.storage import timing
from karttime.storage.archive import Archive, ArchiveOptions
from karttime.storage.database import Database
from karttime.storage.extract import Batch, Extract, Origin, Place
from karttime.storage.journal import Journal
from karttime.storage.journal_file import Entry
from karttime.storage.packing import pack
from karttime.storage.tables import timing_data
from karttime.storage.timing import TimingRow

ROWS, ROUNDS = 20_000, 5
PUBLICATION = 5  # rows
GROUP = ArchiveOptions().group


def simulated() -> Iterator[TimingRow]:
    """Timing rows of races of an hour and a half, one after another."""
    for seed in count(1):
        decoder, logbook, extract = ApexDecoder(), Logbook(), Extract(Origin("bench", "ws://bench/", "apex"))
        race = simulator(Options(preset="endurance", karts=30, duration_ms=90 * 60_000, seed=seed))
        for seq, frame in enumerate(race.frames(), 1):
            changes = [logbook.apply(fact) for fact in decoder.feed(frame) if not isinstance(fact, Rejection)]
            yield from extract.take(Place(f"e{seed}", seq), frame.at, logbook.current, changes).timing


def taking(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def ours(database: Database, rows: Sequence[TimingRow]) -> None:
    for first in range(0, len(rows), GROUP):
        with database.writing() as connection:
            timing.insert(connection, rows[first : first + GROUP])


def bare_sqlite(path: str, values: Sequence[tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous=NORMAL")
        marks = ", ".join("?" * len(timing.COLUMNS))
        names = ", ".join(timing.COLUMNS)
        connection.executemany(f"INSERT INTO timing_data ({names}) VALUES ({marks})", values)  # noqa: S608 - our names


def bare_postgresql(address: str, values: Sequence[tuple[Any, ...]]) -> None:
    import psycopg

    names = ", ".join(timing.COLUMNS)
    with (
        psycopg.connect(address) as connection,
        connection.cursor() as cursor,
        cursor.copy(f"COPY timing_data ({names}) FROM STDIN".encode()) as copy,
    ):
        for value in values:
            copy.write_row(value)


def empty(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(timing_data.delete())
    if database.url.get_backend_name() == "postgresql":
        with database.writing() as connection:
            connection.execute(text("TRUNCATE timing_data"))


def entries(rows: Sequence[TimingRow]) -> Iterator[Entry]:
    """The rows as publications bring them."""
    for seq, first in enumerate(range(0, len(rows), PUBLICATION), 1):
        packets = tuple(pack(Batch(timing=list(rows[first : first + PUBLICATION]))))
        yield Entry("bench", "e", seq, b"m" * 400, packets=packets)


def whole_way(database: Database, rows: Sequence[TimingRow], *, first_all: bool = False) -> float:
    """Seconds until the rows are in the database; with `first_all`, from when all of them are in the journal."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal.db")
        archive = None if first_all else Archive(database, journal=journal)
        begin = time.perf_counter()
        for entry in entries(rows):
            journal.append([entry], lambda _error: None)
        if archive is None:
            while journal.status().rows < len(rows):
                time.sleep(0.001)
            begin = time.perf_counter()
            archive = Archive(database, journal=journal)
        while archive.status().written < len(rows):
            time.sleep(0.001)
        took = time.perf_counter() - begin
        archive.close(60)
        assert (archive.status().dropped, archive.status().refused, journal.status().shed) == (0, 0, 0)
        journal.close()
    return took


def compare(name: str, database: Database, rows: Sequence[TimingRow], bare: Callable[[], None]) -> None:
    """Print the ratios for one database."""
    ways: dict[str, Callable[[], float]] = {
        "written in groups": lambda: taking(lambda: ours(database, rows)),
        "by way of the journal": lambda: whole_way(database, rows),
        "drained from the journal": lambda: whole_way(database, rows, first_all=True),
    }
    turns: list[tuple[float, dict[str, float]]] = []
    for _ in range(ROUNDS):
        empty(database)
        one, others = taking(bare), {}
        for way, measure in ways.items():
            empty(database)
            others[way] = measure()
        turns.append((one, others))
    again = taking(lambda: ours(database, rows))
    sys.stdout.write(f"{name}: bare {len(rows) / median(one for one, _ in turns):,.0f} rows/s\n")
    for way in ways:
        rate = len(rows) / median(others[way] for _, others in turns)
        ratio = median(one / others[way] for one, others in turns)
        sys.stdout.write(f"  {way:<26}{rate:>9,.0f} rows/s: {ratio:.2f} of its rate\n")
    sys.stdout.write(f"  {'all there already':<26}{len(rows) / again:>9,.0f} rows/s\n")


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    rows = [row for _, row in zip(range(wanted), simulated(), strict=False)]
    values = [timing.values(row) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "bench.db")
        database = Database(f"sqlite:///{path}")
        compare("SQLite", database, rows, lambda: bare_sqlite(path, values))
        database.close()
    server = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("KARTTIME_TEST_POSTGRESQL")
    if not server:
        sys.stdout.write("PostgreSQL: skipped, give the address of a server\n")
        return
    import psycopg

    name = f"karttime_bench_{os.getpid()}"
    address = f"{server.rpartition('/')[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            database = Database(address)
            compare("PostgreSQL", database, rows, lambda: bare_postgresql(address, values))
            database.close()
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


if __name__ == "__main__":
    main()
