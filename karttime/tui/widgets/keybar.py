"""The footer: every key that does something now, with its word, on as many lines as they need."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget


class Key(NamedTuple):
    """A key as it is shown, what it does in a word, and its name for Textual."""

    shown: str
    word: str
    name: str

    @property
    def width(self) -> int:
        """Cells that it takes, with the gap behind it."""
        return cell_len(self.shown) + 1 + cell_len(self.word) + 2


def in_lines(keys: Iterable[Key], width: int) -> list[list[Key]]:
    """The keys in lines of at most so many cells, each key whole; there is always one line."""
    lines: list[list[Key]] = [[]]
    used = 0
    for key in keys:
        if lines[-1] and used + key.width - 2 > width:
            lines.append([])
            used = 0
        lines[-1].append(key)
        used += key.width
    return lines


class Keys(Widget, can_focus=False):
    """The footer of a screen, made from its bindings; a click on a key presses it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"keys--key"}

    def __init__(self) -> None:
        super().__init__()
        self._keys: Sequence[Key] = ()
        self._lines: list[list[Key]] = [[]]

    @property
    def text(self) -> str:
        """What it says."""
        return "\n".join("  ".join(f"{key.shown} {key.word}" for key in line) for line in self._lines)

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is not self.screen or not self.is_attached:
            return
        found = {}
        for _, binding, enabled, _ in screen.active_bindings.values():
            if binding.show and enabled and binding.description and binding.action not in found:
                found[binding.action] = Key(self.app.get_key_display(binding), binding.description, binding.key)
        keys = tuple(found.values())
        if keys != self._keys:
            self._keys = keys
            self._lines = in_lines(keys, self.size.width or self.app.size.width)
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        del container, viewport  # keys need what they need
        self._lines = in_lines(self._keys, width)
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        base, width = self.rich_style, self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, base)
        key_style = base + self.get_component_rich_style("keys--key", partial=True)
        parts = [
            segment
            for key in self._lines[y]
            for segment in (Segment(key.shown, key_style), Segment(f" {key.word}  ", base))
        ]
        return Strip(parts).adjust_cell_length(width, base)

    def on_click(self, event: events.Click) -> None:
        left = 0
        for key in self._lines[event.y] if event.y < len(self._lines) else ():
            if left <= event.x < left + key.width - 2:
                self.app.simulate_key(key.name)
                return
            left += key.width
