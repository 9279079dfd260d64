"""Screen 1, Circuits: every circuit of the server, and what can be done to it."""

from typing import Any, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from karttime.circuits.local import check_name, check_page
from karttime.circuits.urls import check_url
from karttime.tui.analysis_text import analysis_text
from karttime.tui.model import Model
from karttime.tui.screens.page import Page
from karttime.tui.sources.base import CircuitInfo
from karttime.tui.text import age, safe, size
from karttime.tui.widgets.columns import Cell, Column, Row
from karttime.tui.widgets.dialogs import Answers, Confirm, Field, Form, Reading
from karttime.tui.widgets.grid import Grid

COLUMNS: Final = (
    Column("here", " ", 1, 0),
    Column("state", "State", 13, 0),
    Column("name", "Circuit", 14, 0, "left", 34),
    Column("age", "Data age", 8, 1, "right"),
    Column("rate", "Msg/s", 6, 2, "right"),
    Column("clients", "Clients", 7, 3, "right"),
    Column("session", "Session", 10, 4, "left", 34),
    Column("refused", "Refused", 7, 5, "right"),
    Column("recording", "Recording", 9, 6, "right"),
    Column("error", "Last error", 12, 7, "left", 70),
)
STATES: Final = {
    "live": ("● live", "good"),
    "detecting": ("? detecting", "warn"),
    "silent": ("◌ silent", "warn"),
    "flooding": ("≋ flooding", "warn"),
    "connecting": ("… connecting", "warn"),
    "reconnecting": ("↻ reconnecting", "bad"),
    "gave-up": ("✖ gave up", "bad"),
    "failed": ("✖ failed", "bad"),
    "stopped": ("■ stopped", "dim"),
}
SORTS: Final = ("name", "state", "data age", "rate", "clients")
_RANK: Final = {state: rank for rank, state in enumerate(("failed", "gave-up", "reconnecting", "flooding", "silent"))}


