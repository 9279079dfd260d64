"""What all screens have: the top bar, a banner, a filter, a footer made of the bindings; drawn by the app's tick."""

from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input, Static

from karttime.tui.model import Model
from karttime.tui.widgets.grid import Grid
from karttime.tui.widgets.keybar import Keys
from karttime.tui.widgets.topbar import TopBar

if TYPE_CHECKING:
    from karttime.tui.app import Dashboard


class Banner(Static):
    """Lines that must not be overlooked; not there while there is nothing to say."""

    def say(self, text: str) -> None:
        """Show a text, or go away."""
        if text != getattr(self, "said", ""):
            self.said = text
            self.update(Text(text, justify="center", no_wrap=False))
            self.set_class(bool(text), "shown")


class Page(Screen[None]):
    """A screen. Subclasses compose a `body`, and `draw` what the model says whenever the app asks."""

    AUTO_FOCUS = "Grid"
    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority, so that what is typed at once behind it is text of the filter already.
        Binding("slash", "filter", "Filter", key_display="/", id="app.filter", priority=True),
        Binding("escape", "unfilter", "No filter", show=False, id="app.unfilter"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.words: tuple[str, ...] = ()
        self.drawn = (-1, -1.0)  # revision and time of the last drawing

    @property
    def dash(self) -> "Dashboard":
        """The app."""
        return cast("Dashboard", self.app)

    @property
    def ready(self) -> bool:
        """Whether its widgets are there: not before it is composed, and not while the app ends."""
        return self.is_mounted and bool(self.query(TopBar)) and bool(self.query(Keys))

    @property
    def view(self) -> Model:
        """What is to be shown; it stands still while the view is paused."""
        return self.dash.view

    @property
    def filter_text(self) -> str:
        """The filter as it was typed."""
        return " ".join(self.words)

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Banner()
        yield from self.body()
        yield Input(placeholder="words to look for; Enter keeps, Esc forgets", id="filter")
        yield Keys()

    def body(self) -> ComposeResult:
        """The widgets between top bar and footer."""
        raise NotImplementedError

    def draw(self) -> None:
        """Bring the widgets to what the model says."""
        raise NotImplementedError

    def draw_top(self) -> None:
        """Bring the top bar up to date."""
        self.query_one(TopBar).show(self.view, self.dash.around(self.filter_text))

    def on_screen_resume(self) -> None:
        self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """Draw at once."""
        if self.ready:
            self.draw_top()
            self.draw()

    def on_resize(self) -> None:
        self.call_after_refresh(self.redraw)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "filter" and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    def action_filter(self) -> None:
        box = self.query_one("#filter", Input)
        box.add_class("shown")
        self.set_focus(box)

    def action_unfilter(self) -> None:
        box = self.query_one("#filter", Input)
        box.value = ""
        box.remove_class("shown")
        self._refocus()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.words = tuple(event.value.casefold().split())
        self.redraw()

    @on(Input.Submitted, "#filter")
    def _filter_kept(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one("#filter", Input).remove_class("shown")
        self._refocus()

    def _refocus(self) -> None:
        grids = self.query(Grid)
        if grids:
            grids.first().focus()
        else:
            self.set_focus(None)
