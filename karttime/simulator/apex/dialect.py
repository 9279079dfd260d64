"""How one venue's Apex board looks and behaves: edition, language, columns and habits.

A column is named by a key. Most keys are the `data-type` the board sends; `pen`, `pos` and `best` are columns whose
type is empty on real boards, so that only the header text tells what they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from karttime.simulator.apex.words import Words, words


class Edition(StrEnum):
    """The two editions of the timing software that share the wire."""

    LEISURE = "leisure"
    COMPETITION = "competition"


class Clock(StrEnum):
    """What the session clock shows while a timed session runs."""

    COUNTDOWN = "countdown"
    COUNT_UP = "count"


@dataclass(frozen=True, slots=True)
class Style:
    """Attributes of a header cell: `data-type`, `data-pr`, `data-width`, `data-min` (0: not sent)."""

    type: str
    priority: int
    width: int = 0
    least: int = 0


STYLES: Mapping[str, Style] = {
    "grp": Style("grp", 6),
    "sta": Style("sta", 1),
    "rk": Style("rk", 1),
    "no": Style("no", 1),
    "dr": Style("dr", 1, 24, 16),
    "nat": Style("nat", 5, 6),
    "class": Style("class", 6, 11, 8),
    "s1": Style("s1", 3, 9, 6),
    "s2": Style("s2", 3, 9, 6),
    "s3": Style("s3", 3, 9, 6),
    "sp1": Style("sp1", 3, 6, 5),
    "llp": Style("llp", 2, 13, 7),
    "blp": Style("blp", 1, 13, 7),
    "gap": Style("gap", 4, 9, 7),
    "int": Style("int", 5, 9, 7),
    "tlp": Style("tlp", 5, 5, 4),
    "otr": Style("otr", 2, 9, 4),
    "pit": Style("pit", 2, 6, 7),
    "pen": Style("", 6, 8, 5),
    "pos": Style("", 6, 5, 4),
    "best": Style("", 6, 15, 11),
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One venue.

    Attributes:
        language: one of `words.LANGUAGES`.
        layouts: column keys of each layout, in order; the first is shown until the timekeeper shows another.
        team_header: the name column is headed as team, not driver.
        alternates: team and driver names take turns in the name column, 20 s and 10 s.
        counts_first_crossing: the lap counter counts the crossing that has no lap time.
        counts_stop_on_exit: the stop counter goes up when the kart leaves the pit lane, not when it enters.
        split: per mille of line crossings that are sent in two frames.
        utc_offset_min: minutes that local wall-clock times are ahead of UTC.
    """

    edition: Edition
    language: str
    layouts: tuple[tuple[str, ...], ...]
    team_header: bool = False
    alternates: bool = False
    clock: Clock = Clock.COUNTDOWN
    counts_first_crossing: bool = False
    counts_stop_on_exit: bool = False
    split: int = 300
    utc_offset_min: int = 120

    @property
    def competition(self) -> bool:
        return self.edition is Edition.COMPETITION

    @property
    def words(self) -> Words:
        return words(self.language, competition=self.competition)

    def header(self, key: str) -> str:
        """Header text of a column."""
        if key == "dr":
            return self.words.team if self.team_header else self.words.driver
        if key in ("s1", "s2", "s3"):
            return key.upper()
        if key == "sp1":
            return "km/h"
        renamed = {"best": "blp", "pos": "rk"}
        return self.words.headers.get(renamed.get(key, key), "")
