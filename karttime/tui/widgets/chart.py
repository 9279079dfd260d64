"""Charts of laps in the terminal, drawn by plotext."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textual_plotext import PlotextPlot

from karttime.tui.text import difference, lap_time


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one thing: lap numbers, values in ms, a colour, a sign."""

    name: str
    laps: tuple[int, ...]
    values: tuple[int, ...]
    colour: str
    marker: str
    line: bool = False


class Chart(PlotextPlot):
    """Values by lap; drawn anew only when they changed."""

    def __init__(self, title: str, *, signed: bool = False, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.title = title
        self._signed = signed
        self.series: tuple[Series, ...] = ()

    def say(self, series: Sequence[Series]) -> None:
        """Show these points."""
        if tuple(series) == self.series:
            return
        self.series = tuple(series)
        plot: Any = self.plt
        plot.clear_data()
        plot.title(self.title)
        values = [value for it in series for value in it.values]
        for it in series:
            if it.laps:
                draw = plot.plot if it.line else plot.scatter
                draw(list(it.laps), [value / 1000 for value in it.values], marker=it.marker, color=it.colour)
        if values:
            low, high = min(values), max(values)
            steps = 2 if high > low else 0  # more labels than rows would push one another out
            ticks = [low + (high - low) * step // steps for step in range(steps + 1)] if steps else [low]
            plot.yticks([tick / 1000 for tick in ticks], [self._label(tick) for tick in ticks])
        laps = sorted({lap for it in series for lap in it.laps})
        if laps:
            step = max(1, -(-(laps[-1] - laps[0]) // 8))
            ticks = list(range(laps[0], laps[-1] + 1, step))
            plot.xticks(ticks, [str(tick) for tick in ticks])
        self.refresh()

    def _label(self, ms: int) -> str:
        return difference(ms) if self._signed else lap_time(ms)
