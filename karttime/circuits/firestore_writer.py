"""Detected mappings on their way to Firestore: queued in the database, written once, never over a person's labels."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from karttime.circuits.beside import beside
from karttime.circuits.circuit import CircuitsUnavailable
from karttime.circuits.firestore_documents import Document, Timestamp, mapping_of
from karttime.circuits.firestore_known import Known
from karttime.circuits.firestore_mapping import (
    STAMPS,
    Copy,
    Detected,
    Verdict,
    app_labels,
    decide,
    differing,
    mapping_fields,
    settled,
)
from karttime.circuits.firestore_remote import NotAsExpected, Remote
from karttime.circuits.firestore_status import now_ms
from karttime.domain.display import clean
from karttime.errors import StorageError

log = logging.getLogger(__name__)

EVERY_S: Final = 10.0  # a board that changes its layout all the time is no reason to write all the time
LONGEST_WAIT_S: Final = 60.0
_ATTEMPTS: Final = 3


class _Call(Protocol):
    def __call__(self, call: Callable[[Remote], Any], /) -> Awaitable[Any]: ...


class MappingWriter:
    """Takes proposals, keeps what is to be written, and writes it when it can.

    Args:
        copy: where the queue is.
        known: what is known of Firestore.
        call: calls Firestore in a thread.

    Attributes:
        offered: set while something new was offered.
        error: why nothing can be written now.
    """

    def __init__(self, copy: Copy, known: Known, call: _Call) -> None:
        self.offered = asyncio.Event()
        self.error = ""
        self._copy, self._known, self._call = copy, known, call
        self._pending: dict[str, Detected] = {}
        self._seen: dict[str, tuple[Mapping[str, str], Timestamp]] = {}
        self._offered: dict[str, Mapping[str, str]] = {}
        self._wrote_at: dict[str, float] = {}
        self._failures = 0
        self._not_before = float("-inf")

    async def load(self) -> None:
        """Take over what waited when the program ended. Raises `StorageError`."""
        rows = await beside(self._copy.detected, "queue for Firestore")
        self._pending = {row.circuit_id: row for row in rows if row.pending}

    def pending(self) -> Sequence[Detected]:
        """What has to be written."""
        return tuple(self._pending.values())

    def offer(self, circuit_id: str, proposed: Mapping[str, str]) -> None:
        """A mapping was detected, by `C1`…`Cn`; cheap, and may be said again and again."""
        document = self._known.documents.get(circuit_id)
        if document is None:
            return
        wanted = app_labels(proposed)
        if self._seen.get(circuit_id) != (wanted, document.version):
            self._seen[circuit_id] = (wanted, document.version)
            self._offered[circuit_id] = wanted
            self.offered.set()

    async def work(self, *, ready: bool) -> None:
        """Keep what was offered; write what waits, where Firestore is `ready` and nothing forbids it."""
        self.offered.clear()
        for circuit_id, wanted in list(self._offered.items()):
            try:
                await self._consider(circuit_id, wanted)
            except StorageError as error:
                log.warning("A detected mapping cannot be kept now: %s", error)
                return
            if self._offered.get(circuit_id) == wanted:
                del self._offered[circuit_id]
        if ready and self._pending and time.monotonic() >= self._not_before:
            await self._write_all()

    async def _consider(self, circuit_id: str, wanted: Mapping[str, str]) -> None:
        document = self._known.documents.get(circuit_id)
        if document is None:
            return
        before = await beside(lambda: self._copy.detected_of(circuit_id), "queue for Firestore")
        written = before.written if before is not None else None
        detected = Detected(circuit_id, wanted, now_ms(), written=written)
        stored = mapping_of(document)
        match decide(stored, wanted, written):
            case Verdict.WRITE:
                await self._keep(replace(detected, pending=True))
            case Verdict.SAME:
                await self._keep(settled(detected, stored))
            case Verdict.KEPT:
                log.info("%s: the mapping that a person chose stays: %s", circuit_id, differing(stored.labels, wanted))
                await self._keep(detected)
            case Verdict.FEW:
                log.info("%s: too few columns were recognised to label them in the app", circuit_id)

    async def _keep(self, detected: Detected) -> None:
        before = self._pending.get(detected.circuit_id)
        if before is not None and detected.pending and before.labels == detected.labels:
            return
        await beside(lambda: self._copy.put(detected), "queue for Firestore")
        if detected.pending:
            self._pending[detected.circuit_id] = detected
        else:
            self._pending.pop(detected.circuit_id, None)

    async def _write_all(self) -> None:
        now = time.monotonic()
        due = [row for row in self._pending.values() if self._wrote_at.get(row.circuit_id, -EVERY_S) + EVERY_S <= now]
        try:
            for row in due:
                await self.write(row)
        except (CircuitsUnavailable, StorageError) as error:
            wait = min(LONGEST_WAIT_S, 2.0**self._failures)
            self._failures = min(self._failures + 1, 10)
            self._not_before = time.monotonic() + wait
            if not self.error:
                log.warning("A detected mapping cannot be written now: %s", error)
            self.error = clean(str(error), 300)
        else:
            self._failures, self.error = 0, ""

    async def write(self, row: Detected) -> Verdict:
        """Write one mapping unless the document forbids it; what was decided. Raises as `write` below does."""
        verdict: Verdict
        verdict, document = await self._call(lambda remote: write(remote, row))
        self._known.took(row.circuit_id, document)
        if verdict is Verdict.WRITE:
            self._wrote_at[row.circuit_id] = time.monotonic()
            log.info("%s: the detected mapping was written to Firestore", row.circuit_id)
        elif verdict is Verdict.KEPT:
            log.info("%s: somebody chose a mapping meanwhile: it stays", row.circuit_id)
        await self._keep(replace(row, pending=False) if document is None else settled(row, mapping_of(document)))
        return verdict


def write(remote: Remote, row: Detected) -> tuple[Verdict, Document | None]:
    """Write a mapping unless the document forbids it; what was decided, and the document as it is now.

    Blocks. The write counts only if the document is still the one that was judged; else it is judged again.

    Raises:
        CircuitsUnavailable: Firestore does not answer, or others change the document all the time.
    """
    for _ in range(_ATTEMPTS):
        document = remote.get(row.circuit_id)
        if document is None:
            return Verdict.FEW, None
        verdict = decide(mapping_of(document), row.labels, row.written)
        if verdict is not Verdict.WRITE:
            return verdict, document
        try:
            remote.change(row.circuit_id, mapping_fields(row.labels), STAMPS, document.version)
        except NotAsExpected:
            continue
        return verdict, remote.get(row.circuit_id)
    raise CircuitsUnavailable(f"circuit {row.circuit_id!r} is being changed all the time")
