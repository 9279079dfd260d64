"""Texts inside of messages that hold values: JSON, base64 of it, fields, pairs; and the same for whole lines."""

import csv
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Sequence
from typing import Any, Final

import orjson

from karttime.feeds.declared.paths import ANY, Path, child, entries
from karttime.feeds.declared.spec import Embedded
from karttime.feeds.declared.transport import MAX_INFLATED, inflate

MAX_FIELDS: Final = 256


class Allowance:
    """How much compressed values of one frame may grow to, all together: a frame may hold thousands of them."""

    def __init__(self, left: int = MAX_INFLATED) -> None:
        self.left = left


def decode_base64(text: str, allowance: Allowance) -> Any:
    """The JSON value that base64 text holds, compressed or not; None where it holds none, or more than is allowed."""
    try:
        data = a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError):
        return None
    if allowance.left <= 0:
        return None
    for candidate in (inflate(data, allowance.left), data):
        if candidate:
            allowance.left -= len(candidate)
            try:
                value = orjson.loads(candidate)
            except ValueError:
                continue
            if isinstance(value, dict | list):
                return value
    return None


def split_fields(text: str, separator: str) -> list[str]:
    """Fields of a line; quotes around a field are taken off.

    Raises:
        ValueError: there is but one field, or far too many.
    """
    if '"' in text and len(separator) == 1:
        try:
            fields = next(csv.reader([text], delimiter=separator, skipinitialspace=True))
        except (csv.Error, StopIteration) as error:
            raise ValueError(str(error)) from error
    else:
        fields = text.split(separator, MAX_FIELDS)
    if not 1 < len(fields) <= MAX_FIELDS:
        raise ValueError("no fields")
    return [field.strip() for field in fields]


def split_pairs(text: str, separator: str, equals: str) -> dict[str, str]:
    """Keys and values of a line such as `no=7;lap=12`.

    Raises:
        ValueError: it has none.
    """
    pairs = [part.partition(equals) for part in text.split(separator, MAX_FIELDS)]
    found = {key.strip(): value.strip() for key, equal, value in pairs if equal and key.strip()}
    if not found:
        raise ValueError("no pairs")
    return found


def split_last(path: Path) -> tuple[Path, str]:
    """A path as what holds the last segment, and that."""
    return (path[:-1], path[-1]) if path else ((), "")


def decode_embedded(value: Any, parent: Path, last: str, embedded: Embedded, allowance: Allowance) -> Any:
    """A value with what its strings at a path hold in their place."""
    if not last:
        inner = _decode_string(value, embedded, allowance)
        return value if inner is None else inner
    for _, holder in entries(value, parent):
        if last != ANY:
            keys: Sequence[Any] = (last,)
        else:
            keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            inner = _decode_string(child(holder, str(key)), embedded, allowance)
            if inner is not None and isinstance(holder, dict):
                holder[key] = inner
            elif inner is not None:
                holder[int(key)] = inner
    return value


def _decode_string(text: Any, embedded: Embedded, allowance: Allowance) -> Any:
    if not isinstance(text, str):
        return None
    if embedded.codec == "base64":
        return decode_base64(text, allowance)
    try:
        return orjson.loads(text) if embedded.codec == "json" else split_fields(text, embedded.separator)
    except ValueError:
        return None
