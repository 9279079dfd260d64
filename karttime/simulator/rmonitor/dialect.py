"""What differs between the producers of RMonitor."""

from dataclasses import dataclass
from enum import StrEnum


class Edition(StrEnum):
    """A timing program as it is installed."""

    ORBITS = "orbits"  # what most venues send; everything is sent again only when somebody asks for it
    SPEEDS = "speeds"  # with $SR and $SP, which add last laps and speeds
    IMSA = "imsa"  # with $L, passings of every timing line; everything is sent again each half minute


_NO_TIME = {Edition.ORBITS: "00:00:00.000", Edition.SPEEDS: "00:00:00", Edition.IMSA: "00:59:59.999"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the feed speaks.

    Attributes:
        edition: the timing program's.
        relay: it comes through Race Monitor, with the records that are added there.
    """

    edition: Edition = Edition.ORBITS
    relay: bool = False

    @property
    def no_time(self) -> str:
        """What stands where there is no time yet."""
        return _NO_TIME[self.edition]

    @property
    def tells_pits(self) -> bool:
        """Whether pit entries and exits are in the feed."""
        return self.edition is Edition.IMSA
