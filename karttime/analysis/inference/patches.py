"""Deltas that name paths: found by their form, and tied to the kind of message whose values they change."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from karttime.analysis.inference.rows import Sent
from karttime.feeds.declared.envelopes import Message
from karttime.feeds.declared.patching import Patcher
from karttime.feeds.declared.paths import child, escape, get, parse_path
from karttime.feeds.declared.spec import Framing, Patches

_SEPARATORS: Final = ("/", ".", ":", "|")
_VALUE_NAMES: Final = ("value", "val", "v", "new", "data", "to")


def find_patches(framing: Framing, kinds: Mapping[str, Sequence[Sent]]) -> Framing:
    """The framing with the deltas of each kind that holds some; the same framing where none does."""
    found: list[Patches] = []
    for kind, bodies in kinds.items():
        sample = [sent.body for sent in bodies[:400]]
        patches = _objects(kind, sample) or _keys(kind, sample) or _cells(kind, sample)
        if patches is not None:
            found.append(_target(patches, sample, kinds))
    found = _one_board(found, kinds)
    return framing.model_copy(update={"patches": tuple(found)}) if found else framing


def _one_board(found: Sequence[Patches], kinds: Mapping[str, Sequence[Sent]]) -> list[Patches]:
    """Cells by row and column that come in several kinds of messages, all at first and then some, are of one board."""
    cells = [patches.kind for patches in found if patches.path == "" and patches.target == patches.kind]
    if len(cells) < 2:
        return [*found]
    target = max(cells, key=lambda kind: len(kinds[kind]))
    return [patches.model_copy(update={"target": target}) if patches.kind in cells else patches for patches in found]


def _lists(body: Any) -> list[tuple[str, list[Any]]]:
    """Lists in a body, or one object alone as a list: where they are, and their entries."""
    if isinstance(body, list):
        return [("", body)]
    if isinstance(body, dict):
        inner = [(escape(key), value) for key, value in body.items() if isinstance(value, list) and value]
        return [*inner, ("", [body])]
    return []


def _objects(kind: str, bodies: Sequence[Any]) -> Patches | None:
    """`{"op":"replace","path":"/cars/3/gap","value":"1.2"}`, alone or in lists."""
    votes: dict[tuple[str, str, str, str], int] = {}
    for body in bodies:
        for where, entries in _lists(body):
            for entry in entries[:50]:
                if isinstance(entry, dict) and 2 <= len(entry) <= 5 and (vote := _path_and_value(entry)):
                    votes[(where, *vote)] = votes.get((where, *vote), 0) + 1
    if not votes:
        return None
    (where, path, value, separator), count = max(votes.items(), key=lambda item: item[1])
    if count < max(2, 0.5 * len(bodies)):
        return None
    return Patches(kind=kind, changes=where, path=path, value=value, separator=separator)


def _path_and_value(entry: Mapping[str, Any]) -> tuple[str, str, str] | None:
    for key, text in entry.items():
        if not isinstance(text, str) or len(text) > 200 or " " in text:
            continue
        for separator in _SEPARATORS[:2]:
            parts = [part for part in text.split(separator) if part]
            digits = sum(any(c.isdigit() for c in part) for part in parts)
            words = sum(part[0].isalpha() and not part.replace("_", "").isdigit() for part in parts)
            if len(parts) >= 2 and words and (digits or text.startswith(separator)) and not _is_number(text):
                others = [name for name in entry if name != key]
                value = next((name for name in _VALUE_NAMES if name in others), others[-1])
                return escape(key), escape(value), separator
    return None


def _is_number(text: str) -> bool:
    return text.replace(".", "").replace(":", "").replace("-", "").isdigit()


def _keys(kind: str, bodies: Sequence[Any]) -> Patches | None:
    """`{"cars.12.gap": "1.2", "cars/12/laps": 7}`: objects whose keys are paths, at the top or one level below."""
    below = {
        escape(key) for body in bodies[:50] if isinstance(body, dict) for key, v in body.items() if isinstance(v, dict)
    }
    for where in ("", *sorted(below)[:10]):
        for separator in _SEPARATORS:
            fits = total = 0
            for body in bodies:
                holder = get(body, parse_path(where))
                if isinstance(holder, dict) and holder:
                    total += 1
                    fits += all(_is_key_path(key, separator) for key in holder)
            if fits >= 2 and fits >= 0.3 * total:
                return Patches(kind=kind, changes=where, path="@key", separator=separator)
    return None


def _is_key_path(key: str, separator: str) -> bool:
    parts = [part for part in key.split(separator) if part]
    return len(parts) >= 2 and any(part[0].isalpha() for part in parts) and not _is_number(key)


def _cells(kind: str, bodies: Sequence[Any]) -> Patches | None:
    """`[[3, 7, "1:02.345"], …]`: lists that begin with row and column."""
    for where in ("", *{where for body in bodies[:50] for where, _ in _lists(body) if where}):
        rows = [
            entry
            for body in bodies
            for other, entries in _lists(body)
            if other == where
            for entry in entries[:200]
            if isinstance(entry, list)
        ]
        if len(rows) < 8:
            continue
        good = [row for row in rows if len(row) >= 3 and all(_is_index(cell) for cell in row[:2])]
        pairs = {(row[0], row[1]) for row in good}
        narrow = len({row[1] for row in good}) <= 60 and len({row[0] for row in good}) >= 2
        texts = sum(isinstance(row[2], str) for row in good)
        short = all(len(row) <= 5 for row in good)
        if len(good) >= 0.95 * len(rows) and narrow and short and texts >= 0.5 * len(good) and len(pairs) >= 8:
            return Patches(kind=kind, changes=where, path="", value="2")
    return None


def _is_index(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2000


def _target(patches: Patches, bodies: Sequence[Any], kinds: Mapping[str, Sequence[Sent]]) -> Patches:
    """With the kind in whose bodies most of the paths lead somewhere, from the top or from where the changes stand."""
    best, found = 0.49, patches.model_copy(update={"target": patches.kind})
    for root in dict.fromkeys(("", patches.changes)):
        for kind, sent in kinds.items():
            tried = patches.model_copy(update={"target": kind, "root": root})
            patcher = Patcher(tried)
            changes = [patcher.apply(Message(patches.kind, body)) for body in bodies[:60]]
            trees = [m.body for body, one in zip(bodies, changes, strict=False) for m in one if m.body is not body]
            whole = [one.body for one in sent[:3] if patcher.apply(Message(kind, one.body))[0].body is one.body]
            scores = [sum(_resolves(tree, body) for tree in trees) / max(len(trees), 1) for body in whole]
            if max(scores, default=0) > best:
                best, found = max(scores), tried
    return found


def _resolves(tree: Any, body: Any) -> bool:
    """Whether the first two steps of a tree exist in a body."""
    if not isinstance(tree, dict):
        return False
    for key, inner in tree.items():
        there = child(body, key)
        if there is None:
            return False
        if (
            isinstance(inner, dict)
            and not _resolves(inner, there)
            and not any(child(there, name) is not None for name in inner)
        ):
            return False
    return True
