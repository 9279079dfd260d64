"""Circuits that are shared with the app through Firestore: a `CircuitStore` that answers from memory.

```
Firestore ──listen──▶ documents ─▶ circuits in memory ─▶ list, get          (copy in the database, for a start offline)
    ▲ ▲                                                      ▲
    │ └── add, replace, remove: at once, or an error ── people
    └──── detected mappings: queued in the database ── offer
```

* Nobody waits for Firestore to read a circuit. Without it the last known ones stay, and `status` says since when.
* What people change goes to Firestore first, and is refused where somebody else changed the circuit meanwhile.
* Circuits of the command line are there as well, and cannot be edited.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread
from typing import Final, TypeVar

from karttime.circuits.beside import beside
from karttime.circuits.circuit import Circuit, CircuitConflict, CircuitsUnavailable
from karttime.circuits.firestore_documents import UPDATED_AT, Document, changes_of, fields_of
from karttime.circuits.firestore_ear import Ear
from karttime.circuits.firestore_known import Known
from karttime.circuits.firestore_mapping import Copy
from karttime.circuits.firestore_remote import FirestoreOptions, Heard, NotAsExpected, Remote
from karttime.circuits.firestore_status import SharedStatus, State, now_ms
from karttime.circuits.firestore_writer import MappingWriter
from karttime.circuits.local import LocalCircuits
from karttime.errors import StorageError

log = logging.getLogger(__name__)

FIRST_S: Final = 20.0  # until everything was heard once, after which the attempt has failed
LONGEST_WAIT_S: Final = 20.0
TICK_S: Final = 1.0
_T = TypeVar("_T")


class FirestoreCircuits:
    """The circuits of a project, and those of `fixed`, which Firestore does not know and nobody edits.

    `load` reads the copy; `run` follows Firestore, and `write` writes detected mappings, both for ever. Without `run`,
    as on a command line, `refresh` asks once.

    Attributes:
        changed: set when circuits or the selection have changed; whoever follows clears it.
        writer: takes detected mappings.
        known: what is known of Firestore.
    """

    def __init__(
        self,
        options: FirestoreOptions,
        copy: Copy,
        fixed: LocalCircuits,
        *,
        connect: Callable[[FirestoreOptions], Remote] = Remote,
    ) -> None:
        self.changed = asyncio.Event()
        self.known = Known(self.changed.set)
        self.writer = MappingWriter(copy, self.known, self._call)
        self._options, self._copy, self._fixed, self._connect = options, copy, fixed, connect
        self._remote: Remote | None = None
        self._state: State = "connecting"
        self._since, self._reason = now_ms(), ""
        self._synced_at: int | None = None
        self._reconnects = 0

    # What a CircuitStore does.

    async def list(self) -> Sequence[Circuit]:
        merged = {**self.known.circuits} | {circuit.id: circuit for circuit in await self._fixed.list()}
        return sorted(merged.values(), key=lambda circuit: (circuit.name.casefold(), circuit.id))

    async def get(self, circuit_id: str) -> Circuit | None:
        return await self._fixed.get(circuit_id) or self.known.circuits.get(circuit_id)

    async def add(self, circuit: Circuit) -> None:
        fields = fields_of(circuit)
        if (other := await self.get(circuit.id)) is not None:
            raise _taken(circuit, other)

        def create(remote: Remote) -> Document | None:
            remote.create(circuit.id, fields)
            return remote.get(circuit.id)

        try:
            self.known.took(circuit.id, await self._call(create))
        except NotAsExpected:
            raise _taken(circuit, await self._ask(circuit.id)) from None

    async def replace(self, circuit: Circuit) -> None:
        known = await self._own(circuit.id)
        if known is None:
            await self._fixed.replace(circuit)
            return
        if circuit.version not in {"", known.version}:
            raise _changed(circuit, known)
        if not (changes := changes_of(known, circuit)):
            return
        stamps = (UPDATED_AT,) if known.column_labels != circuit.column_labels else ()
        version = self.known.documents[circuit.id].version

        def change(remote: Remote) -> Document | None:
            remote.change(circuit.id, changes, stamps, version)
            return remote.get(circuit.id)

        try:
            self.known.took(circuit.id, await self._call(change))
        except NotAsExpected:
            raise _changed(circuit, await self._ask(circuit.id)) from None

    async def remove(self, circuit_id: str) -> None:
        if await self._own(circuit_id) is None:
            await self._fixed.remove(circuit_id)
            return
        try:
            await self._call(lambda remote: remote.delete(circuit_id))
        except NotAsExpected:
            raise CircuitConflict(f"circuit {circuit_id!r} was removed meanwhile") from None
        finally:
            await self._ask(circuit_id)

    # Following Firestore.

    @property
    def selected(self) -> str:
        """The circuit that is selected in the app, empty for none."""
        return self.known.selected

    def status(self) -> SharedStatus:
        """As it is now."""
        pending = self.writer.pending()
        return SharedStatus(
            project=self._options.project,
            state=self._state,
            since=self._since,
            reason=self._reason,
            synced_at=self._synced_at,
            circuits=len(self.known.circuits),
            faults=self.known.faults,
            selected=self.known.selected,
            reconnects=self._reconnects,
            pending=len(pending),
            pending_since=min((one.at for one in pending), default=None),
            write_error=self.writer.error,
        )

    async def load(self) -> None:
        """Begin with what was known last. Raises `StorageError`."""
        self.known.begin(await beside(self._copy.documents, "copy of Firestore"), copied=True)
        await self.writer.load()

    async def refresh(self) -> None:
        """Ask for every circuit once. Raises `CircuitsUnavailable`."""
        self.known.begin(await self._call(lambda remote: remote.all()))
        self._heard()
        await self._save()

    async def run(self) -> None:
        """Follow Firestore for ever, with growing waits between attempts."""
        failures = 0
        while True:
            try:
                await self._follow()
            except CircuitsUnavailable as error:
                failures = 0 if self._state == "listening" else failures + 1
                self._lost(str(error))
            wait = min(LONGEST_WAIT_S, 0.5 * 2**failures) * random.uniform(0.5, 1)  # noqa: S311 - spreads attempts
            await asyncio.sleep(wait)
            await self._save()

    async def write(self) -> None:
        """Write detected mappings for ever, as soon as Firestore can be reached."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self.writer.offered.wait()
            await self.writer.work(ready=self._state == "listening")

    def close(self) -> None:
        """End what is under way."""
        if self._remote is not None:
            self._drop(self._remote)

    async def _follow(self) -> None:
        remote = await self._connected()
        ear = Ear()
        Thread(target=ear.listen, args=(remote,), name="listen to Firestore", daemon=True).start()
        try:
            heard: Heard | None
            if (heard := await ear.next(FIRST_S)) is None:
                raise CircuitsUnavailable(f"Firestore did not answer within {FIRST_S:.0f} s")
            first = True
            while True:
                if heard is not None:
                    self.known.heard(heard, first=first)
                    self._heard()
                    first = False
                self.known.forget_vanished()
                await self._save()
                heard = await ear.next(TICK_S)
        finally:
            self._drop(remote)

    async def _connected(self) -> Remote:
        if self._remote is None:
            made = await beside(lambda: self._connect(self._options), "connect to Firestore")
            if self._remote is None:
                self._remote = made
            else:  # somebody else was quicker
                made.close()
        return self._remote

    def _drop(self, remote: Remote) -> None:
        remote.close()
        if self._remote is remote:
            self._remote = None

    async def _call(self, call: Callable[[Remote], _T]) -> _T:
        remote = await self._connected()
        try:
            return await beside(lambda: call(remote), "call Firestore")
        except CircuitsUnavailable:
            if self._state != "listening":  # the next attempt is not to wait for this connection
                self._drop(remote)
            raise

    def _heard(self) -> None:
        self._synced_at = now_ms()
        if self._state != "listening":
            self._state, self._since, self._reason = "listening", self._synced_at, ""
            log.info("Circuits of Firestore project %s: %d", self._options.project, len(self.known.circuits))

    def _lost(self, reason: str) -> None:
        if self._state != "away":
            self._reconnects += self._state == "listening"
            self._state, self._since = "away", now_ms()
            log.warning("%s: the circuits that are known stay", reason)
        self._reason = reason

    async def _save(self) -> None:
        changed, removed = self.known.unsaved()
        if not changed and not removed:
            return
        try:
            await beside(lambda: self._copy.keep(changed, removed), "copy of Firestore")
        except StorageError as error:
            log.warning("The copy of Firestore's circuits cannot be kept now: %s", error)
        else:
            self.known.saved(changed, removed)

    async def _own(self, circuit_id: str) -> Circuit | None:
        """A circuit of Firestore's, None for one of the command line's."""
        return None if await self._fixed.get(circuit_id) is not None else self.known.circuits.get(circuit_id)

    async def _ask(self, circuit_id: str) -> Circuit | None:
        self.known.took(circuit_id, await self._call(lambda remote: remote.get(circuit_id)))
        return self.known.circuits.get(circuit_id)


def _taken(circuit: Circuit, other: Circuit | None) -> CircuitConflict:
    return CircuitConflict(f"there is a circuit {circuit.id!r} already: change that one, or choose another id", other)


def _changed(circuit: Circuit, now: Circuit | None) -> CircuitConflict:
    if now is None:
        return CircuitConflict(f"circuit {circuit.id!r} was removed meanwhile: add it again if it is wanted")
    return CircuitConflict(
        f"circuit {circuit.id!r} was changed meanwhile, by the app or another service: `current` is what it is now", now
    )