class Circuits(Page):
    """Every circuit."""

    TITLE = "Circuits"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "start", "Start", id="circuits.start"),
        Binding("x", "stop", "Stop", id="circuits.stop"),
        Binding("r", "record", "Record", id="circuits.record"),
        Binding("a", "add", "Add", id="circuits.add"),
        Binding("e", "edit", "Edit", id="circuits.edit"),
        Binding("d", "delete", "Delete", id="circuits.delete"),
        Binding("n", "analyse", "Analyse", id="circuits.analyse"),
        Binding("o", "sort", "Sort", id="circuits.sort"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.sort = SORTS[0]

    def body(self) -> ComposeResult:
        yield Grid(COLUMNS, id="circuits")

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one("#circuits", Grid)

    def draw(self) -> None:
        view = self.view
        rows = [_row(view, circuit) for circuit in self._sorted(view)]
        self.grid.show([row for row in rows if row.matches(self.words)])

    def _sorted(self, view: Model) -> list[CircuitInfo]:
        circuits = list(view.circuits.values())
        match self.sort:
            case "state":
                circuits.sort(key=lambda it: (_RANK.get(it.state, 9 if it.running else 10), it.name.casefold()))
            case "data age":
                circuits.sort(key=lambda it: it.data_age_ms if it.data_age_ms is not None else 1 << 60)
            case "rate":
                circuits.sort(key=lambda it: -(view.rates[it.id].per_s or 0.0) if it.id in view.rates else 0.0)
            case "clients":
                circuits.sort(key=lambda it: -it.clients)
            case _:
                circuits.sort(key=lambda it: (it.name.casefold(), it.id))
        return circuits

    @property
    def chosen(self) -> CircuitInfo | None:
        """The circuit under the cursor."""
        circuit = self.dash.model.circuits.get(self.grid.cursor or "")
        if circuit is None:
            self.dash.tell("no circuit is chosen: add one with a", bad=True)
        return circuit

    @on(Grid.Chosen, "#circuits")
    def _chosen(self, event: Grid.Chosen) -> None:
        if event.key != self.dash.model.circuit_id:
            self.dash.feeder.choose(event.key)
        self.dash.switch_mode("tower")

    def action_sort(self) -> None:
        self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
        self.dash.tell(f"sorted by {self.sort}")
        self.redraw()

    def action_start(self) -> None:
        if (circuit := self.chosen) is not None:
            said = {"started": "started", "already_running": "runs already"}
            self._order("start", circuit, said)

    def action_stop(self) -> None:
        if (circuit := self.chosen) is None:
            return
        question = f"Stop collecting {safe(circuit.name)}? Whoever watches it gets no more data."
        self.app.push_screen(Confirm(question, "Stop", "Keep"), lambda yes: self._stop(circuit, yes=bool(yes)))

    def _stop(self, circuit: CircuitInfo, *, yes: bool, force: bool = False) -> None:
        def said(answer: Any) -> None:
            if answer == "kept_running":
                question = f"{circuit.clients} clients watch {safe(circuit.name)}. Stop it all the same?"
                self.app.push_screen(
                    Confirm(question, "Stop", "Keep"), lambda sure: self._stop(circuit, yes=bool(sure), force=True)
                )
            else:
                words = {"stopped": "is stopped", "not_running": "does not run"}
                self.dash.tell(f"{circuit.name} {words.get(str(answer), answer)}")

        if yes:
            self.dash.order("stop", said, circuit.id, force=force)

    def action_record(self) -> None:
        if (circuit := self.chosen) is not None:
            on = not circuit.recording
            said = {"recording": "is recorded from now on", "stopped": "is not recorded any more"}
            said |= {"already_recording": "is recorded already", "not_recording": "was not recorded"}
            self._order("record", circuit, said, on=on)

    def action_add(self) -> None:
        fields = _fields(CircuitInfo("", "", feed=""))
        self.app.push_screen(Form("Add a circuit", fields, _check, "Add"), self._added)

    def _added(self, answers: Answers | None) -> None:
        if answers is not None:
            self.dash.order("add", lambda found: self.dash.tell(f"{answers['name']} was added as {found}"), **answers)

    def action_edit(self) -> None:
        if (circuit := self.chosen) is not None:
            form = Form(f"Edit {safe(circuit.name)}", _fields(circuit), _check, "Save")
            self.app.push_screen(form, lambda answers: self._edited(circuit, answers))

    def _edited(self, circuit: CircuitInfo, answers: Answers | None) -> None:
        if answers is not None:
            self.dash.order("edit", lambda _: self.dash.tell(f"{answers['name']} was changed"), circuit.id, **answers)

    def action_delete(self) -> None:
        if (circuit := self.chosen) is None:
            return
        question = f"Delete {safe(circuit.name)}? It is not collected any more; what is stored of it stays."

        def answered(yes: bool | None) -> None:
            if yes:
                self.dash.order("delete", lambda _: self.dash.tell(f"{circuit.name} was deleted"), circuit.id)

        self.app.push_screen(Confirm(question, "Delete", "Keep"), answered)

    def action_analyse(self) -> None:
        if (circuit := self.chosen) is not None:
            self.dash.tell(f"looking at the feed of {circuit.name}")
            self.dash.order("analyse", lambda told: self._analysed(circuit, told), circuit.id)

    def _analysed(self, circuit: CircuitInfo, told: Any) -> None:
        self.app.push_screen(Reading(analysis_text(safe(circuit.name), told)))

    def _order(self, name: str, circuit: CircuitInfo, said: dict[str, str], **values: Any) -> None:
        def tell(answer: Any) -> None:
            self.dash.tell(f"{circuit.name} {said.get(str(answer), answer)}")

        self.dash.order(name, tell, circuit.id, **values)


def _row(view: Model, circuit: CircuitInfo) -> Row:
    rate = view.rates.get(circuit.id)
    per_s = rate.per_s if rate is not None else None
    refused = sum(circuit.refused.values())
    cells: dict[str, Cell] = {
        "here": ("▸" if circuit.id == view.circuit_id else " ", "mark"),
        "state": STATES.get(circuit.state, (safe(circuit.state, 13), "warn")),
        "name": (safe(circuit.name), "strong"),
        "age": age(circuit.data_age_ms),
        "rate": "" if per_s is None else f"{per_s:.1f}",
        "clients": str(circuit.clients),
        "session": safe(circuit.session),
        "refused": (str(refused), "warn") if refused else "0",
        "recording": _recording(circuit),
        "error": safe(circuit.reason or circuit.last_error, 120),
    }
    return Row(circuit.id, cells)


def _recording(circuit: CircuitInfo) -> Cell:
    told = circuit.recording
    if not told:
        return "-", "dim"
    if told.get("error"):
        return "FAILS", "bad"
    return f"● {size(told.get('bytes'))}" if "bytes" in told else f"● {told.get('frames', 0)}", "good"


def _fields(circuit: CircuitInfo) -> list[Field]:
    return [
        Field("name", "Name", circuit.name, "Hill Kart"),
        Field("url", "Address of the feed", circuit.url, "wss://timing.example:8523/"),
        Field("page", "Page of the venue, may be empty", circuit.page, "https://…"),
        Field("feed", "Wire format, empty: as the address tells", circuit.feed, "apex"),
    ]


def _check(answers: Answers) -> None:
    check_name(answers["name"])
    check_page(answers["page"])
    if not answers["url"].startswith("demo:"):
        check_url(answers["url"])
