r"""Paths into JSON-like values: `data.runs[].pos`, `Lines.*.Sectors.0.Value`, `[0]`.

Segments are separated by dots. `*` means every entry of an object or list and `[]` after a segment means the same,
for lists; `[0]` is the same as the segment `0`. A list is addressed by its index, like an object with the keys `0`,
`1`, …, because deltas send lists as such objects. A backslash before a dot, star, bracket or backslash takes it as it
is. The empty path is the value itself.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

ANY: Final = "*"
"""The segment that means every entry; a key that is called `*` cannot be addressed."""

Path = tuple[str, ...]

_SEGMENT: Final = re.compile(r"\[(?P<index>\d{0,6})\]|\.?(?P<name>(?:\\.|[^.\[\]\\])+)", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL: Final = re.compile(r"([.\[\]\\])")
MAX_PATH: Final = 400


def parse_path(text: str) -> Path:
    """The segments of a path.

    Raises:
        ValueError: the text is no path.
    """
    if len(text) > MAX_PATH:
        raise ValueError("path is too long")
    segments: list[str] = []
    at = 0
    while at < len(text):
        found = _SEGMENT.match(text, at)
        if found is None:
            raise ValueError(f"{text!r} is no path: it breaks at character {at + 1}")
        index, name = found["index"], found["name"]
        segments.append((index or ANY) if name is None else _ESCAPED.sub(r"\1", name))
        at = found.end()
    return tuple(segments)


def escape(segment: str) -> str:
    """A key as a segment of a path."""
    return _SPECIAL.sub(r"\\\1", segment)


def format_path(path: Path) -> str:
    """The text of a path; `parse_path` reads it back."""
    return ".".join(escape(segment) for segment in path)


def child(value: Any, segment: str) -> Any:
    """The entry of an object or list; None where there is none."""
    if isinstance(value, dict):
        return value.get(segment)
    if isinstance(value, list) and segment.isascii() and segment.isdigit():
        index = int(segment)
        return value[index] if index < len(value) else None
    return None


def get(value: Any, path: Path) -> Any:
    """What a path without `*` leads to; None where it leads nowhere."""
    for segment in path:
        value = value.get(segment) if isinstance(value, dict) else child(value, segment)
        if value is None:
            return None
    return value


def entries(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Everything that a path with `*` leads to, with the keys that its stars stand for."""
    for at, segment in enumerate(path):
        if segment != ANY:
            value = child(value, segment)
            if value is None:
                return
            continue
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, entry in items:
            for keys, found in entries(entry, path[at + 1 :]):
                yield (str(key), *keys), found
        return
    yield (), value
