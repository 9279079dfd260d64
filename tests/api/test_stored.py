"""Circuits and keys in the database: shared with others, and sometimes away."""

import pytest

from karttime.api.stored import FRESH_S, StoredCircuits
from karttime.circuits.circuit import Circuit, CircuitConflict
from karttime.circuits.local import LocalCircuits
from karttime.engine.clock import Clock
from karttime.errors import StorageError
from karttime.storage.database import Database

HILL = Circuit("hill", "Hill", "wss://hill.example/", column_labels={"C1": "Clt"}, created_at=1, updated_at=1)
FIXED = Circuit("fixed", "Fixed", "wss://fixed.example/")


class Timer:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0
        self.clock = Clock(monotonic=lambda: self.now)


async def test_what_is_added_is_known_at_once(database: Database) -> None:
    """As it was given; fixed ones are there too, by name."""
    store = StoredCircuits(database, LocalCircuits([FIXED]))
    await store.add(HILL)
    assert await store.get("hill") == HILL
    assert await store.list() == [FIXED, HILL]
    assert await store.get("nope") is None


async def test_what_others_change_is_known_after_a_while(database: Database) -> None:
    """Not at once: every call would ask the database."""
    timer = Timer()
    store, other = StoredCircuits(database, clock=timer.clock), StoredCircuits(database)
    assert await store.list() == []
    await other.add(HILL)
    assert await store.list() == []
    timer.now += FRESH_S
    assert await store.list() == [HILL]


async def test_a_database_that_is_away_takes_no_circuit_away(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Clients can connect while it is away, which is said once; edits fail loudly."""
    timer = Timer()
    store = StoredCircuits(database, clock=timer.clock)
    await store.add(HILL)
    await store.list()

    def away(*_arguments: object) -> None:
        raise StorageError("the database cannot be used")

    monkeypatch.setattr(database, "reading", away)
    monkeypatch.setattr(database, "writing", away)
    for _ in range(3):
        timer.now += FRESH_S
        assert await store.get("hill") == HILL
    assert caplog.text.count("those known stay") == 1
    with pytest.raises(StorageError):
        await store.add(Circuit("dale", "Dale", "wss://dale.example/"))
    with pytest.raises(StorageError):
        await store.all_or_raise()
    monkeypatch.undo()
    timer.now += FRESH_S
    await store.add(Circuit("dale", "Dale", "wss://dale.example/"))
    assert len(await store.list()) == 2


async def test_a_fixed_circuit_hides_a_stored_one_and_cannot_be_edited(database: Database) -> None:
    """The command line is the nearer word."""
    await StoredCircuits(database).add(Circuit("fixed", "Stored", "wss://stored.example/"))
    store = StoredCircuits(database, LocalCircuits([FIXED]))
    assert await store.get("fixed") == FIXED
    assert await store.list() == [FIXED]
    for edit in (store.add(FIXED), store.replace(FIXED), store.remove("fixed")):
        with pytest.raises(CircuitConflict, match="when the service was started"):
            await edit


async def test_edits_of_what_is_not_there_are_conflicts(database: Database) -> None:
    """Somebody else was faster."""
    store = StoredCircuits(database)
    await store.add(HILL)
    with pytest.raises(CircuitConflict, match="another id"):
        await store.add(HILL)
    await StoredCircuits(database).remove("hill")
    with pytest.raises(CircuitConflict, match="meanwhile"):
        await store.replace(HILL)
    with pytest.raises(CircuitConflict, match="meanwhile"):
        await store.remove("hill")
