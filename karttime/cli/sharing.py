"""Circuits from Firestore in a running service: following the app, and telling it what columns mean."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from karttime.api.service import Service
from karttime.api.shared import StoredCopy
from karttime.circuits.firestore import FirestoreCircuits
from karttime.circuits.firestore_remote import Remote
from karttime.circuits.local import LocalCircuits
from karttime.circuits.mapping import propose, role_confidence
from karttime.circuits.parser import Parser
from karttime.cli.catalogue import firestore_options
from karttime.domain.columns import Column
from karttime.domain.display import clean
from karttime.engine.supervisor import Supervisor
from karttime.errors import KarttimeError
from karttime.settings import Settings
from karttime.storage.database import Database

log = logging.getLogger("karttime")

SURE: Final = 0.8
LOOK_S: Final = 2.0  # a board must stand for so long before its columns are told


@asynccontextmanager
async def shared_circuits(
    settings: Settings, database: Database, fixed: LocalCircuits
) -> AsyncIterator[FirestoreCircuits | None]:
    """The circuits of Firestore as they were known last, None where circuits do not come from there.

    Raises:
        UsageError: the extra is not installed, or the key is none.
        StorageError: the copy cannot be read.
    """
    options = firestore_options(settings)
    if options is None:
        yield None
        return
    (await asyncio.to_thread(Remote, options)).close()  # what is wrong without a network is said at once
    circuits = FirestoreCircuits(options, StoredCopy(database, options.project), fixed)
    await circuits.load()
    try:
        yield circuits
    finally:
        circuits.close()


async def share(service: Service, *, start: bool, follow_selection: bool) -> None:
    """Follow Firestore until cancelled; a fault of ours in it leaves the live timing alone.

    Args:
        service: with circuits from Firestore.
        start: circuits that appear are collected, as those at the start are.
        follow_selection: the circuit that is selected in the app is collected.
    """
    if (shared := service.shared) is None:
        return
    jobs: Mapping[str, Callable[[], Awaitable[None]]] = {
        "listening to Firestore": shared.run,
        "writing to Firestore": shared.write,
        "taking over circuits": partial(_take_over, service, shared, start=start, follow_selection=follow_selection),
        "telling columns": partial(_tell_columns, service, shared),
    }
    async with Supervisor() as supervisor:
        for name, job in jobs.items():
            supervisor.start(name, job, lambda _error, _wait: None)
        await asyncio.Event().wait()


async def _take_over(service: Service, shared: FirestoreCircuits, *, start: bool, follow_selection: bool) -> None:
    known = {circuit.id for circuit in await shared.list()}
    selected = ""
    while True:
        await shared.changed.wait()
        shared.changed.clear()
        await service.follow()
        now = {circuit.id for circuit in await shared.list()}
        wanted = now - known if start else set()
        if follow_selection and shared.selected != selected and shared.selected in {*now, ""}:
            selected = shared.selected
            wanted |= {selected} - {""}
        known = now
        for circuit_id in sorted(wanted):
            try:
                await service.start(circuit_id)
            except KarttimeError as error:
                log.warning("%s is not collected: %s", circuit_id, clean(str(error), 500))


async def _tell_columns(service: Service, shared: FirestoreCircuits) -> None:
    before: Mapping[str, tuple[Column, ...]] = {}
    while True:
        await asyncio.sleep(LOOK_S)
        now = {status.circuit_id: _columns(service, status.circuit_id) for status in service.engine.status().collectors}
        for circuit_id, columns in now.items():
            if columns and columns == before.get(circuit_id):
                shared.writer.offer(circuit_id, labels(columns, _parser(service, circuit_id)))
        before = now


def labels(columns: Sequence[Column], parser: Parser | None) -> dict[str, str]:
    """What the columns are called in the app; of a feed whose meaning was found out, only what is beyond doubt."""
    if parser is not None and parser.spec is not None and parser.by == "detection":
        if not parser.settled:
            return {}
        sure = role_confidence(parser.spec.model_dump(mode="json"))
        columns = [column for column in columns if sure.get(column.role.value, 1.0) >= SURE]
    return propose(columns)


def _parser(service: Service, circuit_id: str) -> Parser | None:
    detector = service.engine.detector(circuit_id)
    return None if detector is None else detector.using


def _columns(service: Service, circuit_id: str) -> tuple[Column, ...]:
    """The columns of the board that is shown now; none between sessions."""
    session = service.engine.collector(circuit_id).logbook.current
    return () if session is None or session.ended_at is not None else session.columns
