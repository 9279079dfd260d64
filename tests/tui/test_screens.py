"""Screens 3 to 7 on a recording: what they show, and each of their keys."""

from pathlib import Path

from textual.widgets import Input

from karttime.analysis.laps import lap_figures
from karttime.analysis.report import Report
from karttime.domain.ids import CompetitorId
from karttime.tui.screens.feed import Feed
from karttime.tui.screens.kart import Kart
from karttime.tui.screens.log import LogPage
from karttime.tui.screens.mapping import MappingPage
from karttime.tui.screens.replay import ReplayPage
from karttime.tui.text import lap_time
from karttime.tui.widgets.dialogs import Confirm, Form, Reading
from karttime.tui.widgets.figures import Figures
from karttime.tui.widgets.grid import Grid

from .conftest import RUNNING_MS, go, replay, see, sitting, stopped, until


async def test_a_kart_s_laps_are_those_of_analyze(endurance: Path, analysed: Report) -> None:
    """Number, time, flags and rule of each, and the figures."""
    source = replay(endurance)
    async with sitting(source) as (app, desk):
        await until(lambda: source.busy == "■ end", desk)
        session = analysed.logbook.current
        assert session is not None
        app.kart = next(it.id for it in session.competitors.values() if it.position == 1)
        page = await go(app, desk, "3")
        assert isinstance(page, Kart)
        seen = set()
        for _ in session.competitors:
            competitor = session.competitors[CompetitorId(app.kart)]
            seen.add(competitor.id)
            assert page.grid.keys == [str(lap.number) for lap in reversed(competitor.laps)]
            for lap in competitor.laps:
                shown = page.grid.line(str(lap.number))
                assert shown["time"].lstrip("★•?") == lap_time(lap.time_ms)
                assert shown["rule"] == lap.provenance.rule
                assert shown["driver"] == lap.driver
            found = lap_figures(competitor.laps)
            said = page.query_one(Figures).lines[1]
            assert f"laps {found.count}  best {lap_time(found.best_ms)}" in said
            assert f"mean {lap_time(found.mean_ms)}  consistency ±{lap_time(found.spread_ms)}" in said
            page = await go(app, desk, "n")
            assert isinstance(page, Kart)
        assert seen == set(session.competitors)
        page = await go(app, desk, "b")
        assert app.kart == list(app.model.state.standings())[-2][0]  # type: ignore[union-attr]  # it is there


async def test_a_lap_is_excluded_and_restored_with_a_reason(endurance: Path) -> None:
    """It stays in the list, counts for nothing, and the decision is found again."""
    async with sitting(stopped(endurance)) as (app, desk):
        page = await go(app, desk, "3")
        assert isinstance(page, Kart)
        runner = app.model.race.runners[app.kart]
        best = runner.figures().best_ms
        number = next(lap.number for lap in runner.in_order() if lap.time_ms == best)
        page.grid.move_to(str(number))
        await desk.press("x", "enter")
        assert isinstance(app.screen, Form), "no reason, no decision"
        app.screen.query_one(Input).value = "cut the chicane"
        await desk.press("enter")
        await until(lambda: number in runner.excluded, desk)
        page = await go(app, desk)
        assert isinstance(page, Kart)
        assert page.grid.line(str(number))["why"] == "✗ cut the chicane"
        assert runner.figures().best_ms != best
        assert app.model.best_of(app.kart) == runner.figures().best_ms
        key = app.kart
    again = stopped(endurance)
    async with sitting(again) as (app, desk):
        await until(lambda: number in app.model.race.runners[key].excluded, desk)
        app.kart = key
        page = await go(app, desk, "3")
        assert isinstance(page, Kart)
        page.grid.move_to(str(number))
        await desk.press("x", *"ok", "enter")
        await until(lambda: number not in app.model.race.runners[key].excluded, desk)
        assert app.model.race.runners[key].figures().best_ms == best


async def test_charts_have_a_place_on_a_small_terminal(endurance: Path) -> None:
    """`t` shows them instead of the table."""
    async with sitting(stopped(endurance), (80, 24)) as (app, desk):
        page = await go(app, desk, "3")
        assert (page.query_one("#laps").display, page.query_one("#beside").display) == (True, False)
        page = await go(app, desk, "t")
        assert (page.query_one("#laps").display, page.query_one("#beside").display) == (False, True)
        assert page.query_one("#lap-chart").series[0].values  # type: ignore[attr-defined]  # our chart


async def test_the_log_tells_what_happened(endurance: Path) -> None:
    """Flags, stops, fastest laps, messages; kinds, a mark, and Enter that goes back to the moment."""
    source = stopped(endurance)
    async with sitting(source) as (app, desk):
        page = await go(app, desk, "4")
        assert isinstance(page, LogPage)
        assert {"flag", "pit-in", "pit-out", "fastest", "session", "note"} <= {it.kind for it in app.model.log}
        whole = len(page.grid.keys)
        assert page.grid.cursor == page.grid.keys[-1], "it follows"
        await go(app, desk, "o", "o")
        assert {page.grid.line(key)["kind"].split()[1] for key in page.grid.keys} == {"pit-in", "pit-out"}
        await go(app, desk, "o", "o", "o", "k", "k")
        assert not page.grid.follow
        key = page.grid.cursor
        assert key == page.grid.keys[-3]
        await desk.press("m", *"debris", "enter")
        await until(lambda: len(app.model.log) == whole + 1, desk)
        await go(app, desk)
        assert page.grid.cursor == key
        await desk.press("enter")
        await until(lambda: source.position_ms < RUNNING_MS and not source.busy, desk)
        page = await go(app, desk, "f")
        assert isinstance(page, LogPage)
        assert page.grid.cursor == page.grid.keys[-1]


