"""Screen 3, Kart: every lap of one competitor, its figures, and charts of them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll

from karttime.errors import UsageError
from karttime.tui import laps
from karttime.tui.race import Runner
from karttime.tui.screens.page import Page
from karttime.tui.text import lap_time
from karttime.tui.widgets.chart import Chart, Series
from karttime.tui.widgets.dialogs import Answers, Field, Form
from karttime.tui.widgets.figures import Figures
from karttime.tui.widgets.grid import Grid

WIDE = 120


class Kart(Page):
    """One competitor."""

    TITLE = "Kart"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,right_square_bracket", "other(1)", "Next", key_display="n", id="kart.next"),
        Binding("b,left_square_bracket", "other(-1)", "Before", key_display="b", id="kart.before"),
        Binding("x", "exclude", "Exclude/restore lap", id="kart.exclude"),
        Binding("t", "charts", "Charts", id="kart.charts"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.charts_only = False
        self._asked: set[tuple[str, str]] = set()

    def body(self) -> ComposeResult:
        yield Figures(id="who")
        with Horizontal(id="kart"):
            yield Grid(id="laps")
            with Vertical(id="beside"):
                with VerticalScroll(id="figures-box", can_focus=False):
                    yield Figures(id="figures")
                yield Chart("lap times", id="lap-chart")
                yield Chart("gap", signed=True, id="gap-chart")

    @property
    def grid(self) -> Grid:
        """The table of laps."""
        return self.query_one("#laps", Grid)

    def draw(self) -> None:
        view = self.view
        if self.dash.kart not in view.competitors:
            self.dash.kart = laps.neighbour(view, "", 1)
        key = self.dash.kart
        runner = view.race.runners.get(key) or Runner()
        self._ask(key)
        self._lay_out()
        self.grid.set_columns(laps.columns(runner))
        self.grid.show([row for row in laps.rows(runner, view.best_ms()) if row.matches(self.words)])
        number = self.grid.cursor
        under = runner.laps.get(int(number)) if number is not None else None
        who, summary, *more = laps.figures(view, key)
        self.query_one("#who", Figures).say([who, summary])
        self.query_one("#figures", Figures).say([*more, *laps.origin(under)], titled=False)
        if self.query_one("#beside").display:
            self._draw_charts(key, runner)

    def _lay_out(self) -> None:
        wide = self.size.width >= WIDE
        self.query_one("#beside").display = wide or self.charts_only
        self.grid.display = wide or not self.charts_only

    def _draw_charts(self, key: str, runner: Runner) -> None:
        clean, other = laps.lap_points(runner)
        series = [_series("clean", clean, "green", "braille", line=True), _series("other", other, "orange", "x")]
        self.query_one("#lap-chart", Chart).say(series)
        chart = self.query_one("#gap-chart", Chart)
        reference = laps.leader(self.view, key)
        chart.title = f"gap to kart {self.view.kart(reference)}" if reference else "gap"
        chart.say([_series("gap", laps.gap_points(self.view, key, reference), "cyan", "braille", line=True)])

    def _ask(self, key: str) -> None:
        """Every lap of it, once; what came by the stream may begin in mid-session."""
        view = self.view
        wanted = (view.race.session_id or "", key)
        if not key or not wanted[0] or wanted in self._asked:
            return
        self._asked.add(wanted)
        circuit_id = view.circuit_id

        async def ask() -> None:
            found = await self.dash.source.laps(circuit_id, key)
            model = self.dash.model
            if model.race.session_id == wanted[0]:
                for fact in sorted(found, key=lambda it: it.get("number") or 0):
                    if fact.get("session_id", wanted[0]) == wanted[0]:
                        model.race.lap(fact)
                model.revision += 1

        self.dash.guard(ask, f"laps {key}", again=False)

    def action_other(self, step: int) -> None:
        self.dash.kart = laps.neighbour(self.view, self.dash.kart, step)
        self.redraw()

    def action_charts(self) -> None:
        self.charts_only = not self.charts_only
        self.redraw()

    def action_exclude(self) -> None:
        runner, number = self.view.race.runners.get(self.dash.kart), self.grid.cursor
        lap = runner.laps.get(int(number)) if runner is not None and number is not None else None
        if runner is None or lap is None:
            self.dash.tell("there is no lap to exclude", bad=True)
            return
        excluded = lap.number not in runner.excluded
        word = "Exclude" if excluded else "Restore"
        who = f"lap {lap.number}, {lap_time(lap.time_ms)}, of kart {self.view.kart(self.dash.kart)}"
        title = f"{word} {who}. It stays stored."
        key, session = self.dash.kart, self.view.race.session_id

        def answered(answers: Answers | None) -> None:
            if answers is not None:
                values: dict[str, Any] = {"session": session, "competitor": key, "lap": lap.number}
                self.dash.order("decide", self._decided, excluded=excluded, reason=answers["reason"], **values)

        self.app.push_screen(Form(title, [Field("reason", "Because", "", "cut the chicane")], _reason, word), answered)

    def _decided(self, decision: Any) -> None:
        self.dash.model.decide([decision])
        self.dash.tell(f"lap {decision.lap} is {'excluded' if decision.excluded else 'restored'}")

    @on(Grid.Moved, "#laps")
    def _moved(self) -> None:
        self.redraw()

    @on(Grid.Chosen, "#laps")
    def _chosen(self) -> None:
        self.action_exclude()


def _series(name: str, points: Sequence[tuple[int, int]], colour: str, marker: str, *, line: bool = False) -> Series:
    return Series(name, tuple(x for x, _ in points), tuple(y for _, y in points), colour, marker, line)


def _reason(answers: Answers) -> None:
    if not answers["reason"]:
        raise UsageError("say why: it is kept with the decision")
