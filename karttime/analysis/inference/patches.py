"""Deltas that name paths: found by their form, and tied to the kind of message whose values they change."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from karttime.analysis.inference.series import Sent
from karttime.feeds.declared.paths import child, escape
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
            target = _target(patches, sample, kinds)
            found.append(patches.model_copy(update={"target": kind if target is None else target}))
    return framing.model_copy(update={"patches": tuple(found)}) if found else framing


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
    """`{"cars.12.gap": "1.2", "cars/12/laps": 7}`: objects whose keys are paths."""
    for separator in _SEPARATORS:
        fits = total = 0
        for body in bodies:
            if isinstance(body, dict) and body:
                total += 1
                fits += all(len([part for part in key.split(separator) if part]) >= 2 for key in body)
        if fits and fits >= 0.3 * total and fits >= 2:
            return Patches(kind=kind, path="@key", separator=separator)
    return None


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


def _target(patches: Patches, bodies: Sequence[Any], kinds: Mapping[str, Sequence[Sent]]) -> str | None:
    """The kind in whose bodies most of the paths lead somewhere."""
    from karttime.feeds.declared.framing import Message, Patcher

    trees = [m.body for body in bodies[:60] for m in Patcher(patches).apply(Message(patches.kind, body))]
    best: tuple[float, str] | None = None
    for kind, sent in kinds.items():
        if kind == patches.kind:
            continue
        score = max(
            (sum(_resolves(tree, one.body) for tree in trees) / max(len(trees), 1) for one in sent[:3]), default=0
        )
        if score >= 0.5 and (best is None or score > best[0]):
            best = score, kind
    return best[1] if best else None


def _resolves(tree: Any, body: Any) -> bool:
    """Whether the first two steps of a tree exist in a body."""
    if not isinstance(tree, dict):
        return False
    for key, inner in tree.items():
        there = child(body, key)
        if there is None:
            return False
        if isinstance(inner, dict) and not any(child(there, name) is not None for name in inner):
            return False
    return True
