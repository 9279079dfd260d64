"""Sessions of a circuit, whether memory still holds them or only the database does."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from karttime.api.service import Service
from karttime.domain.session import Session
from karttime.domain.updates import LapFlag, SessionKind
from karttime.engine.engine import UnknownCircuit
from karttime.errors import KarttimeError, StorageError
from karttime.storage import laps, sessions
from karttime.storage.database import Database
from karttime.storage.extract import lap_row
from karttime.storage.laps import LapRow
from karttime.storage.sessions import SessionRow

_UNCLEAN = frozenset({LapFlag.PIT.value, LapFlag.DOUBTFUL.value, LapFlag.FIRST.value})


class UnknownSession(KarttimeError):  # noqa: N818 - beside UnknownCircuit
    """A circuit has no such session, neither in memory nor stored."""


class NotAnalysed(KarttimeError):  # noqa: N818 - it says what is wrong, and is raised to be told
    """Nothing is known about the feed of a circuit; the text says how to find out."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A past session that is only in the database; laps oldest first."""

    row: SessionRow
    laps: Sequence[LapRow]


def database(service: Service) -> Database:
    """The database of the service. Raises `StorageError` where it keeps nothing."""
    if service.archive is None:
        raise StorageError("this service keeps no data: start it with a database")
    return service.archive.database


def in_memory(service: Service, circuit_id: str) -> list[Session]:
    """The sessions in memory, oldest first; none for a circuit that was never started.

    Those of a second protocol in the stream come before them, so that the last one is the circuit's own.
    """
    try:
        collector = service.engine.collector(circuit_id)
    except UnknownCircuit:
        return []
    return [*collector.beside, *collector.logbook.sessions]


def session_in_memory(service: Service, circuit_id: str, session_id: str | None) -> Session | None:
    """The session with this id, without one the latest; None where memory has no such session."""
    found = [it for it in in_memory(service, circuit_id) if session_id in (None, it.id)]
    return found[-1] if found else None


async def stored_run(service: Service, circuit_id: str, session_id: str | None) -> StoredRun:
    """A session from the database, without an id the latest. Raises `UnknownSession`."""
    if service.archive is None:
        raise _unknown(session_id)
    return await asyncio.to_thread(_read, service.archive.database, circuit_id, session_id)


async def laps_of(circuit_id: str, session: Session) -> list[LapRow]:
    """The laps of a session in memory, oldest first; takes its time, so that the feed does not wait for it."""
    rows: list[LapRow] = []
    for competitor in list(session.competitors.values()):
        rows += [lap_row(circuit_id, session, competitor, lap) for lap in competitor.laps]
        await asyncio.sleep(0)
    return sorted(rows, key=lambda row: (row.at, row.competitor_id, row.number))


def by_competitor(rows: Iterable[LapRow]) -> dict[str, list[LapRow]]:
    """Laps by who drove them, in the order in which they come."""
    grouped: dict[str, list[LapRow]] = {}
    for row in rows:
        grouped.setdefault(row.competitor_id, []).append(row)
    return grouped


def ranked(kind: str, rows: Iterable[LapRow]) -> list[list[LapRow]]:
    """Each competitor's laps, who is first first: a race by number of laps and time, others by the best lap."""
    grouped = by_competitor(rows).values()
    if kind == SessionKind.RACE.value:
        return sorted(grouped, key=lambda own: (-len(own), own[-1].at, own[-1].competitor_id))
    return sorted(grouped, key=lambda own: (best_ms(own) or 1 << 40, own[-1].at, own[-1].competitor_id))


def best_ms(own: Iterable[LapRow]) -> int | None:
    """The fastest lap that is not doubtful."""
    return min((row.time_ms for row in own if LapFlag.DOUBTFUL.value not in row.flags), default=None)


def clean_ms(own: Iterable[LapRow]) -> list[int]:
    """Times of laps that say something about pace."""
    return [row.time_ms for row in own if not _UNCLEAN & set(row.flags)]


def _read(database: Database, circuit_id: str, session_id: str | None) -> StoredRun:
    with database.reading() as connection:
        if session_id is None:
            row = next(iter(sessions.newest(connection, circuit_id, 1)), None)
        else:
            row = sessions.find(connection, circuit_id, session_id)
        if row is None:
            raise _unknown(session_id)
        return StoredRun(row, laps.of_session(connection, circuit_id, row.session_id))


def _unknown(session_id: str | None) -> UnknownSession:
    if session_id is None:
        return UnknownSession("this circuit has had no session yet: start it, or wait for one")
    return UnknownSession(f"there is no session {session_id!r} here: GET /circuits/{{id}}/sessions lists them")
