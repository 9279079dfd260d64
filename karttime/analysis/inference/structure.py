"""What the messages of one kind are made of: which entries are rows of a table, which are fields.

Bodies are merged into one tree. Lists, and objects whose keys are ids or indexes, hold entries that are alike; what
such an entry holds are the fields of a row. A list inside a row that is short, such as sectors, is part of the row.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from karttime.feeds.declared.paths import ANY, Path

_MAX_DEPTH: Final = 14
_MAX_KEYS: Final = 400
_MAX_ENTRIES: Final = 3_000
_MAX_SHORT: Final = 12
"""Longest list that is taken for a part of its row: sectors, splits, drivers of a crew."""
_MAX_LEAVES: Final = 250
_ID: Final = re.compile(r"[^\W_]{0,12}[-_:# ]?\d[\w:.-]{0,40}|[0-9a-fA-F-]{16,40}")


@dataclass(slots=True)
class Node:
    """One place in the bodies: how often it held what."""

    objects: int = 0
    lists: int = 0
    scalars: int = 0
    longest: int = 0
    keys: dict[str, "Node"] = field(default_factory=dict)
    entries: "Node | None" = None
    by_key: int = 0  # objects whose keys are ids

    def add(self, value: Any, depth: int = 0) -> None:
        """Merge a value in."""
        if depth > _MAX_DEPTH:
            return
        if isinstance(value, dict):
            self.objects += 1
            self.longest = max(self.longest, len(value))
            if is_map(value):
                self.by_key += 1
                self._entries(value.values(), depth)
            else:
                for key, inner in value.items():
                    node = self.keys.get(key)
                    if node is None:
                        if len(self.keys) >= _MAX_KEYS:
                            continue
                        node = self.keys[key] = Node()
                    node.add(inner, depth + 1)
        elif isinstance(value, list):
            self.lists += 1
            self.longest = max(self.longest, len(value))
            self._entries(value, depth)
        else:
            self.scalars += 1

    def _entries(self, values: Any, depth: int) -> None:
        if self.entries is None:
            self.entries = Node()
        for inner in islice(values, _MAX_ENTRIES):
            self.entries.add(inner, depth + 1)

    @property
    def fields(self) -> int:
        """How many scalars an entry holds, at any depth without lists."""
        return sum(1 if node.scalars else node.fields for node in self.keys.values())


def is_map(value: dict[str, Any]) -> bool:
    """Whether the keys of an object are ids or indexes of entries that are alike, not names of fields."""
    keys = [*value][:50]
    if not keys:
        return False
    ids = sum(1 for key in keys if any(c.isdigit() for c in key) and _ID.fullmatch(key) is not None)
    if ids < 0.8 * len(keys):
        return False
    inner = [value[key] for key in keys]
    objects = [one for one in inner if isinstance(one, dict)]
    if len(objects) >= 0.8 * len(inner):
        inner = objects
        return all(key.isdigit() for key in keys) or len(keys) == 1 or _alike(inner)
    return all(key.isdigit() for key in keys) and all(isinstance(one, list) for one in inner)


def _alike(objects: list[dict[str, Any]]) -> bool:
    sets = [set(one) for one in objects[:20]]
    union = set().union(*sets)
    return not union or sum(map(len, sets)) >= 0.4 * len(union) * len(sets)


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows are: `by_key` in an object, else in a list; lists in a row up to `short` long are a part of it."""

    path: Path
    by_key: bool
    short: int = _MAX_SHORT


def places(root: Node) -> list[Place]:
    """Every place that holds rows, outermost first; the whole message is one where it has fields of its own."""
    found: list[Place] = []
    _places(root, (), found, 0)
    listed = root.entries is not None and root.entries.scalars > 0 and root.longest >= 3 and not root.objects
    if listed or (root.fields >= 3 and not root.by_key):
        short = 0 if any(len(place.path) for place in found) else _MAX_SHORT
        found.append(Place((), by_key=False, short=short))
    return found[:60]


def _places(node: Node, path: Path, found: list[Place], depth: int) -> None:
    if depth > _MAX_DEPTH:
        return
    inner = node.entries
    if inner is not None:
        here = (*path, ANY)
        objects = inner.objects > inner.lists + inner.scalars
        rows_of_lists = inner.lists > inner.objects + inner.scalars and inner.entries is not None
        if (objects and inner.fields >= 1 and not inner.by_key) or (
            rows_of_lists and inner.entries is not None and inner.entries.scalars and inner.longest >= 3
        ):
            found.append(Place(here, by_key=node.by_key > node.lists))
        _places(inner, here, found, depth + 1)
    for key, child in node.keys.items():
        _places(child, (*path, key), found, depth + 1)


def leaves(node: Any, *, short: int = _MAX_SHORT) -> dict[Path, Any]:
    """The scalars of a row by path; short lists are part of it, long ones are left out."""
    found: dict[Path, Any] = {}
    if isinstance(node, list):
        for index, value in enumerate(node[:_MAX_LEAVES]):
            if not isinstance(value, dict | list):
                found[(str(index),)] = value
            else:
                found.update(_leaves(value, (str(index),), short, 1))
        return found
    found.update(_leaves(node, (), short, 0))
    return found


def _leaves(node: Any, path: Path, short: int, depth: int) -> Iterator[tuple[Path, Any]]:
    if depth > 6:
        return
    if isinstance(node, dict):
        if depth and len(node) > short and is_map(node):
            return
        for key, value in [*node.items()][:_MAX_LEAVES]:
            if isinstance(value, dict | list):
                yield from _leaves(value, (*path, key), short, depth + 1)
            else:
                yield (*path, key), value
    elif isinstance(node, list) and len(node) <= short:
        for index, value in enumerate(node):
            if isinstance(value, dict | list):
                yield from _leaves(value, (*path, str(index)), short, depth + 1)
            else:
                yield (*path, str(index)), value
