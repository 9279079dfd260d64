"""`/circuits/{id}/frames`: the last frames of a feed as they came, what was decoded from each, what was refused.

Nothing is kept of decoding before somebody asks, and nothing a minute after the last one did.
"""

from collections import deque
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from karttime.analysis.describe import describe
from karttime.api.access import MAY_READ
from karttime.api.schemas import example
from karttime.api.system import CircuitId, Serving
from karttime.api.wire import iso
from karttime.domain.display import clean
from karttime.engine.clock import Clock
from karttime.engine.collector import Collector
from karttime.engine.engine import UnknownCircuit
from karttime.engine.taps import Inspected
from karttime.feeds.frame import Frame

router = APIRouter(prefix="/circuits/{circuit_id}", tags=["timing"])

KEEP_FRAMES: Final = 500
KEEP_BYTES: Final = 1 << 20
LINGER_S: Final = 60.0
MAX_TEXT: Final = 20_000


class RefusalView(BaseModel):
    """Something that was refused, and why."""

    model_config = example(reason="unknown-command", sample="xyz|1")
    reason: str
    sample: str


class FrameView(BaseModel):
    """One frame; line breaks in `text` are kept.

    `updates` is null for one that came before anybody asked, or before it was known what the feed is.
    `number` counts the frames that were kept here, and begins anew when nobody has asked for a minute.
    """

    model_config = example(
        number=17,
        at="2026-05-30T09:03:20.000Z",
        text="r24089c5|ti|1:06.131\n",
        updates=["kart 27 lap 1:06.131 by crossing"],
        refused=[],
    )
    number: int
    at: str
    text: str
    updates: list[str] | None
    refused: list[RefusalView]


class FrameLog:
    """The last frames of one circuit, with what became of them."""

    def __init__(self, collector: Collector, clock: Clock) -> None:
        self.collector = collector
        self._clock = clock
        self._asked_at = clock.monotonic()
        self._frames: deque[FrameView] = deque(maxlen=KEEP_FRAMES)
        self._bytes = 0
        self._number = 0
        self._untap: Callable[[], None] | None = collector.inspect(self._take)
        for frame in list(collector.recent_frames)[-50:]:
            self._add(frame, None, [])

    @property
    def over(self) -> bool:
        """Nobody asks any more: it listens to nothing."""
        return self._untap is None

    def after(self, number: int, limit: int) -> list[FrameView]:
        """The newest frames with a higher number, oldest first."""
        self._asked_at = self._clock.monotonic()
        return [view for view in self._frames if view.number > number][-limit:]

    def _take(self, item: Inspected) -> None:
        if self._clock.monotonic() - self._asked_at > LINGER_S:
            if self._untap is not None:
                self._untap()
            self._untap = None
            self._frames.clear()
            return
        text = item.frame.text
        if text is not None and (not text or text.isspace()):
            return  # a keep-alive
        refused = [RefusalView(reason=it.reason, sample=clean(it.sample)) for it in item.refused[:50]]
        updates = None if item.changes is None else describe(item.changes, self.collector.logbook.current)
        self._add(item.frame, updates, refused)

    def _add(self, frame: Frame, updates: list[str] | None, refused: list[RefusalView]) -> None:
        self._number += 1
        raw = frame.text if frame.text is not None else repr(frame.data)
        text = "\n".join(clean(line, MAX_TEXT) for line in raw[:MAX_TEXT].split("\n"))
        self._frames.append(
            FrameView(number=self._number, at=iso(frame.at), text=text, updates=updates, refused=refused)
        )
        self._bytes += len(text)
        while self._bytes > KEEP_BYTES and len(self._frames) > 1:
            self._bytes -= len(self._frames.popleft().text)


@router.get("/frames", dependencies=[MAY_READ])
async def frames(
    request: Request,
    service: Serving,
    circuit_id: CircuitId,
    after: Annotated[int, Query(ge=0, description="Only frames with a higher number.", examples=[16])] = 0,
    limit: Annotated[int, Query(ge=1, le=500, description="How many at most.", examples=[100])] = 100,
) -> list[FrameView]:
    """The newest frames of the feed, oldest first: raw, decoded, refused. Ask again with `after` the last number."""
    await service.circuit(circuit_id)
    try:
        collector = service.engine.collector(circuit_id)
    except UnknownCircuit:  # known, and never started
        return []
    logs: dict[str, FrameLog] = request.app.state.frame_logs
    log = logs.get(circuit_id)
    if log is None or log.over or log.collector is not collector:
        log = logs[circuit_id] = FrameLog(collector, service.clock)
    return log.after(after, limit)
