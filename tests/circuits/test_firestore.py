"""Circuits that are shared through Firestore: followed, edited, and told what their columns are."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from karttime.api.shared import StoredCopy
from karttime.circuits import firestore as firestore_module
from karttime.circuits import firestore_writer
from karttime.circuits.circuit import Circuit, CircuitConflict, CircuitsUnavailable
from karttime.circuits.firestore import FirestoreCircuits
from karttime.circuits.firestore_documents import Document
from karttime.circuits.firestore_mapping import Detected
from karttime.circuits.firestore_remote import FirestoreOptions, Remote
from karttime.circuits.local import LocalCircuits
from karttime.errors import StorageError
from karttime.storage.database import Database
from tests.firebase import emulator
from tests.firebase.app import NodeApp
from tests.firebase.proxy import Way
from tests.firebase.rest import Rest

DETECTED = {"C1": "Classement", "C2": "Kart", "C3": "Dernier T.", "C4": "Ecart"}
OTHER = {"C1": "Classement", "C2": "Equipe/Pilote", "C3": "Dernier T."}
HILL = {"nom": "Hill Kart", "wssUrl": "wss://hill.example/", "liveTimingUrl": ""}


@pytest.fixture
def rest(firestore: int, project: str) -> Rest:
    return Rest(project, firestore)


@asynccontextmanager
async def sharing(
    project: str,
    port: int,
    folder: Path,
    *,
    follow: bool = True,
    connect: Callable[[FirestoreOptions], Remote] = Remote,
) -> AsyncIterator[FirestoreCircuits]:
    """A node with a database of its own."""
    database = Database(f"sqlite:///{folder}.db")
    fixed = LocalCircuits([Circuit("typed", "Typed", "wss://typed.example/")])
    options = FirestoreOptions(project, emulator=f"127.0.0.1:{port}", timeout_s=2)
    circuits = FirestoreCircuits(options, StoredCopy(database, project), fixed, connect=connect)
    await circuits.load()
    tasks = [asyncio.create_task(job()) for job in (circuits.run, circuits.write)] if follow else []
    try:
        yield circuits
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
        circuits.close()
        database.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - conditions of several kinds, none of which is an event
            await asyncio.sleep(0.01)


def names(circuits: FirestoreCircuits) -> Sequence[str]:
    return sorted(circuits.known.circuits)


async def test_what_the_app_does_is_followed(firestore: int, project: str, node_app: NodeApp, tmp_path: Path) -> None:
    """A circuit is imported, mapped, selected and removed on a phone; those of the command line are there as well."""
    async with sharing(project, firestore, tmp_path / "a") as circuits:
        await until(lambda: circuits.status().state == "listening")
        said: dict[str, Any] = {"id": "hill", "nom": "Hill Kart", "wssUrl": "wss://hill.example/"}
        await node_app.ask("import", project, firestore, **said)
        await until(lambda: names(circuits) == ["hill"])
        assert [circuit.id for circuit in await circuits.list()] == ["hill", "typed"]
        await node_app.ask("map", project, firestore, id="hill", labels={"C1": "Clt", "C14": "Lap"})
        await until(lambda: circuits.known.circuits["hill"].column_labels == {"C1": "Clt", "C14": "Lap"})
        await node_app.ask("select", project, firestore, id="hill")
        await until(lambda: circuits.selected == "hill")
        await node_app.ask("import", project, firestore, **said | {"id": "dale"})
        await node_app.ask("remove", project, firestore, id="hill")
        await until(lambda: names(circuits) == ["dale"])
        status = circuits.status()
        assert (status.state, status.circuits, status.reconnects, status.pending) == ("listening", 1, 0, 0)
        assert status.synced_at is not None


async def test_malformed_documents_are_told_by_id_and_the_rest_works(
    firestore: int, project: str, rest: Rest, tmp_path: Path
) -> None:
    rest.put("circuits/good", **HILL)
    rest.put("circuits/no-name", wssUrl="wss://a.example/")
    rest.put("circuits/number", nom={"integerValue": "5"}, wssUrl="wss://a.example/")
    rest.put("circuits/bad%20id", **HILL)
    async with sharing(project, firestore, tmp_path / "a") as circuits:
        await until(lambda: names(circuits) == ["good"])
        assert {fault.id for fault in circuits.status().faults} == {"no-name", "number", "bad id"}
        rest.change("circuits/no-name", nom="Named")
        await until(lambda: names(circuits) == ["good", "no-name"])


async def test_a_start_without_firestore_has_the_circuits_of_before(
    firestore: int, project: str, rest: Rest, tmp_path: Path
) -> None:
    """Everything but changing them works, and recovers alone."""
    rest.put("circuits/hill", **HILL, c1="Kart")
    with Way(firestore) as way:
        async with sharing(project, way.port, tmp_path / "a") as circuits:
            await until(lambda: names(circuits) == ["hill"])
            before = await circuits.get("hill")
            await until(lambda: not any(circuits.known.unsaved()))
        way.cut()
        async with sharing(project, way.port, tmp_path / "a") as circuits:
            assert await circuits.get("hill") == before
            await until(lambda: circuits.status().state == "away")
            assert "does not answer" in circuits.status().reason
            assert before is not None
            with pytest.raises(CircuitsUnavailable, match="does not answer"):
                await circuits.replace(replace(before, name="Dale"))
            rest.change("circuits/hill", nom="Changed")
            way.mend()
            await until(lambda: circuits.known.circuits["hill"].name == "Changed")
            assert circuits.status().state == "listening"


async def test_a_loss_while_running_is_recovered_from(firestore: int, project: str, rest: Rest, tmp_path: Path) -> None:
    """What happened meanwhile is known afterwards, removals too."""
    for name in ("hill", "dale"):
        rest.put(f"circuits/{name}", **HILL)
    with Way(firestore) as way:
        async with sharing(project, way.port, tmp_path / "a") as circuits:
            await until(lambda: names(circuits) == ["dale", "hill"])
            way.cut()
            await until(lambda: circuits.status().state == "away")
            assert names(circuits) == ["dale", "hill"]
            rest.delete("circuits/dale")
            way.mend()
            await until(lambda: names(circuits) == ["hill"])
            assert (circuits.status().state, circuits.status().reconnects) == ("listening", 1)


async def test_an_emulator_that_is_killed_and_comes_back_empty_interrupts_nobody(project: str, tmp_path: Path) -> None:
    """Its circuits stay until they are there again, and are written to anew."""
    port = emulator.free_port()
    process = emulator.start(port)
    try:
        Rest(project, port).put("circuits/hill", **HILL)
        async with sharing(project, port, tmp_path / "a") as circuits:
            await until(lambda: names(circuits) == ["hill"])
            emulator.stop(process.pid)
            await until(lambda: circuits.status().state == "away")
            circuits.writer.offer("hill", DETECTED)
            await until(lambda: circuits.status().pending == 1)
            process = await asyncio.to_thread(emulator.start, port)
            await until(lambda: circuits.status().state == "listening")
            assert names(circuits) == ["hill"], "an empty project is no reason to forget everything at once"
            Rest(project, port).put("circuits/hill", **HILL)
            circuits.writer.offer("hill", DETECTED)
            await until(lambda: Rest(project, port).get("circuits/hill").get("c1") == "Classement")
    finally:
        emulator.stop(process.pid)


async def test_edits_reach_firestore(firestore: int, project: str, rest: Rest, tmp_path: Path) -> None:
    """In the app's fields; what is not of Firestore stays where it is."""
    async with sharing(project, firestore, tmp_path / "a", follow=False) as circuits:
        await circuits.add(Circuit("hill", "Hill Kart", "wss://hill.example/", column_labels={"C2": "Kart"}))
        stored = rest.get("circuits/hill")
        assert (stored["nom"], stored["c1"], stored["c2"]) == ("Hill Kart", "Non utilisé", "Kart")
        assert "createdAt" in stored
        hill = await circuits.get("hill")
        assert hill is not None
        assert hill.created_at > 0
        await circuits.replace(replace(hill, name="Dale"))
        assert rest.get("circuits/hill")["nom"] == "Dale"
        assert "updatedAt" not in rest.get("circuits/hill"), "that is when somebody saved the mapping"
        again = await circuits.get("hill")
        assert again is not None
        await circuits.replace(replace(again, column_labels={"C3": "Lap"}))
        assert rest.get("circuits/hill").keys() >= {"updatedAt"}
        await circuits.remove("hill")
        assert await circuits.get("hill") is None
        with pytest.raises(CircuitConflict, match="when the service was started"):
            await circuits.remove("typed")


