"""A PostgreSQL server that hangs, and one that dies: a server of the test's own, stopped and killed for real."""

import threading
import time
from collections.abc import Sequence

import pytest

from karttime.errors import StorageError
from karttime.storage import timing
from karttime.storage.archive import Archive, ArchiveOptions
from karttime.storage.database import Database
from karttime.storage.extract import Batch
from karttime.storage.timing import TimingRow, Wanted

from .servers import Server, until

NOTICED_S = 5.0
SLACK_S = 3.0  # for a busy machine


class Producer:
    """Hands in a row every 2 ms, as a busy feed does, and notes how long that took."""

    def __init__(self, archive: Archive) -> None:
        self.slowest = 0.0
        self.rows = 0
        self._archive = archive
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.002):
            row = TimingRow("hill", "s1", self.rows, self.rows, "11", {"C1": "1"}, {}, "u", "apex", "e")
            begin = time.perf_counter()
            assert self._archive.take(Batch(timing=[row]))
            self.slowest = max(self.slowest, time.perf_counter() - begin)
            self.rows += 1

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def stored(database: Database) -> Sequence[int]:
    with database.reading() as connection:
        return [row.seq for row in timing.newest(connection, Wanted("hill"), 1_000_000)]


def test_a_server_that_hangs_and_one_that_dies_cost_no_row(server: Server) -> None:
    """Noticed within 5 seconds, said in the status; afterwards every row is there, once, and nobody has waited."""
    database = Database(server.url)
    archive = Archive(database, ArchiveOptions(retry=0.1, retry_max=0.2))
    producer = Producer(archive)
    until(lambda: archive.status().written > 50, 20)

    server.hang()
    until(lambda: archive.status().state == "failing", NOTICED_S + SLACK_S)
    with pytest.raises(StorageError, match="cannot be used"):  # who reads is told too, and does not hang
        stored(database)
    server.go_on()
    written = archive.status().written
    until(lambda: archive.status().state == "ok" and archive.status().written > written, 20)

    server.kill()
    until(lambda: archive.status().state == "failing", NOTICED_S + SLACK_S)
    server.start()
    until(lambda: archive.status().state == "ok", 20)

    producer.stop()
    archive.close(30)
    status = archive.status()
    assert (status.dropped, status.refused) == (0, 0)
    assert stored(database) == list(range(producer.rows - 1, -1, -1))
    assert producer.slowest < 1
    database.close()
