"""Rows of declared tables, kept as they were sent last: messages in, changes by competitor out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from karttime.feeds.declared.cells import reading_of
from karttime.feeds.declared.paths import entries, get, parse_path
from karttime.feeds.declared.spec import TableSpec
from karttime.feeds.declared.values import read_text

MAX_ROWS: Final = 2_000
KEY: Final = "@key"
PLACE: Final = "@place"


_SOME: Final[Sequence[Any]] = []
"""Stands for any object or list, which no field is: they may be nested too deep to be compared."""


def _same(before: object, now: object) -> bool:
    try:
        return before == now
    except RecursionError:
        return False


class RowChange(NamedTuple):
    """What changed in one row: its key, and values by index of the field. `left`: the row is gone."""

    key: str
    values: dict[int, Any]


class _Source:
    """Where rows of a table are sent, and how."""

    def __init__(self, rows: str, key: str, update: str) -> None:
        self.path = parse_path(rows)
        self.key = None if key == KEY else parse_path(key)
        self.update = update


class Rows:
    """The rows of one table.

    Attributes:
        spec: the declaration.
        keys: of the rows that are there now, in order of appearance.
        refused: rows that were not taken, by reason.
        unread: values that make no sense under their role, by index of the field; `read`: all that were shown.
    """

    def __init__(self, spec: TableSpec, *, fresh: bool = False) -> None:
        """`fresh`: the values of a message are never changed by a later one, as they are where deltas name paths."""
        self.spec = spec
        self.keys: dict[str, None] = {}
        self.refused: Counter[str] = Counter()
        self.read: Counter[int] = Counter()
        self.unread: Counter[int] = Counter()
        self._sources = [_Source(one.rows, one.key, one.update) for one in (spec, *spec.also)]
        self._fields = [(index, parse_path(field.path), field) for index, field in enumerate(spec.fields)]
        self._paths = [
            (i, path[0] if len(path) == 1 else "", path) for i, path, f in self._fields if f.path not in (PLACE, KEY)
        ]
        self._place = next((i for i, _, field in self._fields if field.path == PLACE), None)
        self._key_shown = next((i for i, _, field in self._fields if field.path == KEY), None)
        self._readable = [reading_of(field) for field in spec.fields]
        self._state: dict[str, dict[int, Any]] = {}
        self._fresh = fresh and not spec.also
        self._sent: dict[str, tuple[Any, str]] = {}  # rows of snapshots as they were sent last, most are sent again
        self._key_at: dict[str, str] = {}  # rows by place: who is in it
        self._places: dict[str, dict[int, Any]] = {}

    def forget(self) -> None:
        """A new session: nobody is there any more."""
        self.keys, self._state, self._key_at, self._places, self._sent = {}, {}, {}, {}, {}

    def values(self, key: str) -> dict[int, Any]:
        """All that is known of a row."""
        return self._state.get(key, {})

    def take(self, body: Any, source: int = 0) -> tuple[list[RowChange], bool]:
        """The rows that a message changes, and whether somebody came or left.

        Args:
            body: of a message of the source's kind.
            source: 0 for the table's own place, else the number in `also`, from 1.
        """
        place = self._sources[source]
        if place.update == "places":
            return self._take_places(body, place)
        changes: list[RowChange] = []
        sent: dict[str, None] = {}
        snapshot = place.update == "snapshot"
        for address, key, node in self._rows(body, place):
            if key in sent and snapshot:
                self.refused["same-key-twice"] += 1
                continue
            sent[key] = None
            if snapshot and self._fresh:
                row = (node, address if self._place is not None else "")
                if _same(self._sent.get(key), row):
                    continue
                self._sent[key] = row
            changed = self._merge(key, self._read(node, address, whole=snapshot))
            if changed is not None:
                changes.append(RowChange(key, changed))
        came = not sent.keys() <= self.keys.keys()
        gone = [key for key in self.keys if key not in sent] if snapshot and sent else []
        for key in gone:
            self._state.pop(key, None)
            self._sent.pop(key, None)
        if snapshot and sent:
            self.keys = sent
        else:
            self.keys |= sent
        return changes, came or bool(gone)

    def _rows(self, body: Any, place: _Source) -> Iterator[tuple[str, str, Any]]:
        for keys, node in entries(body, place.path):
            address = keys[-1] if keys else ""
            key = address if place.key is None else read_text(get(node, place.key))
            if not key:
                self.refused["row-without-key"] += 1
            elif key not in self._state and len(self._state) >= MAX_ROWS:
                self.refused["too-many-rows"] += 1
            else:
                yield address, key, node

    def _take_places(self, body: Any, source: _Source) -> tuple[list[RowChange], bool]:
        """Rows that are places: what is sent stays with the place, whoever is in it now has all that stands there."""
        changes: list[RowChange] = []
        for keys, node in entries(body, source.path):
            address = keys[-1] if keys else ""
            place = self._places.get(address)
            if place is None:
                if len(self._places) >= MAX_ROWS:
                    self.refused["too-many-rows"] += 1
                    continue
                place = self._places[address] = {}
            place.update(self._read(node, address, whole=False))
            sent = read_text(get(node, source.key)) if source.key is not None else address
            key = self._key_at[address] = sent or self._key_at.get(address, "")
            if not key:
                self.refused["row-without-key"] += 1
                continue
            changed = self._merge(key, place)
            if changed is not None:
                changes.append(RowChange(key, changed))
        present = dict.fromkeys(key for key in self._key_at.values() if key)
        other = present.keys() != self.keys.keys()
        self.keys = present
        return changes, other

    def _read(self, node: Any, address: str, *, whole: bool) -> dict[int, Any]:
        values: dict[int, Any] = {}
        if isinstance(node, dict):
            for index, name, path in self._paths:
                value = node.get(name) if name else get(node, path)
                if value is not None or whole:
                    values[index] = _SOME if isinstance(value, dict | list) else value
        else:
            for index, _, path in self._paths:
                value = get(node, path)
                if value is not None or whole:
                    values[index] = _SOME if isinstance(value, dict | list) else value
        if self._place is not None and address.isdigit():
            values[self._place] = int(address) + 1
        return values

    def _merge(self, key: str, values: dict[int, Any]) -> dict[int, Any] | None:
        """What is different now; None for nothing. A row that comes is a change also when it holds nothing."""
        if self._key_shown is not None:
            values[self._key_shown] = key
        before = self._state.get(key)
        if before is None:
            before = self._state[key] = {}
            changed = values
        else:
            changed = {index: value for index, value in values.items() if before.get(index) != value}
            if not changed:
                return None
        for index, value in changed.items():
            self.read[index] += 1
            if not self._readable[index](value):
                self.unread[index] += 1
        before.update(changed)
        return changed
