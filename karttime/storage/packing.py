"""Batches as bytes, for the journal: timing rows ready for the database, the rest by name.

Timing rows are most of it: fields between unit separators, rows behind record separators. Texts are cleaned of such
characters long before, and JSON escapes them; rows that have one all the same are packed as JSON.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import IntEnum
from typing import Any, Final, NamedTuple

import orjson

from karttime.storage import timing
from karttime.storage.connections import ConnectionEvent
from karttime.storage.extract import Batch
from karttime.storage.laps import LapRow
from karttime.storage.sessions import SessionRow
from karttime.storage.timing import TimingRow, Values

_ROW, _FIELD = "\x1e", "\x1f"
_FIELDS: Final = len(timing.COLUMNS)
_AT, _SEQ = timing.COLUMNS.index("at"), timing.COLUMNS.index("seq")


class Kind(IntEnum):
    """What a packet holds: what is given up first when the journal is full, and the rest."""

    TIMING = 0
    HISTORY = 1


class Packet(NamedTuple):
    """Rows of one kind, packed."""

    kind: Kind
    rows: int
    content: bytes


def pack(batch: Batch) -> Iterator[Packet]:
    """A batch as at most two packets. Raises TypeError for a value that JSON does not have."""
    history = {
        name: [asdict(row) for row in rows]
        for name in ("sessions", "laps", "connections")
        if (rows := getattr(batch, name))
    }
    if history:
        yield Packet(Kind.HISTORY, sum(map(len, history.values())), orjson.dumps(history))
    if batch.timing:
        yield Packet(Kind.TIMING, len(batch.timing), _packed(batch.timing))


def _packed(rows: Sequence[TimingRow]) -> bytes:
    ready = [timing.values(row) for row in rows]
    text = "".join(_ROW + _FIELD.join(map(str, row)) for row in ready)
    plain = text.count(_ROW) == len(ready) and text.count(_FIELD) == len(ready) * (_FIELDS - 1)
    if plain and all(row.epoch is not None for row in rows):
        return text.encode()
    return orjson.dumps(ready)


def unpack(kind: int, content: bytes) -> Batch:
    """What was packed; timing rows stay as the database takes them."""
    if kind == Kind.TIMING:
        return Batch(ready=_unpacked(content))
    packed: Any = orjson.loads(content)
    return Batch(
        sessions=[SessionRow(**row) for row in packed.get("sessions", ())],
        laps=[LapRow(**row) for row in packed.get("laps", ())],
        connections=[ConnectionEvent(**row) for row in packed.get("connections", ())],
    )


def _unpacked(content: bytes) -> list[Values]:
    if not content.startswith(_ROW.encode()):
        return [tuple(row) for row in orjson.loads(content)]
    rows: list[Values] = []
    for line in content.decode()[1:].split(_ROW):
        fields: list[Any] = line.split(_FIELD)
        if len(fields) != _FIELDS:
            raise ValueError(f"a row of {len(fields)} fields")
        fields[_AT], fields[_SEQ] = int(fields[_AT]), int(fields[_SEQ])
        rows.append(tuple(fields))
    return rows
