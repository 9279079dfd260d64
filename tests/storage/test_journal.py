"""The journal's promises: what it said yes to is there after a kill; rows leave it for the database, and not before."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from karttime.errors import StorageError
from karttime.storage import engines, journal_file
from karttime.storage.archive import Archive, ArchiveOptions
from karttime.storage.connections import ConnectionEvent
from karttime.storage.database import Database
from karttime.storage.extract import Batch
from karttime.storage.journal import Journal, JournalOptions, open_beside
from karttime.storage.journal_file import Entry
from karttime.storage.laps import LapRow
from karttime.storage.packing import Kind, pack, unpack
from karttime.storage.sessions import SessionRow
from karttime.storage.timing import TimingRow, Wanted, newest, values

from .test_archive import PATIENCE, row, until


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An open one."""
    journal = Journal(tmp_path / "journal.db")
    yield journal
    journal.close()


def commit(journal: Journal, *entries: Entry) -> str:
    """Put entries in, and wait; empty, or why it failed."""
    told: list[str] = []
    done = threading.Event()

    def tell(error: str) -> None:
        told.append(error)
        done.set()

    journal.append(entries, tell)
    assert done.wait(10)
    return told[0]


def message(seq: int, *, base: bytes = b"", rows: int = 0, circuit: str = "hill", epoch: str = "e") -> Entry:
    batch = Batch(timing=[replace(row(seq * 100 + n, circuit=circuit), epoch=epoch) for n in range(rows)])
    return Entry(circuit, epoch, seq, b"m%d" % seq, base, tuple(pack(batch)))


def test_what_was_packed_comes_out_as_it_was() -> None:
    """Every kind of row, timing rows as the database takes them."""
    lap = LapRow("hill", "s", "11", 1, 5, 62_000, "7", "Lions", "Ada", [1, None], ["pit"], {"rule": "r"})
    session = SessionRow("hill", "s", "race", "Cup", "Race", "Hill", 1, None)
    batch = Batch([session], [lap], [row(1), row(2)], [], [ConnectionEvent("hill", 1, "connected", "é")])
    packets = list(pack(batch))
    assert [(packet.kind, packet.rows) for packet in packets] == [(Kind.HISTORY, 3), (Kind.TIMING, 2)]
    again = Batch()
    for packet in packets:
        again.extend(unpack(packet.kind, packet.content))
    assert (again.sessions, again.laps, again.connections) == (batch.sessions, batch.laps, batch.connections)
    assert again.ready == [values(it) for it in batch.timing]


@pytest.mark.parametrize(
    "odd", [{"epoch": None}, {"session_id": "a\x1fb"}, {"source_url": "\x1e"}, {"mapped": {"C1": "\x1e"}}]
)
def test_no_text_can_break_the_packing(odd: dict[str, Any]) -> None:
    """Separators in a field, or none where one is wanted: the row comes out as it went in."""
    rows = [replace(row(1), epoch="e"), replace(row(2), **{"epoch": "e"} | odd)]
    [packet] = pack(Batch(timing=rows))
    assert unpack(packet.kind, packet.content).ready == [values(it) for it in rows]


@pytest.mark.parametrize("broken", [b"\x1e", b"\x1ea\x1fb", b"\x1e" + b"\x1f" * 9, b"[", b""])
def test_a_packet_that_is_torn_is_not_a_row(broken: bytes) -> None:
    """It is an error, not a guess."""
    with pytest.raises(ValueError, match=r"."):
        unpack(Kind.TIMING, broken)