async def test_a_concurrent_edit_is_a_conflict_with_the_other_sides_value(
    firestore: int, project: str, node_app: NodeApp, tmp_path: Path
) -> None:
    """Whether the edit was heard of or not; nothing of theirs is lost."""
    said: dict[str, Any] = {"id": "hill", "nom": "Hill Kart", "wssUrl": "wss://hill.example/"}
    node_app.call("import", project, firestore, **said)
    async with sharing(project, firestore, tmp_path / "a", follow=False) as circuits:
        await circuits.refresh()
        seen = await circuits.get("hill")
        assert seen is not None
        for labels in (DETECTED, OTHER):  # the second one after the first was heard of
            await node_app.ask("map", project, firestore, id="hill", labels=labels)
            with pytest.raises(CircuitConflict, match="changed meanwhile") as conflict:
                await circuits.replace(replace(seen, name="Mine", column_labels={"C1": "Lap"}))
            assert conflict.value.current is not None
            assert conflict.value.current.column_labels == labels or labels is OTHER
        await circuits.refresh()
        assert circuits.known.circuits["hill"].column_labels == OTHER
        await node_app.ask("remove", project, firestore, id="hill")
        with pytest.raises(CircuitConflict, match="removed meanwhile"):
            await circuits.replace(replace(circuits.known.circuits["hill"], name="Mine"))
        with pytest.raises(CircuitConflict, match="choose another id"):
            await circuits.add(Circuit("typed", "x", "wss://x.example/"))


