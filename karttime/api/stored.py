"""Circuits and keys in the database, as the service and the command line use them.

The database is shared: other processes add, change and remove circuits while we run, which is noticed within seconds.
It may also be away while live data flows, so what was read last stays good until it can be read again.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Final

from karttime.api.policy import Key, Scope
from karttime.circuits.circuit import Circuit, CircuitConflict
from karttime.circuits.local import LocalCircuits
from karttime.engine.clock import Clock
from karttime.errors import StorageError
from karttime.storage import circuits, keys
from karttime.storage.circuits import CircuitRow
from karttime.storage.database import Database, translated
from karttime.storage.keys import KeyRow

log = logging.getLogger(__name__)

FRESH_S: Final = 5.0
_COLUMNS: Final = tuple(field.name for field in fields(CircuitRow))


class StoredCircuits:
    """The circuits of the command line, which cannot be edited, and those of the database; a `CircuitStore`."""

    def __init__(self, database: Database, fixed: LocalCircuits | None = None, clock: Clock | None = None) -> None:
        self._database = database
        self._fixed = fixed or LocalCircuits()
        self._clock = clock or Clock()
        self._known: Mapping[str, Circuit] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._failing = False

    async def list(self) -> Sequence[Circuit]:
        fixed = {circuit.id: circuit for circuit in await self._fixed.list()}
        merged = {**await self._fresh(), **fixed}
        return sorted(merged.values(), key=lambda circuit: (circuit.name.casefold(), circuit.id))

    async def get(self, circuit_id: str) -> Circuit | None:
        return await self._fixed.get(circuit_id) or (await self._fresh()).get(circuit_id)

    async def all_or_raise(self) -> Sequence[Circuit]:
        """The stored circuits as they are now, by name. Raises `StorageError` where they cannot be read."""
        return [_circuit(row) for row in await asyncio.to_thread(self._every)]

    async def add(self, circuit: Circuit) -> None:
        self._fixed.refuse(circuit.id)
        if not await asyncio.to_thread(self._add, circuit):
            raise CircuitConflict(f"there is a circuit {circuit.id!r} already: change that one, or choose another id")
        self._read_at = float("-inf")

    async def replace(self, circuit: Circuit) -> None:
        self._fixed.refuse(circuit.id)
        if not await asyncio.to_thread(self._replace, circuit):
            raise CircuitConflict(f"circuit {circuit.id!r} was removed meanwhile: add it again if it is wanted")
        self._read_at = float("-inf")

    async def remove(self, circuit_id: str) -> None:
        self._fixed.refuse(circuit_id)
        if not await asyncio.to_thread(self._remove, circuit_id):
            raise CircuitConflict(f"circuit {circuit_id!r} was removed meanwhile")
        self._read_at = float("-inf")

    async def _fresh(self) -> Mapping[str, Circuit]:
        async with self._reading:
            if self._clock.monotonic() - self._read_at < FRESH_S:
                return self._known
            try:
                rows = await asyncio.to_thread(self._every)
            except StorageError as error:
                if not self._failing:
                    log.error("The stored circuits cannot be read, those known stay: %s", error)  # noqa: TRY400 - a sentence
                self._failing = True
            else:
                self._failing = False
                self._known = {row.id: _circuit(row) for row in rows}
            self._read_at = self._clock.monotonic()
            return self._known

    def _every(self) -> Sequence[CircuitRow]:
        with self._database.reading() as connection:
            return circuits.every(connection)

    def _add(self, circuit: Circuit) -> bool:
        with translated(self._database.url), self._database.writing() as connection:
            return circuits.add(connection, _row(circuit))

    def _replace(self, circuit: Circuit) -> bool:
        with translated(self._database.url), self._database.writing() as connection:
            return circuits.replace(connection, _row(circuit))

    def _remove(self, circuit_id: str) -> bool:
        with translated(self._database.url), self._database.writing() as connection:
            return circuits.remove(connection, circuit_id)


class StoredKeys:
    """Operator keys in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, digest: str) -> Key | None:
        """The key of the token with this digest, None when there is none or it was revoked."""
        with self._database.reading() as connection:
            row = keys.find(connection, digest)
        return None if row is None or row.revoked_at is not None else _key(row)

    def used(self, key_id: str, at: int) -> None:
        """Note when a key was used."""
        with translated(self._database.url), self._database.writing() as connection:
            keys.used(connection, key_id, at)

    def every(self) -> list[Key]:
        """All keys, revoked ones too, oldest first."""
        with self._database.reading() as connection:
            return [_key(row) for row in keys.every(connection)]

    def add(self, key: Key) -> None:
        """Keep a new key."""
        row = KeyRow(key.id, key.name, key.digest, key.scope.value, key.created_at)
        with translated(self._database.url), self._database.writing() as connection:
            if not keys.add(connection, row):
                raise StorageError("this key is stored already: create another one")

    def revoke(self, key_id: str, at: int) -> bool:
        """End a key's validity; False when there is none with this id or it was revoked before."""
        with translated(self._database.url), self._database.writing() as connection:
            return keys.revoke(connection, key_id, at)


def _circuit(row: CircuitRow) -> Circuit:
    return Circuit(**{name: getattr(row, name) for name in _COLUMNS})


def _row(circuit: Circuit) -> CircuitRow:
    return CircuitRow(**{name: getattr(circuit, name) for name in _COLUMNS})


def _key(row: KeyRow) -> Key:
    return Key(row.id, row.name, Scope(row.scope), row.hash, row.created_at, row.last_used_at, row.revoked_at)
