"""Which rows a publication is worth: timing rows that tell something new, completed and revised laps, sessions.

A competitor's row is stored when a cell of it comes and what is displayed tells something new. These do not, on their
own:

* running timers: the time on track or in the pit lane, the pit time of a kart that stands there, and the driving time
  in brackets behind a driver's name, as in `Ada [1:07]`;
* a name cell that alternates between the team and its driver, both of which are known.

Another driver or team does, and so does entering or leaving the pit lane. A day of endurance on a board with timers has
ten times as many rows without this rule: of 49,373 rows for 3,979 laps, 25,000 told of a timer and 19,000 of a name.
What is stored is the row as displayed at that moment, timers and all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

from karttime.domain.classification import shown
from karttime.domain.columns import Column, Role
from karttime.domain.competitor import Competitor, Lap
from karttime.domain.display import clean, displayed, sent
from karttime.domain.ids import CompetitorId, SessionId
from karttime.domain.session import Change, Session
from karttime.domain.updates import LapCompleted, LapRevised, Provenance
from karttime.storage.connections import ConnectionEvent
from karttime.storage.laps import LapRow
from karttime.storage.sessions import SessionRow
from karttime.storage.timing import TimingRow, Values

_NAMES: Final = frozenset({Role.DRIVER, Role.TEAM})


@dataclass(slots=True)
class Batch:
    """Rows that are written together; `ready` are timing rows as drivers take them."""

    sessions: list[SessionRow] = field(default_factory=list)
    laps: list[LapRow] = field(default_factory=list)
    timing: list[TimingRow] = field(default_factory=list)
    ready: list[Values] = field(default_factory=list)
    connections: list[ConnectionEvent] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.sessions) + len(self.laps) + len(self.timing) + len(self.ready) + len(self.connections)

    def extend(self, other: "Batch") -> None:
        """Take the rows of another batch in, behind these."""
        self.sessions += other.sessions
        self.laps += other.laps
        self.timing += other.timing
        self.ready += other.ready
        self.connections += other.connections

    def halves(self) -> tuple["Batch", "Batch"]:
        """Two batches with the same rows, neither of them empty if there are two rows or more."""
        kinds = {kind.name: getattr(self, kind.name) for kind in fields(self) if getattr(self, kind.name)}
        if len(kinds) > 1:
            first = next(iter(kinds))
            return Batch(**{first: kinds.pop(first)}), Batch(**kinds)
        [(name, rows)] = kinds.items()
        middle = len(rows) // 2
        return Batch(**{name: rows[:middle]}), Batch(**{name: rows[middle:]})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a circuit's data comes from.

    Attributes:
        circuit_id: which circuit.
        url: the address of its feed.
        feed: its wire format.
    """

    circuit_id: str
    url: str
    feed: str


class Place(NamedTuple):
    """A position in a circuit's stream: `seq` means nothing without its epoch."""

    epoch: str
    seq: int


