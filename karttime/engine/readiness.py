"""Whether the engine does its work, measured by what it delivers and not by whether it answers.

The lag of the event loop is how late a task that sleeps a quarter of a second wakes up. While it is large, feeds are
read late and clients wait, whatever any status says.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from karttime.engine.status import CollectorState, CollectorStatus

BEAT_S: Final = 0.25
_KEEP_BEATS: Final = 40  # ten seconds


@dataclass(frozen=True, slots=True)
class CircuitReadiness:
    """One circuit that is being collected.

    Attributes:
        circuit_id: which.
        state: what its collector does.
        delivering: timing data arrives; a venue without a session on track delivers none, which is nobody's fault.
        frame_age_ms: time since the last message, keep-alives included, None before the first.
        data_age_ms: time since the last timing data, None before the first.
        reason: one sentence for a person, empty when all is well.
    """

    circuit_id: str
    state: CollectorState
    delivering: bool
    frame_age_ms: int | None
    data_age_ms: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """The engine as a whole.

    Attributes:
        ready: this process does its work; upstreams that are away do not count against it.
        reasons: why it is not ready, sentences for a person.
        loop_lag_ms: of the event loop now.
        loop_lag_max_ms: the largest of the last ten seconds.
        circuits: those that are being collected, with one that gave up.
    """

    ready: bool
    reasons: tuple[str, ...]
    loop_lag_ms: int
    loop_lag_max_ms: int
    circuits: tuple[CircuitReadiness, ...]


class Heartbeat:
    """How late the event loop is; `beat` is called by a task that sleeps `BEAT_S` between."""

    def __init__(self, now: float) -> None:
        self._at = now
        self._lags: deque[float] = deque(maxlen=_KEEP_BEATS)

    def beat(self, now: float) -> None:
        """The task woke up."""
        self._lags.append(max(0.0, now - self._at - BEAT_S))
        self._at = now

    def lag_s(self, now: float) -> float:
        """Of the last beat, or of the one that is due and did not come yet."""
        last = self._lags[-1] if self._lags else 0.0
        return max(last, now - self._at - BEAT_S)

    def worst_s(self, now: float) -> float:
        """The largest lag of the last ten seconds."""
        return max(self.lag_s(now), *self._lags, 0.0)


def readiness(
    collectors: tuple[CollectorStatus, ...], heartbeat: Heartbeat, now: float, *, max_lag_s: float
) -> Readiness:
    """What the collectors and the heartbeat say together."""
    shown = [status for status in collectors if status.state is not CollectorState.STOPPED]
    lag = heartbeat.lag_s(now)
    reasons = [f"circuit {status.circuit_id}: {status.reason}" for status in shown if _our_fault(status)]
    if lag > max_lag_s:
        reasons.insert(0, f"the event loop is {lag:.1f} s late: the machine or this process is overloaded")
    return Readiness(
        ready=not reasons,
        reasons=tuple(reasons),
        loop_lag_ms=round(lag * 1000),
        loop_lag_max_ms=round(heartbeat.worst_s(now) * 1000),
        circuits=tuple(_circuit(status) for status in shown),
    )


def _our_fault(status: CollectorStatus) -> bool:
    return status.state is CollectorState.FAILED


def _circuit(status: CollectorStatus) -> CircuitReadiness:
    return CircuitReadiness(
        circuit_id=status.circuit_id,
        state=status.state,
        delivering=status.state in {CollectorState.LIVE, CollectorState.FLOODING},
        frame_age_ms=status.frame_age_ms,
        data_age_ms=status.data_age_ms,
        reason=status.reason,
    )
