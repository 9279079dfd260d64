"""Lines of text with styles, for figures beside a table."""

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import Static


class Figures(Static):
    """Some lines; drawn anew only when they changed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.lines: tuple[str, ...] = ()

    def say(self, lines: Sequence[str], *, titled: bool = True) -> None:
        """Show these lines; the first is a title, unless it is said not to be."""
        if tuple(lines) != self.lines:
            self.lines = tuple(lines)
            text = Text(no_wrap=False)
            for number, line in enumerate(lines):
                text.append(
                    line + ("\n" if number < len(lines) - 1 else ""), style="bold" if titled and number == 0 else ""
                )
            self.update(text)
