"""What a check found: a grade, a sentence, and advice. Safe to show: whatever comes from outside is cleaned here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from karttime.domain.display import clean

MAX_SAID: Final = 400


class Grade(StrEnum):
    """How well it is."""

    OK = "ok"
    UNCHECKED = "not checked"
    WARNING = "warning"
    FAILURE = "failure"


EXIT_CODES: Final[Mapping[Grade, int]] = {Grade.OK: 0, Grade.UNCHECKED: 0, Grade.WARNING: 1, Grade.FAILURE: 2}


Figures = Mapping[str, float | int | str]
"""What was measured, by name."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; its texts lose control characters and bidirectional overrides, and are bounded.

    Attributes:
        area: what was looked at, one word, such as `database`.
        grade: how well it is.
        said: a sentence.
        advice: what to do, empty where nothing is to be done.
        figures: what was measured, for programs.
    """

    area: str
    grade: Grade
    said: str
    advice: str = ""
    figures: Figures = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("area", "said", "advice"):
            object.__setattr__(self, name, clean(getattr(self, name), MAX_SAID))
        figures = {clean(name): clean(it) if isinstance(it, str) else it for name, it in self.figures.items()}
        object.__setattr__(self, "figures", figures)


def worst(findings: Iterable[Finding]) -> Grade:
    """The grade of all together; what was not checked counts as well as ok."""
    return max((finding.grade for finding in findings), key=EXIT_CODES.__getitem__, default=Grade.OK)
