"""The screens, one module each, in the order of their keys."""

from collections.abc import Mapping
from typing import Final

from karttime.tui.screens.circuits import Circuits
from karttime.tui.screens.page import Page
from karttime.tui.screens.tower import Tower

SCREENS: Final[Mapping[str, type[Page]]] = {
    "circuits": Circuits,
    "tower": Tower,
}
