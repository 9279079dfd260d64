"""`karttime db` as a person runs it, on both kinds of database."""

import csv
import io
import json
import os
import sqlite3
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from karttime.cli.main import main
from karttime.engine.clock import Clock
from karttime.storage.archive import Archive
from karttime.storage.connections import ConnectionEvent
from karttime.storage.database import Database
from karttime.storage.extract import Batch
from karttime.storage.laps import LapRow
from karttime.storage.sessions import SessionRow
from karttime.storage.timing import TimingRow

OLD = Path(__file__).parents[1] / "storage" / "old" / "schema_1.sqlite.sql"
DAY = 86_400_000
START = 1_767_268_800_000  # 2026-01-01T12:00:00Z


class Result(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """The result of `karttime db` with these arguments."""
    monkeypatch.delenv("DATABASE_URL", raising=False)

    def db(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["karttime", "db", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return Result(code, out.decode(), err.decode())

    return db


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/karttime.db"
        return
    server = os.environ.get("KARTTIME_TEST_POSTGRESQL")
    if not server:
        pytest.skip("KARTTIME_TEST_POSTGRESQL names no server, such as postgresql://postgres@localhost/postgres")
    psycopg = pytest.importorskip("psycopg")
    name = f"karttime_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield f"{server.rpartition('/')[0]}/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def url(empty: str) -> str:
    """A database of two circuits: an old race at each, and one of today at `hill` whose title is a formula."""
    now = Clock().wall_ms()
    archive = Archive(Database(empty))
    archive.take(race("hill", "s1", START, "Cup"))
    archive.take(race("dale", "s1", START, "Cup"))
    archive.take(race("hill", "s2", now, "=1+1"))
    archive.close(30)
    assert archive.status().written == 24
    archive.database.close()
    return empty


def race(circuit: str, session: str, at: int, title: str) -> Batch:
    def lap(number: int) -> LapRow:
        return LapRow(
            circuit, session, "11", number, at, 61_000, "11", "Lions", "Ada é", [1, None], ["pit"], {"rule": "r"}
        )

    def row(seq: int) -> TimingRow:
        return TimingRow(circuit, session, at, seq, "11", {"C1": "é"}, {"row": "r11"}, "u", "apex", session)

    return Batch(
        sessions=[SessionRow(circuit, session, "race", "", title, "", at, None)],
        laps=[lap(1), lap(2)],
        timing=[row(seq) for seq in range(4)],
        connections=[ConnectionEvent(circuit, at, "connected", "")],
    )


def test_upgrade_says_what_it_did(run: Run, empty: str) -> None:
    """Tables for an empty database; the second time there is nothing to do."""
    first, second = run("upgrade", "--database", empty), run("upgrade", "--database", empty)
    assert (first.code, second.code) == (0, 0)
    assert first.out.startswith("an empty database: its tables were made")
    assert second.out.startswith("nothing to do")


def test_an_old_file_is_looked_at_without_touching_it_and_upgraded_when_asked(run: Run, tmp_path: Path) -> None:
    """The status names the command; what is needed of the new schema is refused with it."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD.read_text(encoding="utf-8"))
    url = f"sqlite:///{path}"
    assert "0001, outdated: `karttime db upgrade`" in run("status", "--database", url).out
    refused = run("prune", "--older-than", "1d", "--database", url)
    assert refused.code == 1
    assert "`karttime db upgrade`" in refused.err
    assert run("upgrade", "--database", url).out.startswith("upgraded from schema 0001 to")
    report = json.loads(run("status", "--json", "--database", url).out)
    assert (report["rows"]["laps"], report["rows"]["timing_data"]) == (3, 4)


def test_status_tells_schema_size_rows_and_time(run: Run, url: str) -> None:
    """For people and as JSON; the password is masked."""
    report = json.loads(run("status", "--json", "--database", url).out)
    assert report["schema"] == report["newest_schema"]
    assert report["bytes"] > 10_000
    assert {name: count for name, count in report["rows"].items() if count} == {
        "connection_logs": 3,
        "laps": 6,
        "sessions": 3,
        "timing_data": 12,
    }
    assert report["first_at"] == "2026-01-01T12:00:00.000Z"
    shown = run("status", "--database", url).out
    assert "12  timing_data" in shown
    assert "the newest" in shown


def test_status_of_a_missing_file_makes_none(run: Run, tmp_path: Path) -> None:
    """A slip of the pen leaves nothing behind."""
    result = run("status", "--database", f"sqlite:///{tmp_path}/missing.db")
    assert (result.code, list(tmp_path.iterdir())) == (0, [])
    assert "none yet" in result.out


def test_prune_deletes_what_is_older_and_nothing_else(run: Run, url: str) -> None:
    """All that belongs to the old races, at every circuit; today's is untouched."""
    before = json.loads(run("status", "--json", "--database", url).out)["rows"]
    tried = run("prune", "--older-than", "1d", "--dry-run", "--database", url)
    assert tried.out == "would delete 8 timing rows, 4 laps, 2 sessions, 2 events\n"
    assert json.loads(run("status", "--json", "--database", url).out)["rows"] == before
    done = run("prune", "--older-than", "1d", "--database", url)
    assert done.out == "deleted 8 timing rows, 4 laps, 2 sessions, 2 events\n"
    lines = [json.loads(line) for line in run("export", "-", "--database", url).out.splitlines()]
    assert {(line["circuit_id"], line["session_id"]) for line in lines} == {("hill", "s2")}
    assert len(lines) == 7


def test_prune_can_keep_laps_and_their_sessions(run: Run, url: str) -> None:
    """Timing rows are what takes the space."""
    done = run("prune", "--older-than", "2w", "--keep-laps", "--database", url)
    assert done.out == "deleted 8 timing rows, 0 laps, 0 sessions, 2 events\n"


@pytest.mark.parametrize("age", ["30", "0d", "-1d", "d", "1.5d", "999999d", "30 days", "1y", ""])
def test_an_age_that_is_none_deletes_nothing(run: Run, tmp_path: Path, age: str) -> None:
    """A number without a unit could mean seconds, and would delete a season."""
    result = run("prune", f"--older-than={age}", "--database", f"sqlite:///{tmp_path}/a.db")
    assert result.code == 2
    assert "write it like 12h, 30d or 8w" in result.err


def test_everything_is_exported_as_json_lines(run: Run, url: str, tmp_path: Path) -> None:
    """Each row says what it is; times are ISO 8601, texts and nested values as they were."""
    file = tmp_path / "all.jsonl"
    result = run("export", file, "--database", url)
    assert (result.code, result.out) == (0, "")
    assert result.err == f"21 rows in {file}\n"
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line["type"] for line in lines] == ["sessions"] * 3 + ["laps"] * 6 + ["timing"] * 12
    lap = lines[3]
    assert (lap["circuit_id"], lap["at"], lap["driver"]) == ("dale", "2026-01-01T12:00:00.000Z", "Ada é")
    assert (lap["sectors"], lap["provenance"]) == ([1, None], {"rule": "r"})
    assert lines[-1]["mapped"] == {"C1": "é"}
    assert [line["circuit_id"] for line in lines if line["type"] == "timing"] == ["dale"] * 4 + ["hill"] * 8


def test_one_kind_of_one_circuit_is_exported_as_csv(run: Run, url: str, tmp_path: Path) -> None:
    """With a header; a spreadsheet takes no cell for a formula."""
    file = tmp_path / "sessions.csv"
    assert run("export", file, "--only", "sessions", "--circuit", "hill", "--database", url).code == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert [(row["session_id"], row["title"], row["ended_at"]) for row in rows] == [
        ("s1", "Cup", ""),
        ("s2", "'=1+1", ""),
    ]
    laps = tmp_path / "laps.csv"
    run("export", laps, "--only", "laps", "--database", url)
    first = next(csv.DictReader(io.StringIO(laps.read_text(encoding="utf-8"))))
    assert json.loads(first["sectors"]) == [1, None]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("all.csv",), "a CSV file holds rows of one kind: add --only sessions"),
        (("all.csv", "--only", "laps", "--only", "timing"), "one kind"),
        (("all.txt",), "ends in .jsonl or .csv"),
        (("there.jsonl",), "is there already"),
        (("no/folder/a.jsonl",), "No such file or directory; name a file that can be written"),
    ],
)
def test_a_target_that_cannot_be_is_refused(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    """In one line, and nothing is written or replaced."""
    url = f"sqlite:///{tmp_path}/a.db"
    Database(url).close()
    (tmp_path / "there.jsonl").write_text("mine", encoding="utf-8")
    result = run("export", tmp_path / arguments[0], *arguments[1:], "--database", url)
    assert result.code == 2
    assert sentence in result.err
    assert result.err.count("\n") == 1
    assert (tmp_path / "there.jsonl").read_text(encoding="utf-8") == "mine"
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("command", [("export", "-"), ("prune", "--older-than", "1d")])
def test_a_database_without_anything_is_named_and_not_made(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    """Most likely it is the wrong one."""
    result = run(*command, "--database", f"sqlite:///{tmp_path}/missing.db")
    assert result.code == 2
    assert "nothing is stored in" in result.err
    assert not (tmp_path / "missing.db").exists()


def test_a_server_that_is_away_is_one_line_without_the_password(run: Run) -> None:
    """For every command."""
    pytest.importorskip("psycopg")
    url = "postgresql://me:canary@127.0.0.1:1/db"
    for command in (("upgrade",), ("status",), ("export", "-"), ("prune", "--older-than", "1d")):
        result = run(*command, "--database", url)
        assert result.code == 1
        assert "cannot be used" in result.err
        assert result.err.count("\n") == 1
        assert "canary" not in result.err


def test_a_backup_names_its_files_and_what_is_left_to_do(run: Run, url: str, tmp_path: Path) -> None:
    """The copies on standard output; for PostgreSQL, that a dump is to follow."""
    result = run("backup", tmp_path / "copy", "--database", url)
    assert result.code == 0
    if url.startswith("sqlite"):
        assert result.out.split() == [f"{tmp_path}/copy/karttime.db"]
        assert run("backup", tmp_path / "copy", "--database", url).code == 2
    else:
        assert "pg_dump" in result.err
