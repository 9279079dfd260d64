"""The decoder of declared feeds: one interpreter for every `FeedSpec`.

A frame is unwrapped into messages (`framing.py`), messages change rows (`tables.py`) and session facts (`facts.py`),
rows become cells and names (`entrants.py`), laps (`laps.py`), states and other events (`events.py`), and sessions begin
(`sittings.py`). Nothing of a spec or a feed is executed.

A session begins with the first row; a new one when the declared rule says so: a title changes, or most lap counters
fall.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId, SessionId
from karttime.domain.updates import (
    BoardRow,
    BoardShown,
    Cell,
    CellsChanged,
    FlagChanged,
    LapCompleted,
    Named,
    PositionsChanged,
    Provenance,
    SessionChanged,
    SessionStarted,
    Update,
)
from karttime.feeds.base import Rejection
from karttime.feeds.declared.cells import board_columns, used_fields
from karttime.feeds.declared.entrants import Entrant, Role, columns_by_role, names_changed
from karttime.feeds.declared.events import LapRows, lap_completed, state_changed
from karttime.feeds.declared.facts import Facts, session_kind
from karttime.feeds.declared.framing import Unreadable, Unwrapper
from karttime.feeds.declared.laps import Decided
from karttime.feeds.declared.sittings import Sittings
from karttime.feeds.declared.spec import FeedSpec, FieldRole, TableSpec
from karttime.feeds.declared.tables import Rows
from karttime.feeds.declared.transport import unpack
from karttime.feeds.declared.values import read_text
from karttime.feeds.frame import Frame

_LATEST_AT: Final = 253_402_300_799_000
_ALONE: Final = 2
"""So many new rows at a time came because they crossed the line; more are a board."""
_NUMBER: Final = (FieldRole.NUMBER, "")


class _Table:
    """A table with the roles that its fields fill on the board."""

    def __init__(self, spec: TableSpec, feed: FeedSpec) -> None:
        self.spec = spec
        self.rows = Rows(spec, fresh=not feed.framing.patches)
        used = used_fields(feed)
        self.used: Mapping[int, Role] = {
            index: (field.role, field.part)
            for index, field in enumerate(spec.fields)
            if used.get((field.role, field.part), (None, None))[1] is field
        }
        first = next((table for table in feed.tables if table.holds == "standings"), None)
        self.leads = spec is first


class DeclaredDecoder:
    """Decodes one feed as its spec declares. Feed it every frame in order, also over reconnects."""

    def __init__(self, spec: FeedSpec) -> None:
        self.spec = spec
        kinds = frozenset(one.kind for table in spec.tables for one in (table, *table.also))
        kinds |= {field.kind for field in spec.session}
        self._unwrapper = Unwrapper(spec.framing, kinds - {""})
        self.tables = [_Table(table, spec) for table in spec.tables]
        self._lead = next((table for table in self.tables if table.leads), None)
        self._single = self._lead is not None and not any(one.rows for one in (self._lead.spec, *self._lead.spec.also))
        self._by_kind: dict[str, list[tuple[_Table, int]]] = {}
        for table in self.tables:
            for source, one in enumerate((table.spec, *table.spec.also)):
                self._by_kind.setdefault(one.kind, []).append((table, source))
        self._columns = board_columns(spec)
        self._column = columns_by_role(self._columns)
        self._facts = Facts(spec.session)
        self._entrants: dict[str, Entrant] = {}
        self._by_number: dict[str, str] = {}
        self._waiting: dict[str, Entrant] = {}
        self._laps = LapRows()
        self._sittings = Sittings(spec.sessions)
        self._refused: Counter[str] = Counter()
        self._frame = -1
        self._sessions = 0
        self._flag = Flag.NONE
        self._out: list[Update | Rejection] = []
        self._touched: dict[Entrant, dict[Role, None]] = {}
        self._board_due = False
        self._new: list[Entrant] = []  # in this frame
        self._lap_rows: list[tuple[_Table, dict[int, Any]]] = []

    @property
    def refused(self) -> Mapping[str, int]:
        """How much was refused so far, by reason."""
        return sum((table.rows.refused for table in self.tables), self._refused)

    @property
    def doubts(self) -> Sequence[str]:
        """What cannot be known, in sentences."""
        if self._frame >= 0 and not self._entrants:
            return ("no row was received that the spec explains",)
        if self.spec.laps.by == "none":
            return ("the feed shows no laps as they are driven: only its standings are told",)
        return ()

    def feed(self, frame: Frame) -> Sequence[Update | Rejection]:
        """Decode one frame. Never raises on what a feed sends."""
        self._frame += 1
        self._out = []
        if frame.direction == "out":
            return ()
        text = frame.text if frame.text is not None else unpack(frame.data or b"")
        if text is None:
            return (self._refuse(frame, "binary", repr((frame.data or b"")[:60])),)
        try:
            messages = self._unwrapper.messages(text)
        except Unreadable as reason:
            return (self._refuse(frame, str(reason), text),)
        at = frame.at
        for kind, body in messages:
            self._out += self._facts.take(at, kind, body)
            for table, source in self._by_kind.get(kind, ()):
                self._take(table, body, source)
        self._end_of_frame(at)
        return self._out

    def feed_many(self, frames: Iterable[Frame]) -> Iterator[Update | Rejection]:
        """Decode frames that nobody watches one by one (see `Decoder.feed_many`)."""
        for frame in frames:
            yield from self.feed(frame)

    def _refuse(self, frame: Frame, reason: str, sample: str) -> Rejection:
        self._refused[reason] += 1
        return Rejection(frame.at, self._frame, reason, sample[:200])

    # --- rows ---

    def _take(self, table: _Table, body: Any, source: int) -> None:
        changes, other_rows = table.rows.take(body, source)
        if table.spec.holds == "laps":
            self._lap_rows += [(table, table.rows.values(key)) for key, _ in changes]
            return
        if table.leads and other_rows:
            self._board_due = True
        for key, values in changes:
            entrant = self._entrant(table, key)
            if entrant is None:
                continue
            roles = self._touched.setdefault(entrant, {})
            for index, value in values.items():
                role = table.used.get(index)
                if role is not None:
                    field = table.spec.fields[index]
                    if entrant.take(role, value, field, self._column.get(field.role)) or field.role in _EVENTS:
                        roles[role] = None
                    if role == _NUMBER and value is not None:
                        self._by_number[read_text(value)] = key

    def _entrant(self, table: _Table, key: str) -> Entrant | None:
        if table.spec.key_is == "number" and not table.leads:
            key = self._by_number.get(key, key)
        entrant = self._entrants.get(key)
        if entrant is None:
            if len(self._entrants) >= 2000:
                self._refused["too-many-rows"] += 1
                return None
            entrant = self._entrants[key] = Entrant(key, by_count=self.spec.laps.by == "count")
            self._new.append(entrant)
            self._board_due = self._board_due or table.leads
        return entrant

    # --- the end of a frame ---

    def _end_of_frame(self, at: int) -> None:
        self._greet(at)
        left = self._board_due and self._sessions  # somebody may have left, and nothing else
        if (
            self._touched
            or self._lap_rows
            or left
            or (self._sessions and self._sittings.is_called_otherwise(self._facts))
        ):
            self._sessions_of(at)
            self._show(at)
            for entrant, roles in self._touched.items():
                if entrant.id not in self._sittings.hidden:
                    self._tell(at, entrant, roles)
            for table, values in self._lap_rows:
                self._lap_row(at, table, values)
            self._touched, self._lap_rows = {}, []
        self._expire(at)
        for update in self._out:
            if isinstance(update, FlagChanged):
                self._flag = update.flag

    def _greet(self, at: int) -> None:
        """Say of who is new whether it came by itself, which the first of all is not known to have yet."""
        for entrant in self._new:
            entrant.tracker.alone = self._sessions > 0 and len(self._new) <= _ALONE
            entrant.tracker.first = self._single and self._sessions == 0 and len(self._new) == 1
        if self._new and self._sessions and len(self._entrants) > _ALONE:
            for entrant in self._waiting.values():
                entrant.tracker.joined(at)
        self._new = []

    def _expire(self, at: int) -> None:
        """Decide laps that have waited long enough."""
        for key, entrant in [*self._waiting.items()]:
            lap = entrant.tracker.expire(at)
            if lap is not None:
                self._out.append(self._lap(entrant, lap))
            if entrant.tracker.rose is None:
                del self._waiting[key]

    def _sessions_of(self, at: int) -> None:
        """Start the first session, or a new one."""
        sittings, told_of = self._sittings, [*self._touched]
        why = sittings.begins(at, self._facts, self._entrants, told_of, self._gone())
        if why:
            self._start(at, why)
        else:
            self._retitle(at)
        lead = self._lead
        merged = lead is not None and lead.spec.update == "merge"
        if self._sessions > 1:
            for entrant in told_of:
                if entrant.id in sittings.hidden:
                    self._touch_all(entrant)
            self._board_due |= sittings.told(told_of, merged=merged)

    def _touch_all(self, entrant: Entrant) -> None:
        """For a session that does not know it: all that is known is told."""
        entrant.forget_state()
        self._touched.setdefault(entrant, {}).update(dict.fromkeys(entrant.values))

    def _retitle(self, at: int) -> None:
        facts, sittings = self._facts, self._sittings
        if sittings.is_called_otherwise(facts):
            sittings.title, sittings.track = facts.title, facts.track
            self._out.append(SessionChanged(at, session_kind(facts.title), "", facts.title, facts.track))

    def _gone(self) -> int:
        """How many who had driven left the board just now, while nobody who stays has driven."""
        lead = self._lead
        if lead is None or lead.spec.update != "snapshot" or not self._board_due:
            return 0
        stay = [entrant for key, entrant in self._entrants.items() if key in lead.rows.keys]
        if any((entrant.laps or 0) > 1 for entrant in stay):
            return 0
        return sum(1 for key, e in self._entrants.items() if key not in lead.rows.keys and (e.tracker.count or 0) >= 2)

    def _start(self, at: int, why: str) -> None:
        self._sessions += 1
        began = datetime.fromtimestamp(min(max(at, 0), _LATEST_AT) / 1000, UTC)
        name = SessionId(f"{began:%Y%m%dT%H%M%SZ}-{self._sessions}")
        facts = self._facts
        kind = session_kind(facts.title)
        started = SessionStarted(
            at, name, kind, "", facts.title, facts.track, Provenance((self._frame,), "session", why)
        )
        waited = [(entrant, lap) for entrant in self._waiting.values() if (lap := entrant.tracker.flush()) is not None]
        self._out[0:0] = [*(self._lap(entrant, lap) for entrant, lap in waited), started]
        self._waiting = {}
        self._laps.forget()
        if self._sessions > 1 and self._lead is not None:
            self._entrants = {key: one for key, one in self._entrants.items() if key in self._lead.rows.keys}
        earlier = self._sittings.started(at, facts, self._entrants, why)
        for key, entrant in self._entrants.items():
            if self._sessions > 1 and key not in earlier and not entrant.tracker.starts_anew():
                entrant.tracker.reset(entrant.laps, entrant.last)
            self._touch_all(entrant)
        self._board_due = True
        if self._sessions > 1:
            after = len(waited) + 1
            self._out[after:after] = [update for update in self._facts.latest.values() if update not in self._out]

    def _is_present(self, key: str) -> bool:
        lead = self._lead
        return lead is None or (key in lead.rows.keys and key not in self._sittings.hidden)

    def _show(self, at: int) -> None:
        if not self._board_due:
            cells: dict[CompetitorId, Mapping[int, Cell]] = {}
            positions: dict[CompetitorId, int] = {}
            for entrant, roles in self._touched.items():
                changed = {column: entrant.cells[column] for role, _ in roles if (column := self._column.get(role))}
                if changed:
                    cells[entrant.id] = changed
                if (FieldRole.POSITION, "") in roles:
                    positions[entrant.id] = entrant.position
            if cells:
                self._out.append(CellsChanged(at, cells))
            if positions:
                self._out.append(PositionsChanged(at, positions))
            return
        self._board_due = False
        shown = [entrant for key, entrant in self._entrants.items() if self._is_present(key)]
        rows = {entrant.id: BoardRow(entrant.position, dict(entrant.cells)) for entrant in shown}
        self._out.append(BoardShown(at, self._columns, rows))

    def _tell(self, at: int, entrant: Entrant, roles: Mapping[Role, None]) -> None:
        """Names, state and laps of one competitor."""
        if names_changed(roles):
            has = {role for role, _ in self._used}
            team = entrant.team() if FieldRole.TEAM in has else None
            driver = entrant.driver() if FieldRole.DRIVER in has else None
            self._out.append(Named(at, entrant.id, team, driver))
        if (FieldRole.STATUS, "") in roles or (FieldRole.IN_PIT, "") in roles:
            changed = state_changed(at, entrant)
            if changed is not None:
                self._out.append(changed)
        count = entrant.laps
        for lap in entrant.tracker.show(at, self._frame, count, entrant.last) if self.spec.laps.by != "rows" else ():
            self._out.append(self._lap(entrant, lap))
        if entrant.tracker.rose is not None:
            self._waiting[entrant.id] = entrant

    @property
    def _used(self) -> Iterable[Role]:
        return (role for table in self.tables for role in table.used.values())

    def _lap(self, entrant: Entrant, lap: Decided) -> LapCompleted:
        return lap_completed(entrant, lap, self._flag)

    def _lap_row(self, at: int, table: _Table, values: Mapping[int, Any]) -> None:
        row = self._laps.read(table.spec, values, self._by_number)
        if row is None:
            return
        entrant = self._entrants.get(row.key)
        if entrant is None:
            self._refused["lap-of-nobody"] += 1
            return
        lap = Decided(row.time_ms, at, (self._frame,), "row", first=row.number == 1)
        self._out.append(self._lap(entrant, lap))


_EVENTS: Final = frozenset({FieldRole.IN_PIT, FieldRole.STATUS, FieldRole.DRIVER, FieldRole.TEAM})
