"""Questions that are asked over a screen: yes or no, some fields, a text to read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from karttime.errors import KarttimeError


class Confirm(ModalScreen[bool], inherit_bindings=False):
    """Yes or no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,q", "answer(False)", "No"),
        Binding("left,right,tab,shift+tab,h,l", "other", "Other", show=False),
    ]

    def __init__(self, question: str, yes: str = "Yes", no: str = "No") -> None:
        super().__init__(classes="dialog")
        self._question, self._yes, self._no = question, yes, no

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield Static(Text(self._question), classes="question")
            with Horizontal():
                yield Button(Text(f"{self._yes} (y)"), id="yes", variant="primary")
                yield Button(Text(f"{self._no} (n)"), id="no")

    def on_mount(self) -> None:
        self.query_one("#yes", Button).focus()

    def action_other(self) -> None:
        self.focus_next()

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form."""

    key: str
    label: str
    value: str = ""
    placeholder: str = ""


Answers = dict[str, str]


class Form(ModalScreen[Answers | None], inherit_bindings=False):
    """Some fields; Enter in the last one sends it. `check` raises `KarttimeError` where an answer is no good."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave"),
        Binding("tab", "app.focus_next", "Next", show=False),
        Binding("shift+tab", "app.focus_previous", "Previous", show=False),
        Binding("ctrl+s", "send", "Send", show=False),
    ]

    def __init__(
        self, title: str, fields: Sequence[Field], check: Callable[[Answers], None] | None = None, send: str = "OK"
    ) -> None:
        super().__init__(classes="dialog")
        self._title, self._fields, self._check, self._send = title, tuple(fields), check, send

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield Static(Text(self._title), classes="question")
            for field in self._fields:
                yield Label(Text(field.label))
                yield Input(field.value, placeholder=field.placeholder, id=f"field-{field.key}", max_length=2000)
            yield Static("", classes="fault")
            with Horizontal():
                yield Button(Text(self._send), id="send", variant="primary")
                yield Button("Cancel", id="leave")

    def on_mount(self) -> None:
        self.query(Input).first().focus()

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_send(self) -> None:
        answers = {field.key: self.query_one(f"#field-{field.key}", Input).value.strip() for field in self._fields}
        try:
            if self._check is not None:
                self._check(answers)
        except KarttimeError as error:
            self.query_one(".fault", Static).update(Text(str(error)))
            return
        self.dismiss(answers)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == f"field-{self._fields[-1].key}":
            self.action_send()
        else:
            self.focus_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "send":
            self.action_send()
        else:
            self.dismiss(None)


class Reading(ModalScreen[None], inherit_bindings=False):
    """A text to read, which may be longer than the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "leave", "Back"),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown,space,ctrl+d", "scroll(10)", "Page down", show=False),
        Binding("pageup,ctrl+u", "scroll(-10)", "Page up", show=False),
    ]

    def __init__(self, text: Text) -> None:
        super().__init__(classes="dialog")
        self._text = text

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield Static(self._text)

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
