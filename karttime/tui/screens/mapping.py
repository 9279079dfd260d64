"""Screen 6, Mapping: what the board's columns are, what they are called, and what they could be called."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from karttime.errors import KarttimeError
from karttime.tui.model import Model
from karttime.tui.proposals import NOTHING, Proposed, from_board, proposals
from karttime.tui.screens.page import Banner, Page
from karttime.tui.text import gap, lap_time, safe
from karttime.tui.widgets.columns import Cell, Column, Row
from karttime.tui.widgets.dialogs import Answers, Confirm, Field, Form, Reading
from karttime.tui.widgets.grid import Grid

COLUMNS: Final = (
    Column("column", "Col", 4, 0),
    Column("sign", " ", 1, 0),
    Column("header", "Header", 10, 1, "left", 20),
    Column("role", "Role", 10, 2, "left", 14),
    Column("sample", "Shows", 10, 4, "left", 30),
    Column("now", "Mapped to", 11, 0, "left", 24),
    Column("proposal", "Proposal", 11, 0, "left", 24),
    Column("confidence", "Sure", 5, 3, "right"),
    Column("diff", "Accepted", 12, 0, "left", 40),
)


class MappingPage(Page):
    """The columns."""

    TITLE = "Mapping"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "accept", "Accept", id="mapping.accept"),
        Binding("A", "accept_all", "All", id="mapping.accept-all"),
        Binding("e", "edit", "Edit", id="mapping.edit"),
        Binding("x", "reset", "Undo", id="mapping.undo"),
        Binding("n", "analyse", "Analyse", id="mapping.analyse"),
        Binding("d", "dry_run", "Dry run", id="mapping.dry-run"),
        Binding("w", "write", "Write", id="mapping.write"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.accepted: dict[str, str] = {}
        self.inferred: Mapping[str, Proposed] = {}
        self._circuit = ""

    def body(self) -> ComposeResult:
        yield Grid(COLUMNS, id="mapping")

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one("#mapping", Grid)

    def draw(self) -> None:
        view = self.view
        if view.circuit_id != self._circuit:
            self._circuit = view.circuit_id
            self.accepted.clear()
            self.inferred = {}
            self._ask()
        proposed = {**from_board(view), **self.inferred}
        rows = [self._row(view, column, proposed) for column in self._columns(view)]
        self.grid.show([row for row in rows if row.matches(self.words)])
        changes = self.changes()
        many = "1 column" if len(changes) == 1 else f"{len(changes)} columns"
        said = f"{many} to be changed: d shows what, w writes it" if changes else ""
        self.query_one(Banner).say(said)

    def _columns(self, view: Model) -> list[Mapping[str, Any]]:
        """The board's columns, and those that are only mapped."""
        shown = list(view.state.columns) if view.state is not None else []
        known = {column.get("id") for column in shown}
        labels = view.circuit.labels if view.circuit is not None else {}
        extra = [{"id": name, "label": "", "role": "", "field": ""} for name in labels if name not in known]
        return sorted([*shown, *extra], key=lambda column: int(str(column.get("id", "C0"))[1:] or 0))

    def _ask(self) -> None:
        """What the last analysis found, where there was one."""
        circuit_id = self._circuit

        async def ask() -> None:
            with suppress(KarttimeError):  # there was none, or the server knows none
                found = proposals(await self.dash.source.command(circuit_id, "analysis"))
                if circuit_id == self._circuit:
                    self.inferred = found

        if circuit_id:
            self.dash.guard(ask, "analysis", again=False)

    def proposal(self, column: Mapping[str, Any]) -> Proposed:
        """What an analysis says of a column; without one, what follows from its role."""
        name = str(column.get("id"))
        return self.inferred.get(name) or from_board(self.view).get(name) or NOTHING

    def changes(self) -> dict[str, str | None]:
        """What would be written: labels by column, None clears."""
        circuit = self.view.circuit
        labels = circuit.labels if circuit is not None else {}
        return {name: label or None for name, label in self.accepted.items() if label != labels.get(name, "")}

    def _row(self, view: Model, column: Mapping[str, Any], known: Mapping[str, Proposed]) -> Row:
        name = str(column.get("id"))
        labels = view.circuit.labels if view.circuit is not None else {}
        now, proposed = labels.get(name, ""), known.get(name, NOTHING)
        accepted = self.accepted.get(name)
        changed = accepted is not None and accepted != now
        sign: Cell = ("*", "mark") if changed else ("=", "good") if now and now == proposed.label else ("≠", "warn")
        sure = "" if proposed.confidence is None else f"{proposed.confidence:.0%}"
        cells: dict[str, Cell] = {
            "column": (name, "strong"),
            "sign": sign if proposed.label or now or changed else "",
            "header": safe(column.get("label") or ""),
            "role": (safe(column.get("role") or ""), "warn" if column.get("role") == "unknown" else ""),
            "sample": (_sample(view, column), "dim"),
            "now": safe(now) or ("-", "dim"),
            "proposal": safe(proposed.label),
            "confidence": (sure, "good" if (proposed.confidence or 0) >= 0.8 else "warn"),
            "diff": (f"{safe(now) or 'nothing'} → {safe(accepted or '') or 'nothing'}", "mark") if changed else "",
        }
        return Row(name, cells)

    def _under_cursor(self) -> Mapping[str, Any] | None:
        return next((it for it in self._columns(self.view) if it.get("id") == self.grid.cursor), None)

    def action_accept(self) -> None:
        column = self._under_cursor()
        if column is not None:
            self.accepted[str(column["id"])] = self.proposal(column).label
            self.grid.action_cursor(1)
            self.redraw()

    def action_accept_all(self) -> None:
        for column in self._columns(self.view):
            if label := self.proposal(column).label:
                self.accepted[str(column["id"])] = label
        self.redraw()

    def action_reset(self) -> None:
        self.accepted.pop(self.grid.cursor or "", None)
        self.redraw()

    def action_edit(self) -> None:
        column = self._under_cursor()
        circuit = self.view.circuit
        if column is None or circuit is None:
            return
        name = str(column["id"])
        label = self.accepted.get(name, circuit.labels.get(name, ""))

        def answered(answers: Answers | None) -> None:
            if answers is not None:
                self.accepted[name] = answers["label"]
                self.redraw()

        self.app.push_screen(Form(f"Column {name}", [Field("label", "Is called (empty: nothing)", label)]), answered)

    @on(Grid.Chosen, "#mapping")
    def _chosen(self) -> None:
        self.action_edit()

    def action_analyse(self) -> None:
        self.dash.tell("looking at the feed")
        self.dash.order("analyse", self._analysed)

    def _analysed(self, told: Any) -> None:
        self.inferred = proposals(told)
        if self.inferred:
            self.dash.tell(f"{len(self.inferred)} columns have a proposal")
        self.redraw()

    def dry_run(self) -> list[str]:
        """What writing would do, line by line: old and new label, what the column shows; labels given twice."""
        circuit, view = self.view.circuit, self.view
        labels = circuit.labels if circuit is not None else {}
        samples = {str(column.get("id")): _sample(view, column) for column in self._columns(view)}
        changes = self.changes()
        lines = [
            f"{name:<4} {labels.get(name) or '-':<14} → {label or '-':<14} {samples.get(name, '')}".rstrip()
            for name, label in changes.items()
        ]
        after = Counter(label for label in {**labels, **changes}.values() if label)
        twice = sorted(label for label, count in after.items() if count > 1)
        return lines + [f"! two columns would be called {label}: apps show only one of them" for label in twice]

    def action_dry_run(self) -> None:
        name = self.view.circuit.name if self.view.circuit is not None else ""
        text = Text(f"Dry run: what would be written for {safe(name)}; nothing was written\n\n", style="bold")
        for line in self.dry_run() or ["nothing"]:
            text.append(safe(line, 200) + "\n", style="not bold")
        self.app.push_screen(Reading(text))

    def action_write(self) -> None:
        changes = self.changes()
        if not changes:
            self.dash.tell("nothing to write: accept a proposal with a, or edit with e")
            return
        question = "Write these columns?\n\n" + "\n".join(safe(line, 200) for line in self.dry_run())
        circuit_id = self.view.circuit_id

        def answered(yes: bool | None) -> None:
            if yes:
                self.dash.order("labels", self._written, circuit_id, labels=changes)

        self.app.push_screen(Confirm(question, "Write", "Not yet"), answered)

    def _written(self, _labels: Any) -> None:
        self.accepted.clear()
        self.dash.tell("the mapping was written")
        self.redraw()


def _sample(view: Model, column: Mapping[str, Any]) -> str:
    """What the column shows of the first few."""
    field = str(column.get("field") or "")
    values = [fields.get(field) for _, fields in (view.state.standings() if view.state is not None else ())[:20]]
    texts = [
        gap(value) if field in {"gap", "interval"} else lap_time(value) if field.endswith("_ms") else safe(value, 20)
        for value in values
        if value is not None
    ]
    return safe(" ".join(dict.fromkeys(texts)), 40)
