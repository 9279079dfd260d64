"""Snapshots and deltas: the state of a session as plain typed fields, and the fold that keeps a copy of it.

`snapshot(session)` is everything; `delta(session, change)` is what a change adds. For every update,
`fold(snapshot before, delta) == snapshot after`, except where `change.snapshot` asks for a new snapshot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from karttime.domain.columns import Column
from karttime.domain.ids import CompetitorId
from karttime.domain.session import Change, Session
from karttime.domain.values import Value, typed


@dataclass(slots=True)
class Snapshot:
    """A session as fields: `competitors` holds those on the board."""

    session: dict[str, Value] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    competitors: dict[CompetitorId, dict[str, Value]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delta:
    """Fields to set; None clears."""

    session: Mapping[str, Value]
    competitors: Mapping[CompetitorId, Mapping[str, Value]]


def snapshot(session: Session) -> Snapshot:
    """Everything a client needs to begin with."""
    columns = session.columns
    return Snapshot(
        session.facts(),
        columns,
        {c.id: c.values(columns) for c in session.competitors.values() if c.on_board},
    )


def delta(session: Session, change: Change) -> Delta:
    """What a change of this session sets, as typed fields."""
    competitors: dict[CompetitorId, dict[str, Value]] = {}
    for competitor_id in change.cells:
        competitor = session.competitors.get(competitor_id)
        if competitor is not None and competitor.on_board:
            competitors[competitor_id] = typed(session.columns, competitor.cells)
    for competitor_id, values in change.values.items():
        competitor = session.competitors.get(competitor_id)
        if competitor is not None and competitor.on_board:
            competitors[competitor_id] = {**competitors.get(competitor_id, {}), **values}
    return Delta(change.session, competitors)


def fold(state: Snapshot, step: Delta) -> None:
    """Bring a snapshot forward by one delta, in place."""
    state.session.update(step.session)
    for competitor_id, values in step.competitors.items():
        state.competitors.setdefault(competitor_id, {}).update(values)
