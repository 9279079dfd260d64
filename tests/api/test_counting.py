"""Figures that are counted seldom."""

import asyncio
import threading

import pytest

from karttime.api import counting
from karttime.api.counting import FRESH_S, SHARE, Counting
from karttime.errors import StorageError


class Table:
    """Counts how often it is counted, and how long that takes on the clock of the test."""

    def __init__(self) -> None:
        self.now = 0.0
        self.takes = 0.0
        self.counts = 0
        self.error = ""
        self.gate = threading.Event()
        self.gate.set()

    def count(self) -> int:
        self.gate.wait(5)
        self.now += self.takes
        self.counts += 1
        if self.error:
            raise StorageError(self.error)
        return self.counts


@pytest.fixture
def table() -> Table:
    return Table()


async def test_figures_are_good_for_a_while(table: Table) -> None:
    """Then they are counted again; each circuit has its own."""
    kept = Counting[int](lambda: table.now)
    assert [await kept.get("hill", table.count) for _ in range(3)] == [1, 1, 1]
    assert await kept.get("dale", table.count) == 2
    table.now += FRESH_S
    assert await kept.get("hill", table.count) == 3


async def test_what_takes_long_is_done_seldom(table: Table) -> None:
    """Two seconds of counting are good for a hundred."""
    kept = Counting[int](lambda: table.now)
    table.takes = 2.0
    await kept.get("hill", table.count)
    table.now += SHARE * 2.0 - 1
    assert await kept.get("hill", table.count) == 1
    table.now += 1
    assert await kept.get("hill", table.count) == 2


async def test_those_who_ask_together_wait_for_one_count(table: Table) -> None:
    """Also when the first of them gives up."""
    kept = Counting[int](lambda: table.now)
    table.gate.clear()
    waiting = [asyncio.ensure_future(kept.get("hill", table.count)) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    table.gate.set()
    assert await asyncio.gather(*waiting[1:]) == [1] * 4


async def test_a_failure_is_not_kept(table: Table) -> None:
    """Everybody who waited is told, and the next one tries again."""
    kept = Counting[int](lambda: table.now)
    table.error = "away"
    with pytest.raises(StorageError, match="away"):
        await kept.get("hill", table.count)
    table.error = ""
    assert await kept.get("hill", table.count) == 2


async def test_what_was_deleted_is_not_told(table: Table) -> None:
    """Neither from before nor from a count that was under way."""
    kept = Counting[int](lambda: table.now)
    table.gate.clear()
    early = asyncio.ensure_future(kept.get("hill", table.count))
    await asyncio.sleep(0)
    kept.forget("hill")
    table.gate.set()
    assert await early == 1
    assert await kept.get("hill", table.count) == 2
    kept.forget("hill")
    assert await kept.get("hill", table.count) == 3


async def test_the_number_of_circuits_is_bounded(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that nobody asks for leave first."""
    monkeypatch.setattr(counting, "MAX_KEPT", 2)
    kept = Counting[int](lambda: table.now)
    for name in ("a", "b", "a", "c"):
        await kept.get(name, table.count)
    assert await kept.get("a", table.count) == 1
    assert await kept.get("b", table.count) == 4
