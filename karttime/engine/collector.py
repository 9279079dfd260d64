"""The collector: runs one circuit, from source to hub.

```
source ──Frame──▶ recorder tap ─▶ decoder.feed ─▶ logbook.apply ─▶ hub.publish
   └────event───▶ state, status publication
```

Nothing here awaits but the next item of the source, and a turn of the event loop after each few milliseconds of work,
so that a burst of one circuit does not delay the others. A frame that takes long is counted and told, and the next one
of that circuit has to wait. Losing the connection leaves sessions, decoder and hub as they are: the upstream sends
everything again when we are back, and the decoder knows whether that is the same session. A decoder that raised (a bug
of ours) is replaced before the restart, since its state can no longer be trusted.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, assert_never

from karttime.circuits.circuit import Circuit
from karttime.circuits.parser import is_other_feed
from karttime.domain.logbook import Logbook
from karttime.domain.session import Change, Session
from karttime.domain.updates import SessionStarted
from karttime.engine.clock import Clock
from karttime.engine.detecting import Detector
from karttime.engine.hub import Hub
from karttime.engine.past import Past, ReadPast, session_mark
from karttime.engine.refusals import Refusals
from karttime.engine.slow import SlowFrames
from karttime.engine.source import (
    Connected,
    Connecting,
    Ended,
    Flooding,
    FrameSource,
    GaveUp,
    Lost,
    Retrying,
    SourceEvent,
)
from karttime.engine.status import CollectorState, CollectorStatus, StatusPublication
from karttime.engine.supervisor import shielded
from karttime.engine.taps import FrameBuffer, FrameTap, Inspected, RecorderTap
from karttime.feeds.base import Decoder, Rejection
from karttime.feeds.frame import Frame
from karttime.feeds.mixed import MixedDecoder

_log = logging.getLogger(__name__)

_DELIVERING: Final = frozenset({CollectorState.LIVE, CollectorState.FLOODING, CollectorState.DETECTING})
_WAITING: Final = frozenset(
    {CollectorState.LIVE, CollectorState.DETECTING, CollectorState.CONNECTING, CollectorState.RECONNECTING}
)
_LONGEST_REST_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class CollectorOptions:
    """Settings of a collector.

    Attributes:
        silent_after_s: without timing data for this long, a standing connection is shown as silent. The clock of a
            running Apex session comes every 30 s, so half as long again means that none is running.
        keep_sessions: sessions that stay in memory.
        history: status publications that are kept.
        turn_s: after so much work the event loop has its turn.
        slow_frame_s: a frame that takes longer is counted and told of in the log, and followed by a rest.
        calm_after_s: a feed that floods is live again after so long within its budget.
    """

    silent_after_s: float = 45.0
    keep_sessions: int = 16
    history: int = 100
    turn_s: float = 0.005
    slow_frame_s: float = 0.05
    calm_after_s: float = 5.0


class Collector:
    """Runs one circuit. The engine makes it, starts it and stops it; others read it.

    Attributes:
        circuit: what it collects.
        hub: where its publications go.
        logbook: the sessions it has seen, bounded.
        state: what it does now.
        detector: finds out what the feed is, for feeds `auto` and `spec`; changed while it is stopped.
    """

    def __init__(
        self,
        circuit: Circuit,
        *,
        source: Callable[[Circuit], FrameSource],
        decoder: Callable[[], Decoder],
        hub: Hub,
        recorder: RecorderTap | None = None,
        past: ReadPast | None = None,
        options: CollectorOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.circuit = circuit
        self.hub = hub
        self._options = options or CollectorOptions()
        self._clock = clock or Clock()
        self.logbook = Logbook(self._options.keep_sessions)
        self.state = CollectorState.STOPPED
        self._source = source
        self._new_decoder = decoder
        self._decoder = decoder()
        self._refused_before: Counter[str] = Counter()  # by decoders that were replaced
        self._other_feed = False
        self._recorder = recorder
        self._past = past  # until it was asked
        self._inspectors: dict[object, FrameTap] = {}
        self._recent = FrameBuffer()
        self.detector: Detector | None = None
        self._refusals = Refusals(circuit.id, clock=self._clock)
        self._history: deque[StatusPublication] = deque(maxlen=self._options.history)
        self._reason = self._last_error = ""
        self._connected_since: int | None = None
        self._active_at: float | None = None  # monotonic: connected, or timing data came
        self._data_at: float | None = None  # monotonic: timing data came
        self._last_frame_at: int | None = None
        self._flooded_at = float("-inf")  # monotonic: it was last seen to exceed its budget
        self._frame_at: float | None = None  # monotonic: any message came
        self._frames = self._bytes = self._updates = self._reconnects = self._crashes = 0
        self._slow = SlowFrames(circuit.id, self._options.slow_frame_s)

    @property
    def recent_frames(self) -> Sequence[Frame]:
        """The last frames, bounded by number and size: the sample that an analysis begins with."""
        return self._recent.frames()

    @property
    def recent_refusals(self) -> Sequence[Rejection]:
        """The last refusals; samples are hostile bytes, to be escaped by whoever shows them."""
        return self._refusals.recent

    @property
    def history(self) -> Sequence[StatusPublication]:
        """The last status publications: connection made, lost, recovered; oldest first."""
        return tuple(self._history)

    @property
    def running(self) -> bool:
        """Whether it works or waits to try again."""
        return self.state not in {CollectorState.STOPPED, CollectorState.GAVE_UP}

    async def run(self) -> None:
        """Collect until the source ends or gives up; cancel it to stop, then call `stopped`."""
        if self.state is not CollectorState.CONNECTING:
            self.starting()
        await self._go_on()
        try:
            async with aclosing(aiter(self._source(self.circuit))) as items:
                worked = 0.0
                async for item in items:
                    if not isinstance(item, Frame):
                        self._happened(item)
                        continue
                    began = self._clock.monotonic()
                    self._take(item)
                    took = self._clock.monotonic() - began
                    self._slow.add(took, began)
                    worked += took
                    if worked >= self._options.turn_s:
                        worked = 0.0
                        await self._clock.sleep(self._rest(took))
        finally:
            self._connected_since = None
            if self._recorder is not None:
                self._recorder.close()

    async def _go_on(self) -> None:
        """At the first start: with the session that ran when this service, or one before it, was stopped."""
        read, self._past = self._past, None
        if read is None or (self.detector is not None and not await self.detector.knows()):
            return
        decoder, logbook = self._new_decoder(), Logbook(self._options.keep_sessions)
        past = await asyncio.to_thread(
            read, self.circuit, decoder, logbook
        )  # should it raise, the next run begins anew
        if past is not None and self.logbook.current is None:
            self._take_over(past)

    def _take_over(self, past: Past) -> None:
        current = past.logbook.current
        if current is None:
            return
        _log.info("%s: goes on with the session %s", self.circuit.id, current.id)
        self._decoder, self.logbook = past.decoder, past.logbook
        self._recent.whole = False
        self._refused_before.subtract(past.refused)  # counted in the life before
        self.hub.publish((Change(past.last.at, current.id, snapshot=True),), current, past.last)

    def _rest(self, took: float) -> float:
        """How long to leave the event loop to others; after a slow frame, three quarters of the time are theirs."""
        return 0 if took <= self._options.slow_frame_s else min(3 * took, _LONGEST_REST_S)

    def starting(self) -> None:
        """For the engine: `run` is about to begin."""
        if self._other_feed:
            self._replace_decoder()
            self._other_feed = False
        self._became(CollectorState.CONNECTING)

    def stopped(self) -> None:
        """For the engine: it was stopped on purpose."""
        self._became(CollectorState.STOPPED)

    def crashed(self, error: Exception, wait_s: float) -> None:
        """For the supervisor: `run` raised, which is our own fault, and begins again after a while."""
        self._crashes += 1
        self._replace_decoder()
        self._last_error = f"internal error ({type(error).__name__})"
        self._became(CollectorState.FAILED, f"{self._last_error}, see the log; starts again in {wait_s:.0f} s")

    def adopt(self, circuit: Circuit, decoder: Callable[[], Decoder]) -> None:
        """For the engine: the circuit was edited. Another address or format counts from the next start."""
        if is_other_feed(self.circuit, circuit):
            self._other_feed = True  # what the decoder knows is about another timing system
        if self._other_feed or self.detector is None or self.detector.using is None:
            self._new_decoder = decoder
        self.circuit = circuit

    def tick(self) -> None:
        """For the engine, about once a second: notice that timing data stays away, or that a flood is over."""
        now = self._clock.monotonic()
        if self.state is CollectorState.FLOODING and now - self._flooded_at >= self._options.calm_after_s:
            self._delivers()
        if self.state not in _WAITING or self._connected_since is None or self._active_at is None:
            return
        if now - self._active_at >= self._options.silent_after_s:
            self._became(
                CollectorState.SILENT,
                "connected, but no timing data arrives: no session on track, or the venue's timing computer is off",
            )

    def status(self) -> CollectorStatus:
        """As it is now."""
        session = self.logbook.current
        return CollectorStatus(
            circuit_id=self.circuit.id,
            name=self.circuit.name,
            state=self.state,
            reason=self._reason,
            running=self.running,
            timing_connected=self._connected_since is not None,
            connected_since=self._connected_since,
            last_frame_at=self._last_frame_at,
            data_age_ms=self._data_age_ms(),
            frames=self._frames,
            bytes=self._bytes,
            updates=self._updates,
            refused=dict(self._refused_before + Counter(self._decoder.refused)),
            reconnects=self._reconnects,
            crashes=self._crashes,
            last_error=self._last_error,
            session_id=None if session is None else session.id,
            session_title="" if session is None else session.title,
            frame_age_ms=self._age_ms(self._frame_at),
            epoch=self.hub.epoch,
            seq=self.hub.seq,
            subscribers=self.hub.subscribers,
            tap_failures=self.hub.tap_failures,
            slow_frames=self._slow.count,
            slowest_ms=round(self._slow.slowest_s * 1000),
            doubts=(*self._decoder.doubts, *(() if self.detector is None else self.detector.doubts)),
            recorder=None if self._recorder is None else self._recorder.status(),
            detection=None if self.detector is None else self.detector.status(),
        )

    @property
    def feed(self) -> str:
        """The format that the feed is read as; `auto` while that is not known."""
        using = None if self.detector is None else self.detector.using
        return self.circuit.feed if using is None else using.feed

    @property
    def beside(self) -> Sequence[Session]:
        """The sessions of the other protocol, where two are in one stream."""
        return self._decoder.beside.sessions if isinstance(self._decoder, MixedDecoder) else ()

    def begin(self, decoder: Callable[[], Decoder], *, anew: bool) -> None:
        """For the detector: decode with this from now on; `anew` forgets the sessions of the same frames."""
        self._new_decoder = decoder
        self._replace_decoder()
        if anew:
            self.logbook = Logbook(self._options.keep_sessions)

    def judged(self) -> None:
        """For the detector: what it says has changed."""
        if self.state in {CollectorState.LIVE, CollectorState.DETECTING}:
            self._delivers()

    def everything(self) -> list[Frame] | None:
        """For the detector: every frame since the beginning, None where they are not there any more."""
        return list(self._recent.frames()) if self._recent.whole else None

    def _replace_decoder(self) -> None:
        self._refused_before += Counter(self._decoder.refused)
        self._decoder = self._new_decoder()

    def inspect(self, tap: FrameTap) -> Callable[[], None]:
        """Call `tap` with every frame that the decoder reads; call what is returned to end that."""
        key = object()
        self._inspectors[key] = tap
        return lambda: self._inspectors.pop(key, None) and None

    def record(self, recorder: RecorderTap) -> bool:
        """Record from now on; False when it is recorded already."""
        if self._recorder is not None:
            return False
        self._recorder = recorder
        self._mark("the recording was begun on request")
        return True

    def end_recording(self) -> bool:
        """End what `record` began; False when nothing is recorded."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close()
        return recorder is not None

    def mark(self, text: str) -> None:
        """Note in the recording what a person says of this moment."""
        self._mark(text)

    def _take(self, frame: Frame) -> None:
        if self._recorder is not None:
            self._recorder.write(frame)
        text, data = frame.text, frame.data
        size = (
            len(data or b"") if text is None else len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        )
        self._frames += 1
        self._bytes += size
        self._last_frame_at, self._frame_at = self._clock.wall_ms(), self._clock.monotonic()
        if frame.direction != "in":
            return
        content = text is None or bool(text and not text.isspace())  # a keep-alive is a lone line break
        if content:
            self._data_at = self._active_at = self._frame_at
            self._recent.add(size, frame)
            if self.state not in _DELIVERING:
                self._delivers()
        if self.detector is not None and self.detector.take(size, frame, content=content):
            self._inspect(Inspected(frame, None, ()))
            return
        changes, refused = self.publish(frame)
        self._inspect(Inspected(frame, tuple(changes), tuple(refused)))

    def _inspect(self, item: Inspected) -> None:
        for tap in tuple(self._inspectors.values()):
            shielded(tap, item)

    def publish(self, frame: Frame) -> tuple[list[Change], list[Rejection]]:
        """Decode a frame and publish what it changes; for the detector, a frame that was kept."""
        before = self._updates
        changes, refused = self._decode(frame)
        if self.detector is not None and (frame.text is None or frame.text.strip()):
            self.detector.saw(told=self._updates > before, refused=bool(refused))
        if changes:
            self.hub.publish(tuple(changes), self.logbook.current, frame)
        return changes, refused

    def _decode(self, frame: Frame) -> tuple[list[Change], list[Rejection]]:
        changes: list[Change] = []
        refused: list[Rejection] = []
        for fact in self._decoder.feed(frame):
            if isinstance(fact, Rejection):
                self._refusals.add(fact)
                refused.append(fact)
                continue
            self._updates += 1
            change = self.logbook.apply(fact)
            if type(fact) is SessionStarted:
                self._mark(session_mark(fact.session_id))
            if change.session_id is not None:  # before the first session nothing changes
                changes.append(change)
        return changes, refused

    def _delivers(self) -> None:
        """Messages arrive: they are shown, or it is found out first what they mean."""
        detector = self.detector
        if detector is None:
            self._became(CollectorState.LIVE)
        else:
            self._became(CollectorState.LIVE if detector.reading else CollectorState.DETECTING, detector.reason)

    def _happened(self, event: SourceEvent) -> None:
        match event:
            case Connecting():
                pass  # the state says it since the start or the loss
            case Connected():
                self._connected()
            case Flooding(fault):
                self._flooded(fault)
            case Lost(reason):
                self._lost(reason)
            case Retrying(delay_ms, attempt):
                self._became(self.state, f"{self._last_error}; attempt {attempt} in {delay_ms / 1000:.0f} s")
            case GaveUp(attempts):
                self._became(CollectorState.GAVE_UP, f"gave up after {attempts} attempts: {self._last_error}")
            case Ended():
                self._connected_since = None
                self._became(CollectorState.STOPPED, "the recording was played to its end")
            case _:
                assert_never(event)

    def _connected(self) -> None:
        self._connected_since = self._clock.wall_ms()
        self._active_at = self._clock.monotonic()
        _log.info("%s: connected", self.circuit.id)
        self._became(self.state, "connected, waiting for data")
        self._mark("connected")

    def _flooded(self, fault: str) -> None:
        self._flooded_at = self._clock.monotonic()
        if self.state is CollectorState.FLOODING:
            return
        reason = f"the feed sends {fault}: it is read more slowly, and what it shows may be late"
        _log.warning("%s: %s", self.circuit.id, reason)
        self._last_error = f"flooding: {fault}"
        self._became(CollectorState.FLOODING, reason)

    def _lost(self, reason: str) -> None:
        self._last_error = reason
        _log.warning("%s: %s", self.circuit.id, reason)
        if self._connected_since is None:  # a failed attempt: what follows it, a wait or the end, is published
            return
        self._reconnects += 1
        self._connected_since = None
        self._mark(f"connection lost: {reason}")
        never = self.state is CollectorState.CONNECTING
        self._became(CollectorState.CONNECTING if never else CollectorState.RECONNECTING, reason)

    def _mark(self, text: str) -> None:
        if self._recorder is not None:
            self._recorder.mark(self._clock.wall_ms(), text)

    def _became(self, state: CollectorState, reason: str = "") -> None:
        self.state, self._reason = state, reason
        at, connected = self._clock.wall_ms(), self._connected_since is not None
        status = StatusPublication(at, state, connected, self._data_age_ms(), reason)
        self._history.append(status)
        self.hub.publish_status(status)

    def _data_age_ms(self) -> int | None:
        return self._age_ms(self._data_at)

    def _age_ms(self, since: float | None) -> int | None:
        return None if since is None else round((self._clock.monotonic() - since) * 1000)
