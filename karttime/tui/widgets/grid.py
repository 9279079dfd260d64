"""A table for data that changes all the time: lines are drawn one by one, and only those that changed.

Textual's own DataTable draws every visible row again when one cell changes, and knows its cursor by row number. Here a
row is known by its key: the cursor stays with the kart when the order changes, and so does the place on the screen.
Columns that do not fit are left out by rank, so nothing is ever cut off at the right.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size, Spacing
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from karttime.tui.widgets.columns import Column, Row, aligned, fit, text_of

STYLES: Final = (
    *("overall-best", "personal-best", "pit-in", "pit-out", "pulse", "retired", "dim", "strong", "good", "warn"),
    *("bad", "green", "yellow", "red", "chequered", "gained", "lost", "link", "mark"),
)
"""Names of cell styles; `karttime.tcss` gives each its looks as `.grid--NAME`."""


class Grid(ScrollView, can_focus=True, inherit_bindings=False):
    """The table. `show(rows)` brings it to a new state; what did not change is not drawn again."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "grid--header",
        "grid--cursor",
        "grid--cursor-blurred",
        *(f"grid--{name}" for name in STYLES),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor(-1)", "Up", show=False, id="table.up"),
        Binding("down,j", "cursor(1)", "Down", show=False, id="table.down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="table.page-up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="table.page-down"),
        Binding("ctrl+u", "half(-1)", "Half a page up", show=False, id="table.half-up"),
        Binding("ctrl+d", "half(1)", "Half a page down", show=False, id="table.half-down"),
        Binding("home,g", "edge(-1)", "First", show=False, id="table.first"),
        Binding("end,G", "edge(1)", "Last", show=False, id="table.last"),
        Binding("enter", "choose", "Choose", show=False, id="table.choose"),
    ]

    class Moved(Message):
        """The cursor stands on another row; `key` is None when there is none."""

        def __init__(self, grid: "Grid", key: str | None) -> None:
            super().__init__()
            self.grid, self.key = grid, key

        @property
        def control(self) -> "Grid":
            return self.grid

    class Chosen(Message):
        """A row was chosen by Enter or a second click."""

        def __init__(self, grid: "Grid", key: str) -> None:
            super().__init__()
            self.grid, self.key = grid, key

        @property
        def control(self) -> "Grid":
            return self.grid

    class HeaderClicked(Message):
        """The title of a column was clicked."""

        def __init__(self, grid: "Grid", column: str) -> None:
            super().__init__()
            self.grid, self.column = grid, column

        @property
        def control(self) -> "Grid":
            return self.grid

    def __init__(self, columns: Iterable[Column] = (), *, follow: bool = False, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.follow = follow
        self._columns = tuple(columns)
        self._layout: list[tuple[Column, int]] = []
        self._rows: list[Row] = []
        self._places: dict[str, int] = {}
        self._cursor: str | None = None
        self._styles: dict[str, Style] = {}

    @property
    def _width(self) -> int:
        """Cells of a line; the scrollbar's place is kept free for it (`scrollbar-gutter: stable`)."""
        return self.scrollable_content_region.width

    @property
    def cursor(self) -> str | None:
        """The key of the row under the cursor."""
        return self._cursor

    @property
    def keys(self) -> list[str]:
        """The keys of the rows, in order."""
        return [row.key for row in self._rows]

    @property
    def titles(self) -> list[str]:
        """The titles of the columns that are shown."""
        return [column.title for column, _ in self._layout]

    def line(self, key: str) -> dict[str, str]:
        """The texts of a row by column, as they are shown."""
        row = self._rows[self._places[key]]
        return {column.key: text_of(row.cells.get(column.key, "")) for column, _ in self._layout}

    def set_columns(self, columns: Iterable[Column]) -> None:
        """Show other columns."""
        columns = tuple(columns)
        if columns != self._columns:
            self._columns = columns
            self._fit()
            self.refresh()

    def show(self, rows: Sequence[Row]) -> None:
        """Bring the table to these rows; cursor and place stay with the row that they were on."""
        old, at = self._rows, self._places.get(self._cursor or "", 0)
        self._rows = list(rows)
        if [row.key for row in old] != [row.key for row in rows]:
            self._places = {row.key: place for place, row in enumerate(rows)}
            if len(old) != len(rows):
                self.virtual_size = Size(self._width, len(rows) + 1)
            self._keep_cursor(at)
            self.refresh()
            return
        for place, (before, after) in enumerate(zip(old, rows, strict=True)):
            if before is not after and before != after:
                self.refresh_lines(place + 1, 1)

    def _keep_cursor(self, at: int) -> None:
        """After the rows moved: the cursor follows its row, or takes the place of one that is gone."""
        before = self._cursor
        if self.follow and self._rows:
            self._cursor = self._rows[-1].key
        elif before not in self._places:
            self._cursor = self._rows[min(at, len(self._rows) - 1)].key if self._rows else None
        place = self._places.get(self._cursor or "")
        moved = place is not None and place != at
        if self._cursor != before:
            self.post_message(self.Moved(self, self._cursor))
        if moved or self._cursor != before:
            self._reveal()

    def move_to(self, key: str) -> None:
        """Put the cursor on a row; nothing happens where there is none of that key."""
        if key in self._places and key != self._cursor:
            for changed in (self._cursor, key):
                if changed in self._places:
                    self.refresh_lines(self._places[changed] + 1, 1)
            self._cursor = key
            self.post_message(self.Moved(self, key))
        self._reveal()

    def _reveal(self) -> None:
        place = self._places.get(self._cursor or "")
        if place is not None and self.size.height > 1:
            self.scroll_to_region(
                Region(0, place + 1, 1, 1), spacing=Spacing(top=1), animate=False, force=True, immediate=True
            )

    def action_cursor(self, step: int) -> None:
        self._go(self._places.get(self._cursor or "", 0) + step)

    def action_page(self, direction: int) -> None:
        self.action_cursor(direction * max(1, self.size.height - 2))

    def action_half(self, direction: int) -> None:
        self.action_cursor(direction * max(1, self.size.height // 2))

    def action_edge(self, direction: int) -> None:
        self._go(0 if direction < 0 else len(self._rows) - 1)

    def action_choose(self) -> None:
        if self._cursor is not None:
            self.post_message(self.Chosen(self, self._cursor))

    def _go(self, place: int) -> None:
        if self._rows:
            self.move_to(self._rows[max(0, min(place, len(self._rows) - 1))].key)

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            self._header_clicked(event.x)
            return
        place = event.y - 1 + round(self.scroll_y)
        if 0 <= place < len(self._rows):
            again = self._rows[place].key == self._cursor and event.chain > 1
            self._go(place)
            if again:
                self.action_choose()

    def _header_clicked(self, x: int) -> None:
        left = 0
        for column, width in self._layout:
            if left <= x <= left + width:
                self.post_message(self.HeaderClicked(self, column.key))
                return
            left += width + 1

    def on_resize(self) -> None:
        self._fit()
        self._reveal()

    def _fit(self) -> None:
        self._layout = fit(self._columns, max(1, self._width))
        self.virtual_size = Size(self._width, len(self._rows) + 1)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()

    def on_focus(self) -> None:
        self._refresh_cursor()

    def on_blur(self) -> None:
        self._refresh_cursor()

    def _refresh_cursor(self) -> None:
        if self._cursor in self._places:
            self.refresh_lines(self._places[self._cursor] + 1, 1)

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self.get_component_rich_style(f"grid--{name}", partial=True)
        return style

    def render_line(self, y: int) -> Strip:
        width = self._width
        if y == 0:
            cells = [(column.title, column, size) for column, size in self._layout]
            return self._strip([(text, "", column, size) for text, column, size in cells], self._style("header"), width)
        place = y - 1 + round(self.scroll_y)
        if place >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows[place]
        base = self.rich_style + self._style(row.style) if row.style else self.rich_style
        over = None
        if row.key == self._cursor:
            over = self._style("cursor" if self.has_focus else "cursor-blurred")
        parts = []
        for column, size in self._layout:
            cell = row.cells.get(column.key, "")
            text, style = cell if isinstance(cell, tuple) else (cell, "")
            parts.append((text, style, column, size))
        return self._strip(parts, base, width, over)

    def _strip(
        self, parts: Sequence[tuple[str, str, Column, int]], base: Style, width: int, over: Style | None = None
    ) -> Strip:
        plain = base + over if over else base
        segments: list[Segment] = []
        texts: list[str] = []
        current = plain
        used = 0
        for text, style, column, size in parts:  # neighbours of one style become one segment: less for the terminal
            drawn = base + self._style(style) if style else base
            drawn = drawn + over if over else drawn
            if drawn is not current and drawn != current:
                if texts:
                    segments.append(Segment("".join(texts), current))
                texts, current = [], drawn
            texts.append(aligned(text, size, column.align))
            if current is not plain and current != plain:
                segments.append(Segment("".join(texts), current))
                texts, current = [], plain
            texts.append(" ")
            used += size + 1
        texts.append(" " * max(0, width - used))
        segments.append(Segment("".join(texts), current))
        return Strip(segments).crop(0, width)
