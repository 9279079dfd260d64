"""Rows of one table that are sent at several places: all at first, then what changed, under another name.

Two places are of one table when rows of the one have only fields that rows of the other have, of the same competitors,
when one sends rows seldom or in whole and the other some, and when they never say different things at a time. The
field that both have of a competitor is the key, also where another would suit the one place better: a start number that
is told once, and changes by an id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from karttime.analysis.inference.keys import are_like_positions, find_keys
from karttime.analysis.inference.rows import RowSeen, by_message
from karttime.analysis.inference.series import Also, find_update
from karttime.analysis.inference.structure import Place
from karttime.feeds.declared.paths import Path, format_path
from karttime.feeds.declared.tables import KEY
from karttime.feeds.declared.values import read_text

_LEAST_FIELDS: Final = 5
_SHARED: Final = 0.75
_SAMPLE: Final = 2_000
_MAX_SOURCES: Final = 16
_MAX_KEYS: Final = 6


@dataclass(slots=True)
class Sending:
    """Rows at one place of one kind of messages."""

    kind: str
    place: Place
    rows: list[RowSeen]
    names: frozenset[Path] = frozenset()
    each: float = 0.0  # rows per message
    _keys: list[Path] | None = None

    @classmethod
    def of(cls, kind: str, place: Place, rows: list[RowSeen], but: Path) -> "Sending":
        """With the fields that its rows have, but for the one that names the kind."""
        names = frozenset(path for row in rows[:_SAMPLE] for path in row.leaves) - {but}
        return cls(kind, place, rows, names, len(rows) / len(by_message(rows)))

    def key(self) -> Path | None:
        """What identifies a competitor in these rows."""
        return next(iter(self.keys()), None)

    def keys(self) -> list[Path]:
        """Every field that could identify a competitor, best first."""
        if self._keys is None:
            self._keys = find_keys(self.place, self.rows)
        return self._keys


@dataclass(frozen=True, slots=True)
class Joined:
    """A place with the rows of all that are of its table, in order, and what identifies a competitor in them."""

    sending: Sending
    key: Path | None
    rows: Sequence[RowSeen]
    also: Sequence[Also]


def join(sendings: Sequence[Sending]) -> list[Joined]:
    """Put rows of one table together; what belongs to no other place stays alone."""
    ranked = sorted(sendings, key=lambda s: (-len(s.names) * min(s.each, 50), s.kind, s.place.path))
    taken: set[int] = set()
    found: list[Joined] = []
    for number, whole in enumerate(ranked):
        if number in taken:
            continue
        others = range(number + 1, len(ranked)) if len(whole.names) >= _LEAST_FIELDS else ()
        possible = [n for n in others if n not in taken and _may_be_part(whole, ranked[n])]
        key, parts = _parts(whole, [ranked[n] for n in possible])
        sent = {id(part) for part, _ in parts}
        taken |= {n for n in possible if id(ranked[n]) in sent}
        found.append(_joined(whole, key, parts))
    return found


_Parts = list[tuple[Sending, tuple[Path, Also]]]


def _parts(whole: Sending, possible: Sequence[Sending]) -> tuple[Path | None, _Parts]:
    """The parts of a table and its key: the one that suits it best, or another that parts are sent by."""
    if not possible:
        return whole.key(), []
    for number, key in enumerate(whole.keys()[:_MAX_KEYS]):
        if number and not _is_as_good(whole, key):
            continue
        parts: _Parts = []
        for one in possible:
            if len(parts) < _MAX_SOURCES and (number == 0 or one.key() == key):
                part = _part(whole, key, one)
                parts += [] if part is None else [(one, part)]
        if parts:
            return key, parts
    return whole.key(), []


def _is_as_good(whole: Sending, key: Path) -> bool:
    """Whether another key says the same as the best one, competitor by competitor; a position does not."""
    best = whole.key()
    if best is None or best == (KEY,) or key == (KEY,):
        return False
    pairs = {(_key_of(row, best), _key_of(row, key)) for row in whole.rows[:_SAMPLE]}
    values = {value for _, value in pairs}
    return len(pairs) == len({one for one, _ in pairs}) == len(values) and not are_like_positions(values)


def _joined(whole: Sending, key: Path | None, parts: _Parts) -> Joined:
    if not parts:
        return Joined(whole, key, whole.rows, ())
    rows = [*whole.rows]
    for source, (part, (own, _)) in enumerate(parts, 1):
        rows += [row._replace(source=source, key=_key_of(row, own)) for row in part.rows]
    rows.sort(key=lambda row: (row.message, row.source))
    return Joined(whole, key, rows, [also for _, (_, also) in parts])


def _may_be_part(whole: Sending, part: Sending) -> bool:
    """Whether fields and numbers of rows allow it."""
    shared = part.names & whole.names
    if len(shared) < max(2, _SHARED * len(part.names)) or _is_inside(whole, part) or _is_inside(part, whole):
        return False
    own, other = {row.message for row in part.rows}, {row.message for row in whole.rows}
    if len(own & other) > 0.5 * len(own):
        return False  # sent together: another table of the same competitors
    return part.each <= 0.5 * whole.each or len(other) <= max(2, 0.1 * len(own))


def _key_of(row: RowSeen, key: Path) -> str:
    return row.address if key == (KEY,) else read_text(row.leaves.get(key))


def _part(whole: Sending, key: Path, part: Sending) -> tuple[Path, Also] | None:
    """The key and the place of what is a part of a table; None where it is none."""
    known = {_key_of(row, key) for row in whole.rows[:_SAMPLE]} - {""}
    if len(known) < 2:
        return None
    own = _own_key(key, part, known)
    if own is None or _contradicts(whole, key, part, own):
        return None
    update = find_update(part.place, part.rows, own)
    if update == "places" or (update == "snapshot" and part.each < 0.7 * whole.each):
        update = "merge"
    return own, Also(part.kind, part.place, KEY if own == (KEY,) else format_path(own), update)


def _is_inside(one: Sending, other: Sending) -> bool:
    """Whether one place is within the rows of the other."""
    path, inner = one.place.path, other.place.path
    return one.kind == other.kind and path != inner and inner[: len(path)] == path and bool(path)


def _own_key(key: Path, part: Sending, known: set[str]) -> Path | None:
    """What identifies a competitor in the rows of a part: the same field, the address, or one with the same values."""
    rows = part.rows[:_SAMPLE]
    for candidate in (key, (KEY,), *sorted(part.names)):
        values = [_key_of(row, candidate) for row in rows]
        if all(values) and sum(value in known for value in values) >= 0.9 * len(values) and len(set(values)) > 1:
            return candidate
    return None


def _contradicts(whole: Sending, key: Path, part: Sending, own: Path) -> bool:
    """Whether both say different things of one competitor at a time."""
    said: dict[tuple[int, str], RowSeen] = {(row.message, _key_of(row, key)): row for row in whole.rows[:20_000]}
    same = other = 0
    for row in part.rows[:20_000]:
        beside = said.get((row.message, _key_of(row, own)))
        if beside is None:
            continue
        for path in part.names & whole.names:
            one, two = row.leaves.get(path), beside.leaves.get(path)
            if one not in _NOTHING and two not in _NOTHING:
                same += one == two
                other += one != two
    return other > 0.1 * (same + other)


_NOTHING: Final[tuple[Any, ...]] = (None, "")
