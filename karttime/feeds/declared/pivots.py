"""Tables that are told by column: rows made of them, so that everything else sees rows.

heads
: `{"cols":["pos","no"],"rows":[[1,"7"],[2,"9"]]}`, names once or with every message, becomes
  `"rows":[{"pos":1,"no":"7"},…]`.
maps
: `{"pos":{"7":1,"9":2},"gap":{"7":"","9":"+1.2"}}`, or `{"pos":[1,2],"gap":["","+1.2"]}`, becomes
  `"@rows":{"7":{"pos":1,"gap":""},…}`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from karttime.feeds.declared.paths import Path, get, parse_path
from karttime.feeds.declared.spec import Pivot

ROWS: Final = "@rows"
"""Where the rows of maps are put; a key of a feed that is called so is hidden by them."""
MAX_COLUMNS: Final = 250
_MAX_ROWS: Final = 5_000


class Pivoter:
    """Interprets one `Pivot`; keeps the names that were sent last."""

    def __init__(self, pivot: Pivot) -> None:
        self._pivot = pivot
        self._names_at, self._name_at = parse_path(pivot.names), parse_path(pivot.name)
        self._rows_at = parse_path(pivot.rows)
        self._members = frozenset(pivot.members)
        self._names: list[str] = []

    def learn(self, kind: str, body: Any) -> None:
        """Keep the names of columns that a message holds."""
        if self._pivot.form == "heads" and kind == self._pivot.names_kind:
            self._names = names_of(get(body, self._names_at), self._name_at) or self._names

    def apply(self, kind: str, body: Any) -> Any:
        """The body with rows; the body itself where it holds none."""
        pivot = self._pivot
        if pivot.form == "maps":
            return self._of_maps(body) if kind == pivot.kind else body
        if kind == pivot.kind and self._names:
            rows = get(body, self._rows_at)
            named = self._named(rows) if isinstance(rows, dict | list) else None
            return body if named is None else _replaced(body, self._rows_at, named)
        return body

    def _named(self, rows: Any) -> Any:
        if isinstance(rows, dict):
            return {key: self._row(row) for key, row in rows.items()}
        return [self._row(row) for row in rows]

    def _row(self, row: Any) -> Any:
        names = self._names
        if isinstance(row, list):
            return dict(zip(names, row, strict=False))
        if isinstance(row, dict):
            return {names[int(key)] if _is_index(key, len(names)) else key: value for key, value in row.items()}
        return row

    def _of_maps(self, body: Any) -> Any:
        holder = get(body, self._rows_at)
        if not isinstance(holder, dict):
            return body
        maps = {name: value for name, value in holder.items() if name in self._members}
        rows: dict[str, dict[str, Any]] = {}
        for name, values in maps.items():
            items = (
                values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
            )
            for key, value in items:
                row = rows.get(str(key))
                if row is None:
                    if len(rows) >= _MAX_ROWS:
                        continue
                    row = rows[str(key)] = {}
                row[name] = value
        if not rows:
            return body
        others = {name: value for name, value in holder.items() if name not in maps}
        return _replaced(body, self._rows_at, {**others, ROWS: rows})


def names_of(heads: Any, name_at: Path) -> list[str]:
    """The names of columns: texts, or a text within each entry; none where they are no such names."""
    if not isinstance(heads, list) or not 2 <= len(heads) <= MAX_COLUMNS:
        return []
    names = [get(head, name_at) if name_at else head for head in heads]
    if not all(isinstance(name, str) for name in names):
        return []
    return [name if name and name not in names[:at] else f"{name or 'c'}_{at}" for at, name in enumerate(names)]


def _is_index(key: str, many: int) -> bool:
    return key.isascii() and key.isdigit() and len(key) < 4 and int(key) < many


def _replaced(body: Any, path: Sequence[str], value: Any) -> Any:
    """The body with another value at a path that leads somewhere; objects on the way are made anew."""
    if not path:
        return value
    inner: Mapping[str, Any] = body if isinstance(body, dict) else {str(at): one for at, one in enumerate(body)}
    return {**inner, path[0]: _replaced(inner.get(path[0]), path[1:], value)}
