"""Screen 2 against `analyze`, and its keys."""

from pathlib import Path

import pytest

from karttime.analysis.report import Report
from karttime.client.fold import fold
from karttime.client.stream import Shown
from karttime.domain.classification import classification
from karttime.tui.app import FRAME_S
from karttime.tui.screens.tower import Tower
from karttime.tui.text import lap_time
from karttime.tui.widgets.topbar import TopBar

from .conftest import go, replay, see, sitting, stopped, until


async def test_it_ends_with_the_classification_that_analyze_prints(endurance: Path, analysed: Report) -> None:
    """Position, kart, laps, best lap, stops of everybody, after a replay as fast as possible."""
    source = replay(endurance)
    async with sitting(source) as (app, desk):
        await until(lambda: source.busy == "■ end", desk)
        page = await see(app, desk)
        assert isinstance(page, Tower)
        session = analysed.logbook.current
        assert session is not None
        wanted = classification(session)
        assert page.grid.keys == [it.competitor_id for it in wanted]
        for it in wanted:
            shown = page.grid.line(it.competitor_id)
            assert shown["pos"] == str(it.position)
            assert shown["kart"] == it.number
            assert shown["laps"] == ("" if it.laps is None else str(it.laps))
            assert shown["best"].lstrip("★") == lap_time(it.best_lap_ms)
            assert shown["last"].lstrip("★•") == lap_time(it.last_lap_ms)
            assert shown["stops"] == (str(it.pit_stops) if it.pit_stops else "")
        assert "▶ REPLAY" in page.query_one(TopBar).text


async def test_another_order_is_announced_loudly(endurance: Path) -> None:
    """Best, pace, and back; rows really move."""
    async with sitting(stopped(endurance)) as (app, desk):
        page = await go(app, desk)
        assert isinstance(page, Tower)
        places = page.grid.keys
        await go(app, desk, "o")
        assert "ORDERED BY BEST LAP" in str(page.query_one("Banner").render())
        best = [page.grid.line(key)["best"].lstrip("★") for key in page.grid.keys]
        assert best == sorted(best)
        assert page.grid.keys != places
        await go(app, desk, "o")
        assert "PACE" in str(page.query_one("Banner").render())
        await go(app, desk, "o")
        assert page.grid.keys == places
        assert "ORDERED" not in str(page.query_one("Banner").render())


async def test_the_cursor_follows_the_kart(endurance: Path) -> None:
    """Not the row: after another order, a jump in the recording and another size it stands on the same one."""
    source = stopped(endurance, outline=True)
    async with sitting(source) as (app, desk):
        page = await go(app, desk, "j", "j", "k", "j")
        assert isinstance(page, Tower)
        kart = page.grid.cursor
        assert kart == page.grid.keys[2]
        await go(app, desk, "o")
        assert page.grid.cursor == kart
        source.seek(25 * 60_000)
        await until(lambda: source.position_ms == 25 * 60_000 and not source.busy, desk)
        await desk.resize_terminal(80, 24)
        await go(app, desk)
        assert page.grid.cursor == kart


async def test_gaps_pins_and_comparison(endurance: Path) -> None:
    """`i` chooses the gap, `p` keeps a kart on top, `c` shows differences to it."""
    async with sitting(stopped(endurance)) as (app, desk):
        page = await go(app, desk)
        assert isinstance(page, Tower)
        assert {"Gap", "Interval"} <= set(page.grid.titles)
        await go(app, desk, "i")
        assert "Interval" not in page.grid.titles
        await go(app, desk, "i")
        assert "Gap" not in page.grid.titles
        last = page.grid.keys[-1]
        await go(app, desk, "G", "p")
        assert page.grid.keys[0] == last == page.grid.cursor
        assert "◆" in page.grid.line(last)["sign"]
        await go(app, desk, "c")
        assert "COMPARED WITH KART" in str(page.query_one("Banner").render())
        others = [page.grid.line(key)["best"] for key in page.grid.keys if key != last]
        assert all(text.startswith(("+", "-")) for text in others)
        await go(app, desk, "c", "p")
        assert page.grid.keys[-1] == last


async def test_enter_opens_the_kart(endurance: Path) -> None:
    """The one under the cursor."""
    async with sitting(stopped(endurance)) as (app, desk):
        await go(app, desk, "j", "enter")
        assert app.current_mode == "kart"
        assert app.kart == app.get_screen_stack("tower")[-1].query_one("#tower").cursor  # type: ignore[attr-defined]  # our table


async def test_a_race_and_a_timed_session_look_different(endurance: Path) -> None:
    """In practice the best lap leads; gaps are differences of best laps where the board shows none."""
    async with sitting(stopped(endurance, 4 * 60_000)) as (app, desk):
        page = await go(app, desk)
        assert isinstance(page, Tower)
        titles = page.grid.titles
        assert titles.index("Best") < titles.index("Last")


async def test_small_and_large_terminals(endurance: Path) -> None:
    """At 80 by 24 the essential columns are there and nothing is cut; at 200 all are."""
    async with sitting(stopped(endurance), (80, 24)) as (app, desk):
        page = await go(app, desk)
        assert isinstance(page, Tower)
        assert {"Pos", "Kart", "Team", "Laps", "Last", "Best", "Gap"} <= set(page.grid.titles)
        await desk.resize_terminal(200, 60)
        await go(app, desk)
        assert {"Driver", "Interval", "Pace 5", "Stint", "Pit", "Note", "+/-"} <= set(page.grid.titles)


async def test_many_changes_are_drawn_once_and_only_where_they_are(
    endurance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most ten drawings a second, whatever comes; one row's change draws one line, never the table."""
    assert FRAME_S >= 0.1
    async with sitting(stopped(endurance)) as (app, desk):
        page = await go(app, desk)
        assert isinstance(page, Tower)
        state, key = app.model.state, page.grid.keys[3]
        assert state is not None
        lines: list[int] = []
        monkeypatch.setattr(page.grid, "refresh_lines", lambda y, *_: lines.append(y))
        monkeypatch.setattr(page.grid, "refresh", lambda *_, **__: lines.append(-1))
        drawings: list[int] = []
        before = page.draw

        def draw() -> None:
            drawings.append(1)
            before()

        monkeypatch.setattr(page, "draw", draw)
        for number in range(1, 501):
            message = {
                "type": "patch",
                "seq": state.seq + number,
                "at": state.at,
                "competitors": {key: {"laps": number}},
            }
            app.model.take(Shown(fold(app.model.state, message) or state, message, gapless=True))
        app._tick()
        app._tick()
        assert (len(drawings), lines) == (1, [4])
        assert page.grid.line(key)["laps"] == "500"
