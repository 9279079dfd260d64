"""Repository of `lap_decisions`: what people decided about laps. Rows are only added."""

from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, insert, select

from karttime.storage.tables import lap_decisions


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision, made at `at` (ms UTC): whether a lap counts, and why. `id` is 0 before it is stored."""

    circuit_id: str
    session_id: str
    competitor_id: str
    number: int
    excluded: bool
    reason: str
    at: int
    id: int = 0


def add(connection: Connection, row: DecisionRow) -> DecisionRow:
    """Keep a decision; the row with its id."""
    values = {name: value for name, value in asdict(row).items() if name != "id"}
    made = connection.execute(insert(lap_decisions).values(values).returning(lap_decisions.c.id)).scalar_one()
    return replace(row, id=made)


def newest(connection: Connection, circuit_id: str, session_id: str | None, limit: int) -> list[DecisionRow]:
    """The newest decisions about a circuit's laps, of one session or of all, oldest first."""
    query = select(lap_decisions).where(lap_decisions.c.circuit_id == circuit_id)
    if session_id is not None:
        query = query.where(lap_decisions.c.session_id == session_id)
    rows = connection.execute(query.order_by(lap_decisions.c.id.desc()).limit(limit)).mappings()
    return [DecisionRow(**row) for row in rows][::-1]
