"""What kind of session a run is, and what its flags mean.

Plain RMonitor says nothing of the kind; what ranks is guessed from the run's name and from whether laps are counted
down. Race Monitor's relay says it (`$RMS`).
"""

import re
from collections.abc import Mapping
from typing import Final

from karttime.domain.flags import Flag
from karttime.domain.updates import SessionKind

FLAGS: Final[Mapping[str, Flag]] = {
    "": Flag.NONE,
    "green": Flag.GREEN,
    "verde": Flag.GREEN,
    "yellow": Flag.YELLOW,
    "red": Flag.RED,
    "finish": Flag.CHEQUERED,
}
"""Flags by their words, trimmed and folded; an unknown word is kept beside `unknown`."""

SORT_MODES: Final[Mapping[str, SessionKind]] = {"race": SessionKind.RACE, "qualifying": SessionKind.QUALIFYING}

_QUALIFYING: Final = re.compile(
    r"\b(?:quali\w*|qualy\w*|calif\w*|clasif\w*|zeittraining|chronos?|superpole|shoot-?out|q ?[1-4]|time ?trials?"
    r"|pole)\b(?! (?:race|heat|final))",
    re.IGNORECASE,
)
_RACE: Final = re.compile(
    r"\b(?:races?|heats?|finale?s?|rennen|lauf|courses?|carreras?|gara|corridas?|sprint|feature|main|enduro|endurance"
    r"|[\d.]+ ?h(?:(?:ou)?rs?)?)\b",
    re.IGNORECASE,
)
_PRACTICE: Final = re.compile(
    r"\b(?:practice|practise|training|warm ?-?up|tests?|testing|essais?|prov[ae]|libres?|liber[aoe]|free|hot ?laps?"
    r"|hpde|track ?days?|lapping|shakedown|open)\b",
    re.IGNORECASE,
)


def kind_of(title: str, *, counts_laps_down: bool) -> SessionKind:
    """The kind that the name of a run, and a number of laps to go, speak for."""
    if _QUALIFYING.search(title):
        return SessionKind.QUALIFYING
    if counts_laps_down or _RACE.search(title):
        return SessionKind.RACE
    return SessionKind.PRACTICE if _PRACTICE.search(title) else SessionKind.UNKNOWN


def ranks_by_best(kind: SessionKind) -> bool:
    """Whether best laps rank."""
    return kind in (SessionKind.QUALIFYING, SessionKind.PRACTICE)
