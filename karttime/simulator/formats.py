"""The wire formats that the simulator speaks: a literal table."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from karttime.errors import UsageError
from karttime.feeds.frame import Frame
from karttime.simulator import mischief, scenarios
from karttime.simulator.mischief import Mischief
from karttime.simulator.rmonitor import Dialect, Edition, RMonitorSimulator
from karttime.simulator.rmonitor import mischief as rmonitor_mischief
from karttime.simulator.rmonitor.mischief import RMonitorMischief
from karttime.simulator.scenarios import Options
from karttime.simulator.truth import TruthKeeper


class Simulator(Protocol):
    """A meeting in one format."""

    truth: TruthKeeper

    def frames(self) -> Iterator[Frame]:
        """All frames, in time order; the truth is complete when they are exhausted."""
        ...

    def snapshot(self) -> str:
        """What a client is sent who connects now."""
        ...


class Misbehaving(Protocol):
    """Frames with mischief laid over them."""

    def frames(self) -> Iterator[Frame]:
        """All frames, in time order."""
        ...

    def snapshot(self) -> str:
        """What a client is sent who connects now."""
        ...


class _Lay(Protocol):
    def __call__(
        self, frames: Iterator[Frame], snapshot: Callable[[], str], rates: Mapping[str, float], *, seed: int
    ) -> Misbehaving: ...


@dataclass(frozen=True, slots=True)
class SimulatedFormat:
    """One format.

    Attributes:
        make: the simulator of a choice of options; raises `UsageError` where they make no race.
        lay: mischief over frames.
        rates: every kind of mischief, with its usual rate.
        nothing: what a client is sent before anything began.
        keep_alive: what is sent now and then after the end.
    """

    make: Callable[[Options], Simulator]
    lay: _Lay
    rates: Mapping[str, float]
    nothing: str
    keep_alive: str


def rmonitor(options: Options) -> RMonitorSimulator:
    """A timing computer."""
    edition = options.edition or Edition.ORBITS
    if edition not in list(Edition):
        raise UsageError(f"there is no edition {edition!r} of RMonitor: choose from {', '.join(Edition)}")
    return _rmonitor(options, Dialect(Edition(edition)))


def racemonitor(options: Options) -> RMonitorSimulator:
    """Race Monitor's relay."""
    if options.edition is not None:
        raise UsageError("Race Monitor's relay has no editions: leave --edition out")
    return _rmonitor(options, Dialect(relay=True))


def _rmonitor(options: Options, dialect: Dialect) -> RMonitorSimulator:
    meeting = scenarios.meeting(replace(options, edition=None))
    return RMonitorSimulator(meeting, dialect, seed=options.seed, start_at=options.start_at)


_IDLE: Final = '$F,0,"00:00:00","00:00:00","00:00:00","      "\r\n'

FORMATS: Mapping[str, SimulatedFormat] = {
    "apex": SimulatedFormat(scenarios.simulator, Mischief, mischief.RATES, mischief.BLANK, "\n"),
    "rmonitor": SimulatedFormat(rmonitor, RMonitorMischief, rmonitor_mischief.RATES, _IDLE, _IDLE),
    "racemonitor": SimulatedFormat(
        racemonitor, RMonitorMischief, rmonitor_mischief.RELAY_RATES, '$RMDTL,""\r\n', _IDLE
    ),
}
