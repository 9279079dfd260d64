"""The dashboard on a service of its own: screen 1 and its keys, and a service that is killed underneath it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Input

from karttime.errors import KarttimeError
from karttime.tui.app import Dashboard
from karttime.tui.proposals import Proposed
from karttime.tui.screens.circuits import Circuits
from karttime.tui.screens.feed import Feed
from karttime.tui.screens.mapping import MappingPage
from karttime.tui.screens.tower import Tower
from karttime.tui.sources.address import Address
from karttime.tui.sources.attached import Attached, answers
from karttime.tui.sources.base import Mode
from karttime.tui.sources.child import Child
from karttime.tui.widgets.dialogs import Confirm, Form
from karttime.tui.widgets.topbar import TopBar

from .conftest import Desk, go, see, until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Child, Address]]:
    """A service on simulated data, as `karttime tui --demo` starts it."""
    folder = tmp_path_factory.mktemp("child")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder))
        found = Child(["--demo", "--host", "127.0.0.1", "--port", "0"], folder / "serve.log")
        try:
            yield found, found.start()
        finally:
            found.stop()


@asynccontextmanager
async def sitting(child: Child | None, address: Address) -> AsyncIterator[tuple[Dashboard, Desk]]:
    """Somebody at the dashboard, once it shows the board; the service stays when he leaves."""
    source = Attached(address, mode=Mode.DEMO)
    source._child = child
    app = Dashboard(source)
    async with app.run_test(size=(160, 40)) as desk:
        await until(lambda: bool(app.model.competitors), desk)
        yield app, desk
        source._child = None


async def fill(app: Dashboard, desk: Desk, **values: str) -> None:
    """Answer a form and send it."""
    await until(lambda: isinstance(app.screen, Form) and bool(app.screen.query(Input)), desk)
    for name, value in values.items():
        app.screen.query_one(f"#field-{name}", Input).value = value
    await desk.press("ctrl+s")


async def test_circuits_and_everything_that_can_be_done_to_one(child: tuple[Child, Address]) -> None:
    """Add, edit, sort, filter, start, stop, record, delete; a bad address is refused in the form."""
    async with sitting(None, child[1]) as (app, desk):
        page = await go(app, desk, "1")
        assert isinstance(page, Circuits)
        await until(lambda: page.grid.keys == ["demo"], desk)
        assert page.grid.line("demo")["state"] == "● live"
        assert "DEMO" in page.query_one(TopBar).text

        await desk.press("a")
        await fill(app, desk, name="Zeta Kart", url="nowhere")
        await desk.pause()
        assert isinstance(app.screen, Form), "it stays until the answers are good"
        await fill(app, desk, url="ws://127.0.0.1:10009/")
        await until(lambda: page.grid.keys == ["demo", "zeta-kart"], desk)
        page.grid.move_to("zeta-kart")
        await desk.press("e")
        await fill(app, desk, name="Alpha Kart")
        await until(lambda: page.grid.keys == ["zeta-kart", "demo"], desk)
        assert page.grid.cursor == "zeta-kart", "the cursor follows the circuit"

        await desk.press("s")
        await until(lambda: page.grid.line("zeta-kart")["state"] != "■ stopped", desk)
        await desk.press("x")
        assert isinstance(app.screen, Confirm)
        await desk.press("y")
        await until(lambda: page.grid.line("zeta-kart")["state"] == "■ stopped", desk)
        await desk.press("o", "slash", *"demo", "enter")
        assert page.grid.keys == ["demo"]
        await desk.press("r")
        await until(lambda: page.grid.line("demo")["recording"].startswith("●"), desk)
        await desk.press("r")
        await until(lambda: page.grid.line("demo")["recording"] == "-", desk)
        await desk.press("escape", "G")
        page.grid.move_to("zeta-kart")
        await desk.press("d", "y")
        await until(lambda: page.grid.keys == ["demo"], desk)
        await desk.press("enter")
        await until(lambda: app.current_mode == "tower", desk)


async def test_what_the_service_says_of_the_race(child: tuple[Child, Address]) -> None:
    """Frames with what became of them, a decision about a lap, a mark: all kept by the service."""
    async with sitting(None, child[1]) as (app, desk):
        source = app.source
        await until(lambda: any(runner.laps for runner in app.model.race.runners.values()), desk)
        assert await source.frames("demo", 0)
        await go(app, desk, "5")
        feed = app.page
        assert isinstance(feed, Feed)
        await until(lambda: any(it.updates for it in feed.entries), desk)
        key, runner = next((key, it) for key, it in app.model.race.runners.items() if it.laps)
        lap, session = min(runner.laps), app.model.race.session_id
        about = {"session": session, "competitor": key, "lap": lap}
        await source.command("demo", "decide", excluded=True, reason="cut", **about)
        found = await source.command("demo", "decisions", session=session)
        assert [(it.competitor_id, it.lap, it.excluded, it.reason) for it in found] == [(key, lap, True, "cut")]
        await source.command("demo", "decide", excluded=False, reason="not cut", **about)
        await source.command("demo", "mark", text="debris")
        with pytest.raises(KarttimeError, match="there is no circuit"):
            await source.command("nowhere", "start")
        for _ in range(100):  # until the service has written them
            told = (await source.history("demo")).facts["connection"]
            if {"mark", "lap-decision"} <= {it["event"] for it in told}:
                break
            await desk.pause(0.1)
        app.feeder.choose("demo")
        await until(lambda: {"mark", "decision"} <= {it.kind for it in app.model.log}, desk)
        assert not app.model.race.runner(key).excluded


async def test_labels_of_columns_are_proposed_and_written(child: tuple[Child, Address]) -> None:
    """An analysis says how sure each is; what was accepted, and only that, is the mapping afterwards."""
    async with sitting(None, child[1]) as (app, desk):
        page = await go(app, desk, "6")
        assert isinstance(page, MappingPage)
        assert page.proposal({"id": "C4"}) == Proposed("Kart")
        await desk.press("n")
        await until(lambda: page.proposal({"id": "C4"}).confidence == 1.0, desk)
        await go(app, desk, "j", "j", "j", "a")
        assert page.dry_run()[0].startswith("C4   -              → Kart")
        assert page.grid.line("C4")["confidence"] == "100%"
        await go(app, desk, "w", "y")
        await until(lambda: any("given when the service was started" in it.message for it in app._notifications), desk)
        assert page.changes() == {"C4": "Kart"}, "what was not written is not forgotten"
        source = app.source
        made = await source.command("", "add", name="Labels", url="ws://127.0.0.1:10009/", page="", feed="")
        await source.command(made, "labels", labels={"C4": "Kart", "C5": "Gap"})
        await source.command(made, "labels", labels={"C5": None})
        assert {it.id: it.labels for it in await source.circuits()}[made] == {"C4": "Kart"}
        await source.command(made, "delete")


async def test_a_killed_service_is_lost_at_once_and_found_again(child: tuple[Child, Address]) -> None:
    """LOST is shown, the board, cursor and filter stay; our own service is started again."""
    process, address = child
    async with sitting(process, address) as (app, desk):
        page = await go(app, desk, "j", "j", "slash", *"a", "enter")
        assert isinstance(page, Tower)
        cursor, rows = page.grid.cursor, len(page.grid.keys)
        assert process._process is not None
        os.kill(process._process.pid, signal.SIGKILL)
        await until(lambda: "✖ LOST" in page.query_one(TopBar).text, desk)
        await see(app, desk)
        assert (page.grid.cursor, len(page.grid.keys), page.filter_text) == (cursor, rows, "a")
        await until(lambda: "✖ LOST" not in page.query_one(TopBar).text, desk)
        assert page.filter_text == "a"
        assert await answers(address)
        assert {"server lost", "live"} <= {it.text.partition(":")[0] for it in app.model.log}


def test_a_service_that_cannot_start_says_why(tmp_path: Path) -> None:
    """Its own words."""
    with pytest.raises(KarttimeError, match="is no address of this machine"):
        Child(["--demo", "--host", "192.0.2.1", "--port", "0"], tmp_path / "log").start()


async def test_nobody_answers_where_no_service_is() -> None:
    """Neither a closed port nor something else that speaks HTTP."""

    async def other(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(other, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert not await answers(Address.parse(f"127.0.0.1:{port}"))
    server.close()
    await server.wait_closed()
    assert not await answers(Address.parse(f"127.0.0.1:{port}"))