async def test_two_who_add_the_same_at_once(firestore: int, project: str, tmp_path: Path) -> None:
    """One wins, the other is told what is there."""
    async with (
        sharing(project, firestore, tmp_path / "a", follow=False) as one,
        sharing(project, firestore, tmp_path / "b", follow=False) as two,
    ):
        mine = [Circuit("hill", name, "wss://hill.example/") for name in ("One", "Two")]
        outcomes = await asyncio.gather(one.add(mine[0]), two.add(mine[1]), return_exceptions=True)
        [conflict] = [outcome for outcome in outcomes if outcome is not None]
        assert isinstance(conflict, CircuitConflict)
        assert conflict.current is not None
        assert conflict.current.name == ("One" if outcomes[0] is None else "Two")


async def test_a_detected_mapping_makes_a_circuit_selectable(
    firestore: int, project: str, node_app: NodeApp, tmp_path: Path
) -> None:
    """The app sees it, unset columns in its own words, moments of the server; once written it is written no more."""
    said: dict[str, Any] = {"id": "hill", "nom": "Hill Kart", "wssUrl": "wss://hill.example/"}
    node_app.call("import", project, firestore, **said)
    async with sharing(project, firestore, tmp_path / "a") as circuits:
        await until(lambda: names(circuits) == ["hill"])
        circuits.writer.offer("hill", DETECTED)
        data = await node_app.ask("selectable", project, firestore, id="hill")
        assert {data[f"c{number}"] for number in range(5, 15)} == {"Non utilisé"}
        assert (data["c2"], data["autoDetectionSucceeded"], data["configurationRequired"]) == ("Kart", True, False)
        assert data["updatedAt"] == data["autoDetectionSucceededAt"]
        assert None not in data.values()
        await until(lambda: circuits.status().pending == 0)
        await until(lambda: circuits.known.circuits["hill"].column_labels == DETECTED)
        version = circuits.known.documents["hill"].version
        for _ in range(5):
            circuits.writer.offer("hill", DETECTED)
            await circuits.writer.work(ready=True)
        await circuits.refresh()
        assert circuits.known.documents["hill"].version == version


