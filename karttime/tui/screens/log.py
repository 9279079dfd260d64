"""Screen 4, Log: what happened on the circuit, one timeline."""

from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from karttime.tui.log import GLYPHS, KINDS, Entry
from karttime.tui.screens.page import Banner, Page
from karttime.tui.text import clock_of
from karttime.tui.widgets.columns import Cell, Column, Row
from karttime.tui.widgets.dialogs import Answers, Field, Form
from karttime.tui.widgets.grid import Grid

COLUMNS: Final = (
    Column("at", "Time UTC", 8, 0),
    Column("kind", "What", 12, 0),
    Column("kart", "Kart", 5, 1, "right"),
    Column("text", "", 20, 0, "left", 200),
)
_STYLES: Final = {
    "pit-in": "pit-in",
    "pit-out": "pit-out",
    "fastest": "overall-best",
    "penalty": "warn",
    "refusal": "bad",
    "connection": "dim",
    "mark": "mark",
    "decision": "warn",
    "session": "strong",
}
_FLAG_STYLES: Final = {"green": "green", "yellow": "yellow", "red": "red", "safety": "yellow", "full": "yellow"}
CHOICES: Final = ("everything", "flags and sessions", "pit lane", "race control", "connection")
_CHOSEN: Final = {
    "everything": frozenset(KINDS),
    "flags and sessions": frozenset({"flag", "session", "fastest"}),
    "pit lane": frozenset({"pit-in", "pit-out"}),
    "race control": frozenset({"penalty", "message", "note", "decision", "mark"}),
    "connection": frozenset({"connection", "refusal", "mapping"}),
}


class LogPage(Page):
    """The timeline."""

    TITLE = "Log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "Follow", id="log.follow"),
        Binding("m", "mark", "Mark", id="log.mark"),
        Binding("o", "kinds", "Kinds", id="log.kinds"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.kinds = CHOICES[0]
        self._drawn: tuple[object, ...] = ()

    def body(self) -> ComposeResult:
        yield Grid(COLUMNS, follow=True, id="log")

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one("#log", Grid)

    def draw(self) -> None:
        view = self.view
        said = [] if self.kinds == CHOICES[0] else [f"only {self.kinds} (o changes it)"]
        if not self.grid.follow:
            said.append("not following: f goes on with the newest")
        self.query_one(Banner).say(" · ".join(said))
        state = (id(view.log), view.log.revision, self.words, self.kinds)
        if state == self._drawn:
            return
        self._drawn = state
        chosen = _CHOSEN[self.kinds]
        rows = (_row(entry) for entry in view.log if entry.kind in chosen)
        self.grid.show([row for row in rows if row.matches(self.words)])

    @on(Grid.Moved, "#log")
    def _moved(self, event: Grid.Moved) -> None:
        keys = self.grid.keys
        if self.grid.follow and keys and event.key != keys[-1]:
            self.grid.follow = False  # who looks at something does not want it to move away
            self.redraw()

    @on(Grid.Chosen, "#log")
    def _chosen(self, event: Grid.Chosen) -> None:
        transport = self.dash.source.transport
        if transport is None:
            self.dash.tell("only in a replay can one go back to this moment")
            return
        at = int(event.key.partition("-")[0])
        transport.seek(max(0, at - transport.began_at - 5_000))
        self.dash.tell(f"5 s before {clock_of(at)}")

    def action_follow(self) -> None:
        self.grid.follow = not self.grid.follow
        if self.grid.follow:
            self.grid.action_edge(1)
        self.redraw()

    def action_kinds(self) -> None:
        self.kinds = CHOICES[(CHOICES.index(self.kinds) + 1) % len(CHOICES)]
        self.redraw()

    def action_mark(self) -> None:
        def answered(answers: Answers | None) -> None:
            if answers is not None:
                text = answers["text"] or "mark"
                self.dash.order("mark", lambda _: self._marked(text), text=text)

        self.app.push_screen(
            Form("Mark this moment", [Field("text", "What is it?", "", "incident in turn 3")]), answered
        )

    def _marked(self, text: str) -> None:
        model = self.dash.model
        model.log.add(model.moment(), "mark", text)
        model.revision += 1


def _row(entry: Entry) -> Row:
    style = _STYLES.get(entry.kind, "")
    if entry.kind == "flag":
        style = _FLAG_STYLES.get(entry.text.partition("-")[0].partition(" ")[0], "strong")
    cells: dict[str, Cell] = {
        "at": (clock_of(entry.at), "dim"),
        "kind": (f"{GLYPHS.get(entry.kind, ' ')} {entry.kind}", style),
        "kart": (entry.kart, "strong"),
        "text": entry.text,
    }
    return Row(f"{entry.at}-{entry.number}", cells)
