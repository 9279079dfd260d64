"""A board with two karts, and a database for each address that a test runs against."""

import os
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from karttime.domain.columns import Column, Role
from karttime.domain.ids import CompetitorId, SessionId
from karttime.domain.logbook import Logbook
from karttime.domain.session import Change, Session
from karttime.domain.updates import BoardRow, BoardShown, Cell, Named, Provenance, SessionKind, SessionStarted, Update
from karttime.storage.database import Database
from karttime.storage.extract import Place

from .servers import Server

COLUMNS = (
    Column(1, Role.POSITION, "Clt", "rk"),
    Column(2, Role.NUMBER, "Kart", "no"),
    Column(3, Role.DRIVER, "Pilote", "dr"),
    Column(4, Role.LAST_LAP, "Dernier T.", "llp"),
)


def started(session_id: str = "20260101T120000Z-1", at: int = 1000) -> SessionStarted:
    return SessionStarted(at, SessionId(session_id), SessionKind.RACE, "Cup", "Race", "Hill", Provenance((0,), "first"))


def board(at: int = 1000, last_lap: str = "") -> BoardShown:
    rows = {
        CompetitorId(name): BoardRow(
            place, {1: Cell("", str(place)), 2: Cell("no1", name), 3: Cell("dr", f"Kart {name}"), 4: Cell("", last_lap)}
        )
        for place, name in enumerate(("11", "12"), 1)
    }
    return BoardShown(at, COLUMNS, rows)


class Feed:
    """Applies updates as a collector would: one call, one frame."""

    def __init__(self) -> None:
        self.logbook = Logbook()
        self.seq = 0
        self.at = 0

    def frame(self, *updates: Update) -> tuple[Place, int, Session | None, list[Change]]:
        self.seq += 1
        self.at = updates[-1].at
        changes = [self.logbook.apply(update) for update in updates]
        return Place("e", self.seq), self.at, self.logbook.current, changes


@pytest.fixture
def feed() -> Feed:
    """A feed that has shown its first board."""
    return Feed()


@pytest.fixture
def opening() -> Callable[..., tuple[Update, ...]]:
    """The updates of a first frame: a session and its board."""

    def make(session_id: str = "20260101T120000Z-1", at: int = 1000) -> tuple[Update, ...]:
        return started(session_id, at), board(at), Named(at, CompetitorId("11"), "Lions", "Ada")

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Addresses of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new folder/karttime.db"
        return
    server = os.environ.get("KARTTIME_TEST_POSTGRESQL")
    if not server:
        pytest.skip("KARTTIME_TEST_POSTGRESQL names no server, such as postgresql://postgres@localhost/postgres")
    psycopg = pytest.importorskip("psycopg")
    name = f"karttime_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    yield f"{server.rpartition('/')[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """An open database, empty."""
    database = Database(url)
    yield database
    database.close()


def fill(url: str, sql: Path) -> None:
    """Run a script in an empty database."""
    statements = sql.read_text(encoding="utf-8")
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(statements)
    else:
        import psycopg

        with psycopg.connect(url) as server:
            server.execute(statements.encode())


@pytest.fixture
def old_database(url: str) -> str:
    """The address of a database as the first version made it: 2 sessions, 3 laps, 4 timing rows, 2 events."""
    kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    fill(url, Path(__file__).with_name("old") / f"schema_1.{kind}.sql")
    return url


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a free port; needs its programs, not a running one."""
    pytest.importorskip("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed here: /usr/lib/postgresql/*/bin/initdb")
    with tempfile.TemporaryDirectory(prefix="karttime-outage-") as folder:
        Path(folder).chmod(0o755)
        server = Server(found[-1].parent, Path(folder))
        yield server
        server.kill()
