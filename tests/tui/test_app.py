"""What all screens share: keys, help, filter, pause, leaving, themes, settings file, faults."""

import re
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.widgets import Input

from karttime.errors import KarttimeError, UsageError
from karttime.tui import keys
from karttime.tui.bindings import every, key_table, known_keys
from karttime.tui.keys import Preferences
from karttime.tui.screens import NAMES
from karttime.tui.screens import load as screen
from karttime.tui.screens.tower import Tower
from karttime.tui.themes import NO_COLOUR, THEMES
from karttime.tui.widgets.dialogs import Confirm, Reading
from karttime.tui.widgets.figures import Figures
from karttime.tui.widgets.keybar import Keys
from karttime.tui.widgets.topbar import TopBar

from .conftest import go, hostile, see, sitting, stopped, until


async def test_numbers_lead_to_the_screens(endurance: Path) -> None:
    """1 to 7; each has a footer made of its keys, and a top bar."""
    async with sitting(stopped(endurance)) as (app, desk):
        for number, name in enumerate(NAMES, 1):
            page = await go(app, desk, str(number))
            assert (app.current_mode, type(page)) == (name, screen(name))
            assert "REPLAY" in page.query_one(TopBar).text


async def test_a_small_terminal_shows_every_key_and_the_mouse_works(endurance: Path) -> None:
    """At 80 by 24 the footer takes the lines that it needs; a click on a key presses it, one on a row goes there."""
    async with sitting(stopped(endurance), (80, 24)) as (app, desk):
        for number in "1234567":
            page = await go(app, desk, number)
            await until(lambda page=page: "q Quit" in page.query_one(Keys).text, desk)  # type: ignore[misc]  # this page
            told = page.query_one(Keys).text
            assert all(len(line) <= 80 for line in told.splitlines())
            shown = {binding.description for binding in page.BINDINGS if isinstance(binding, Binding) and binding.show}
            assert all(word in told for word in shown)
            assert page.query_one(TopBar).region.height == 2
            if number == "3":
                who = page.query_one("#who", Figures)
                assert who.region.height == 2, "whose laps these are"
                assert who.lines[0].startswith(f"Kart {app.model.kart(app.kart)}")
        page = await go(app, desk, "2")
        assert isinstance(page, Tower)
        await desk.click(Keys, offset=(page.query_one(Keys).text.index("o Order"), 0))
        await go(app, desk)
        assert page.order == "best"
        await desk.click("#tower", offset=(5, 4))
        await go(app, desk)
        assert page.grid.cursor == page.grid.keys[3]
        await desk.click("#tower", offset=(1, 0))
        await go(app, desk)
        assert page.order == "position", "the title of a column orders by it"


async def test_help_names_every_key_of_the_screen(endurance: Path) -> None:
    """By the names of the settings file."""
    async with sitting(stopped(endurance)) as (app, desk):
        await desk.press("question_mark")
        assert isinstance(app.screen, Reading)
        text = app.screen._text.plain
        assert all(name in text for name in ("tower.pin", "app.pause", "table.down", "app.filter"))
        await desk.press("escape")
        assert isinstance(app.screen, Tower)


async def test_a_filter_stays_until_it_is_forgotten(endurance: Path) -> None:
    """Enter keeps it, the top bar names it, Esc forgets it."""
    async with sitting(stopped(endurance)) as (app, desk):
        page = await go(app, desk)
        assert isinstance(page, Tower)
        everybody = page.grid.keys
        await desk.press("slash", *"q&a", "enter")
        await go(app, desk)
        assert [page.grid.line(key)["team"] for key in page.grid.keys] == ["Q&A"]
        assert "filter: q&a" in page.query_one(TopBar).text
        assert page.grid.has_focus
        await go(app, desk, "escape")
        assert page.grid.keys == everybody


async def test_a_pause_stops_the_view_and_not_the_data(endurance: Path) -> None:
    """What comes meanwhile is counted, and there at once afterwards; rows can be walked through."""
    source = stopped(endurance, outline=True)
    async with sitting(source) as (app, desk):
        page = await go(app, desk, "space")
        assert isinstance(page, Tower)
        before = [page.grid.line(key) for key in page.grid.keys]
        source.seek(25 * 60_000)
        await until(lambda: source.position_ms == 25 * 60_000 and not source.busy, desk)
        await go(app, desk, "j")
        assert [page.grid.line(key) for key in page.grid.keys] == before
        assert re.search(r"PAUSED, \d+ changes behind", page.query_one(TopBar).text)
        await go(app, desk, "space")
        assert [page.grid.line(key) for key in page.grid.keys] != before
        assert "PAUSED" not in page.query_one(TopBar).text


async def test_leaving_is_asked_for(endurance: Path) -> None:
    """`q` asks; `n` stays, `y` leaves."""
    async with sitting(stopped(endurance)) as (app, desk):
        await desk.press("q")
        assert isinstance(app.screen, Confirm)
        await desk.press("n")
        await see(app, desk)
        assert not isinstance(app.screen, Confirm)
        assert app._exit is False
        await desk.press("q", "y")
        assert app._exit is True


