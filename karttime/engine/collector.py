"""The collector: runs one circuit, from source to hub."""

from collections.abc import Callable, Sequence

from karttime.circuits.circuit import Circuit
from karttime.domain.logbook import Logbook
from karttime.engine.clock import Clock
from karttime.engine.hub import Hub
from karttime.engine.source import FrameSource
from karttime.engine.status import CollectorState, CollectorStatus, StatusPublication
from karttime.feeds.base import Decoder, Rejection
from karttime.feeds.frame import Frame


class Collector:
    """Runs one circuit. The engine makes it, starts it and stops it; others read it.

    Attributes:
        circuit: what it collects.
        hub: where its publications go.
        logbook: the sessions it has seen, bounded.
        state: what it does now.
        recent_frames: the last frames, bounded by number and size: the sample that an analysis begins with.
        recent_refusals: the last refusals with their samples.
        history: the last status publications: connect, loss, recovery; oldest first.
    """

    def __init__(
        self,
        circuit: Circuit,
        *,
        source: Callable[[], FrameSource],
        decoder: Callable[[], Decoder],
        hub: Hub,
        clock: Clock | None = None,
    ) -> None:
        self.circuit = circuit
        self.hub = hub
        self.logbook = Logbook()
        self.state = CollectorState.STOPPED
        self._source = source
        self._decoder = decoder()
        self._clock = clock or Clock()

    @property
    def running(self) -> bool:
        """Whether it works or waits to try again."""
        raise NotImplementedError

    @property
    def recent_frames(self) -> Sequence[Frame]:
        """The last frames."""
        raise NotImplementedError

    @property
    def recent_refusals(self) -> Sequence[Rejection]:
        """The last refusals; samples are hostile bytes, to be escaped by whoever shows them."""
        raise NotImplementedError

    @property
    def history(self) -> Sequence[StatusPublication]:
        """The last status publications, oldest first."""
        raise NotImplementedError

    def status(self) -> CollectorStatus:
        """As it is now."""
        raise NotImplementedError

    async def run(self) -> None:
        """Collect until the source ends or gives up."""
        raise NotImplementedError
