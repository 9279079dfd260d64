"""The screens, one module each, in the order of their keys. A module is loaded when its screen is first looked at."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from karttime.tui.screens.page import Page

_CLASSES: Final = {
    "circuits": "Circuits",
    "tower": "Tower",
    "kart": "Kart",
    "log": "LogPage",
    "feed": "Feed",
    "mapping": "MappingPage",
    "replay": "ReplayPage",
}
NAMES: Final = tuple(_CLASSES)


def load(name: str) -> "type[Page]":
    """The class of a screen."""
    wanted = _CLASSES[name]  # one of ours, whoever asks
    found: type[Page] = getattr(import_module(f"karttime.tui.screens.{name}"), wanted)  # nosemgrep
    return found


def opener(name: str) -> "Callable[[], Page]":
    """What makes a screen when it is wanted."""

    def made() -> "Page":
        return load(name)()

    return made