async def test_every_theme_draws_and_one_has_no_colour(endurance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs stand beside colours; with NO_COLOR no segment has a colour of its own."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with sitting(stopped(endurance)) as (app, desk):
        assert app.theme == NO_COLOUR
        page = await see(app, desk)
        parts = [part for strip in _strips(page) for part in strip]
        colours = {str(part.style.color) for part in parts if part.style and part.style.color}
        assert colours <= {"Color('default', ColorType.DEFAULT)"}
        assert "★" in "".join(part.text for part in parts)
        for theme in THEMES:
            app.theme = theme.name
            await see(app, desk)


def _strips(page: Any) -> Any:
    return [*page._compositor.render_strips()]


async def test_every_command_is_in_the_palette(endurance: Path) -> None:
    """Screens, themes and what keys do."""
    async with sitting(stopped(endurance)) as (app, _desk):
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Screen: Mapping", "Theme: karttime-high-contrast", "Pin", "Pause", "Quit", "Screenshot"} <= titles


async def test_a_fault_of_ours_is_a_notice(endurance: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The app goes on; the log has the traceback, what cannot be done is said in its own words."""

    async def broken() -> None:
        raise ZeroDivisionError

    async def impossible() -> None:
        raise KarttimeError("that cannot be done: [bold]do this")

    async with sitting(stopped(endurance)) as (app, desk):
        app.guard(broken, "a broken job", again=False)
        app.guard(impossible, "another", again=False)
        await until(lambda: len(app._notifications) == 2, desk)
        assert {it.message for it in app._notifications} == {
            "internal error (ZeroDivisionError): the log file has the traceback",
            "that cannot be done: [bold]do this",
        }
        await go(app, desk, "j", "3")
        assert "ZeroDivisionError" in caplog.text
        assert "Traceback" in caplog.text


async def test_hostile_names_are_plain_text_everywhere(tmp_path: Path) -> None:
    """No control character and no markup gets through, on any screen; nothing falls over."""
    async with sitting(stopped(hostile(tmp_path / "evil.jsonl"))) as (app, desk):
        shown = ""
        for number in "1234567":
            page = await go(app, desk, number)
            for strip in _strips(page):
                text = "".join(part.text for part in strip)
                assert not re.search("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", text), repr(text)
                shown += text
        assert "[bold red]B[/] [/nope]" in shown
        await desk.press("m")


def test_keys_of_the_settings_file_are_checked(tmp_path: Path) -> None:
    """Unknown names, themes and words are refused with what is known; no file is no preference."""
    path = tmp_path / "tui.toml"
    themes = {theme.name for theme in THEMES}

    def load(text: str) -> Preferences:
        path.write_text(text)
        return keys.load(path, known=known_keys, themes=themes)

    assert keys.load(path, known=known_keys, themes=themes) == Preferences()
    assert load('theme = "karttime-high-contrast"\n[keys]\n"app.pause" = "p"') == Preferences(
        {"app.pause": "p"}, "karttime-high-contrast"
    )
    for text, said in (
        ('[keys]\n"app.paws" = "p"', "there is no key 'app.paws'; there are app.circuits"),
        ('theme = "pink"', "theme is one of karttime, "),
        ("colour = 1", "colour means nothing"),
        ('[keys]\n"app.pause" = 7', "is a key such as"),
        ("keys = 3", "keys is a table"),
        ("[", "cannot be read"),
    ):
        with pytest.raises(UsageError, match=re.escape(said)):
            load(text)
    with pytest.raises(UsageError, match="there is no settings file"):
        keys.load(tmp_path / "other.toml", known=known_keys, themes=themes, wanted=True)


async def test_another_key_does_what_the_settings_file_says(endurance: Path) -> None:
    """And the old one does nothing."""
    async with sitting(stopped(endurance), preferences=Preferences({"app.pause": "z"})) as (app, desk):
        await desk.press("space")
        assert not app.paused
        await desk.press("z")
        assert app.paused


def test_every_binding_has_a_name_of_its_own() -> None:
    """So that each can be changed, and only it."""
    found = [binding for binding in every() if binding.description]
    assert all(binding.id for binding in found)
    named = [(binding.id, binding.action) for binding in found]
    assert len({name for name, _ in named}) == len(set(named))


def test_the_readme_has_every_key() -> None:
    """Its table is made of the bindings: `karttime.tui.bindings.key_table`."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert "\n".join(key_table()) in readme


async def test_typing_in_a_filter_is_no_command(endurance: Path) -> None:
    """Digits, `q` and blanks are text there."""
    async with sitting(stopped(endurance)) as (app, desk):
        await desk.press("slash", "1", "q", "space")
        assert app.screen.query_one("#filter", Input).value == "1q "
        assert (app.current_mode, app.paused) == ("tower", False)
