"""What `?` shows: every key of the screen that is looked at, with its name for the settings file."""

from typing import TYPE_CHECKING

from rich.text import Text

from karttime.tui.log import GLYPHS

if TYPE_CHECKING:
    from karttime.tui.app import Dashboard

_SIGNS = (
    ("★", "best lap of the session"),
    ("•", "best lap of this competitor"),
    ("▼", "in the pit lane"),
    ("▲", "left the pit lane, this is the out lap"),
    ("✖", "stopped or overdue"),
    ("⚑", "took the chequered flag"),
    ("◆", "pinned"),
    ("↑ ↓", "places won or lost since it was first seen"),
)


def help_text(app: "Dashboard") -> Text:
    """Keys that work now, and what signs mean."""
    text = Text()
    found: dict[tuple[str, str], list[str]] = {}
    for active in app.screen.active_bindings.values():
        binding = active.binding
        if binding.description and binding.id:
            found.setdefault((binding.description, binding.id or ""), []).append(app.get_key_display(binding))
    text.append(f"Keys of {app.page.title if app.page else 'this screen'}\n", style="bold")
    for (description, name), keys in sorted(
        found.items(), key=lambda item: (item[0][1].startswith("table."), item[0][1])
    ):
        text.append(f"  {' '.join(dict.fromkeys(keys)):<18} ")
        text.append(f"{description:<28}")
        text.append(f"{name}\n", style="dim")
    text.append("\nSigns\n", style="bold")
    for sign, meaning in _SIGNS:
        text.append(f"  {sign:<6} {meaning}\n")
    text.append("\nSigns of the log\n", style="bold")
    text.append("  " + "   ".join(f"{sign} {kind}" for kind, sign in GLYPHS.items()) + "\n")
    text.append("\nOther keys and a theme: the settings file, see README. ctrl+p: every command. Esc: back.\n")
    return text
