"""Repository of `circuit_analysis`: what the last analysis of a circuit's feed found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from karttime.storage.database import upsert
from karttime.storage.tables import circuit_analysis


@dataclass(frozen=True, slots=True)
class AnalysisRow:
    """The result for one circuit, made at `at` (ms UTC)."""

    circuit_id: str
    at: int
    result: Mapping[str, Any]


def put(connection: Connection, row: AnalysisRow) -> None:
    """Keep a result; the one of before is replaced."""
    upsert(connection, circuit_analysis, [{"circuit_id": row.circuit_id, "at": row.at, "result": dict(row.result)}])


def get(connection: Connection, circuit_id: str) -> AnalysisRow | None:
    """The result for a circuit, None where there is none."""
    query = select(circuit_analysis).where(circuit_analysis.c.circuit_id == circuit_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else AnalysisRow(**row)
