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
    source = stopped(ENDURANCE, 25 * 60_000, outline=True)
    source.where = "endurance.jsonl"
    source.outline.start()
    async with sitting(source, (132, 30)) as (app, desk):
        await until(lambda: source.outline.done, desk)
        await go(app, desk, *PICTURES[name])
        await go(app, desk)
        path = DOCS / f"tui-{name}.svg"

        def drawn() -> str:
            return app.export_screenshot(title="karttime tui", simplify=True)

        if os.environ.get("KARTTIME_PICTURES") == "write":
            await desk.pause(1.0)
            path.write_text(drawn(), encoding="utf-8")
        wanted = path.read_text(encoding="utf-8")
        for _ in range(100):  # what the first drawing asked for may come a moment later
            if drawn() == wanted:
                break
            await desk.pause(0.05)
        assert drawn() == wanted
