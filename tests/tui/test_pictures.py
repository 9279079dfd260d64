"""The pictures of the README are what the dashboard draws; `KARTTIME_PICTURES=write pytest tests/tui/test_pictures.py`
makes them anew, to be looked at in the diff."""

import os
from pathlib import Path

import pytest

from .conftest import ENDURANCE, go, sitting, stopped, until

DOCS = Path(__file__).parents[2] / "docs"
PICTURES = {"tower": ("2", "j", "j"), "kart": ("2", "j", "j", "3"), "log": ("4",), "replay": ("7",)}


@pytest.mark.parametrize("name", PICTURES)
async def test_a_picture_shows_what_is_drawn(name: str) -> None:
    """A race of simulated karts, standing still."""
    source = stopped(ENDURANCE, 25 * 60_000)
    source.where = "endurance.jsonl"
    source.outline.start()
    async with sitting(source, (132, 30)) as (app, desk):
        await until(lambda: source.outline.done, desk)
        await go(app, desk, *PICTURES[name])
        await go(app, desk)
        app.clear_notifications()
        await desk.pause()
        drawn = app.export_screenshot(title="karttime tui", simplify=True)
    path = DOCS / f"tui-{name}.svg"
    if os.environ.get("KARTTIME_PICTURES") == "write":
        path.write_text(drawn, encoding="utf-8")
    assert drawn == path.read_text(encoding="utf-8")
