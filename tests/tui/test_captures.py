"""What the dashboard shows of real traffic is what `analyze` says of it; no screen needed."""

import asyncio
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from karttime.analysis.laps import lap_figures
from karttime.analysis.report import analyze
from karttime.api.facts import facts
from karttime.api.v1 import V1Stream
from karttime.domain.classification import classification
from karttime.engine.clock import Clock
from karttime.feeds.formats import FORMATS
from karttime.recording.merge import read_frames
from karttime.tui.model import Model
from karttime.tui.sources.base import Mode
from karttime.tui.sources.replay import Replay
from karttime.tui.standings import standings

from .conftest import until

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures"
FILES = sorted(path for folder in ("apex", "rmonitor") for path in (CAPTURES / folder).glob("*"))

LARGE = {path for path in FILES if path.stat().st_size > 700_000}
"""They are not played message by message: we jump to the end, which shows the same."""

pytestmark = pytest.mark.captures


@pytest.mark.skipif(not FILES, reason="there are no captures here")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_the_end_of_a_replay_is_what_analyze_says(path: Path) -> None:
    """Order, laps, times, stops of everybody on the board; every lap of theirs, and its figures."""
    report = analyze(read_frames([path]))
    session = report.logbook.current
    if session is None:
        pytest.skip("it holds no session")
    source = Replay(
        read_frames([path]),
        decoder=FORMATS[report.detection.name].decoder,
        encoder=lambda: V1Stream("recording", clock=Clock()),
        facts=facts,
        speed=None,
    )
    source.outline.stop()  # it is looked at elsewhere
    if path in LARGE:
        source.seek(1 << 40)
    model = Model(Mode.REPLAY)

    async def feed() -> None:
        async with aclosing(source.follow("recording")) as events:
            async for event in events:
                model.take(event)

    task = asyncio.create_task(feed())
    await until(lambda: source.busy == "■ end")
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await source.close()
    wanted = classification(session)
    shown = {row.id: row for row in standings(model)}
    assert list(shown) == [it.competitor_id for it in wanted]
    for it in wanted:
        row = shown[it.competitor_id]
        assert (row.place, row.last_ms, row.best_ms) == (it.position, it.last_lap_ms, it.best_lap_ms)
        assert (row.laps, row.stops or 0, row.in_pit) == (it.laps, it.pit_stops, it.in_pit)
        assert same(row.gap, it.gap, it.gap_ms)
        assert same(row.interval, it.interval, it.interval_ms)
        competitor = session.competitors[it.competitor_id]
        runner = model.race.runner(it.competitor_id)
        laps = {lap.number: lap for lap in competitor.laps}  # where the feed gives a number twice, the later one
        assert [(lap.number, lap.time_ms, lap.flags) for lap in runner.in_order()] == [
            (lap.number, lap.time_ms, lap.flags) for lap in laps.values()
        ]
        assert len(laps) < len(competitor.laps) or runner.figures() == lap_figures(competitor.laps)
        assert runner.stops == competitor.pit_stops
        if row.stint_laps is not None and not row.in_pit:
            assert row.stint_laps == len(competitor.laps) - (runner.stops[-1].after_lap if runner.stops else 0)


def same(gap: object, displayed: str, ms: int | None) -> bool:
    """Whether a typed gap is what the board displays; where it displays none, ours is a difference of best laps."""
    match gap:
        case None:
            return displayed == ""
        case int():
            return displayed == "" or gap == ms
        case {"laps": laps}:
            return displayed.startswith(str(laps))
        case {"lap": lap}:
            return displayed.endswith(str(lap))
        case _:
            return False
