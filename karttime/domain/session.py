"""Sessions and what happened in them: the state that updates build.

`Session.apply(update)` changes the state and returns the `Change`, which says what is different now. Folding a
snapshot with the changes after it gives the state (`karttime.domain.view`). Nothing here forgets a lap: boards are
replaced, competitors leave, laps stay.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from karttime.domain.columns import Column, Role
from karttime.domain.competitor import Competitor, Lap, PitStop
from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId, SessionId
from karttime.domain.updates import (
    BoardShown,
    Cell,
    CellsChanged,
    ClockChanged,
    ClockMode,
    FlagChanged,
    LapCompleted,
    LapFlag,
    LapRevised,
    Loop,
    MessageShown,
    Named,
    Note,
    NotesAdded,
    NotesCleared,
    Passed,
    PitEntered,
    PitLeft,
    PositionsChanged,
    Provenance,
    SessionChanged,
    SessionEnded,
    SessionKind,
    SessionStarted,
    Status,
    StatusChanged,
    Update,
)
from karttime.domain.values import Value

MAX_NOTES, MAX_COMPETITORS = 5_000, 2_000
"""Far beyond what a meeting has; older notes, and competitors who left without a lap, are dropped beyond them."""

_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Change(NamedTuple):
    """What one update changed. A named tuple, because one is made for every update of a day.

    Attributes:
        at: ms UTC.
        session_id: the session it belongs to.
        snapshot: the board or the session was replaced: continue from a new snapshot.
        cells: displayed cells that were sent, by competitor and column index.
        values: event fields that changed, by competitor: position, team, driver, status, in_pit, laps_timed, ….
        session: session fields that changed.
        facts: the updates that are events for a log: laps, stops, flags, messages.
    """

    at: int
    session_id: SessionId | None
    snapshot: bool = False
    cells: Mapping[CompetitorId, Mapping[int, Cell]] = _NOTHING
    values: Mapping[CompetitorId, Mapping[str, Value]] = _NOTHING
    session: Mapping[str, Value] = _NOTHING
    facts: tuple[Update, ...] = ()


@dataclass(frozen=True, slots=True)
class Clock:
    """The session clock at `at`: ms remaining or elapsed, or a text."""

    at: int = 0
    mode: ClockMode = ClockMode.OFF
    ms: int | None = None
    text: str = ""


@dataclass(slots=True)
class Session:
    """One run on track. Build it with `apply`; read it freely; change it nowhere else."""

    id: SessionId
    started_at: int
    kind: SessionKind = SessionKind.UNKNOWN
    event: str = ""
    title: str = ""
    track: str = ""
    ended_at: int | None = None
    last_at: int = 0
    flag: Flag = Flag.NONE
    flag_text: str = ""
    clock: Clock = field(default_factory=Clock)
    message: str = ""
    message_level: str = ""
    columns: tuple[Column, ...] = ()
    competitors: dict[CompetitorId, Competitor] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    provenance: Provenance | None = None

    def facts(self) -> dict[str, Value]:
        """The session fields of a snapshot."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "event": self.event,
            "title": self.title,
            "track": self.track,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "flag": self.flag.value,
            "flag_text": self.flag_text,
            "clock_at": self.clock.at,
            "clock_mode": self.clock.mode.value,
            "clock_ms": self.clock.ms,
            "clock_text": self.clock.text,
            "message": self.message,
            "message_level": self.message_level,
        }

    def apply(self, update: Update) -> Change:
        """Take one update in and say what is different now."""
        self.last_at = update.at
        return _HANDLERS[type(update)](self, update)

    def has_column(self, role: Role) -> bool:
        """Whether the board shows this role now."""
        return any(column.role is role for column in self.columns)

    def _competitor(self, competitor_id: CompetitorId, at: int) -> Competitor:
        competitor = self.competitors.get(competitor_id)
        if competitor is None:
            competitor = self.competitors[competitor_id] = Competitor(competitor_id, at)
            competitor.on_board = False  # until a board lists it
        return competitor

    def _started(self, update: SessionStarted) -> Change:
        self.kind, self.event, self.title, self.track = update.kind, update.event, update.title, update.track
        self.provenance = update.provenance
        return Change(update.at, self.id, snapshot=True, facts=(update,))

    def _changed(self, update: SessionChanged) -> Change:
        self.kind, self.event, self.title, self.track = update.kind, update.event, update.title, update.track
        session: dict[str, Value] = {
            "kind": update.kind.value,
            "event": update.event,
            "title": update.title,
            "track": update.track,
        }
        return Change(update.at, self.id, session=session, facts=(update,))

    def _ended(self, update: SessionEnded) -> Change:
        self.ended_at = update.at
        return Change(update.at, self.id, session={"ended_at": update.at}, facts=(update,))

    def _board(self, update: BoardShown) -> Change:
        self.columns = update.columns
        self.ended_at = None
        for competitor_id, competitor in self.competitors.items():
            competitor.on_board = competitor_id in update.rows
        for competitor_id, row in update.rows.items():
            competitor = self._competitor(competitor_id, update.at)
            competitor.on_board = True
            competitor.position = row.position
            competitor.cells = dict(row.cells)
        if len(self.competitors) > MAX_COMPETITORS:
            self._forget_passers_by()
        return Change(update.at, self.id, snapshot=True)

    def _forget_passers_by(self) -> None:
        """Drop who left the board without a lap or a stop: strangers can make a feed show new rows without end."""
        for competitor in [*self.competitors.values()]:
            if not (competitor.on_board or competitor.laps or competitor.pit_stops):
                del self.competitors[competitor.id]

    def _cells(self, update: CellsChanged) -> Change:
        competitors = self.competitors
        for competitor_id, cells in update.rows.items():
            competitor = competitors.get(competitor_id)
            if competitor is not None:
                competitor.cells.update(cells)
        return Change(update.at, self.id, False, update.rows)

    def _positions(self, update: PositionsChanged) -> Change:
        values: dict[CompetitorId, dict[str, Value]] = {}
        for competitor_id, position in update.positions.items():
            self._competitor(competitor_id, update.at).position = position
            values[competitor_id] = {"position": position or None}
        return Change(update.at, self.id, values=values)

    def _named(self, update: Named) -> Change:
        competitor = self._competitor(update.competitor_id, update.at)
        values: dict[str, Value] = {}
        if update.team is not None:
            competitor.team, values["team"] = update.team, update.team or None
        if update.driver is not None:
            competitor.driver, values["driver"] = update.driver, update.driver or None
        return Change(update.at, self.id, values={update.competitor_id: values}, facts=(update,))

    def _passed(self, update: Passed) -> Change:
        if update.loop is not Loop.LINE:
            return Change(update.at, self.id, facts=(update,))
        self._competitor(update.competitor_id, update.at).last_line_at = update.at
        values: dict[CompetitorId, dict[str, Value]] = {update.competitor_id: {"last_line_at": update.at}}
        return Change(update.at, self.id, values=values, facts=(update,))

    def _lap(self, update: LapCompleted) -> Change:
        competitor = self._competitor(update.competitor_id, update.at)
        competitor.laps.append(
            Lap(
                len(competitor.laps) + 1 if update.number is None else update.number,
                update.time_ms,
                update.at,
                update.provenance,
                update.sectors,
                update.flags,
                competitor.driver,
            )
        )
        best = competitor.best_timed_ms
        if LapFlag.DOUBTFUL not in update.flags and (best is None or update.time_ms < best):
            competitor.best_timed_ms = update.time_ms
        return Change(update.at, self.id, False, _NOTHING, self._lap_values(competitor), _NOTHING, (update,))

    def _revised(self, update: LapRevised) -> Change:
        competitor = self._competitor(update.competitor_id, update.at)
        index = competitor.lap_index(update.number)
        if index is not None:
            old = competitor.laps[index]
            flags = old.flags | {LapFlag.CORRECTED}
            time_ms = old.time_ms if update.time_ms is None else update.time_ms
            flags = flags | {LapFlag.DOUBTFUL} if update.time_ms is None else flags - {LapFlag.DOUBTFUL}
            competitor.laps[index] = Lap(old.number, time_ms, old.at, update.provenance, old.sectors, flags, old.driver)
            sound = [lap.time_ms for lap in competitor.laps if LapFlag.DOUBTFUL not in lap.flags]
            competitor.best_timed_ms = min(sound, default=None)
        return Change(update.at, self.id, values=self._lap_values(competitor), facts=(update,))

    @staticmethod
    def _lap_values(competitor: Competitor) -> dict[CompetitorId, dict[str, Value]]:
        return {
            competitor.id: {
                "laps_timed": len(competitor.laps),
                "last_timed_ms": competitor.laps[-1].time_ms if competitor.laps else None,
                "best_timed_ms": competitor.best_timed_ms,
            }
        }

    def _pit_in(self, update: PitEntered) -> Change:
        competitor = self._competitor(update.competitor_id, update.at)
        competitor.in_pit, competitor.status = True, Status.IN_PIT
        stops = competitor.pit_stops
        stops.append(PitStop(len(stops) + 1, update.at, None, len(competitor.laps)))
        return self._pit_change(competitor, update)

    def _pit_out(self, update: PitLeft) -> Change:
        competitor = self._competitor(update.competitor_id, update.at)
        stops = competitor.pit_stops
        if stops and stops[-1].out_at is None:
            open_stop = stops[-1]
            stops[-1] = PitStop(open_stop.number, open_stop.in_at, update.at, open_stop.after_lap)
        elif competitor.laps and not (stops and stops[-1].after_lap == len(competitor.laps)):
            stops.append(PitStop(len(stops) + 1, None, update.at, len(competitor.laps)))
        competitor.in_pit, competitor.status = False, Status.OUT_LAP
        return self._pit_change(competitor, update)

    def _pit_change(self, competitor: Competitor, update: PitEntered | PitLeft) -> Change:
        values: dict[str, Value] = {
            "in_pit": competitor.in_pit,
            "status": competitor.status.value,
            "stops_seen": len(competitor.pit_stops),
        }
        return Change(update.at, self.id, values={competitor.id: values}, facts=(update,))

    def _status(self, update: StatusChanged) -> Change:
        competitor = self._competitor(update.competitor_id, update.at)
        competitor.status = update.status
        competitor.in_pit = update.status is Status.IN_PIT
        values: dict[str, Value] = {"status": update.status.value, "in_pit": competitor.in_pit}
        return Change(update.at, self.id, values={competitor.id: values})

    def _flag(self, update: FlagChanged) -> Change:
        self.flag, self.flag_text = update.flag, update.text
        session: dict[str, Value] = {"flag": update.flag.value, "flag_text": update.text}
        return Change(update.at, self.id, session=session, facts=(update,))

    def _clock(self, update: ClockChanged) -> Change:
        self.clock = Clock(update.at, update.mode, update.ms, update.text)
        session: dict[str, Value] = {
            "clock_at": update.at,
            "clock_mode": update.mode.value,
            "clock_ms": update.ms,
            "clock_text": update.text,
        }
        return Change(update.at, self.id, session=session)

    def _notes(self, update: NotesAdded) -> Change:
        self.notes.extend(update.notes)
        del self.notes[:-MAX_NOTES]
        return Change(update.at, self.id, facts=(update,))

    def _notes_cleared(self, update: NotesCleared) -> Change:
        return Change(update.at, self.id, facts=(update,))

    def _message(self, update: MessageShown) -> Change:
        self.message, self.message_level = update.text, update.level
        session: dict[str, Value] = {"message": update.text, "message_level": update.level}
        return Change(update.at, self.id, session=session, facts=(update,))


_HANDLERS: Mapping[type, Callable[[Session, Any], Change]] = {
    SessionStarted: Session._started,
    SessionChanged: Session._changed,
    SessionEnded: Session._ended,
    BoardShown: Session._board,
    CellsChanged: Session._cells,
    PositionsChanged: Session._positions,
    Named: Session._named,
    Passed: Session._passed,
    LapCompleted: Session._lap,
    LapRevised: Session._revised,
    PitEntered: Session._pit_in,
    PitLeft: Session._pit_out,
    StatusChanged: Session._status,
    FlagChanged: Session._flag,
    ClockChanged: Session._clock,
    NotesAdded: Session._notes,
    NotesCleared: Session._notes_cleared,
    MessageShown: Session._message,
}
"""One handler for each member of `Update`; a test holds the two against each other. A table, because it is looked up
for every update of a day and `match` walks its cases."""
