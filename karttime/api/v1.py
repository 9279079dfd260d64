"""The `karttime.v1` stream of one circuit: typed state, and numbered messages that change it.

| message | keys |
|---|---|
| `snapshot` | `circuit_id`, `epoch`, `seq`, `at`, `session`, `columns`, `competitors` (a list by position): all |
| `patch` | `seq`, `at`, and what changed: `session`, `columns` (whole), `competitors` by id, `removed` ids, facts |
| `resumed` | `circuit_id`, `epoch`, `seq`, `recovered` true: the messages after `seq` follow, none is missing |

**Values.** A field that is not there shows nothing; in a patch, null clears it. Times are whole milliseconds, moments
ISO 8601 UTC with `Z`, flags, kinds, roles and states from closed vocabularies. `gap` and `interval` are milliseconds,
or `{"laps": 2}` for whole laps, or `{"lap": 16}` on the leader's own row, who has done sixteen. A column says by
`field` where its value stands; a column without a typed field stands as text under its own id (`C9`).

**Facts** ride in the message that carries their consequence, in order, each with `at`: `laps` (`competitor_id`,
`number`, null for a lap of the session before, `time_ms`, null when the timekeeper took it away, `sectors_ms`, `flags`,
`driver`, `revised`: the last lap changed, `provenance`), `stops` (`competitor_id`, `event` in or out), `flags` (`flag`,
`text`), `messages` (`level`, `text`), `notes` (race control: `time` of day as shown, `kind`, `number`, `text`),
`sessions` (`id`, `event` started, changed or ended). A snapshot on request has none: facts are told once.

**Order.** `seq` grows by one with each message of the stream; a new session is the next message and a snapshot, all
else is a patch, a board that is shown anew included, and a patch may be empty. Folding a snapshot with the messages
after it (`karttime.client`) gives the state at every `seq`. `epoch` changes when that chain is broken; a restart of the
service does not break it.

**Coming back.** `?epoch=…&seq=…` of the last message gets `resumed` and what was missed, or, when that is not known
any more, a snapshot with `recovered` false. A client that reads too slowly gets a snapshot with `conflated` true in
place of its backlog. Messages are kept within `RingLimits` (2,000, a minute, 256 KiB) in memory, and the last 5,000 in
the journal; `MAX_MISSED` and `MAX_MISSED_SIZE` bound what one client is sent of them.
"""

import logging
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from karttime.api.facts import facts
from karttime.api.ring import Ring, RingLimits
from karttime.api.wire import iso
from karttime.client.fold import OutOfStepError, State, fold
from karttime.domain.columns import Column, Role
from karttime.domain.competitor import Competitor
from karttime.domain.display import clean
from karttime.domain.session import Change, Session
from karttime.domain.times import LapsGap, LeaderLap, TimeGap
from karttime.domain.values import FIELDS, Value
from karttime.engine.clock import Clock
from karttime.engine.hub import Publication
from karttime.storage.extract import Place
from karttime.storage.journal_file import Stored

log = logging.getLogger(__name__)

MAX_MISSED: Final = 5000  # messages
MAX_MISSED_SIZE: Final = 1024 * 1024  # bytes
BASE_EVERY: Final = 500  # messages, after which the whole state is written down anew

Fields = dict[str, Any]

_FIELD_NAMES: Final[Mapping[Role, str]] = {
    Role.POSITION: "position",
    Role.TEAM: "team",
    Role.DRIVER: "driver",
    Role.STATUS: "status",
    **{role: name for role, (name, _) in FIELDS.items()},
}
_MOMENTS: Final = frozenset(["started_at", "ended_at", "clock_at", "last_line_at"])


class Position(NamedTuple):
    """Where a client stopped listening; `seq` is None when what it said was no number."""

    epoch: str
    seq: int | None


class Step(NamedTuple):
    """One message of the stream.

    Attributes:
        seq: its number.
        message: as clients get it.
        base: the whole state after it, now and then; empty otherwise.
    """

    seq: int
    message: bytes
    base: bytes = b""


class _View(NamedTuple):
    """A state as clients have it; `at` as ISO 8601."""

    at: str
    session: Fields
    columns: list[Fields]
    competitors: dict[str, Fields]


def column_fields(columns: Iterable[Column]) -> list[Fields]:
    """The columns of a board as clients see them."""
    return [
        {
            "id": column.id,
            "role": column.role.value,
            "label": clean(column.label.strip()),
            "field": _FIELD_NAMES.get(column.role, column.id),
        }
        for column in columns
    ]


