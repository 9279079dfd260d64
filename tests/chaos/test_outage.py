"""PostgreSQL away under 2,000 rows a second, hung and then dead, behind a journal: what clients see does not notice.

`pytest --long -s tests/chaos/test_outage.py` is the long form, of ten minutes; it prints what it measured.
"""

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from karttime.storage.archive import Archive, ArchiveOptions
from karttime.storage.database import Database
from karttime.storage.extract import Batch
from karttime.storage.journal import Journal
from karttime.storage.journal_file import Entry
from karttime.storage.packing import pack
from karttime.storage.timing import TimingRow
from tests.storage.conftest import server
from tests.storage.servers import Server, until

__all__ = ["server"]  # a fixture

OUTAGE_S = float(os.environ.get("KARTTIME_OUTAGE_S", "2.5"))
TURN_S, MESSAGES, ROWS = 0.02, 4, 10  # each turn: messages of so many rows, 2,000 rows a second
GROWN_MB = 50


@dataclass
class Publisher:
    """Publishes as a gate does: entries into the journal, seen by clients once that has them."""

    journal: Journal
    seq: int = 0
    rows: int = 0
    seen: int = 0
    errors: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due += TURN_S
            entries = [self._entry() for _ in range(MESSAGES)]
            self._append(entries)

    def _entry(self) -> Entry:
        self.seq += 1
        cells = {f"C{column}": f"1:02.{self.seq % 1000:03}" for column in range(1, 13)}
        raw = {"row": "r11", "cells": {"c6": ["tn", "1:02.347"]}}
        numbers = range(self.rows, self.rows + ROWS)
        rows = [TimingRow("hill", "s1", it, it, "11", cells, raw, "wss://hill.example/", "apex", "e") for it in numbers]
        self.rows += ROWS
        return Entry(
            "hill",
            "e",
            self.seq,
            b"m" * 400,
            b"x" * 10_000 if self.seq % 500 == 1 else b"",
            tuple(pack(Batch(timing=rows))),
        )

    def _append(self, entries: list[Entry]) -> None:
        begin = time.perf_counter()

        def done(error: str) -> None:
            self.waits.append(time.perf_counter() - begin)
            if error:
                self.errors.append(error)
            self.seen += len(entries)

        self.journal.append(entries, done)

    def waited(self) -> str:
        """How long commits took since the last call."""
        waits, self.waits = sorted(self.waits), []
        p99 = waits[len(waits) * 99 // 100]
        middle, slowest = waits[len(waits) // 2], waits[-1]
        return f"commits p50 {middle * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, slowest {slowest * 1e3:.0f} ms"

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def megabytes() -> float:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.timeout(OUTAGE_S * 3 + 120)
def test_a_long_outage_under_load_loses_nothing_and_nobody_waits(server: Server, tmp_path: Path) -> None:
    """Every row is there once, commits go on as before, memory stays; what was kept back leaves the journal."""
    journal, database = Journal(tmp_path / "journal.db"), Database(server.url)
    archive = Archive(database, ArchiveOptions(retry=0.1, retry_max=0.5), journal=journal)
    publisher = Publisher(journal)
    until(lambda: archive.status().written > 1000, 20)
    time.sleep(min(OUTAGE_S / 5, 20))
    print(f"\nbefore: {publisher.waited()}")  # noqa: T201 - for those who measure
    before = megabytes()

    server.hang()
    time.sleep(OUTAGE_S)
    assert archive.status().queued > OUTAGE_S * 500
    hung = publisher.waited()
    server.kill()
    time.sleep(OUTAGE_S / 5)
    server.start()
    begin, written = time.monotonic(), archive.status().written
    print(f"away: {hung}; {archive.status().queued} rows wait, {megabytes() - before:+.1f} MB")  # noqa: T201
    until(lambda: archive.status().queued < 2_500, 60 + OUTAGE_S)
    took, drained = time.monotonic() - begin, archive.status().written - written
    print(f"drained {drained} rows in {took:.2f} s, {drained / took:.0f} rows/s; {publisher.waited()}")  # noqa: T201

    publisher.stop()
    archive.close(30)
    grown = megabytes() - before
    with database.reading() as connection:
        count, distinct, last = connection.execute(
            text("SELECT count(*), count(DISTINCT seq), max(seq) FROM timing_data")
        ).one()
    print(f"{publisher.rows} rows, {count} stored, {distinct} of them different; {grown:+.1f} MB")  # noqa: T201
    assert (count, distinct, last) == (publisher.rows, publisher.rows, publisher.rows - 1)
    assert publisher.errors == []
    assert publisher.seen == publisher.seq
    assert (archive.status().dropped, archive.status().refused, journal.status().shed) == (0, 0, 0)
    assert journal.status().rows == 0
    assert grown < GROWN_MB
    journal.close()
    database.close()
