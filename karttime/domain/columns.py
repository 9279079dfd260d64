"""Columns of a timing board and the roles they play."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a column means, whatever its header says."""

    POSITION = "position"
    NUMBER = "number"
    DRIVER = "driver"
    TEAM = "team"
    NATIONALITY = "nationality"
    CLASS = "class"
    STATUS = "status"
    GROUP = "group"
    LAST_LAP = "last_lap"
    BEST_LAP = "best_lap"
    AVERAGE_LAP = "average_lap"
    GAP = "gap"
    INTERVAL = "interval"
    LAPS = "laps"
    SECTOR_1 = "sector_1"
    SECTOR_2 = "sector_2"
    SECTOR_3 = "sector_3"
    SECTOR_4 = "sector_4"
    SECTOR_5 = "sector_5"
    SECTOR_6 = "sector_6"
    SECTOR_7 = "sector_7"
    SECTOR_8 = "sector_8"
    SECTOR_9 = "sector_9"
    TRACK_TIMER = "track_timer"
    PIT_TIME = "pit_time"
    PIT_STOPS = "pit_stops"
    PENALTY = "penalty"
    SPEED = "speed"
    TOTAL_TIME = "total_time"
    FLAG = "flag"
    INFORMATION = "information"
    UNKNOWN = "unknown"


SECTORS: tuple[Role, ...] = tuple(Role(f"sector_{n}") for n in range(1, 10))


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the board as the feed shows it now.

    Attributes:
        index: 1-based number in the current layout; clients call it `C<index>`.
        role: what it means.
        label: header text as sent (hostile text; may be empty).
        type: the feed's own type code, may be empty.
    """

    index: int
    role: Role
    label: str
    type: str

    @property
    def id(self) -> str:
        """`C1`, `C2`, …: the name clients know."""
        return f"C{self.index}"
