"""Every binding that the settings file can change, by its name."""

from collections.abc import Iterator
from typing import Final, TypeGuard

from textual.binding import Binding
from textual.dom import DOMNode

from karttime.tui.app import Dashboard
from karttime.tui.screens import NAMES, load
from karttime.tui.screens.page import Page
from karttime.tui.widgets.grid import Grid

_SIGNS: Final = {
    "full_stop": ".",
    "comma": ",",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}


def every() -> Iterator[Binding]:
    """The bindings of the app, its screens and its tables."""
    owners: list[type[DOMNode]] = [Dashboard, Page, Grid, *map(load, NAMES)]
    for owner in owners:
        for binding in owner.BINDINGS:
            if isinstance(binding, Binding):
                yield binding


def key_table() -> list[str]:
    """The keys of each screen as rows of a Markdown table: number, name, what its own keys do."""
    rows = ["| key | screen | keys of its own |", "|---|---|---|"]
    for number, name in enumerate(NAMES, 1):
        words = [
            f"{_shown(it)} {it.description[:1].lower()}{it.description[1:]}" for it in load(name).BINDINGS if _told(it)
        ]
        rows.append(f"| `{number}` | {name} | {', '.join(words)} |")
    return rows


def _told(binding: object) -> TypeGuard[Binding]:
    return isinstance(binding, Binding) and bool(binding.description)


def _shown(binding: Binding) -> str:
    keys = [_SIGNS.get(key, key) for key in binding.key.split(",")]
    return " ".join(f"`{key}`" for key in keys)


def known_keys() -> frozenset[str]:
    """The names of them all."""
    return frozenset(binding.id for binding in every() if binding.id)
