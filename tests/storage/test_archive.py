"""The archive's promises: nothing twice, nothing lost in silence, nobody waits."""

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from karttime.domain.ids import CompetitorId
from karttime.domain.updates import Cell, CellsChanged, LapCompleted, Provenance
from karttime.storage import connections, laps, sessions, timing
from karttime.storage.archive import Archive, ArchiveOptions
from karttime.storage.connections import ConnectionEvent
from karttime.storage.database import Database
from karttime.storage.extract import Batch, Extract, Origin
from karttime.storage.timing import Cursor, TimingRow, Wanted

ORIGIN = Origin("hill", "wss://timing.example/", "apex")
PATIENCE = 30.0  # on a busy machine a database may take long; nothing here takes that time on purpose


def row(number: int, at: int = 1000, session: str = "s1", circuit: str = "hill") -> TimingRow:
    return TimingRow(circuit, session, at, number, "11", {"C1": str(number)}, {"row": "r11", "cells": {}}, "u", "apex")


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def rows_of(database: Database, **wanted: Any) -> list[TimingRow]:
    with database.reading() as connection:
        return timing.newest(connection, Wanted("hill", **wanted), 1000)


def test_close_writes_everything_that_waits(database: Database, feed: Any, opening: Any) -> None:
    """What was handed in before the end is there after it, texts and JSON as they were."""
    archive = Archive(database, ArchiveOptions(interval=60))
    extract = Extract(ORIGIN)
    archive.take(extract.take(*feed.frame(*opening())))
    archive.take(extract.take(*feed.frame(LapCompleted(2000, CompetitorId("11"), 62_003, Provenance((3,), "rule")))))
    archive.take(Batch(connections=[ConnectionEvent("hill", 1500, "connected", "all is well")]))
    archive.close(PATIENCE)
    with database.reading() as connection:
        [lap] = laps.newest(connection, "hill", 10)
        [session] = sessions.newest(connection, "hill", 10)
        [event] = connections.newest(connection, "hill", 10)
    assert (lap.number, lap.time_ms, lap.provenance["rule"]) == (1, 62_003, "rule")
    assert (session.title, session.kind, session.ended_at) == ("Race", "race", None)
    assert (event.event, event.detail) == ("connected", "all is well")
    assert [row.mapped["C3"] for row in rows_of(database)] == ["Kart 12", "Kart 11"]
    status = archive.status()
    assert (status.state, status.written, status.dropped) == ("closed", 5, 0)


def test_a_restart_in_the_same_session_duplicates_no_lap(database: Database, feed: Any, opening: Any) -> None:
    """The same laps written again are the same rows; a corrected time replaces the old one."""
    for time_ms in (62_003, 61_000):
        archive = Archive(database)
        extract, again = Extract(ORIGIN), type(feed)()
        archive.take(extract.take(*again.frame(*opening())))
        archive.take(extract.take(*again.frame(LapCompleted(2000, CompetitorId("11"), time_ms, Provenance((3,), "r")))))
        archive.close(PATIENCE)
    with database.reading() as connection:
        assert [(lap.number, lap.time_ms) for lap in laps.newest(connection, "hill", 10)] == [(1, 61_000)]
        assert len(sessions.newest(connection, "hill", 10)) == 1


def test_a_group_is_written_soon_without_being_asked(database: Database) -> None:
    """Nobody has to close the archive to read what it took."""
    archive = Archive(database, ArchiveOptions(interval=0.01))
    archive.take(Batch(timing=[row(1)]))
    until(lambda: archive.status().written == 1)
    assert len(rows_of(database)) == 1
    archive.close(PATIENCE)


