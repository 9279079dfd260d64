"""The screens, one module each, in the order of their keys."""

from collections.abc import Mapping as _Mapping
from typing import Final

from karttime.tui.screens.circuits import Circuits
from karttime.tui.screens.feed import Feed
from karttime.tui.screens.kart import Kart
from karttime.tui.screens.log import LogPage
from karttime.tui.screens.mapping import Mapping
from karttime.tui.screens.page import Page
from karttime.tui.screens.replay import ReplayPage
from karttime.tui.screens.tower import Tower

SCREENS: Final[_Mapping[str, type[Page]]] = {
    "circuits": Circuits,
    "tower": Tower,
    "kart": Kart,
    "log": LogPage,
    "feed": Feed,
    "mapping": Mapping,
    "replay": ReplayPage,
}
