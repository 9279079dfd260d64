"""Screen 5, Feed: the frames as they came, what was decoded from each, and what was refused."""

from collections import deque
from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from karttime.tui.model import Model
from karttime.tui.screens.page import Banner, Page
from karttime.tui.sources.base import FeedEntry
from karttime.tui.text import clock_of, safe
from karttime.tui.widgets.columns import Cell, Column, Row
from karttime.tui.widgets.figures import Figures
from karttime.tui.widgets.grid import Grid

KEPT: Final = 2_000
LOOK_S: Final = 1.0
ASK_ANEW: Final = 5  # looks without anything new
COLUMNS: Final = (
    Column("number", "#", 7, 3, "right"),
    Column("at", "Time UTC", 8, 1),
    Column("raw", "Raw", 20, 0, "left", 90),
    Column("decoded", "Decoded", 20, 0, "left", 90),
    Column("refused", "Refused", 10, 2, "left", 40),
)


class Feed(Page):
    """The frames."""

    TITLE = "Feed"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "Follow", id="feed.follow"),
        Binding("u", "unknown", "Only refused", id="feed.unknown"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.entries: deque[FeedEntry] = deque(maxlen=KEPT)
        self.only_refused = False
        self._circuit = ""
        self._silent = 0
        self._drawn: tuple[object, ...] = ()

    def body(self) -> ComposeResult:
        yield Grid(COLUMNS, follow=True, id="feed")
        with Horizontal(id="feed-below"):
            with VerticalScroll(id="frame-box", can_focus=False):
                yield Static(id="frame")
            with VerticalScroll(id="unknown-box", can_focus=False):
                yield Figures(id="unknown")

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one("#feed", Grid)

    def on_mount(self) -> None:
        self.set_interval(LOOK_S, self._look)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._look()

    def _look(self) -> None:
        """Ask for the frames that came since; only while somebody looks here, and the view is not paused."""
        if self.dash.page is not self or self.dash.paused:
            return
        circuit_id = self.dash.model.circuit_id
        if circuit_id != self._circuit:
            self._circuit = circuit_id
            self.entries.clear()
        if circuit_id:
            self.dash.guard(lambda: self._ask(circuit_id), "feed", again=False)

    async def _ask(self, circuit_id: str) -> None:
        last = self.entries[-1].number if self.entries else 0
        found = await self.dash.source.frames(circuit_id, last)
        self._silent = 0 if found else self._silent + 1
        if last and self._silent % ASK_ANEW == 1:  # numbers begin anew after a jump in a replay, or where nobody looked
            found = await self.dash.source.frames(circuit_id, 0)
            if found and found[-1].number < last:
                self.entries.clear()
        if circuit_id == self._circuit:
            self.entries.extend(it for it in found if not self.entries or it.number > self.entries[-1].number)

    def draw(self) -> None:
        view = self.view
        said = ["only frames with something refused (u shows all)"] if self.only_refused else []
        if not self.grid.follow:
            said.append("not following: f goes on with the newest")
        self.query_one(Banner).say(" · ".join(said))
        self.query_one("#unknown", Figures).say(_unknown(view))
        state = (self.entries[-1].number if self.entries else 0, len(self.entries), self.words, self.only_refused)
        if state == self._drawn:
            return
        self._drawn = state
        rows = (_row(it) for it in self.entries if it.refused or not self.only_refused)
        self.grid.show([row for row in rows if row.matches(self.words)])

    @on(Grid.Moved, "#feed")
    def _moved(self, event: Grid.Moved) -> None:
        keys = self.grid.keys
        if self.grid.follow and keys and event.key != keys[-1]:
            self.grid.follow = False
            self.redraw()
        entry = next((it for it in reversed(self.entries) if str(it.number) == event.key), None)
        self.query_one("#frame", Static).update(_whole(entry) if entry is not None else Text())

    def action_follow(self) -> None:
        self.grid.follow = not self.grid.follow
        if self.grid.follow:
            self.grid.action_edge(1)
        self.redraw()

    def action_unknown(self) -> None:
        self.only_refused = not self.only_refused
        self.redraw()


def _row(entry: FeedEntry) -> Row:
    decoded = "not looked at" if entry.updates is None else "; ".join(entry.updates)
    refused = "; ".join(f"{reason} {sample}" for reason, sample in entry.refused)
    cells: dict[str, Cell] = {
        "number": (str(entry.number), "dim"),
        "at": (clock_of(entry.at), "dim"),
        "raw": safe(entry.text.replace("\n", " ⏎ "), 300),
        "decoded": (safe(decoded, 300), "dim" if not entry.updates else "good"),
        "refused": (safe(refused, 200), "bad"),
    }
    return Row(str(entry.number), cells)


def _whole(entry: FeedEntry) -> Text:
    """One frame with its lines beside what became of them."""
    text = Text(f"frame {entry.number}, {clock_of(entry.at)}, {len(entry.text)} characters\n", style="bold")
    for line in entry.text.splitlines()[:60]:
        text.append(safe(line, 400) + "\n", style="not bold")
    for update in entry.updates or ():
        text.append(f"→ {safe(update, 300)}\n", style="not bold green")
    for reason, sample in entry.refused:
        text.append(f"✗ {safe(reason)}: {safe(sample, 300)}\n", style="not bold red")
    return text


def _unknown(view: Model) -> list[str]:
    """What is not understood: refusals by reason, doubts, columns without a meaning or a name."""
    circuit = view.circuit
    lines = ["What is not understood"]
    if circuit is not None:
        lines += [f"✗ {safe(reason)}: {count}" for reason, count in sorted(circuit.refused.items())]
        lines += [f"? {safe(doubt, 200)}" for doubt in circuit.doubts]
    for column in view.state.columns if view.state is not None else ():
        if column.get("role") == "unknown":
            lines.append(f"column {safe(column.get('id'))} {safe(column.get('label') or '', 30)!r}: role unknown")
    if circuit is not None and circuit.labels and view.state is not None:
        missing = [str(it.get("id")) for it in view.state.columns if it.get("id") not in circuit.labels]
        if missing:
            lines.append("not in the mapping: " + " ".join(missing))
    return lines if len(lines) > 1 else [*lines, "nothing: every line was understood"]
