"""The dashboard on a recording of a simulated race, and what `analyze` says of the same file."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from karttime.analysis.report import Report, analyze
from karttime.api.facts import facts
from karttime.api.v1 import V1Stream
from karttime.engine.clock import Clock
from karttime.feeds.formats import FORMATS
from karttime.feeds.frame import Frame
from karttime.recording.format import RecordingHeader
from karttime.recording.merge import read_frames
from karttime.recording.writer import RecordingWriter
from karttime.tui.app import Dashboard
from karttime.tui.keys import Preferences
from karttime.tui.screens.page import Page
from karttime.tui.sources.replay import Replay
from karttime.tui.widgets.topbar import TopBar

RECORDINGS = Path(__file__).parents[2] / "recordings"
ENDURANCE = RECORDINGS / "endurance-fr.jsonl.gz"
RUNNING_MS = 22 * 60_000  # into the recording: the race runs, somebody is in the pits

EVIL = (
    "\x1b[31mRED\x1b]0;t\x07",
    "[bold red]B[/] [/nope]",
    "[link=x]L",
    "\u202eabc\u2066",
    "a\x9bm\x85b",
    "日本\u0301語" * 9,
)
NAMES = re.compile(r"(\|dr(?:team)?\|)([^\n]*)")

Desk = Pilot[None]


def replay(path: Path, speed: float | None = None, *, outline: bool = False) -> Replay:
    """A recording as the command opens it; without the outline, which reads all of it once more, unless wanted."""
    source = Replay(
        read_frames([path]),
        decoder=FORMATS["apex"].decoder,
        encoder=lambda: V1Stream("recording", clock=Clock()),
        facts=facts,
        feed="apex",
        speed=speed,
    )
    if not outline:
        source.outline.stop()
    return source


def stopped(path: Path, at_ms: int = RUNNING_MS, *, outline: bool = False) -> Replay:
    """A recording that stands still at a place."""
    source = replay(path, 1.0, outline=outline)
    source.toggle()
    source.seek(at_ms)
    return source


async def until(condition: Callable[[], bool], desk: Desk | None = None) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(45):
        while not condition():
            if desk is not None:
                await desk.pause()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def sitting(
    source: Replay, size: tuple[int, int] = (200, 60), preferences: Preferences | None = None
) -> AsyncIterator[tuple[Dashboard, Desk]]:
    """Somebody at the dashboard, once it shows the board."""
    app = Dashboard(source, preferences)
    async with app.run_test(size=size) as desk:
        await until(lambda: bool(app.model.competitors) and app.source.transport is source, desk)
        await until(lambda: not source.busy.startswith("…"), desk)
        await see(app, desk)
        yield app, desk


async def see(app: Dashboard, desk: Desk) -> Page:
    """The screen that is looked at, as it is now."""
    await desk.pause()
    page = app.page
    assert page is not None
    await until(lambda: bool(page.query(TopBar)), desk)
    page.redraw()
    return page


async def go(app: Dashboard, desk: Desk, *keys: str) -> Page:
    """Press keys, one after the other; the screen then."""
    for key in keys:
        await desk.press(key)
    return await see(app, desk)


def record(path: Path, frames: Iterable[Frame]) -> Path:
    """A recording of these frames."""
    with RecordingWriter(path, RecordingHeader(created_at=0, source="", circuit="Test", feed="apex")) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def hostile(path: Path) -> Path:
    """The endurance recording, with names that would be escape sequences, markup, or text that runs backwards."""
    others: dict[str, str] = {}

    def other(found: re.Match[str]) -> str:
        return found[1] + others.setdefault(found[2], EVIL[len(others) % len(EVIL)])

    return record(path, (Frame(it.at, NAMES.sub(other, it.text or "")) for it in read_frames([ENDURANCE])))


@pytest.fixture
def endurance(tmp_path: Path) -> Path:
    """A copy of the recording: notes are written beside it."""
    path = tmp_path / ENDURANCE.name
    path.write_bytes(ENDURANCE.read_bytes())
    return path


@pytest.fixture(scope="session")
def analysed() -> Report:
    """What `analyze` says of it."""
    return analyze(read_frames([ENDURANCE]))
