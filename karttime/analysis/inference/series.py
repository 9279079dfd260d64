"""The rows of one place over time: who they are about, how they are updated, and what each field showed when."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from karttime.analysis.inference.structure import Place, leaves
from karttime.feeds.declared.paths import Path, entries, format_path
from karttime.feeds.declared.tables import KEY, PLACE
from karttime.feeds.declared.values import read_text

MAX_ROWS: Final = 150_000
MAX_SECTIONS: Final = 40
_MAX_COMPETITORS: Final = 600
_ENOUGH_KEYS: Final = 0.9
_QUIET_MS: Final = 60

Update = Literal["snapshot", "merge", "places"]


class RowSeen(NamedTuple):
    """One row of one message: when, the message's number, its key or index in the container, its scalars."""

    at: int
    message: int
    address: str
    leaves: Mapping[Path, Any]


class Sent(NamedTuple):
    """A body with its time and its number in the feed."""

    at: int
    number: int
    body: Any


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
        left: rows by key that came again after a message without them, which only snapshots have.
    """

    place: Place
    key: Path
    update: Update
    columns: dict[Path, Column] = field(default_factory=dict)
    sections: list[dict[str, Mapping[Path, Any]]] = field(default_factory=list)
    section_at: list[int] = field(default_factory=list)
    rows: int = 0
    messages: int = 0

    @property
    def key_text(self) -> str:
        """The key as a spec says it."""
        return KEY if self.key == (KEY,) else format_path(self.key)

    @property
    def competitors(self) -> int:
        """How many competitors there are at most at a time."""
        return max(map(len, self.sections), default=0)


def rows_of(place: Place, bodies: Sequence[Sent]) -> list[RowSeen]:
    """The rows at a place, of all messages of its kind, at most `MAX_ROWS`."""
    rows: list[RowSeen] = []
    for at, number, body in bodies:
        for keys, node in entries(body, place.path):
            if isinstance(node, dict | list):
                found = leaves(node, short=place.short)
                if found:
                    rows.append(RowSeen(at, number, keys[-1] if keys else "", found))
        if len(rows) > MAX_ROWS:
            break
    return rows


def read_series(place: Place, rows: Sequence[RowSeen]) -> Series | None:
    """The table of these rows; None where nothing identifies a competitor."""
    if not rows:
        return None
    key = _find_key(place, rows)
    if key is None:
        return None
    series = Series(place, key, _update(place, rows, key))
    _fold(series, rows)
    return series if series.sections else None


def _by_message(rows: Sequence[RowSeen]) -> dict[int, list[RowSeen]]:
    found: dict[int, list[RowSeen]] = defaultdict(list)
    for row in rows:
        found[row.message].append(row)
    return found


def _is_index(addresses: set[str]) -> bool:
    """Whether the keys of a container are indexes, 0 or 1 to n, rather than ids."""
    if not all(address.isdigit() for address in addresses):
        return False
    numbers = {int(address) for address in addresses}
    return max(numbers, default=0) < 1.6 * len(numbers) + 1


# --- the key --------------------------------------------------------------------------------------------------------


def _find_key(place: Place, rows: Sequence[RowSeen]) -> Path | None:
    messages = _by_message(rows)
    addresses = {row.address for row in rows}
    if place.by_key and not (_is_index(addresses) and _candidates(rows, messages, share=0.02)):
        return (KEY,)
    candidates = _candidates(rows, messages, share=_ENOUGH_KEYS)
    if not candidates and place.path:
        candidates = _candidates(rows, messages, share=0.02)  # rows by place whose key is sent once, or when it changes
    if not candidates:
        return (KEY,) if place.path and place.path[-1] == "*" and _is_index(addresses) and len(addresses) > 1 else None
    ranked = sorted(candidates.items(), key=lambda item: -item[1])
    return ranked[0][0]


def _candidates(
    rows: Sequence[RowSeen], messages: Mapping[int, Sequence[RowSeen]], *, share: float
) -> dict[Path, float]:
    """Fields that could be the key, with how well they are suited."""
    shown: Counter[Path] = Counter(
        path for row in rows for path, value in row.leaves.items() if value not in (None, "")
    )
    biggest = max(len(group) for group in messages.values())
    found: dict[Path, float] = {}
    for path, count in shown.items():
        if count < share * len(rows) or len(path) > 3:
            continue
        values = [read_text(row.leaves[path]) for row in rows if row.leaves.get(path) not in (None, "")]
        if not _may_be_key(values) or isinstance(rows[0].leaves.get(path), bool | float):
            continue
        distinct = len(set(values))
        if (distinct < 2 and biggest > 1) or distinct > _MAX_COMPETITORS:
            continue
        if biggest > 1:
            clashes = sum(_clashes(group, path) for group in messages.values())
            if clashes > 0.02 * count:
                continue
            if distinct > 3 * biggest + 10 and count < 4 * distinct:
                continue
        elif distinct < 2 or count / distinct < 1.5:
            continue
        found[path] = _suits(rows, path, values, distinct)
    return found


def _may_be_key(values: Sequence[str]) -> bool:
    return all(
        0 < len(value) <= 64 and not ("." in value and value.replace(".", "").isdigit()) for value in values
    ) and (sum(":" in value for value in values) < 0.5 * len(values))


def _clashes(group: Sequence[RowSeen], path: Path) -> int:
    values = [read_text(row.leaves.get(path)) for row in group if row.leaves.get(path) not in (None, "")]
    return len(values) - len(set(values))


def _suits(rows: Sequence[RowSeen], path: Path, values: Sequence[str], distinct: int) -> float:
    """How constant everything else is for a key: what belongs to a competitor stays with the right one."""
    kept = changed = 0
    last: dict[tuple[str, Path], Any] = {}
    for row in rows[:20_000]:
        key = read_text(row.leaves.get(path))
        if not key:
            continue
        for other, value in row.leaves.items():
            if other == path or not isinstance(value, str) or not any(c.isalpha() for c in value):
                continue
            before = last.get((key, other))
            last[(key, other)] = value
            if before is not None:
                kept += before == value
                changed += before != value
    score = 10.0 * (kept + 1) / (kept + changed + 1)
    numbers = {int(value) for value in values if value.isascii() and value.isdigit() and len(value) < 10}
    if len(numbers) == distinct and numbers == set(range(min(numbers), min(numbers) + distinct)) and min(numbers) < 2:
        score -= 1.0  # like positions
    if all(value.isascii() and value.isdigit() for value in values):
        score += 0.4
    elif any(" " in value for value in values):
        score -= 0.6
    score += _NAMED.get("".join(c for c in path[-1].lower() if c.isalpha()), 0.0)
    return score - 0.1 * len(path) - 0.02 * max(map(len, values[:200]))


_NAMED: Final[Mapping[str, float]] = {
    **dict.fromkeys(("id", "key", "uid", "guid"), 0.5),
    **dict.fromkeys(("no", "nr", "number", "num", "startnumber", "startnr", "carnumber", "stnr", "racingnumber"), 0.45),
    **dict.fromkeys(("competitorid", "participantid", "driverid", "entryid", "carid", "kart", "transponder"), 0.3),
    **dict.fromkeys(("pos", "position", "rank", "place"), -1.0),
}


# --- how rows are updated -------------------------------------------------------------------------------------------


def _update(place: Place, rows: Sequence[RowSeen], key: Path) -> Update:
    if not place.path:
        return "merge"
    if key != (KEY,):
        with_key = sum(1 for row in rows if row.leaves.get(key) not in (None, ""))
        if with_key < 0.9 * len(rows):
            return "places"
    messages = _by_message(rows)
    if len(messages) == 1:
        return "snapshot"
    sizes = sorted(len(group) for group in messages.values())
    widths = sorted(len(row.leaves) for row in rows)
    keys = {row.address if key == (KEY,) else read_text(row.leaves.get(key)) for row in rows[-2000:]}
    many = sizes[len(sizes) // 2] >= 0.7 * sizes[-1] and len(keys) <= 1.6 * sizes[-1] + 1
    wide = widths[len(widths) // 4] >= 0.6 * widths[-1]
    return "snapshot" if many and wide else "merge"


def _fold(series: Series, rows: Sequence[RowSeen]) -> None:
    """Play the rows: changes by column, and the whole table at some moments."""
    messages = _by_message(rows)
    step = max(len(messages) // MAX_SECTIONS, 1)
    state: dict[str, dict[Path, Any]] = {}
    who: dict[str, str] = {}
    groups = list(messages.values())
    due = False
    for count, group in enumerate(groups, 1):
        present: dict[str, None] = {}
        for row in group:
            key = _key_of(series, row, who)
            if key and (key in state or len(state) < _MAX_COMPETITORS):
                present[key] = None
                _merge(series, state, key, row)
        if series.update == "snapshot":
            state = {key: state[key] for key in present}
        due = due or count % step == 0
        if state and (count == len(groups) or (due and _quiet(group, groups[count]))):
            due = False
            series.sections.append({key: dict(values) for key, values in state.items()})
            series.section_at.append(group[-1].at)
    series.rows, series.messages = len(rows), len(messages)


def _quiet(group: Sequence[RowSeen], after: Sequence[RowSeen]) -> bool:
    """Whether nothing more comes at once: one crossing is told in several messages, between which boards are torn."""
    return after[0].at - group[-1].at >= _QUIET_MS


def _key_of(series: Series, row: RowSeen, who: dict[str, str]) -> str:
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
    if series.update != "merge" and row.address.isdigit() and not series.place.by_key:
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