def test_a_stream_is_found_where_it_was_left(tmp_path: Path) -> None:
    """Epoch, seq, the last whole state and what came after it; another circuit has its own."""
    journal = Journal(tmp_path / "journal.db")
    assert journal.stored("hill") is None
    commit(journal, message(1, base=b"one"), message(1, base=b"other", circuit="dale"))
    commit(journal, message(2), message(3, base=b"three"), message(4))
    commit(journal, message(5))
    journal.close()
    journal = Journal(tmp_path / "journal.db")
    assert journal.stored("hill") == ("e", 5, b"three", [b"m4", b"m5"])
    assert journal.stored("dale") == ("e", 1, b"other", [])
    assert journal.messages("hill", "e", 2) == [b"m3", b"m4", b"m5"]
    assert journal.messages("hill", "e", 5) == []
    for epoch, after in (("e", 6), ("e", -1), ("f", 2)):
        assert journal.messages("hill", epoch, after) is None
    journal.close()


def test_a_position_is_never_taken_twice(journal: Journal) -> None:
    """The second writer of it is refused, whole transaction; what was there stays."""
    assert commit(journal, message(1, base=b"one")) == ""
    assert "UNIQUE" in commit(journal, message(2), message(1))
    assert journal.stored("hill") == ("e", 1, b"one", [])
    assert commit(journal, message(2)) == ""
    assert journal.status().error == ""


def test_a_new_epoch_lets_go_of_the_old_one(journal: Journal) -> None:
    """Its messages mean nothing any more; without a whole state there is nothing to continue."""
    commit(journal, message(1, base=b"one"), message(2))
    commit(journal, message(3, epoch="f"))
    assert journal.stored("hill") is None
    assert journal.messages("hill", "e", 1) is None
    commit(journal, message(4, base=b"four", epoch="f"))
    assert journal.stored("hill") == ("f", 4, b"four", [])
    with journal._read() as connection:
        assert connection.execute("SELECT count(*) FROM messages WHERE epoch = 'e'").fetchone() == (0,)


def test_old_messages_are_let_go_but_never_those_after_the_last_whole_state(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever restarts needs them."""
    monkeypatch.setattr(journal_file, "KEEP_MESSAGES", 3)
    commit(journal, message(1, base=b"one"), *map(message, range(2, 9)))
    assert journal.messages("hill", "e", 2) == [b"m%d" % n for n in range(3, 9)]
    commit(journal, message(9, base=b"nine"), *map(message, range(10, 13)), message(13, base=b"thirteen"))
    assert journal.messages("hill", "e", 9) is None
    assert journal.messages("hill", "e", 10) == [b"m11", b"m12", b"m13"]


def test_two_processes_never_have_the_same_journal(journal: Journal) -> None:
    """The second is told what to do; after the first has ended, it may."""
    with pytest.raises(StorageError, match="in use by another karttime"):
        Journal(journal.path)
    journal.close()
    Journal(journal.path).close()


def test_services_that_share_a_database_have_a_journal_each(tmp_path: Path, database: Database) -> None:
    """And what waits in that of one that is gone is taken over by the next who starts."""
    path = tmp_path / "k.journal.db"
    first, second = open_beside(path), open_beside(path)
    assert [journal.path.name for journal in (first, second)] == ["k.journal.db", "k.journal.2.db"]
    commit(first, message(1, base=b"one", rows=2))
    commit(second, message(1, base=b"other", epoch="f", rows=3))
    second.close()
    third = open_beside(path)
    assert (third.path.name, third.status().rows) == ("k.journal.2.db", 3)
    third.close()
    first.close()
    again = open_beside(path)
    assert (again.path.name, again.status().rows) == ("k.journal.db", 5)
    assert again.status().size == sum(len(packet.content) for packet in again.waiting(0, 100))
    assert again.stored("hill") == ("e", 1, b"one", [])
    Archive(database, journal=again).close(PATIENCE)
    assert {it.epoch for it in rows_of(database)} == {"e", "f"}
    assert len(rows_of(database)) == 5
    again.close()


def test_a_damaged_file_is_kept_aside_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A torn page somewhere: a new one begins, nothing is thrown away."""
    path = tmp_path / "journal.db"
    journal = Journal(path)
    commit(journal, *(message(n, rows=5) for n in range(1, 200)))
    journal.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096 * 3 : 4096 * 9] = os.urandom(4096 * 6)
    path.write_bytes(bytes(damaged))
    journal = Journal(path)
    assert commit(journal, message(1, base=b"x")) == ""
    journal.close()
    [aside] = tmp_path.glob("journal.db.damaged-*")
    assert aside.read_bytes() == damaged
    assert any("is damaged" in record.message for record in caplog.records)


