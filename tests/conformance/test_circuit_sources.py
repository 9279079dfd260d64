"""One suite for every source of circuits that can be edited: in the database, and in Firestore on Google's emulator."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from karttime.api.shared import StoredCopy
from karttime.api.stored import StoredCircuits
from karttime.circuits.circuit import Circuit, CircuitConflict, CircuitStore
from karttime.circuits.firestore import FirestoreCircuits
from karttime.circuits.firestore_remote import FirestoreOptions
from karttime.circuits.local import LocalCircuits
from karttime.storage.database import Database

TYPED = Circuit("typed", "Typed", "wss://typed.example/")
HILL = Circuit("hill", "Hill é", "wss://hill.example:8523/", "apex", {"C2": "Kart"}, "https://hill.example/")
DALE = Circuit("dale", "Dale", "rmonitor://dale.example", "rmonitor")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with contextlib.closing(Database(f"sqlite:///{tmp_path}/a.db")) as opened:
        yield opened


@pytest.fixture(params=["database", "firestore"])
def source(
    request: pytest.FixtureRequest, database: Database, project: str
) -> AbstractAsyncContextManager[CircuitStore]:
    """An empty source, beside one circuit of the command line."""
    fixed = LocalCircuits([TYPED])

    @asynccontextmanager
    async def opened() -> AsyncIterator[CircuitStore]:
        if request.param == "database":
            yield StoredCircuits(database, fixed)
            return
        options = FirestoreOptions(project, emulator=f"127.0.0.1:{request.getfixturevalue('firestore')}")
        circuits = FirestoreCircuits(options, StoredCopy(database, project), fixed)
        yield circuits
        circuits.close()

    return opened()


def plain(circuit: Circuit | None) -> Circuit | None:
    """Without its times, which are the source's."""
    return circuit and replace(circuit, created_at=0, updated_at=0)


async def test_what_is_added_is_there_as_it_was_given(source: AbstractAsyncContextManager[CircuitStore]) -> None:
    """By name, beside those of the command line."""
    async with source as store:
        for circuit in (HILL, DALE):
            await store.add(circuit)
        assert [plain(circuit) for circuit in await store.list()] == [DALE, HILL, TYPED]
        assert plain(await store.get("hill")) == HILL
        assert await store.get("none") is None


async def test_what_is_replaced_is_replaced_whole(source: AbstractAsyncContextManager[CircuitStore]) -> None:
    async with source as store:
        await store.add(HILL)
        before = await store.get("hill")
        assert before is not None
        other = replace(DALE, id="hill", version=before.version)
        await store.replace(other)
        assert plain(await store.get("hill")) == plain(other)


async def test_what_is_removed_is_gone_and_can_be_added_again(
    source: AbstractAsyncContextManager[CircuitStore],
) -> None:
    async with source as store:
        await store.add(HILL)
        await store.remove("hill")
        assert await store.get("hill") is None
        await store.add(HILL)
        assert plain(await store.get("hill")) == HILL


async def test_what_cannot_be_is_a_conflict_and_changes_nothing(
    source: AbstractAsyncContextManager[CircuitStore],
) -> None:
    """An id that is taken, a circuit that is gone, one of the command line."""
    async with source as store:
        await store.add(HILL)
        for attempt, says in (
            (store.add(replace(DALE, id="hill")), "choose another id"),
            (store.add(replace(DALE, id="typed")), "typed"),
            (store.replace(DALE), "removed meanwhile"),
            (store.remove("dale"), "removed meanwhile"),
            (store.replace(replace(DALE, id="typed")), "when the service was started"),
            (store.remove("typed"), "when the service was started"),
        ):
            with pytest.raises(CircuitConflict, match=says):
                await attempt
        assert [plain(circuit) for circuit in await store.list()] == [HILL, TYPED]