async def test_the_feed_shows_frames_beside_what_became_of_them(endurance: Path) -> None:
    """Raw, decoded; a search; only what was refused."""
    async with sitting(stopped(endurance)) as (app, desk):
        page = await go(app, desk, "5")
        assert isinstance(page, Feed)
        await until(lambda: len(page.entries) > 100, desk)
        await go(app, desk)
        lines = [page.grid.line(key) for key in page.grid.keys]
        assert any("lap 1:0" in line["decoded"] and "|1:0" in line["raw"] for line in lines)
        await desk.press("slash", *"best", "enter")
        await go(app, desk)
        assert 0 < len(page.grid.keys) < len(lines) or not any("best" in str(line).casefold() for line in lines)
        await go(app, desk, "escape", "u")
        assert page.grid.keys == []
        await go(app, desk, "u", "k", "f")
        assert page.grid.follow
        assert page.query_one("#unknown", Figures).lines[0] == "What is not understood"


async def test_the_mapping_is_accepted_by_column_and_written_once(endurance: Path) -> None:
    """Accept, edit, undo, all, dry run; a recording has nowhere to write to, and says so."""
    async with sitting(stopped(endurance)) as (app, desk):
        page = await go(app, desk, "6")
        assert isinstance(page, MappingPage)
        assert page.grid.keys[0] == "C1"
        await go(app, desk, "j", "j", "a")
        assert page.changes() == {"C3": page.grid.line("C3")["proposal"]}
        assert page.grid.cursor == "C4"
        await go(app, desk, "e")
        assert isinstance(app.screen, Form)
        app.screen.query_one(Input).value = "Kart number"
        await go(app, desk, "enter")
        assert page.changes()["C4"] == "Kart number"
        await go(app, desk, "x")
        assert "C4" not in page.changes()
        await go(app, desk, "A")
        assert len(page.changes()) > 8
        await desk.press("d")
        assert isinstance(app.screen, Reading)
        await desk.press("escape", "w")
        assert isinstance(app.screen, Confirm)
        await desk.press("y")
        await until(lambda: any("cannot do this" in it.message for it in app._notifications), desk)
        assert page.changes(), "what was not written is not forgotten"


async def test_the_hand_on_the_recording(endurance: Path) -> None:
    """Play, stop, step both ways, speed, skip, next event, time of day."""
    source = stopped(endurance, 60_000, outline=True)
    async with sitting(source) as (app, desk):
        page = await go(app, desk, "7")
        assert isinstance(page, ReplayPage)
        await until(lambda: source.outline.done, desk)
        await go(app, desk)
        markers = page.query_one("#markers", Grid)
        assert len(markers.keys) == len(source.markers) > 20
        number = app.model.state.seq if app.model.state is not None else 0
        await desk.press("full_stop")
        await until(lambda: source.position_ms > 60_000 and not source.busy, desk)
        after = source.position_ms
        await desk.press("comma")
        await until(lambda: source.position_ms < after and not source.busy, desk)
        assert number == (app.model.state.seq if app.model.state is not None else -1), "a step back has its own stream"
        await desk.press("plus", "plus")
        assert source.speed == 5.0
        await desk.press("minus")
        assert source.speed == 2.0
        before = source.position_ms
        await desk.press("L")
        await until(lambda: source.position_ms == before + 60_000 and not source.busy, desk)
        await desk.press("h")
        await until(lambda: source.position_ms == before + 50_000 and not source.busy, desk)
        await desk.press("n")
        await until(lambda: source.position_ms > before + 50_000 and not source.busy, desk)
        assert source.began_at + source.position_ms in {it.at for it in source.markers}
        there = source.position_ms
        await desk.press("b")
        await until(lambda: source.position_ms < there and not source.busy, desk)
        await desk.press("t", *"@09:15:00", "enter")
        await until(lambda: source.position_ms == 15 * 60_000 and not source.busy, desk)
        assert not source.playing
        await desk.press("p")
        await until(lambda: source.position_ms > 15 * 60_000, desk)
        await see(app, desk)
        assert source.playing


async def test_a_jump_shows_what_playing_shows(endurance: Path) -> None:
    """The state after a jump is that of a replay that went there frame by frame."""
    played, jumped = replay(endurance, None), stopped(endurance, 3_600_000)
    async with sitting(played) as (app, desk):
        await until(lambda: played.busy == "■ end", desk)
        assert app.model.state is not None
        wanted = (app.model.state.session, app.model.state.competitors)
        laps = {key: runner.in_order() for key, runner in app.model.race.runners.items()}
        stops = {key: runner.stops for key, runner in app.model.race.runners.items()}
    async with sitting(jumped) as (app, desk):
        await until(lambda: app.model.race.session_id is not None, desk)
        assert app.model.state is not None
        assert (app.model.state.session, app.model.state.competitors) == wanted
        assert {key: runner.in_order() for key, runner in app.model.race.runners.items()} == laps
        assert {key: runner.stops for key, runner in app.model.race.runners.items() if runner.stops} == {
            key: found for key, found in stops.items() if found
        }
