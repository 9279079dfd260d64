"""Which field of a row identifies a competitor: unique in a message, and what belongs to a competitor stays with it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from karttime.analysis.inference.rows import RowSeen, by_message, is_index
from karttime.analysis.inference.structure import Place
from karttime.feeds.declared.paths import Path
from karttime.feeds.declared.tables import KEY
from karttime.feeds.declared.values import read_text

MAX_COMPETITORS: Final = 600
_ENOUGH_KEYS: Final = 0.9


def find_key(place: Place, rows: Sequence[RowSeen]) -> Path | None:
    """The field that identifies a competitor, `@key` for the address; None where nothing does."""
    return next(iter(find_keys(place, rows)), None)


def find_keys(place: Place, rows: Sequence[RowSeen]) -> list[Path]:
    """Every field that could identify a competitor, best first, `@key` for the address."""
    messages = by_message(rows)
    addresses = {row.address for row in rows}
    if place.by_key and not (is_index(addresses) and _candidates(rows, messages, share=0.02)):
        return [(KEY,)]
    candidates = _candidates(rows, messages, share=_ENOUGH_KEYS)
    if not candidates and place.path:
        candidates = _candidates(rows, messages, share=0.02)  # rows by place whose key is sent once, or when it changes
    if not candidates:
        listed = place.path and place.path[-1] == "*" and is_index(addresses) and len(addresses) > 1
        return [(KEY,)] if listed else []
    return sorted(candidates, key=lambda path: -candidates[path])


def _candidates(
    rows: Sequence[RowSeen], messages: Mapping[tuple[int, int], Sequence[RowSeen]], *, share: float
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
        if (distinct < 2 and biggest > 1) or distinct > MAX_COMPETITORS:
            continue
        if biggest > 1:
            clashes = sum(_clashes(group, path) for group in messages.values())
            if clashes > 0.02 * count:
                continue
            if distinct > 3 * biggest + 10 and count < 4 * distinct:
                continue
        elif distinct < 2 or count / distinct < 1.5:
            continue
        found[path] = _suits(rows, path, values)
    return found


def _may_be_key(values: Sequence[str]) -> bool:
    return all(
        0 < len(value) <= 64 and not ("." in value and value.replace(".", "").isdigit()) for value in values
    ) and (sum(":" in value for value in values) < 0.5 * len(values))


def _clashes(group: Sequence[RowSeen], path: Path) -> int:
    values = [read_text(row.leaves.get(path)) for row in group if row.leaves.get(path) not in (None, "")]
    return len(values) - len(set(values))


def _suits(rows: Sequence[RowSeen], path: Path, values: Sequence[str]) -> float:
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
    score = 10.0 * (kept + 1) / (kept + changed + 1) + 3.0 * _stays(rows, path)
    if are_like_positions(set(values)):
        score -= 1.0
    if all(value.isascii() and value.isdigit() for value in values):
        score += 0.4
    elif any(" " in value for value in values):
        score -= 0.6
    score += _NAMED.get("".join(c for c in path[-1].lower() if c.isalpha()), 0.0)
    return score - 0.1 * len(path) - 0.02 * max(map(len, values[:200]))


def are_like_positions(values: set[str]) -> bool:
    """Whether values are whole numbers from 0 or 1 on, without a gap: of places, not of competitors."""
    numbers = {int(value) for value in values if value.isascii() and value.isdigit() and len(value) < 10}
    first = min(numbers, default=2)
    return len(numbers) == len(values) and first < 2 and numbers == set(range(first, first + len(values)))


def _stays(rows: Sequence[RowSeen], path: Path) -> float:
    """How many values of the first third of the rows are there in the last: who races stays, times pass."""
    third = max(len(rows) // 3, 1)
    first, last = ({read_text(row.leaves.get(path)) for row in part} - {""} for part in (rows[:third], rows[-third:]))
    return len(first & last) / min(len(first), len(last)) if first and last else 1.0


_NAMED: Final[Mapping[str, float]] = {
    **dict.fromkeys(("id", "key", "uid", "guid"), 0.5),
    **dict.fromkeys(("no", "nr", "number", "num", "startnumber", "startnr", "carnumber", "stnr", "racingnumber"), 0.45),
    **dict.fromkeys(("competitorid", "participantid", "driverid", "entryid", "carid", "kart", "transponder"), 0.3),
    **dict.fromkeys(("pos", "position", "rank", "place"), -1.0),
}