def test_what_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    """A text, another program's database, a folder: refused, and not touched."""
    text, database = tmp_path / "passwd", tmp_path / "other.db"
    text.write_text("root:x:0:0\n" * 50)
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    for path in (text, database, tmp_path):
        before = path.read_bytes() if path.is_file() else None
        with pytest.raises(StorageError, match="JOURNAL_PATH"):
            Journal(path)
        assert before is None or path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.db", "passwd"]


def test_a_journal_of_another_version_is_left_alone(tmp_path: Path) -> None:
    """It may hold rows that a newer karttime understands."""
    path = tmp_path / "journal.db"
    Journal(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StorageError, match="no journal of this karttime"):
        Journal(path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """With the setting to change."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="JOURNAL_PATH"):
        Journal(tmp_path / "file" / "journal.db")


def test_a_full_disk_is_said_and_outlived(tmp_path: Path) -> None:
    """The commit fails, the file stays sound, and once there is room it goes on."""
    journal = Journal(tmp_path / "journal.db")
    assert commit(journal, message(1, base=b"x")) == ""
    journal._writable().execute("PRAGMA max_page_count=12")
    big = message(2)._replace(message=b"x" * 200_000)
    assert "full" in commit(journal, big)
    assert "full" in journal.status().error
    assert commit(journal) == "", "its connection was made anew"
    assert commit(journal, big) == ""
    assert journal.status().error == ""
    assert journal.stored("hill") == ("e", 2, b"x", [b"x" * 200_000])
    journal.close()


def test_a_disk_that_stays_full_is_said_to_be_full(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is tried, and whether the file can be opened meanwhile or not."""
    assert commit(journal, message(1, base=b"x")) == ""
    journal._writable().execute("PRAGMA max_page_count=12")
    big = message(2)._replace(message=b"x" * 200_000)

    def refused(*_: object, **__: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(journal_file, "connect", refused)
        for entries in ((big,), (), (big,), ()):
            assert "full" in commit(journal, *entries)
            assert "full" in journal.status().error
    assert commit(journal, big) == ""


def test_above_its_size_the_oldest_timing_rows_go_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Loudly; laps and events only when no timing row is left."""
    journal = Journal(tmp_path / "journal.db", JournalOptions(max_size=20_000))
    event = Entry("hill", "e", 0, packets=tuple(pack(Batch(connections=[ConnectionEvent("hill", 1, "e", "d")]))))
    commit(journal, event)
    for seq in range(1, 60):
        commit(journal, message(seq, rows=10))
    status = journal.status()
    assert 0 < status.size <= 20_000
    assert status.shed + status.rows == 591
    assert sum("JOURNAL_MAX_SIZE" in record.message for record in caplog.records) >= 1
    waiting = journal.waiting(0, 10_000)
    assert waiting[0].kind == Kind.HISTORY
    assert unpack(waiting[-1].kind, waiting[-1].content).ready[-1][3] == 5909, "the newest are there"
    journal.close()


def rows_of(database: Database) -> list[TimingRow]:
    with database.reading() as connection:
        return newest(connection, Wanted("hill"), 10_000)


def test_the_archive_drains_it_into_the_database(database: Database, journal: Journal) -> None:
    """Everything once, in order, also what waited before; then nothing waits."""
    commit(journal, *(message(seq, rows=3) for seq in range(1, 50)))
    archive = Archive(database, ArchiveOptions(interval=0.01, group=20), journal=journal)
    commit(journal, *(message(seq, rows=3) for seq in range(50, 60)))
    until(lambda: archive.status().written == 177, PATIENCE)
    until(lambda: journal.waiting(0, 1) == [], PATIENCE)
    archive.close(PATIENCE)
    assert [it.seq for it in rows_of(database)] == [seq * 100 + n for seq in range(59, 0, -1) for n in (2, 1, 0)]
    assert (archive.status().queued, archive.status().refused, archive.status().state) == (0, 0, "closed")
    assert (journal.status().rows, journal.status().size) == (0, 0)


def test_what_the_database_had_already_changes_nothing(database: Database, journal: Journal) -> None:
    """As after a kill between the database's commit and the journal's."""
    commit(journal, *(message(seq, rows=2) for seq in range(1, 5)))
    packets = journal.waiting(0, 100)
    drained: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "drained", drained.append)
        Archive(database, journal=journal).close(PATIENCE)
    assert sum(len(group) for group in drained) == len(packets)
    Archive(database, journal=journal).close(PATIENCE)
    assert len(rows_of(database)) == 8
    until(lambda: journal.waiting(0, 1) == [])


def test_rows_stay_in_it_while_the_database_takes_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing does not wait for the database, and loses nothing: the next start writes them."""
    monkeypatch.setattr(engines, "BUSY", "PRAGMA busy_timeout=100")
    database = Database(f"sqlite:///{tmp_path}/a.db?timeout=0")
    blocker = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    journal = Journal(tmp_path / "journal.db")
    archive = Archive(database, ArchiveOptions(interval=0), journal=journal)
    commit(journal, message(1, rows=4))
    until(lambda: archive.status().state == "failing")
    archive.close(0.2)
    archive._thread.join(10)
    assert (archive.status().dropped, archive.status().queued) == (0, 4)
    assert any("stay in the journal" in record.message for record in caplog.records)
    journal.close()
    blocker.execute("ROLLBACK")
    blocker.close()
    journal = Journal(tmp_path / "journal.db")
    Archive(database, journal=journal).close(PATIENCE)
    assert len(rows_of(database)) == 4
    journal.close()
    database.close()


def test_a_packet_that_cannot_be_read_costs_no_other(database: Database, journal: Journal) -> None:
    """It is counted and let go."""
    commit(journal, message(1, rows=1), message(2, rows=1), message(3, rows=1))
    with journal_file.transaction(journal._writable()):
        journal._writable().execute("UPDATE waiting SET content = x'00' WHERE id = 2")
    archive = Archive(database, journal=journal)
    archive.close(PATIENCE)
    assert (archive.status().refused, len(rows_of(database))) == (1, 2)


KILLED = """
import os, sys, threading
from pathlib import Path
from karttime.storage.journal import Journal
from karttime.storage.journal_file import Entry
journal = Journal(Path(sys.argv[1]))
stored = journal.stored("hill")
seq = stored.seq if stored else 0
room = threading.Semaphore(50)
def told(number):
    def tell(error):
        os.write(1, b"%d\\n" % number)
        room.release()
    return tell
while True:
    room.acquire()
    seq += 1
    journal.append([Entry("hill", "e", seq, b"m%d" % seq, b"base" if seq % 50 == 1 else b"")], told(seq))
"""


def test_a_kill_at_any_moment_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    """Again and again; and no position is given away twice."""
    path, last = tmp_path / "journal.db", 0
    for number in range(8):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        try:
            told = [int(process.stdout.readline()) for _ in range(5 + 30 * number)]
        finally:
            process.kill()
        rest = process.stdout.read()
        process.wait()
        process.stdout.close()
        told += [int(line) for line in rest[: rest.rfind(b"\n") + 1].split()]
        assert told == list(range(last + 1, last + 1 + len(told))), "the next after what was there, none twice"
        journal = Journal(path)
        stored = journal.stored("hill")
        assert stored is not None
        assert stored.seq >= told[-1]
        last = stored.seq
        journal.close()
