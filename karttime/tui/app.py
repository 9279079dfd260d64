"""The app: draws the screen that is looked at, and holds what all screens share."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter, NoColor
from textual.screen import Screen
from textual.widgets import Input

from karttime.errors import KarttimeError
from karttime.tui.feeder import Feeder
from karttime.tui.help import help_text
from karttime.tui.keys import Preferences
from karttime.tui.model import Model
from karttime.tui.screens import NAMES, opener
from karttime.tui.screens.page import Page
from karttime.tui.sources.base import Source
from karttime.tui.text import safe
from karttime.tui.themes import NO_COLOUR, THEMES
from karttime.tui.widgets.dialogs import Confirm, Reading
from karttime.tui.widgets.topbar import Around

log = logging.getLogger(__name__)

FRAME_S: Final = 0.1  # so often is the screen drawn at most
IDLE_S: Final = 1.0  # running times on screen go on also while nothing comes


class Dashboard(App[None], inherit_bindings=False):
    """The dashboard."""

    CSS_PATH = "karttime.tcss"
    TITLE = "karttime"
    MODES: ClassVar[dict[str, Any]] = {name: opener(name) for name in NAMES}
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"switch('{name}')", name.title(), id=f"app.{name}", priority=True)
            for number, name in enumerate(NAMES, 1)
        ),
        Binding("question_mark", "help", "Help", key_display="?", id="app.help"),
        Binding("space", "pause", "Pause", id="app.pause"),
        Binding("ctrl+p", "command_palette", "Commands", show=False, id="app.commands"),
        Binding("tab", "app.focus_next", "Next part", show=False, id="app.next"),
        Binding("shift+tab", "app.focus_previous", "Previous part", show=False, id="app.previous"),
        Binding("q,ctrl+c,ctrl+q", "leave", "Quit", id="app.quit"),
    ]

    def __init__(self, source: Source, preferences: Preferences | None = None, circuit: str = "") -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        preferences = preferences or Preferences()
        self.theme = NO_COLOUR if self.no_color else preferences.theme or THEMES[0].name
        self.set_keymap(dict(preferences.keys))
        self.source = source
        self.model = Model(source.mode, source.where)
        self.kart = ""  # the competitor that Tower and Kart look at
        self.feeder = Feeder(source, self.model, self._follow, circuit)
        self._frozen: Model | None = None

    @property
    def view(self) -> Model:
        """What screens show: the model, or what it was when the view was paused."""
        return self._frozen or self.model

    @property
    def paused(self) -> bool:
        """Whether the view stands still."""
        return self._frozen is not None

    @property
    def page(self) -> Page | None:
        """The screen that is looked at, which may lie below a dialog."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)

    def around(self, filter_text: str = "") -> Around:
        """What the top bar shows beside the model."""
        behind = self.model.revision - self._frozen.revision if self._frozen else 0
        return Around(self.source.data_age_ms(), self._frozen is not None, behind, filter_text, self.source.transport)

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = super().get_line_filters()
        return [*filters, NoColor()] if self.theme == NO_COLOUR else filters

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda _theme: self._mono())
        self._mono()
        self.switch_mode("tower")
        self.guard(self.feeder.poll, "poll")
        self.set_interval(FRAME_S, self._tick)

    def _mono(self) -> None:
        self.set_class(self.theme == NO_COLOUR, "mono")

    async def on_unmount(self) -> None:
        workers = list(self.workers)
        self.workers.cancel_all()  # before the connections go that they wait on
        await asyncio.gather(*(worker.wait() for worker in workers), return_exceptions=True)
        await self.source.close()

    def guard(self, job: Callable[[], Awaitable[None]], group: str, *, again: bool = True) -> None:
        """Run a job beside the screen. What it raises becomes a notice and a traceback in the log, never our end.

        Args:
            job: what to run.
            group: a name; with `again`, a job of the same name that runs is ended.
            again: after a fault of ours it begins anew.
        """

        async def guarded() -> None:
            while True:
                try:
                    await job()
                except KarttimeError as error:
                    self.tell(str(error), bad=True)
                    return
                except Exception as error:  # a supervisor: a fault in a worker must not end the dashboard
                    log.exception("%s failed", group)
                    self.tell(f"internal error ({type(error).__name__}): the log file has the traceback", bad=True)
                if not again:
                    return
                await asyncio.sleep(1)

        self.run_worker(guarded(), group=group, exclusive=again, exit_on_error=False)

    def tell(self, text: str, *, bad: bool = False) -> None:
        """Show a notice; its text may be anybody's."""
        self.notify(safe(text, 500), severity="error" if bad else "information", timeout=8 if bad else 4, markup=False)

    def order(self, name: str, then: Callable[[Any], None] | None, circuit: str = "", /, **values: Any) -> None:
        """Ask the source to do something to a circuit, by default the chosen one."""

        async def job() -> None:
            answer = await self.source.command(circuit or self.model.circuit_id, name, **values)
            if then is not None:
                then(answer)

        self.guard(job, f"order {name}", again=False)

    def _follow(self) -> None:
        self.guard(self.feeder.follow, "follow")

    def _tick(self) -> None:
        page = self.page
        if page is None or not page.ready:
            return
        page.draw_top()
        now, view = self.model.monotonic(), self.view
        if page.drawn[0] == view.revision and (self._frozen or now - page.drawn[1] < IDLE_S):
            return
        page.drawn = view.revision, now
        try:
            page.draw()
        except Exception as error:  # a supervisor: a screen that cannot be drawn leaves the others usable
            log.exception("the screen %s cannot be drawn", type(page).__name__)
            self.tell(f"internal error ({type(error).__name__}): the log file has the traceback", bad=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "switch" and (isinstance(self.focused, Input) or self.screen.is_modal):
            return False  # a digit is text there
        return super().check_action(action, parameters)

    def action_switch(self, name: str) -> None:
        self.switch_mode(name)

    def action_pause(self) -> None:
        self._frozen = None if self._frozen else self.model.frozen()
        if self.page is not None:
            self.page.redraw()

    def action_help(self) -> None:
        self.push_screen(Reading(help_text(self)))

    def action_leave(self) -> None:
        if not isinstance(self.screen, Confirm):
            self.push_screen(Confirm("Leave the dashboard?", "Leave", "Stay"), lambda yes: self.exit() if yes else None)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        for name in NAMES:
            yield SystemCommand(f"Screen: {name.title()}", f"Go to {name}", partial(self.switch_mode, name))
        for theme in THEMES:
            yield SystemCommand(
                f"Theme: {theme.name}", "Colours of the dashboard", partial(setattr, self, "theme", theme.name)
            )
        for binding in {it.binding.id or it.binding.action: it for it in screen.active_bindings.values()}.values():
            known = binding.binding
            if known.description and known.id and not known.id.startswith("table."):
                action = partial(self.run_action, known.action, binding.node)
                yield SystemCommand(known.description, f"Key {known.key}", action)
        yield SystemCommand("Screenshot", "Save what is shown as SVG", self._picture)

    def _picture(self) -> None:
        self.set_timer(0.2, lambda: self.tell(f"saved {self.save_screenshot()}"))
