"""Every binding that the settings file can change, by its name."""

from collections.abc import Iterator

from textual.binding import Binding
from textual.dom import DOMNode

from karttime.tui.app import Dashboard
from karttime.tui.screens import NAMES, load
from karttime.tui.screens.page import Page
from karttime.tui.widgets.grid import Grid


def every() -> Iterator[Binding]:
    """The bindings of the app, its screens and its tables."""
    owners: list[type[DOMNode]] = [Dashboard, Page, Grid, *map(load, NAMES)]
    for owner in owners:
        for binding in owner.BINDINGS:
            if isinstance(binding, Binding):
                yield binding


def known_keys() -> frozenset[str]:
    """The names of them all."""
    return frozenset(binding.id for binding in every() if binding.id)