def typed_fields(values: Mapping[str, Value]) -> Fields:
    """Values as JSON has them, without those that show nothing."""
    fields: Fields = {}
    for name, value in values.items():
        if value is None:
            continue
        if name in _MOMENTS:
            if isinstance(value, int) and value > 0:
                fields[name] = iso(value)
        elif isinstance(value, str):
            if text := clean(value):
                fields[name] = text
        else:
            fields[name] = _number(value)
    return fields


def _number(value: int | bool | TimeGap | LapsGap | LeaderLap) -> int | bool | Fields:
    match value:
        case TimeGap(ms):
            return ms
        case LapsGap(laps):
            return {"laps": laps}
        case LeaderLap(lap):
            return {"lap": lap}
        case _:
            return value


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Fields:
    """What to set, and what to clear by null, to make one of the other."""
    changed: Fields = {name: value for name, value in new.items() if old.get(name) != value}
    for name in old:
        if name not in new:
            changed[name] = None
    return changed


class V1Stream:
    """One circuit's stream: what was sent last, its number, and the messages that may be asked for again.

    Attributes:
        epoch: a `seq` means nothing without it.
    """

    def __init__(self, circuit_id: str, *, clock: Clock, limits: RingLimits | None = None) -> None:
        self.epoch = secrets.token_hex(4)
        self._circuit_id = circuit_id
        self._clock = clock
        self._limits = limits
        self._unsure = False
        self._broken = False  # the next message begins a new epoch
        self._anew = False  # the next message is a snapshot
        self._since_base = BASE_EVERY  # a stream begins with one
        self._ring = Ring(limits)
        self._view = _View(iso(clock.wall_ms()), {}, [], {})
        self._layout: tuple[Column, ...] = ()
        self._plain: tuple[Column, ...] = ()
        self._snapshots: dict[tuple[tuple[str, bool], ...], list[bytes]] = {}

    @property
    def seq(self) -> int:
        """Number of the last message."""
        return self._ring.top

    def go_on(self, stored: Stored) -> bool:
        """Continue a stream where it was left, by this process or one before it; whether that could be."""
        state: State | None = None
        try:
            for message in (stored.base, *stored.messages):
                state = fold(state, orjson.loads(message))
        except (OutOfStepError, orjson.JSONDecodeError) as error:
            log.warning("The stream of %s begins anew: %s", self._circuit_id, error)
            return False
        if state is None or (state.epoch, state.seq) != (stored.epoch, stored.seq):
            log.warning("The stream of %s begins anew: the journal does not lead to its end", self._circuit_id)
            return False
        self.epoch = stored.epoch
        self._ring = Ring(self._limits, floor=stored.seq)
        self._since_base = len(stored.messages)
        columns = [dict(column) for column in state.columns]
        competitors = {key: dict(fields) for key, fields in state.competitors.items()}
        self._view = _View(state.at, dict(state.session), columns, competitors)
        self._unsure = True
        self._snapshots.clear()
        return True

    def begin(self, session: Session | None) -> None:
        """Begin with a session that runs already."""
        if session is not None:
            self._view = self._look(session, session.last_at, None)

    def new_epoch(self, *, at_once: bool) -> None:
        """Break the chain: `at_once`, or with the next message, so that nobody has to be told before it."""
        self._broken = not at_once
        if at_once:
            self.epoch = secrets.token_hex(4)
            self._ring = Ring(self._limits, floor=self.seq)
            self._since_base = BASE_EVERY
            self._snapshots.clear()

    def next_place(self) -> Place:
        """Where the next message will stand."""
        if self._broken:
            self.new_epoch(at_once=True)
            self._anew = True
        return Place(self.epoch, self.seq + 1)

    def take(self, item: Publication, *, anyway: bool = False) -> Step | None:
        """The message that a publication is worth, if any; `anyway` makes one that may be empty."""
        if item.session is None:
            return None
        changes = None if self._unsure or any(change.snapshot for change in item.changes) else item.changes
        self._unsure = True  # until the message is made: whatever fails on the way, the next one catches up
        view = self._look(item.session, item.at, changes)
        seq = self.next_place().seq
        step = (self._whole(seq, view) if self._anew else self._step(view)) | facts(item)
        made: Step | None = None
        if step or anyway:
            made = self._add(view, {"type": "patch", "seq": seq, "at": view.at} | step)
            self._anew = False
        self._view = view
        self._unsure = False
        return made

    def _add(self, view: _View, message: Fields) -> Step:
        dumped = orjson.dumps(message)
        self._ring.add(self._clock.monotonic(), dumped)
        self._snapshots.clear()
        self._since_base += 1
        base = b""
        if message["type"] == "snapshot":
            base = dumped
        elif self._since_base >= BASE_EVERY:
            base = orjson.dumps(self._whole(self.seq, view))
        if base:
            self._since_base = 0
        return Step(self.seq, dumped, base)

    def snapshot(self, notes: Mapping[str, bool]) -> bytes:
        """The state at `seq`; `notes` say why it comes."""
        return self.snapshots(notes)[0]

    def snapshots(self, notes: Mapping[str, bool]) -> list[bytes]:
        """The same in a list, which is one and the same for all who ask between two messages."""
        key = tuple(notes.items())
        messages = self._snapshots.get(key)
        if messages is None:
            messages = self._snapshots[key] = [orjson.dumps(self._whole(self.seq, self._view) | dict(notes))]
        return messages

    def has(self, position: Position) -> bool:
        """Whether everything after a position is in memory."""
        self._ring.trim(self._clock.monotonic())
        return position.epoch == self.epoch and position.seq is not None and position.seq >= self._ring.floor

    def resume(self, position: Position, older: Sequence[bytes] = ()) -> list[bytes] | None:
        """What a client missed since a position; None when that is not known any more.

        Args:
            position: the client's.
            older: the messages that follow it, from the journal, as many as there were.
        """
        if position.epoch != self.epoch or position.seq is None or self._broken:
            return None
        self._ring.trim(self._clock.monotonic())
        missed = self._ring.after(position.seq + len(older))
        if missed is None:
            return None
        missed = [*older, *missed]
        if len(missed) > MAX_MISSED or sum(map(len, missed)) > MAX_MISSED_SIZE:
            return None
        answer = {
            "type": "resumed",
            "circuit_id": self._circuit_id,
            "epoch": self.epoch,
            "seq": position.seq,
            "recovered": True,
        }
        return [orjson.dumps(answer), *missed]

    def _look(self, session: Session, at: int, changes: Collection[Change] | None) -> _View:
        """The session as it is; with changes, only what they name is looked at anew."""
        if session.columns is not self._layout:
            self._layout = session.columns
            self._plain = tuple(column for column in session.columns if column.role not in _FIELD_NAMES)
        old, competitors = self._view, session.competitors
        if changes is None:
            rows = {clean(it.id): self._row(session, it) for it in competitors.values() if it.on_board}
            return _View(iso(at), typed_fields(session.facts()), column_fields(session.columns), rows)
        rows = dict(old.competitors)
        for key in {key: None for change in changes for key in (*change.cells, *change.values)}:
            competitor = competitors.get(key)
            if competitor is not None and competitor.on_board:
                rows[clean(key)] = self._row(session, competitor)
        fields = typed_fields(session.facts()) if any(change.session for change in changes) else old.session
        return _View(iso(at), fields, old.columns, rows)

    def _row(self, session: Session, competitor: Competitor) -> Fields:
        fields = typed_fields(competitor.values(session.columns))
        for column in self._plain:
            cell = competitor.cells.get(column.index)
            if cell is not None and (text := clean(cell.text.strip())):
                fields[column.id] = text
        return fields

    def _step(self, new: _View) -> Fields:
        """What leads from the last state to this one: the keys of a patch, or of a snapshot for a new session."""
        old = self._view
        if new.session.get("id") != old.session.get("id"):
            return self._whole(self.seq + 1, new)
        known = old.competitors
        step: Fields = {}
        if session := difference(old.session, new.session):
            step["session"] = session
        if new.columns != old.columns:
            step["columns"] = new.columns
        moved = {key: row for key, row in new.competitors.items() if row is not known.get(key)}
        if competitors := {
            key: difference(known.get(key, {}), row) for key, row in moved.items() if row != known.get(key)
        }:
            step["competitors"] = competitors
        if removed := [key for key in known if key not in new.competitors]:
            step["removed"] = removed
        return step

    def _whole(self, seq: int, view: _View) -> Fields:
        ordered = sorted(view.competitors.items(), key=lambda item: item[1].get("position", 1_000_000))
        return {
            "type": "snapshot",
            "circuit_id": self._circuit_id,
            "epoch": self.epoch,
            "seq": seq,
            "at": view.at,
            "session": view.session,
            "columns": view.columns,
            "competitors": [{"id": key, **fields} for key, fields in ordered],
        }
