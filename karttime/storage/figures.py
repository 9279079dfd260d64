"""Figures over what is stored of a circuit."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, select

from karttime.storage.tables import laps, sessions, timing_data


@dataclass(frozen=True, slots=True)
class Figures:
    """How much there is; `first_at` and `last_at` are ms UTC of laps and timing rows, None where there are none."""

    timing_rows: int
    laps: int
    sessions_by_kind: Mapping[str, int]
    first_at: int | None
    last_at: int | None


def figures(connection: Connection, circuit_id: str) -> Figures:
    """What is stored of a circuit."""
    rows, first_row, last_row = _span(connection, circuit_id, timing_data)
    timed, first_lap, last_lap = _span(connection, circuit_id, laps)
    kinds = select(sessions.c.kind, func.count()).where(sessions.c.circuit_id == circuit_id)
    moments = [at for at in (first_row, last_row, first_lap, last_lap) if at is not None]
    return Figures(
        timing_rows=rows,
        laps=timed,
        sessions_by_kind={str(kind): int(count) for kind, count in connection.execute(kinds.group_by(sessions.c.kind))},
        first_at=min(moments, default=None),
        last_at=max(moments, default=None),
    )


def _span(connection: Connection, circuit_id: str, table: Table) -> tuple[int, int | None, int | None]:
    query = select(func.count(), func.min(table.c.at), func.max(table.c.at)).where(table.c.circuit_id == circuit_id)
    count, first, last = connection.execute(query).one()
    return count, first, last
