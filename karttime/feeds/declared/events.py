"""What happens to one competitor, as updates: its state, its laps, and laps that a table of laps tells."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from karttime.domain.flags import Flag
from karttime.domain.updates import (
    LapCompleted,
    LapFlag,
    PitEntered,
    PitLeft,
    Provenance,
    Status,
    StatusChanged,
    Update,
)
from karttime.feeds.declared.cells import lap_ms
from karttime.feeds.declared.entrants import Entrant
from karttime.feeds.declared.laps import Decided
from karttime.feeds.declared.spec import FieldRole, FieldSpec, TableSpec
from karttime.feeds.declared.values import read_count, read_text

_MAX_LAP_ROWS: Final = 200_000


def state_changed(at: int, entrant: Entrant) -> Update | None:
    """What the state of a competitor has become; None where it is as before."""
    status = entrant.state()
    before, entrant.status = entrant.status, status
    in_pit = status is Status.IN_PIT
    entrant.pit = entrant.pit or in_pit
    was_in, entrant.in_pit = entrant.in_pit, in_pit
    if status is before:
        return None
    if in_pit and was_in is False:
        return PitEntered(at, entrant.id)
    if was_in and not in_pit and status in (Status.ON_TRACK, Status.OUT_LAP):
        return PitLeft(at, entrant.id)
    return StatusChanged(at, entrant.id, status)


def lap_completed(entrant: Entrant, lap: Decided, flag: Flag) -> LapCompleted:
    """A lap that was decided, under the flag that is shown."""
    flags = {LapFlag.FIRST} if lap.first else set()
    if entrant.pit:
        flags.add(LapFlag.PIT)
    entrant.pit = entrant.in_pit is True
    if lap.doubtful:
        flags.add(LapFlag.DOUBTFUL)
    if flag is Flag.CHEQUERED:
        flags.add(LapFlag.AFTER_FLAG)
    provenance = Provenance(lap.frames, lap.rule, lap.note)
    return LapCompleted(lap.at, entrant.id, lap.time_ms, provenance, entrant.sectors(lap.time_ms), frozenset(flags))


class LapRow(NamedTuple):
    """A row of a table of laps: whose, how long, which."""

    key: str
    time_ms: int
    number: int | None


class LapRows:
    """Rows of tables of laps, each once in a session."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, int]] = set()

    def forget(self) -> None:
        """A new session: its laps are counted from one again."""
        self._seen = set()

    def read(self, table: TableSpec, values: Mapping[int, Any], keys: Mapping[str, str]) -> LapRow | None:
        """A row that was not seen before; None for one that was, or that tells no lap.

        Args:
            table: that the row is of.
            values: by index of the field.
            keys: of competitors by start number.
        """
        fields: Sequence[FieldSpec] = table.fields
        found = {field.role: (values.get(index), field) for index, field in enumerate(fields)}
        owner = next((found[role] for role in (FieldRole.ID, FieldRole.NUMBER) if role in found), None)
        number, time = found.get(FieldRole.LAP_NUMBER), found.get(FieldRole.LAP_TIME)
        if owner is None or time is None:
            return None
        key = read_text(owner[0])
        if FieldRole.ID not in found or table.key_is == "number":
            key = keys.get(key, key)
        ms = lap_ms(time[0], time[1].unit)
        lap = read_count(number[0]) if number is not None else None
        if ms is None or not key or (lap is not None and (key, lap) in self._seen):
            return None
        if lap is not None and len(self._seen) < _MAX_LAP_ROWS:
            self._seen.add((key, lap))
        return LapRow(key, ms, lap)