async def test_ours_is_replaced_by_a_later_detection_and_a_persons_is_not(
    firestore: int, project: str, node_app: NodeApp, rest: Rest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the person saved the same labels again, or changed one without noting the time, as a console does."""
    monkeypatch.setattr(firestore_writer, "EVERY_S", 0.0)
    for name in ("touched", "saved", "console", "ours"):
        rest.put(f"circuits/{name}", **HILL)
    async with sharing(project, firestore, tmp_path / "a", follow=False) as circuits:

        async def detect(labels: dict[str, str]) -> dict[str, str]:
            await circuits.refresh()
            for name in circuits.known.circuits:
                circuits.writer.offer(name, labels)
            await circuits.writer.work(ready=True)
            return {name: rest.get(f"circuits/{name}")["c2"] for name in circuits.known.circuits}

        assert set((await detect(DETECTED)).values()) == {"Kart"}
        await node_app.ask("map", project, firestore, id="touched", labels={**DETECTED, "C2": "Stands"})
        await node_app.ask("map", project, firestore, id="saved", labels=DETECTED)
        rest.change("circuits/console", c2="Categorie")
        expected = {"touched": "Stands", "saved": "Kart", "console": "Categorie", "ours": "Equipe/Pilote"}
        assert await detect(OTHER) == expected


async def test_what_waits_survives_an_outage_and_a_restart(
    firestore: int, project: str, rest: Rest, tmp_path: Path
) -> None:
    """It is in the database: another process writes it, without detecting anything."""
    rest.put("circuits/hill", **HILL)
    with Way(firestore) as way:
        async with sharing(project, way.port, tmp_path / "a") as circuits:
            await until(lambda: names(circuits) == ["hill"] and not any(circuits.known.unsaved()))
            way.cut()
            await until(lambda: circuits.status().state == "away")
            circuits.writer.offer("hill", DETECTED)
            await until(lambda: circuits.status().pending == 1)
        async with sharing(project, way.port, tmp_path / "a") as circuits:
            assert circuits.status().pending == 1
            assert rest.get("circuits/hill").get("c1") is None
            way.mend()
            await until(lambda: circuits.status().pending == 0)
    assert rest.get("circuits/hill")["c1"] == "Classement"


async def test_what_a_person_chose_during_the_outage_stays(
    firestore: int, project: str, rest: Rest, node_app: NodeApp, tmp_path: Path
) -> None:
    """What waits is judged again by what is there when it can be written."""
    rest.put("circuits/hill", **HILL)
    async with sharing(project, firestore, tmp_path / "a", follow=False) as circuits:
        await circuits.refresh()
        circuits.writer.offer("hill", DETECTED)
        await circuits.writer.work(ready=False)
        assert circuits.status().pending == 1
        await node_app.ask("map", project, firestore, id="hill", labels=OTHER)
        await circuits.writer.work(ready=True)
        assert circuits.status().pending == 0
    assert rest.get("circuits/hill")["c2"] == "Equipe/Pilote"


class Meddling(Remote):
    """A connection on which somebody else is always a moment quicker."""

    rest: Rest
    times = 0

    def change(self, circuit_id: str, *arguments: Any) -> None:
        if Meddling.times:
            Meddling.times -= 1
            Meddling.rest.change(f"circuits/{circuit_id}", nom=f"Changed {Meddling.times}")
        super().change(circuit_id, *arguments)


@pytest.mark.parametrize(("times", "written"), [(1, True), (99, False)])
async def test_a_write_counts_only_for_what_was_judged(
    firestore: int, project: str, rest: Rest, tmp_path: Path, times: int, written: bool
) -> None:
    """Between the look and the write somebody changes the document: it is judged again, a few times."""
    rest.put("circuits/hill", **HILL)
    Meddling.rest, Meddling.times = rest, times
    async with sharing(project, firestore, tmp_path / "a", follow=False, connect=Meddling) as circuits:
        await circuits.refresh()
        circuits.writer.offer("hill", DETECTED)
        await circuits.writer.work(ready=True)
        assert circuits.status().pending == (0 if written else 1)
        assert bool(circuits.status().write_error) is not written
    stored = rest.get("circuits/hill")
    assert stored["nom"].startswith("Changed"), "what the other one wrote is not lost"
    assert (stored.get("c1") == "Classement") is written


@pytest.mark.parametrize("databases", ["ab", "aa"])
async def test_two_nodes_that_detect_at_once_write_once(
    firestore: int, project: str, rest: Rest, tmp_path: Path, databases: str
) -> None:
    """With a database each or one for both: the second one finds it done, counts it as its own, and may replace it."""
    rest.put("circuits/hill", **HILL)
    async with (
        sharing(project, firestore, tmp_path / databases[0], follow=False) as one,
        sharing(project, firestore, tmp_path / databases[1], follow=False) as two,
    ):
        for node in (one, two):
            await node.refresh()
            node.writer.offer("hill", DETECTED)
        await asyncio.gather(one.writer.work(ready=True), two.writer.work(ready=True))
        first = rest.get("circuits/hill")
        assert first["c1"] == "Classement"
        for node in (one, two):
            assert node.status().pending == 0
            found = node._copy.detected_of("hill")
            assert found is not None
            assert found.written == DETECTED
            await node.refresh()
            node.writer.offer("hill", DETECTED)
            await node.writer.work(ready=True)
        assert rest.get("circuits/hill") == first


async def test_two_nodes_that_disagree_do_not_fight(firestore: int, project: str, rest: Rest, tmp_path: Path) -> None:
    """What the other one wrote is not ours: it stays."""
    rest.put("circuits/hill", **HILL)
    async with (
        sharing(project, firestore, tmp_path / "a", follow=False) as one,
        sharing(project, firestore, tmp_path / "b", follow=False) as two,
    ):
        for _ in range(2):
            for node, labels in ((one, DETECTED), (two, OTHER)):
                await node.refresh()
                node.writer.offer("hill", labels)
                await node.writer.work(ready=True)
        assert two.known.documents["hill"].version == one.known.documents["hill"].version
    assert rest.get("circuits/hill")["c2"] == "Kart"


async def test_a_layout_that_changes_all_the_time_is_not_written_all_the_time(
    firestore: int, project: str, rest: Rest, tmp_path: Path
) -> None:
    """The newest waits for its turn."""
    rest.put("circuits/hill", **HILL)
    async with sharing(project, firestore, tmp_path / "a", follow=False) as circuits:
        for labels in (DETECTED, OTHER, DETECTED, OTHER):
            await circuits.refresh()
            circuits.writer.offer("hill", labels)
            await circuits.writer.work(ready=True)
        [waiting] = circuits.writer.pending()
        assert waiting.labels == OTHER
    assert rest.get("circuits/hill")["c2"] == "Kart"


async def test_a_server_that_takes_the_connection_and_says_nothing_holds_up_nobody(
    project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls end by their own time, and the listening is given up."""
    monkeypatch.setattr(firestore_module, "FIRST_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with sharing(project, silent.getsockname()[1], tmp_path / "a") as circuits:
            async with asyncio.timeout(20):  # Google's own retries take a minute and more
                with pytest.raises(CircuitsUnavailable, match="does not answer"):
                    await circuits.add(Circuit("hill", "Hill", "wss://hill.example/"))
            await until(lambda: circuits.status().state == "away")


class TornCopy:
    """A database that is away, until it is mended."""

    def __init__(self, copy: StoredCopy) -> None:
        self.torn = True
        self._copy = copy

    def documents(self) -> Sequence[Document]:
        return self._copy.documents()

    def detected(self) -> Sequence[Detected]:
        return self._copy.detected()

    def keep(self, changed: Sequence[Document], gone: Sequence[str]) -> None:
        self._may()
        self._copy.keep(changed, gone)

    def detected_of(self, circuit_id: str) -> Detected | None:
        self._may()
        return self._copy.detected_of(circuit_id)

    def put(self, detected: Detected) -> None:
        self._may()
        self._copy.put(detected)

    def _may(self) -> None:
        if self.torn:
            raise StorageError("the database is away")


async def test_without_the_database_circuits_are_followed_all_the_same(
    firestore: int, project: str, rest: Rest, tmp_path: Path
) -> None:
    """The copy and what was detected are kept once it is back."""
    rest.put("circuits/hill", **HILL)
    async with sharing(project, firestore, tmp_path / "a", follow=False) as circuits:
        assert isinstance(circuits._copy, StoredCopy)
        whole = circuits._copy
        torn = TornCopy(whole)
        circuits._copy = circuits.writer._copy = torn
        await circuits.refresh()
        circuits.known._unsaved.add("hill")
        await circuits._save()
        circuits.writer.offer("hill", DETECTED)
        await circuits.writer.work(ready=True)
        assert names(circuits) == ["hill"]
        assert not whole.documents()
        torn.torn = False
        await circuits._save()
        await circuits.writer.work(ready=True)
        assert [document.id for document in whole.documents()] == ["hill"]
        assert rest.get("circuits/hill")["c1"] == "Classement"
