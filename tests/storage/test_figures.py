"""Figures, pages and deletion, on each kind of database."""

from karttime.storage import figures as module
from karttime.storage import laps, retention, sessions, timing
from karttime.storage.database import Database
from karttime.storage.laps import LapCursor, LapRow
from karttime.storage.sessions import SessionRow
from karttime.storage.timing import TimingRow, Wanted


def lap(
    number: int, at: int, time_ms: int, competitor: str = "11", session: str = "s1", circuit: str = "hill"
) -> LapRow:
    return LapRow(circuit, session, competitor, number, at, time_ms, "7", "Lions", "Ada", [], [], {"rule": "x"})


def session(session_id: str, started_at: int, kind: str = "race", circuit: str = "hill") -> SessionRow:
    return SessionRow(circuit, session_id, kind, "", "", "", started_at, None)


def row(at: int, circuit: str = "hill", seq: int = 1) -> TimingRow:
    return TimingRow(circuit, "s1", at, seq, "11", {"C1": "1"}, {}, "wss://hill.example/", "apex", "epoch")


def fill(database: Database) -> None:
    with database.writing() as connection:
        sessions.write(connection, [session("s1", 100), session("s2", 200, "practice"), session("s3", 200)])
        sessions.write(connection, [session("s1", 100, circuit="dale")])
        laps.write(connection, [lap(1, 150, 61_000), lap(2, 160, 60_000), lap(1, 160, 59_000, "12")])
        laps.write(connection, [lap(1, 250, 50_000, session="s2"), lap(1, 999, 1, circuit="dale")])
        timing.insert(connection, [row(at, seq=at) for at in range(100, 112)] + [row(105, "dale")])


def test_figures_are_of_one_circuit(database: Database) -> None:
    """Counts, kinds, and the moments between which there is something."""
    fill(database)
    with database.reading() as connection:
        found = module.figures(connection, "hill")
        assert (found.timing_rows, found.laps) == (12, 4)
        assert found.sessions_by_kind == {"race": 2, "practice": 1}
        assert (found.first_at, found.last_at) == (100, 250)
        assert module.figures(connection, "nowhere") == module.Figures(0, 0, {}, None, None)


def test_the_fastest_laps_come_first(database: Database) -> None:
    """Of every session of the circuit."""
    fill(database)
    with database.reading() as connection:
        assert [it.time_ms for it in laps.fastest(connection, "hill", 3)] == [50_000, 59_000, 60_000]


def test_laps_of_a_session_are_oldest_first(database: Database) -> None:
    """All of them, and no others."""
    fill(database)
    with database.reading() as connection:
        found = [(it.competitor_id, it.number) for it in laps.of_session(connection, "hill", "s1")]
    assert found == [("11", 1), ("11", 2), ("12", 1)]


def test_pages_of_laps_hold_each_once(database: Database) -> None:
    """Also those of one moment."""
    fill(database)
    seen, cursor = [], None
    with database.reading() as connection:
        while page := laps.newest(connection, "hill", 1, cursor=cursor):
            seen += [(it.at, it.competitor_id, it.number) for it in page]
            cursor = LapCursor(page[-1].at, page[-1].competitor_id, page[-1].number)
    assert seen == [(250, "11", 1), (160, "11", 2), (160, "12", 1), (150, "11", 1)]


def test_pages_of_sessions_hold_each_once(database: Database) -> None:
    """Also those that began in one moment."""
    fill(database)
    seen, cursor = [], None
    with database.reading() as connection:
        while page := sessions.newest(connection, "hill", 1, cursor):
            seen += [it.session_id for it in page]
            cursor = page[-1].started_at, page[-1].session_id
        assert sessions.find(connection, "hill", "s2") == session("s2", 200, "practice")
        assert sessions.find(connection, "dale", "s2") is None
    assert seen == ["s3", "s2", "s1"]


def test_deletion_takes_what_is_older_in_groups(database: Database) -> None:
    """Of one circuit; what was written at that very moment stays."""
    fill(database)
    assert retention.delete_timing(database, "hill", 108) == 8
    assert retention.delete_timing(database, "hill", 108) == 0
    with database.reading() as connection:
        assert [it.at for it in timing.newest(connection, Wanted("hill"), 100)] == [111, 110, 109, 108]
        assert len(timing.newest(connection, Wanted("dale"), 100)) == 1
