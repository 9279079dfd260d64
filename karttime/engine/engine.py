"""The engine: the collectors of all circuits, behind one door."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from karttime.circuits.circuit import Circuit, CircuitSource
from karttime.engine.clock import Clock
from karttime.engine.collector import Collector
from karttime.engine.hub import Hub
from karttime.engine.source import FrameSource
from karttime.engine.status import EngineStatus
from karttime.errors import KarttimeError
from karttime.feeds.base import FeedFormat

SourceFactory = Callable[[Circuit], FrameSource]


class UnknownCircuit(KarttimeError, KeyError):  # noqa: N818 - it names what is wrong, as KeyError does
    """There is no circuit with this id; `circuit_id` is what was asked for."""

    def __init__(self, circuit_id: str) -> None:
        super().__init__(f"there is no circuit {circuit_id!r}")
        self.circuit_id = circuit_id

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Settings of the engine.

    Attributes:
        max_attempts: failed attempts in a row after which a collector gives up; 0 never gives up.
        mailbox: items a subscription holds before it is conflated.
        keep_sessions: sessions a collector keeps in memory.
    """

    max_attempts: int = 0
    mailbox: int = 256
    keep_sessions: int = 16


class Engine:
    """The collectors of all circuits: an asynchronous context manager; leaving it stops everything within 2 s.

    `start` and `ensure` ask the circuit source; `collector` and `hub` know what was started or ensured before.
    """

    def __init__(
        self,
        circuits: CircuitSource,
        *,
        formats: Mapping[str, FeedFormat],
        options: EngineOptions | None = None,
        source_factory: SourceFactory | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.circuits = circuits
        self.options = options or EngineOptions()
        self.started_at = 0
        self._formats = formats
        self._source_factory = source_factory
        self._clock = clock or Clock()

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError

    async def start(self, circuit_id: str) -> Literal["started", "already_running"]:
        """Collect a circuit, also after it gave up or its address changed. Raises `UnknownCircuit`."""
        raise NotImplementedError

    async def stop(self, circuit_id: str) -> Literal["stopped", "not_running"]:
        """Stop collecting; sessions, hub and listeners stay. Raises `UnknownCircuit`."""
        raise NotImplementedError

    async def ensure(self, circuit_id: str) -> Collector:
        """The collector of a circuit, made but not started where there is none. Raises `UnknownCircuit`."""
        raise NotImplementedError

    async def forget(self, circuit_id: str) -> None:
        """Stop a circuit, end its subscriptions and drop what is known of it; does nothing for an unknown one."""
        raise NotImplementedError

    def collector(self, circuit_id: str) -> Collector:
        """The collector of a circuit that was started or ensured; raises `UnknownCircuit` for any other."""
        raise NotImplementedError

    def hub(self, circuit_id: str) -> Hub:
        """The hub of a circuit that was started or ensured; raises `UnknownCircuit` for any other."""
        raise NotImplementedError

    def status(self) -> EngineStatus:
        """As it is now."""
        raise NotImplementedError
