"""The rows of one place over time: who they are about, how they are updated, and what each field showed when."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple

from karttime.analysis.inference.keys import MAX_COMPETITORS
from karttime.analysis.inference.rows import RowSeen, by_message
from karttime.analysis.inference.structure import Place
from karttime.feeds.declared.paths import Path, format_path
from karttime.feeds.declared.tables import KEY, PLACE
from karttime.feeds.declared.values import read_text

MAX_SECTIONS: Final = 40
_LATEST: Final = 400
QUIET_MS: Final = 60
"""One crossing is told in several messages, sent so close together; between them a board is torn."""

Update = Literal["snapshot", "merge", "places"]


class Change(NamedTuple):
    """A value that a competitor's field took."""

    at: int
    message: int
    value: Any


@dataclass(slots=True)
class Column:
    """One field of a table: its changes by competitor, in order."""

    path: Path
    changes: dict[str, list[Change]] = field(default_factory=dict)
    index: int = 0

    @property
    def text(self) -> str:
        """Its path as text."""
        return format_path(self.path)


class Also(NamedTuple):
    """Another place where rows of a table are sent: kind of the messages, place, key as a spec says it, update."""

    kind: str
    place: Place
    key: str
    update: Update


@dataclass(slots=True)
class Series:
    """A table over time.

    Attributes:
        place: where its rows are.
        key: path of the field that identifies a competitor, or `@key`.
        update: how rows are updated.
        columns: by path.
        sections: what the whole table showed at some moments: rows by competitor, in the order of the board.
        section_at: times of these moments.
        rows: how many rows were seen; `messages`: in how many messages.
        also: other places where its rows are sent.
        timed: whether the recording keeps times.
    """

    place: Place
    key: Path
    update: Update
    columns: dict[Path, Column] = field(default_factory=dict)
    sections: list[dict[str, Mapping[Path, Any]]] = field(default_factory=list)
    section_at: list[int] = field(default_factory=list)
    rows: int = 0
    messages: int = 0
    also: Sequence[Also] = ()
    timed: bool = True

    @property
    def key_text(self) -> str:
        """The key as a spec says it."""
        return KEY if self.key == (KEY,) else format_path(self.key)

    @property
    def competitors(self) -> int:
        """How many competitors there are at most at a time."""
        return max(map(len, self.sections), default=0)


def read_series(
    place: Place, key: Path, rows: Sequence[RowSeen], also: Sequence[Also] = (), *, timed: bool = True
) -> Series | None:
    """The table of these rows; None where it never shows anything.

    Args:
        place: of the table.
        key: what identifies a competitor there.
        rows: those at the place, and those of `also`, in the order in which they were sent.
        also: other places, by the number of the row's source less one.
        timed: whether the recording keeps times.
    """
    own = [row for row in rows if row.source == 0] if also else rows
    series = Series(place, key, find_update(place, own, key), also=also, timed=timed)
    _fold(series, rows)
    return series if series.sections else None


# --- how rows are updated -------------------------------------------------------------------------------------------


def _stay(messages: Mapping[Any, Sequence[RowSeen]], key: Path) -> bool:
    """Whether nearly every message has the rows of the one before: another heat has others, but begins only once."""
    sets = [
        {row.address if key == (KEY,) else read_text(row.leaves.get(key)) for row in group}
        for group in [*messages.values()][-_LATEST:]
    ]
    stay = sum(len(before & after) >= 0.9 * len(before) for before, after in pairwise(sets))
    return stay >= 0.85 * (len(sets) - 1)