class Extract:
    """What of one circuit's changes is worth a row. Keeps what was told last, by competitor."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._session: Session | None = None
        self._row: SessionRow | None = None
        self._all_laps = False
        self._told: dict[CompetitorId, tuple[object, ...]] = {}

    def take(self, place: Place, at: int, session: Session | None, changes: Sequence[Change]) -> Batch:
        """The rows for one publication at its place; `session` stands as it is after the changes."""
        batch = Batch()
        known: dict[SessionId | None, Session] = {}
        if self._session is not None:
            known[self._session.id] = self._session  # a frame may bring the last lap and begin the next session
        if session is not None:
            known[session.id] = session
        for session_id in {change.session_id for change in changes if change.facts}:
            if (of := known.get(session_id)) is not None:
                batch.laps += self._laps(of, [change for change in changes if change.session_id == session_id])
        if session is None:
            return batch
        if session is not self._session:
            self._end_last(batch)
            self._session, self._row = session, None
            self._told.clear()
        self._add_session(batch, session)
        mine = [change for change in changes if change.session_id == session.id]
        batch.timing += self._rows(place, at, session, mine)
        return batch

    def forget(self) -> None:
        """The last batch was not taken: say everything again with the next one."""
        self._row = None
        self._all_laps = True
        self._told.clear()

    def _end_last(self, batch: Batch) -> None:
        if self._session is not None:
            self._add_session(batch, self._session)

    def _add_session(self, batch: Batch, session: Session) -> None:
        row = SessionRow(
            self._origin.circuit_id,
            session.id,
            session.kind.value,
            clean(session.event),
            clean(session.title),
            clean(session.track),
            session.started_at,
            session.ended_at,
        )
        if row != self._row:
            self._row = row
            batch.sessions.append(row)

    def _rows(self, place: Place, at: int, session: Session, changes: Sequence[Change]) -> Iterable[TimingRow]:
        everybody = any(change.snapshot for change in changes)
        cells: dict[CompetitorId, dict[int, Any]] = {}
        for change in changes:
            for competitor_id, row in change.cells.items():
                cells.setdefault(competitor_id, {}).update(row)
        for competitor_id in session.competitors if everybody else cells:
            competitor = session.competitors.get(competitor_id)
            if competitor is None or not competitor.on_board:
                continue
            mapped = displayed(session.columns, competitor)
            told = telling(session.columns, competitor, mapped)
            if told == self._told.get(competitor_id):
                continue
            self._told[competitor_id] = told
            raw = sent(competitor_id, competitor.cells if everybody else cells[competitor_id])
            origin = self._origin
            yield TimingRow(
                origin.circuit_id,
                session.id,
                at,
                place.seq,
                clean(competitor_id, 128),
                mapped,
                raw,
                origin.url,
                origin.feed,
                place.epoch,
            )

    def _laps(self, session: Session, changes: Sequence[Change]) -> Iterable[LapRow]:
        counts: dict[CompetitorId, int] = {}
        for change in changes:
            for fact in change.facts:
                if isinstance(fact, LapCompleted | LapRevised):
                    counts[fact.competitor_id] = counts.get(fact.competitor_id, 0) + 1
        if counts and self._all_laps:
            self._all_laps = False
            counts = {competitor.id: len(competitor.laps) for competitor in session.competitors.values()}
        for competitor_id, count in counts.items():
            competitor = session.competitors[competitor_id]
            for lap in competitor.laps[max(0, len(competitor.laps) - count) :]:
                yield lap_row(self._origin.circuit_id, session, competitor, lap)


def telling(columns: Sequence[Column], competitor: Competitor, mapped: Mapping[str, str]) -> tuple[object, ...]:
    """What a row as displayed tells, without what runs or alternates by itself."""
    names = clean(competitor.team.strip()), clean(competitor.driver.strip())
    told: list[object] = [competitor.in_pit, *names]
    for column in columns:
        if column.role is Role.TRACK_TIMER or (column.role is Role.PIT_TIME and competitor.in_pit):
            continue
        text = mapped[column.id]
        if column.role in _NAMES:
            text = without_timer(text)
            if text in names:
                continue
        told.append((column.id, text))
    return tuple(told)


def without_timer(name: str) -> str:
    """A name without the driving time behind it: `Ada` for `Ada [1:07]`."""
    rest, bracket, timer = name.rpartition(" [")
    hours, colon, minutes = timer.removesuffix("]").partition(":")
    running = bracket and colon and timer.endswith("]") and hours.isdigit() and minutes.isdigit()
    return rest.rstrip() if running else name


def lap_row(circuit_id: str, session: Session, competitor: Competitor, lap: Lap) -> LapRow:
    """One lap with who drove it and where it comes from."""
    return LapRow(
        circuit_id,
        session.id,
        clean(competitor.id, 128),
        lap.number,
        lap.at,
        lap.time_ms,
        clean(shown(session, competitor, Role.NUMBER)),
        clean(competitor.team),
        clean(lap.driver),
        list(lap.sectors),
        sorted(flag.value for flag in lap.flags),
        dict(_provenance(lap.provenance)),
    )


def _provenance(provenance: Provenance) -> Mapping[str, Any]:
    return {"frames": list(provenance.frames), "rule": provenance.rule, "note": clean(provenance.note)}
