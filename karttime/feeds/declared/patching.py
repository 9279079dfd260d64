"""Deltas that name paths, applied: lists of changes become the value that they change."""

from collections.abc import Sequence
from typing import Any

from karttime.feeds.declared.envelopes import Message
from karttime.feeds.declared.paths import get, parse_path
from karttime.feeds.declared.spec import Patches


class Patcher:
    """Turns lists of changes into the value that they change."""

    def __init__(self, patches: Patches) -> None:
        self._patches = patches
        self._changes = parse_path(patches.changes)
        self._root = parse_path(patches.root)
        self._value = parse_path(patches.value)

    def apply(self, message: Message) -> list[Message]:
        """A message of the target's kind that holds only what changes; the message itself where it holds no changes."""
        changes = get(message.body, self._changes)
        pairs = self._pairs(changes)
        if not pairs:
            return [message]
        tree: dict[str, Any] = {}
        for path, value in pairs:
            _plant(tree, (*self._root, *path), value)
        return [Message(self._patches.target, tree)]

    def _pairs(self, changes: Any) -> list[tuple[list[str], Any]]:
        patches = self._patches
        if patches.path == "@key":
            items = changes.items() if isinstance(changes, dict) else ()
            return [(path, value) for key, value in items if len(path := self._segments(key)) > 1]
        changes = [changes] if isinstance(changes, dict) else changes
        if not isinstance(changes, list):
            return []
        if not patches.path:
            at = int(patches.value) if patches.value.isdigit() else 2
            rows = [change for change in changes if isinstance(change, list) and len(change) > at]
            return [([str(key) for key in change[:at]], change[at]) for change in rows]
        where = parse_path(patches.path)
        found = [(get(change, where), get(change, self._value)) for change in changes]
        return [(self._segments(path), value) for path, value in found if isinstance(path, str)]

    def _segments(self, path: str) -> list[str]:
        return [part for part in path.split(self._patches.separator, 32) if part]


def _plant(tree: dict[str, Any], path: Sequence[str], value: Any) -> None:
    if not path and isinstance(value, dict):  # the whole is sent anew
        tree.update(value)
    for segment in path[:-1]:
        inner = tree.get(segment)
        if not isinstance(inner, dict):
            inner = tree[segment] = {}
        tree = inner
    if path:
        tree[path[-1]] = value
