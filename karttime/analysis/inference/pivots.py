"""Tables that are told by column: found by their form, never by their names."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from karttime.analysis.inference.rows import Sent
from karttime.analysis.inference.structure import is_map
from karttime.feeds.declared.paths import Path, format_path
from karttime.feeds.declared.pivots import MAX_COLUMNS, names_of
from karttime.feeds.declared.spec import Framing, Pivot

_SAMPLE: Final = 120
_DEPTH: Final = 5
_LEAST_COLUMNS: Final = 3
_LEAST_LISTED: Final = 4
"""Shortest list that holds a value for each competitor: three may be sectors of one."""
_LONGEST_HEAD: Final = 4
"""A column is described by its name, its type, and hardly more."""


def find_pivots(framing: Framing, kinds: Mapping[str, Sequence[Sent]], before: Mapping[str, Sequence[Sent]]) -> Framing:
    """The framing with what turns columns into rows; the same framing where nothing is told by column.

    Args:
        framing: as far as it is known.
        kinds: bodies by kind, with deltas by path applied.
        before: the same without that, where names of columns may stand beside the cells.
    """
    heads = {kind: _heads([sent.body for sent in bodies[:_SAMPLE]]) for kind, bodies in before.items()}
    boards = {patches.target for patches in framing.patches if not patches.path}  # of cells by row and column
    found: list[Pivot] = []
    for kind, bodies in kinds.items():
        sample = [sent.body for sent in bodies[:_SAMPLE]]
        pivot = _named(kind, sample, heads, cells=kind in boards) or _maps(kind, sample)
        if pivot is not None:
            found.append(pivot)
    return framing.model_copy(update={"pivots": tuple(found)}) if found else framing


def _objects(body: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """A body and the objects in it, without those in lists and those of competitors."""
    yield path, body
    if isinstance(body, dict) and len(path) < _DEPTH and not is_map(body):
        for key, value in [*body.items()][:60]:
            if isinstance(value, dict | list):
                yield from _objects(value, (*path, key))


# --- heads ----------------------------------------------------------------------------------------------------------


def _heads(bodies: Sequence[Any]) -> dict[tuple[Path, Path], int]:
    """Where lists of names are, how a name is found in an entry, and how many names there are."""
    found: dict[tuple[Path, Path], int] = {}
    for body in bodies:
        for path, value in _objects(body):
            if not isinstance(value, list) or not _LEAST_COLUMNS <= len(value) <= MAX_COLUMNS or len(found) > 50:
                continue
            for way in _ways(value):
                names = names_of(value, way)
                if names and _are_heads(names):
                    found[(path, way)] = len(names)
    return found


def _ways(heads: Sequence[Any]) -> Sequence[Path]:
    """How the name of a column may be found in an entry: it is a text, or a text in an object or in a short list."""
    first = heads[0]
    if isinstance(first, dict):
        return [(key,) for key, inner in first.items() if isinstance(inner, str)][:6]
    if isinstance(first, list):
        described = all(
            isinstance(head, list) and 2 <= len(head) <= _LONGEST_HEAD and all(isinstance(text, str) for text in head)
            for head in heads
        )
        return [(str(index),) for index in range(min(map(len, heads)))] if described else ()
    return ((),)


def _are_heads(names: Sequence[str]) -> bool:
    """Whether texts are heads of columns: short, nearly all different, hardly a number among them."""
    words = sum(any(c.isalpha() for c in name) and not name[0].isdigit() for name in names)
    return max(map(len, names)) <= 40 and len(set(names)) == len(names) and words >= 0.7 * len(names)


def _named(
    kind: str, bodies: Sequence[Any], heads: Mapping[str, Mapping[tuple[Path, Path], int]], *, cells: bool
) -> Pivot | None:
    """Lists that are as wide as a list of names somewhere; for a board of cells, rows that reach no further."""
    widths: dict[Path, Counter[int]] = {}
    for body in bodies:
        for path, value in _objects(body):
            rows = [*value.values()] if isinstance(value, dict) and cells else value if isinstance(value, list) else []
            for row in rows[:60]:
                if (width := _width(row)) and (path in widths or len(widths) < 40):
                    widths.setdefault(path, Counter())[width] += 1
    for path, counts in sorted(widths.items(), key=lambda item: -item[1].total()):
        width, many = max(counts), counts.total()
        for names_kind in sorted(heads, key=lambda other: other != kind):
            for (where, way), count in heads[names_kind].items():
                alike = cells or counts[count] >= 0.8 * many
                if alike and count >= width and not _leads_into(path, where, same=names_kind == kind):
                    return Pivot(
                        kind=kind,
                        form="heads",
                        rows=format_path(path),
                        names_kind=names_kind,
                        names=format_path(where),
                        name=format_path(way),
                    )
    return None


def _width(row: Any) -> int:
    """How many columns a row reaches to; 0 for what is none."""
    if isinstance(row, list):
        scalars = sum(not isinstance(cell, dict | list) for cell in row)
        texts = all(isinstance(cell, str) and not any(c.isdigit() for c in cell) for cell in row)
        return len(row) if len(row) >= _LEAST_COLUMNS and scalars >= 0.6 * len(row) and not texts else 0
    if isinstance(row, dict) and row and all(key.isascii() and key.isdigit() and len(key) < 4 for key in row):
        return max(map(int, row)) + 1
    return 0


def _leads_into(rows: Path, names: Path, *, same: bool) -> bool:
    """Whether the names are within the rows, as their first entry may be."""
    return same and names[: len(rows)] == rows


# --- maps -----------------------------------------------------------------------------------------------------------


def _maps(kind: str, bodies: Sequence[Any]) -> Pivot | None:
    """An object whose entries hold a scalar for each competitor under the same keys, or in lists of one length."""
    votes: dict[Path, Counter[str]] = {}
    for body in bodies:
        for path, holder in _objects(body):
            if isinstance(holder, dict) and len(holder) >= 2:
                alike = _alike(holder)
                if alike and (path in votes or len(votes) < 40):
                    votes.setdefault(path, Counter()).update(alike)
    for path, counts in sorted(votes.items(), key=lambda item: -item[1].total()):
        if len(counts) >= _LEAST_COLUMNS:
            members = tuple(name for name, _ in counts.most_common(MAX_COLUMNS))
            return Pivot(kind=kind, form="maps", rows=format_path(path), members=members)
    return None


def _alike(holder: Mapping[str, Any]) -> list[str]:
    """The entries that are maps under the same keys; none where fewer than three are, or keys are names of fields."""
    groups: dict[int, list[str]] = {}  # lists by length, maps under 0
    for name, value in [*holder.items()][:MAX_COLUMNS]:
        length = _listed(value) if not name.isdigit() else None
        if length is not None:
            groups.setdefault(length, []).append(name)
    best = max(groups.values(), key=len, default=[])
    if len(best) < _LEAST_COLUMNS:
        return []
    if isinstance(holder[best[0]], dict):
        keys = set().union(*(holder[name] for name in best))
        return best if sum(len(holder[name]) for name in best) >= 0.5 * len(keys) * len(best) else []
    alone = sum(not isinstance(value, dict | list) for value in holder.values())
    return best if len(best) >= alone else []  # else a row with some lists, such as sectors


def _listed(value: Any) -> int | None:
    """The length of a list of scalars, 0 for an object of scalars by id; None for anything else."""
    if isinstance(value, dict) and len(value) >= 2:
        if any(isinstance(one, dict | list) for one in value.values()):
            return None
        return 0 if all(any(c.isdigit() for c in key) or len(key) > 12 for key in value) else None
    if isinstance(value, list) and len(value) >= _LEAST_LISTED:
        return None if any(isinstance(one, dict | list) for one in value) else len(value)
    return None
