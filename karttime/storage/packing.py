"""Batches as bytes, for the journal: timing rows ready for the database, the rest by name."""

from collections.abc import Iterator
from dataclasses import asdict
from enum import IntEnum
from typing import Any, NamedTuple

import orjson

from karttime.storage import timing
from karttime.storage.connections import ConnectionEvent
from karttime.storage.extract import Batch
from karttime.storage.laps import LapRow
from karttime.storage.sessions import SessionRow


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
        yield Packet(Kind.TIMING, len(batch.timing), orjson.dumps([timing.values(row) for row in batch.timing]))


def unpack(kind: int, content: bytes) -> Batch:
    """What was packed; timing rows stay as the database takes them."""
    packed: Any = orjson.loads(content)
    if kind == Kind.TIMING:
        return Batch(ready=[tuple(row) for row in packed])
    return Batch(
        sessions=[SessionRow(**row) for row in packed.get("sessions", ())],
        laps=[LapRow(**row) for row in packed.get("laps", ())],
        connections=[ConnectionEvent(**row) for row in packed.get("connections", ())],
    )
