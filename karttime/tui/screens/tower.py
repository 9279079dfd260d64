"""Screen 2, the Tower: the classification."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from karttime.tui.model import Model
from karttime.tui.screens.page import Banner, Page
from karttime.tui.sources.base import Mode
from karttime.tui.standings import Order, Standing, standings
from karttime.tui.text import difference, duration, gap, lap_time, safe
from karttime.tui.widgets.columns import Cell, Column, Row
from karttime.tui.widgets.grid import Grid

PULSE_S: Final = 4.0
GAPS: Final = ("both", "gap", "interval")

_HEAD: Final = (
    Column("pos", "Pos", 3, 0, "right"),
    Column("gained", "+/-", 3, 6, "right"),
    Column("sign", " ", 2, 0),
    Column("kart", "Kart", 4, 0, "right"),
    Column("team", "Team", 12, 1, "left", 34),
    Column("driver", "Driver", 12, 8, "left", 30),
)
RACE: Final = (
    *_HEAD,
    Column("laps", "Laps", 4, 2, "right"),
    Column("last", "Last", 10, 1, "right"),
    Column("best", "Best", 10, 2, "right"),
    Column("gap", "Gap", 9, 1, "right"),
    Column("interval", "Interval", 9, 5, "right"),
    Column("pace", "Pace 5", 8, 3, "right"),
    Column("stint", "Stint", 7, 6, "right"),
    Column("stint_laps", "Laps", 4, 9, "right"),
    Column("stops", "Pit", 3, 3, "right"),
    Column("note", "Note", 5, 4, "left", 40),
)
TIMED: Final = (
    *_HEAD,
    Column("best", "Best", 10, 0, "right"),
    Column("gap", "Gap", 9, 1, "right"),
    Column("interval", "Interval", 9, 4, "right"),
    Column("last", "Last", 10, 1, "right"),
    Column("s1", "S1", 7, 9, "right"),
    Column("s2", "S2", 7, 9, "right"),
    Column("s3", "S3", 7, 9, "right"),
    Column("pace", "Pace 5", 8, 3, "right"),
    Column("laps", "Laps", 4, 2, "right"),
    Column("stint", "Stint", 7, 7, "right"),
    Column("stint_laps", "Laps", 4, 10, "right"),
    Column("stops", "Pit", 3, 8, "right"),
    Column("note", "Note", 5, 5, "left", 40),
)
_SIGNS: Final = {
    "in-pit": ("▼", "pit-in"),
    "out-lap": ("▲", "pit-out"),
    "stopped": ("✖", "retired"),
    "finished": ("⚑", "strong"),
}


class Tower(Page):
    """The classification."""

    TITLE = "Tower"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "order", "Order", id="tower.order"),
        Binding("i", "gaps", "Gap/interval", id="tower.gap"),
        Binding("p", "pin", "Pin", id="tower.pin"),
        Binding("c", "compare", "Compare", id="tower.compare"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.order = Order.POSITION
        self.gaps = GAPS[0]
        self.pinned: set[str] = set()
        self.compare = ""

    def body(self) -> ComposeResult:
        yield Grid(RACE, id="tower")

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one("#tower", Grid)

    def draw(self) -> None:
        view = self.view
        found = standings(view, self.order)
        self.pinned &= set(view.competitors)
        if self.compare not in view.competitors:
            self.compare = ""
        self.query_one(Banner).say(self._banner(view))
        self.grid.set_columns(self._columns(view, found))
        drawn = Drawer(view, next((row for row in found if row.id == self.compare), None), self.pinned)
        rows = [drawn.row(row) for row in found]
        rows = [row for row in rows if row.matches(self.words)]
        rows.sort(key=lambda row: row.key not in self.pinned)
        self.grid.show(rows)
        if self.dash.kart in view.competitors and self.grid.cursor != self.dash.kart:
            self.grid.move_to(self.dash.kart)

    def _banner(self, view: Model) -> str:
        lines = []
        if not view.competitors and view.circuit is not None:
            lines.append(_empty(view))
        if self.order is not Order.POSITION:
            words = {Order.BEST: "BEST LAP", Order.PACE: "PACE OF THE LAST 5 CLEAN LAPS"}
            lines.append(f"▲ ORDERED BY {words[self.order]}: THIS IS NOT THE CLASSIFICATION (o changes it)")
        if self.compare:
            who = " ".join(filter(None, (view.kart(self.compare), view.name(self.compare))))
            lines.append(f"COMPARED WITH KART {who}: times are differences to it (c ends it)")
        if message := safe(view.session.get("message") or "", 160):
            lines.append(f"✉ {message}")
        return "\n".join(lines)

    def _columns(self, view: Model, found: Sequence[Standing]) -> list[Column]:
        hidden = {f"s{n}" for n in (1, 2, 3) if not any(row.fields.get(f"sector_{n}_ms") for row in found)}
        teams = any(row.fields.get("team") for row in found)
        drivers = any(row.fields.get("driver") for row in found)
        if not teams and drivers:
            hidden.add("team")
        elif teams and not drivers:
            hidden.add("driver")
        if self.gaps != "both":
            hidden.add("interval" if self.gaps == "gap" else "gap")
        columns = [column for column in (RACE if view.race_like else TIMED) if column.key not in hidden]
        if "team" in hidden:
            columns = [Column("driver", "Driver", 12, 1, "left", 34) if it.key == "driver" else it for it in columns]
        elif self.gaps == "interval":
            columns = [Column("interval", "Interval", 9, 1, "right") if it.key == "interval" else it for it in columns]
        return columns

    @on(Grid.Moved, "#tower")
    def _moved(self, event: Grid.Moved) -> None:
        if event.key is not None:
            self.dash.kart = event.key

    @on(Grid.Chosen, "#tower")
    def _chosen(self, event: Grid.Chosen) -> None:
        self.dash.kart = event.key
        self.dash.switch_mode("kart")

    @on(Grid.HeaderClicked, "#tower")
    def _header(self, event: Grid.HeaderClicked) -> None:
        wanted = {"pos": Order.POSITION, "best": Order.BEST, "pace": Order.PACE}.get(event.column)
        if wanted is not None:
            self.order = wanted
            self.redraw()

    def action_order(self) -> None:
        known = list(Order)
        self.order = known[(known.index(self.order) + 1) % len(known)]
        self.redraw()

    def action_gaps(self) -> None:
        choices = GAPS if self.size.width >= 110 else GAPS[1:]
        self.gaps = choices[(choices.index(self.gaps) + 1) % len(choices)] if self.gaps in choices else "interval"
        self.redraw()

    def action_pin(self) -> None:
        if self.grid.cursor is not None:
            self.pinned ^= {self.grid.cursor}
            self.redraw()

    def action_compare(self) -> None:
        cursor = self.grid.cursor or ""
        self.compare = "" if self.compare == cursor else cursor
        self.redraw()


class Drawer:
    """Makes rows of standings."""

    def __init__(self, view: Model, reference: Standing | None, pinned: set[str]) -> None:
        self._view = view
        self._reference = reference
        self._pinned = pinned
        self._best = view.best_ms()
        self._now = view.monotonic()

    def row(self, it: Standing) -> Row:
        """One competitor."""
        fields = it.fields
        status = str(fields.get("status", ""))
        cells: dict[str, Cell] = {
            "pos": (str(it.place) if it.place is not None else "-", "strong"),
            "gained": _gained(it.gained),
            "sign": self._sign(it, status),
            "kart": (safe(fields.get("number") or "", 8), "strong"),
            "team": safe(fields.get("team") or ""),
            "driver": safe(fields.get("driver") or ""),
            "laps": "" if it.laps is None else str(it.laps),
            "last": self._last(it),
            "best": self._time(it, it.best_ms, lambda other: other.best_ms, self._best_style(it)),
            "gap": self._gap(it),
            "interval": (gap(it.interval), "dim" if it.fields.get("interval") is None else ""),
            "pace": self._time(it, it.pace_ms, lambda other: other.pace_ms, ""),
            "stint": (duration(it.stint_ms), "pit-in" if it.in_pit else ""),
            "stint_laps": "" if it.stint_laps is None else str(it.stint_laps),
            "stops": "" if not it.stops else str(it.stops),
            "note": self._note(it, status),
        }
        for number in (1, 2, 3):
            cells[f"s{number}"] = lap_time(fields.get(f"sector_{number}_ms"))
        return Row(it.id, cells, "retired" if status == "stopped" else "")

    def _sign(self, it: Standing, status: str) -> Cell:
        sign, style = _SIGNS["in-pit"] if it.in_pit else _SIGNS.get(status, (" ", ""))
        runner = self._view.race.runners.get(it.id)
        if runner is not None and self._now - runner.pulse[0] < PULSE_S:
            sign, style = ("▼", "pulse") if runner.pulse[1] == "pit-in" else ("▲", "pulse")
        pin = "◆" if it.id in self._pinned else ""
        return f"{pin}{sign}", style or ("mark" if pin else "")

    def _last(self, it: Standing) -> Cell:
        if it.last_ms is None:
            return ("in pit", "pit-in") if it.in_pit else ""
        if it.last_ms == it.best_ms and not self._reference:
            overall = it.last_ms == self._best
            return ("★" if overall else "•") + lap_time(it.last_ms), "overall-best" if overall else "personal-best"
        return self._time(it, it.last_ms, lambda other: other.last_ms, "")

    def _best_style(self, it: Standing) -> str:
        return "overall-best" if it.best_ms is not None and it.best_ms == self._best else ""

    def _time(self, it: Standing, ms: int | None, of: Callable[[Standing], int | None], style: str) -> Cell:
        reference = self._reference
        if ms is None:
            return ""
        if reference is not None and reference.id != it.id:
            other = of(reference)
            if other is None:
                return lap_time(ms), "dim"
            return difference(ms - other), "good" if ms < other else "bad" if ms > other else ""
        return ("★" if style == "overall-best" else "") + lap_time(ms), style

    def _gap(self, it: Standing) -> Cell:
        reference = self._reference
        if reference is not None and reference.id != it.id:
            mine, other = _plain_gap(it), _plain_gap(reference)
            if mine is not None and other is not None and it.lapped == reference.lapped:
                return difference(mine - other), "good" if mine < other else "bad"
            return gap(it.gap), "dim"
        return gap(it.gap), "dim" if it.fields.get("gap") is None else ""  # a difference of best laps

    def _note(self, it: Standing, status: str) -> Cell:
        parts = []
        if penalty := safe(it.fields.get("penalty") or "", 20):
            parts.append(f"! {penalty}")
        words = {"stopped": "STOPPED", "finished": "finished", "out-lap": "out lap"}
        parts.append("PIT" if it.in_pit else words.get(status, ""))
        if it.excluded:
            parts.append(f"{it.excluded} lap{'s' if it.excluded > 1 else ''} excluded")
        parts.append(safe(it.fields.get("information") or "", 30))
        text = " · ".join(part for part in parts if part)
        return text, "warn" if penalty else "pit-in" if it.in_pit else ""


def _empty(view: Model) -> str:
    """Why nobody is on the board."""
    circuit = view.circuit
    if circuit is None or view.state is None:
        return "waiting for the first data"
    if not circuit.running and view.mode is not Mode.REPLAY:
        return "this circuit is not collected: 1 shows the circuits, s starts"
    refused = sum(circuit.refused.values())
    told = circuit.doubts[0] if circuit.doubts else "no board was shown yet"
    return safe(told, 160) + (f"; {refused} lines were refused, 5 shows them" if refused else "")


def _gained(places: int | None) -> Cell:
    if not places:
        return ""
    return (f"↑{places}", "gained") if places > 0 else (f"↓{-places}", "lost")


def _plain_gap(it: Standing) -> int | None:
    """A gap in time, 0 for the leader; None for one in laps."""
    if isinstance(it.gap, int):
        return it.gap
    return 0 if it.place == 1 else None