def test_rows_come_newest_first_in_pages_without_gap_or_repeat(database: Database) -> None:
    """Paging by cursor gives every row once, also where many rows share a time."""
    archive = Archive(database)
    archive.take(Batch(timing=[row(n, at=1000 + n // 4) for n in range(10)]))
    archive.close(PATIENCE)
    seen: list[int] = []
    cursor: Cursor | None = None
    while True:
        with database.reading() as connection:
            page = timing.newest(connection, Wanted("hill", cursor=cursor), 3)
        if not page:
            break
        seen += [found.seq for found in page]
        cursor = Cursor(page[-1].at, page[-1].id)
    assert seen == list(range(9, -1, -1))


def test_rows_are_found_by_circuit_session_and_time(database: Database) -> None:
    """`before` and `after` leave their own instant out."""
    archive = Archive(database)
    archive.take(Batch(timing=[row(n, at=1000 + n, session=f"s{n % 2}") for n in range(6)] + [row(9, circuit="dale")]))
    archive.close(PATIENCE)
    assert [found.seq for found in rows_of(database, before=1004, after=1001)] == [3, 2]
    assert [found.seq for found in rows_of(database, session_id="s1")] == [5, 3, 1]


def test_a_full_queue_is_counted_and_never_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the database locked, what does not fit is refused at once, logged once and counted."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    blocker = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    archive = Archive(database, ArchiveOptions(capacity=10, interval=0))
    begin = time.monotonic()
    taken = [archive.take(Batch(timing=[row(n)])) for n in range(25)]
    assert time.monotonic() - begin < 1
    assert (taken.count(True), archive.status().dropped, archive.status().state) == (10, 15, "losing")
    assert sum("rows are being lost" in record.message for record in caplog.records) == 1
    blocker.execute("ROLLBACK")
    blocker.close()
    until(lambda: archive.status().state == "ok")
    assert sum("room again; 15 rows were lost" in record.message for record in caplog.records) == 1
    archive.close(PATIENCE)
    assert [found.seq for found in rows_of(database)] == list(range(9, -1, -1))
    database.close()


def test_a_full_disk_is_said_and_outlived(tmp_path: Path) -> None:
    """While the disk is full the state says so; once there is room everything is written, once."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    full = threading.Event()
    full.set()
    limits = {True: 1, False: 1_000_000}

    class Tight(Database):
        def __init__(self) -> None:
            self.url, self._engine = database.url, database._engine

        def writing(self) -> Any:
            with self._engine.connect() as connection:
                connection.exec_driver_sql(f"PRAGMA max_page_count={limits[full.is_set()]}")
            return super().writing()

    archive = Archive(Tight(), ArchiveOptions(interval=0, retry=0.01))
    archive.take(Batch(timing=[row(n) for n in range(400)]))
    until(lambda: archive.status().state == "failing")
    assert "full" in archive.status().error
    full.clear()
    until(lambda: archive.status().written == 400)
    assert archive.status().state == "ok"
    assert len(rows_of(database)) == 400
    archive.close(PATIENCE)
    database.close()


@pytest.mark.parametrize(
    "fault", [{"source_url": None}, {"mapped": {"C1": object()}}, {"at": 1 << 70}], ids=["null", "type", "overflow"]
)
def test_a_row_that_is_refused_for_good_costs_no_other(database: Database, fault: dict[str, Any]) -> None:
    """The group is halved down to the bad one, which is counted."""
    archive = Archive(database, ArchiveOptions(interval=60))
    event = ConnectionEvent("hill", 1000, "connected", "")
    archive.take(Batch(timing=[row(1), replace(row(2), **fault), row(3)], connections=[event]))
    archive.close(PATIENCE)
    assert [found.seq for found in rows_of(database)] == [3, 1]
    assert (archive.status().refused, archive.status().written) == (1, 3)
    with database.reading() as connection:
        assert len(connections.newest(connection, "hill", 9)) == 1


def test_a_table_that_is_gone_costs_no_row(database: Database) -> None:
    """What a person can repair is waited for: the rows are written once the table is back."""
    archive = Archive(database, ArchiveOptions(interval=0, retry=0.01, retry_max=0.01))
    with database.writing() as connection:
        connection.execute(text("ALTER TABLE timing_data RENAME TO away"))
    archive.take(Batch(timing=[row(1), row(2)]))
    until(lambda: archive.status().state == "failing")
    with database.writing() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO timing_data"))
    archive.close(PATIENCE)
    assert [found.seq for found in rows_of(database)] == [2, 1]
    assert archive.status().refused == 0


def test_writing_the_same_again_changes_nothing(database: Database) -> None:
    """As after a commit whose answer was lost: new rows among known ones are added, in order, known ones stay."""
    again = [replace(row(n), epoch="e") for n in range(4)]
    events = [ConnectionEvent("hill", 1000, "connected", "é" * n) for n in range(3)]
    for rows, told in ((again[1:3], events[:2]), (again[1:3], events[:2]), (again, events)):
        archive = Archive(database)
        archive.take(Batch(timing=list(rows), connections=list(told)))
        archive.close(PATIENCE)
        assert archive.status().refused == 0
    assert [found.seq for found in rows_of(database)] == [3, 0, 2, 1]
    with database.reading() as connection:
        assert [event.detail for event in connections.newest(connection, "hill", 9)] == ["éé", "é", ""]


def test_the_same_position_of_another_stream_is_another_row(database: Database) -> None:
    """Epoch, circuit and competitor tell them apart; rows without an epoch are all kept."""
    first = replace(row(1), epoch="e")
    others = [replace(first, epoch="f"), replace(first, competitor_id="12"), replace(first, circuit_id="dale")]
    archive = Archive(database)
    archive.take(Batch(timing=[first, *others, row(1), row(1)]))
    archive.close(PATIENCE)
    assert len(rows_of(database)) == 5


def test_a_batch_is_halved_until_one_row_is_left() -> None:
    """Every row once, no half empty, kinds in their order."""
    batch = Batch(timing=[row(n) for n in range(5)], connections=[ConnectionEvent("hill", 1, "e", "")])
    halves = [batch]
    while any(len(half) > 1 for half in halves):
        halves = [part for half in halves for part in (half.halves() if len(half) > 1 else (half,))]
    assert [len(half) for half in halves] == [1] * 6
    assert [half.timing[0].seq for half in halves[:5]] == [0, 1, 2, 3, 4]


def test_closing_with_a_database_that_stays_locked_ends_in_time(tmp_path: Path) -> None:
    """The loss is counted; the program ends."""
    database = Database(f"sqlite:///{tmp_path}/a.db?timeout=0")
    blocker = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    archive = Archive(database, ArchiveOptions(interval=0))
    archive.take(Batch(timing=[row(1)]))
    begin = time.monotonic()
    archive.close(0.2)
    assert time.monotonic() - begin < 2
    assert archive.status().dropped == 1
    blocker.close()
    archive._thread.join(10)
    assert not archive._thread.is_alive(), "it gives up for good"
    database.close()


def test_cells_of_the_feed_reach_the_database_cleaned(database: Database, feed: Any, opening: Any) -> None:
    """NUL and lone surrogates would be refused by the database; they never get there."""
    archive, extract = Archive(database), Extract(ORIGIN)
    archive.take(extract.take(*feed.frame(*opening())))
    evil = CellsChanged(2000, {CompetitorId("11"): {3: Cell("dr", "A\x00\x1b[31m\ud800B")}})
    archive.take(extract.take(*feed.frame(evil)))
    archive.close(PATIENCE)
    assert archive.status().refused == 0
    assert rows_of(database)[0].mapped["C3"] == "A[31mB"
