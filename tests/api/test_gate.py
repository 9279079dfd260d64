"""Commit before publish: nothing is seen before it is in the journal, in order; a disk that fails ends nothing."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from karttime.api import gate as module
from karttime.api.gate import Gate, Record
from karttime.storage.archive import Archive
from karttime.storage.extract import Batch
from karttime.storage.journal_file import Entry

from .conftest import until


class Paper:
    """A journal whose commits the test confirms."""

    def __init__(self) -> None:
        self.commits: list[tuple[Sequence[Entry], Callable[[str], None]]] = []

    def append(self, entries: Sequence[Entry], done: Callable[[str], None]) -> None:
        self.commits.append((entries, done))


class Store(Archive):
    """An archive that only counts what it is given."""

    def __init__(self) -> None:
        self.journal = Paper()  # type: ignore[assignment]  # as much of a journal as the gate uses
        self.kept: list[Batch] = []

    def take(self, batch: Batch) -> bool:
        self.kept.append(batch)
        return len(self.kept) < 3


class Member:
    """A channel that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def forget_rows(self) -> None:
        self.told.append("forget")

    def start_over(self) -> None:
        self.told.append("over")

    def new_epoch(self) -> None:
        self.told.append("epoch")


class Scene:
    """A gate with one member, and what came through it."""

    def __init__(self) -> None:
        store = Store()
        self.paper: Paper = store.journal  # type: ignore[assignment]  # it is
        self.kept = store.kept
        self.gate, self.member, self.seen = Gate(store), Member(), list[str]()
        self.gate.add(self.member)

    def submit(self, name: str) -> None:
        record = Record(self.member, "hill", "e", 1, Batch(), name.encode())
        self.gate.submit(record, lambda: self.seen.append(name))

    def after(self, name: str) -> None:
        self.gate.after(lambda: self.seen.append(name), lambda: self.seen.append(f"instead of {name}"))


async def turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_nothing_passes_before_its_commit_and_all_in_order() -> None:
    """One commit for each turn of the loop; what depends on it waits with it."""
    scene = Scene()
    scene.after("free")
    scene.submit("a")
    scene.submit("b")
    scene.after("join")
    await turn()
    scene.submit("c")
    await turn()
    assert (scene.seen, [len(entries) for entries, _ in scene.paper.commits]) == (["free"], [2, 1])
    scene.paper.commits[0][1]("")
    await turn()
    assert scene.seen == ["free", "a", "b", "join"]
    scene.after("late")
    scene.paper.commits[1][1]("")
    await turn()
    assert scene.seen[4:] == ["c", "late"]
    assert scene.gate.status().held == 0
    scene.gate.close()


async def test_one_who_waits_for_everything_is_woken() -> None:
    """At once when there is nothing to wait for."""
    scene = Scene()
    await scene.gate.settled()
    scene.submit("a")
    waiting = asyncio.create_task(scene.gate.settled())
    await turn()
    assert not waiting.done()
    scene.paper.commits[0][1]("")
    await waiting
    scene.gate.close()


async def test_a_failed_commit_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members start over, rows go to memory, and live data goes on; then the journal is tried until it is back."""
    monkeypatch.setattr(module, "PROBE_S", 0.01)
    scene = Scene()
    scene.submit("a")
    scene.after("join")
    await turn()
    scene.submit("b")
    scene.paper.commits[0][1]("disk full")
    await turn()
    assert (scene.member.told, scene.seen) == (["over"], ["instead of join"])
    assert (scene.gate.status().state, scene.gate.status().error, len(scene.kept)) == ("failing", "disk full", 2)
    scene.submit("c")
    assert scene.seen == ["instead of join", "c"], "at once"
    assert scene.member.told == ["over", "forget"], "memory is full too"
    await until(lambda: len(scene.paper.commits) == 2)
    scene.paper.commits[1][1]("still full")
    await until(lambda: len(scene.paper.commits) == 3)
    scene.paper.commits[2][1]("")
    await until(lambda: scene.gate.journalled)
    assert scene.member.told == ["over", "forget", "epoch"]
    scene.submit("d")
    await turn()
    assert scene.seen[-1] == "c"
    scene.paper.commits[3][1]("")
    await turn()
    assert scene.seen[-1] == "d"
    scene.gate.close()


async def test_a_disk_that_does_not_answer_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while; its late answer means nothing any more."""
    monkeypatch.setattr(module, "STALLED_S", 0.05)
    scene = Scene()
    scene.submit("a")
    await until(lambda: scene.gate.status().state == "failing")
    assert (scene.member.told, scene.gate.status().error) == (["over"], "the disk does not answer")
    scene.paper.commits[0][1]("")
    await turn()
    assert scene.seen == []
    scene.gate.close()


async def test_a_fault_of_one_who_waited_costs_the_others_nothing() -> None:
    """They pass all the same."""
    scene = Scene()
    scene.submit("a")

    def fault() -> None:
        raise ZeroDivisionError

    scene.gate.after(fault)
    scene.after("b")
    await turn()
    scene.paper.commits[0][1]("")
    await turn()
    assert scene.seen == ["a", "b"]
    scene.gate.close()


async def test_without_a_journal_everything_passes() -> None:
    """And its state says so."""
    gate, seen, member = Gate(None), list[str](), Member()
    gate.submit(Record(member, "hill", "e", 1, Batch(), b"m"), lambda: seen.append("a"))
    gate.after(lambda: seen.append("b"))
    await gate.settled()
    assert (seen, gate.status().state, gate.journalled) == (["a", "b"], "off", False)