def find_update(place: Place, rows: Sequence[RowSeen], key: Path) -> Update:
    """How these rows update their table."""
    if not place.path:
        return "merge"
    if key != (KEY,):
        with_key = sum(1 for row in rows if row.leaves.get(key) not in (None, ""))
        if with_key < 0.9 * len(rows):
            return "places"
    messages = by_message(rows)
    if len(messages) == 1:
        return "snapshot"
    sizes = sorted(len(group) for group in messages.values())
    widths = sorted(len(row.leaves) for row in rows)
    keys = {row.address if key == (KEY,) else read_text(row.leaves.get(key)) for row in rows[-2000:]}
    middle = sizes[len(sizes) // 2]
    many = middle >= 0.7 * sizes[-1] and len(keys) <= 1.6 * sizes[-1] + 1
    many = many or (middle >= max(0.5 * sizes[-1], 3) and _stay(messages, key))
    wide = widths[len(widths) // 4] >= 0.6 * widths[-1]
    return "snapshot" if many and wide else "merge"


def _fold(series: Series, rows: Sequence[RowSeen]) -> None:
    """Play the rows: changes by column, and the whole table at some moments."""
    messages = by_message(rows)
    step = max(len(messages) // MAX_SECTIONS, 1)
    state: dict[str, dict[Path, Any]] = {}
    who: dict[str, str] = {}
    at_place: dict[str, dict[Path, Any]] = {}
    groups = list(messages.values())
    updates = (series.update, *(one.update for one in series.also))
    due = False
    for count, group in enumerate(groups, 1):
        present: dict[str, None] = {}
        for row in _standing(group, at_place) if updates[group[0].source] == "places" else group:
            key = _key_of(series, row, who)
            if key and (key in state or len(state) < MAX_COMPETITORS):
                present[key] = None
                _merge(series, state, key, row)
        if updates[group[0].source] == "snapshot":
            state = {key: state[key] for key in present}
        due = due or count % step == 0
        if state and (count == len(groups) or (due and _quiet(group, groups[count]))):
            due = False
            series.sections.append({key: dict(values) for key, values in state.items()})
            series.section_at.append(group[-1].at)
    series.rows, series.messages = len(rows), len(messages)
    if series.key == (KEY,) and series.place.by_key and not any(_is_key(column) for column in series.columns.values()):
        _show_key(series)


def _is_key(column: Column) -> bool:
    """Whether a field shows what the key of its row is."""
    same = sum(read_text(changes[-1].value) == key for key, changes in column.changes.items())
    return same >= max(2, 0.9 * len(column.changes))


def _show_key(series: Series) -> None:
    """Keys that no field shows are a field of their own: they may be start numbers."""
    column = series.columns[(KEY,)] = Column((KEY,), index=len(series.columns))
    for at, section in zip(series.section_at, series.sections, strict=True):
        for key, row in section.items():
            section[key] = {**row, (KEY,): key}
            column.changes.setdefault(key, [Change(at, 0, key)])


def _standing(group: Sequence[RowSeen], at_place: dict[str, dict[Path, Any]]) -> Iterator[RowSeen]:
    """Rows of places as they are now: whoever is there has all that stands there, not only what was sent."""
    for row in group:
        stands = at_place[row.address] = {**at_place.get(row.address, {}), **row.leaves}
        yield row._replace(leaves=stands)


def _quiet(group: Sequence[RowSeen], after: Sequence[RowSeen]) -> bool:
    """Whether nothing more comes at once: one crossing is told in several messages, between which boards are torn."""
    return after[0].at - group[-1].at >= QUIET_MS


def _key_of(series: Series, row: RowSeen, who: dict[str, str]) -> str:
    if row.key is not None:
        return row.key
    if series.key == (KEY,):
        return row.address
    key = read_text(row.leaves.get(series.key))
    if series.update == "places":
        if key:
            who[row.address] = key
        key = who.get(row.address, "")
    return key


def _merge(series: Series, state: dict[str, dict[Path, Any]], key: str, row: RowSeen) -> None:
    values = state.setdefault(key, {})
    if series.update != "merge" and row.source == 0 and row.address.isdigit() and not series.place.by_key:
        _set(series, values, key, row, (PLACE,), int(row.address) + 1)
    for path, value in row.leaves.items():
        _set(series, values, key, row, path, value)


def _set(series: Series, values: dict[Path, Any], key: str, row: RowSeen, path: Path, value: Any) -> None:
    if path in values and values[path] == value:
        return
    values[path] = value
    column = series.columns.get(path)
    if column is None:
        column = series.columns[path] = Column(path, index=len(series.columns))
    changes = column.changes.setdefault(key, [])
    if not changes or changes[-1].value != value:
        changes.append(Change(row.at, row.message, value))
