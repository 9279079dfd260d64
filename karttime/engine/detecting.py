"""Finding out what a circuit's feed is while it runs: feeds `auto` and `spec`.

```
frames ──▶ kept ──(analysis, in a process of its own)──▶ parser ──▶ the kept frames are decoded, then what comes
                └──────────(undecided: with more frames, later)◀─┘
```

Nothing is decoded before it is known what it means, and nothing is lost meanwhile: frames are kept, bounded in number,
bytes and time, and decoded with their own moments once a parser is there, what came in between behind them. A known
format is recognised from its first frames. What nobody can decide stays `detecting`, with the reason, and is looked at
again after growing waits.

What a person declared is used as it is. What was found out is watched: when nearly everything is refused, or nothing is
told any more, the latest frames are analysed; only another sure result replaces the parser, noise never does.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from karttime.analysis.detection import SURE, UNKNOWN, detect
from karttime.circuits.circuit import Circuit
from karttime.circuits.parser import AUTO, SPEC, Parser, Parsers
from karttime.circuits.urls import shown
from karttime.engine.analyst import AnalysisFailed, Analyst
from karttime.engine.awaiting import QUICK_FRAMES, DetectionOptions, Kept, Undecided, head
from karttime.engine.clock import Clock
from karttime.engine.fit import Fit
from karttime.engine.status import DetectionStatus
from karttime.errors import StorageError
from karttime.feeds.base import Decoder
from karttime.feeds.frame import Frame

if TYPE_CHECKING:
    from karttime.feeds.declared.spec import FeedSpec

_log = logging.getLogger(__name__)

_TURN_S: Final = 0.005
_RETRY_S: Final = 10.0  # a result that could not be kept is offered to the database again


class Collecting(Protocol):
    """What detection needs of the collector that it works for."""

    circuit: Circuit

    def begin(self, decoder: Callable[[], Decoder], *, anew: bool) -> None:
        """Decode with this from now on; `anew` forgets the sessions that another decoder made of the same frames."""
        ...

    def publish(self, frame: Frame) -> object:
        """Decode a frame and publish what it changes."""
        ...

    def judged(self) -> None:
        """What the detector says has changed."""
        ...

    def everything(self) -> list[Frame] | None:
        """Every frame since it was started, None where they are not there any more."""
        ...


class Detector:
    """Detection for one collector, which hands it its frames; `run` is a job beside the collector's own.

    Args:
        collector: the collector.
        reconnect: connects the circuit anew, for a parser that has to begin with what is sent on connecting.
        parsers: where parsers are kept; None keeps none.
        analyst: analyses samples.
        options: settings.
        clock: replaced by tests.
    """

    def __init__(
        self,
        collector: Collecting,
        reconnect: Callable[[], Awaitable[None]],
        *,
        parsers: Parsers | None = None,
        analyst: Analyst | None = None,
        options: DetectionOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.begun_for = collector.circuit
        self._collector = collector
        self._reconnect = reconnect
        self._parsers = parsers
        self._analyst = analyst or Analyst()
        self._options = options or DetectionOptions()
        self._clock = clock or Clock()
        self._using: Parser | None = None
        self._kept = Kept(self._options)
        self._backlog: deque[Frame] | None = None  # what is decoded before what comes
        self._fit = Fit(self._clock)
        self._loaded = parsers is None
        self._unsaved: tuple[Parser, dict[str, Any]] | None = None
        self._refreshed = self._retried = float("-inf")
        self._reason = "waiting for messages"
        self._misfit = ""
        self._looks = self._lost = 0
        self._begin_waiting()

    def _begin_waiting(self) -> None:
        """Nothing was looked at."""
        self._first: float | None = None  # monotonic: the first message
        self._next = float("-inf")  # monotonic: no analysis before
        self._wait = self._options.wait_s
        self._quick = 1  # messages after which a known format is looked for again
        self._came = self._looked_at = 0  # messages, and how many there were at the last analysis
        self._documented = False  # an analysis of the beginning was kept

    @property
    def circuit(self) -> Circuit:
        """The circuit as it is now."""
        return self._collector.circuit

    @property
    def using(self) -> Parser | None:
        """What reads the feed now, None while that is not known."""
        return self._using

    @property
    def reading(self) -> bool:
        """Whether what arrives is understood; what a person declared is taken as declared."""
        return self._using is not None and (not self._misfit or self._using.by == "person")

    @property
    def reason(self) -> str:
        """What a person should know, empty when all is well."""
        return self._reason if self._using is None else self._misfit

    @property
    def doubts(self) -> Sequence[str]:
        """What is not sure about the parser."""
        doubts = []
        if self._using is not None and not self._using.settled:
            doubts.append("the feed was found out before enough laps were seen: it is looked at again with more")
        if self._lost:
            doubts.append(f"{self._lost} messages found no room before it was known what the feed is")
        return doubts

    def status(self) -> DetectionStatus:
        """As it is now."""
        using, left = self._using, self._next - self._clock.monotonic()
        parser = using or Parser("", None, "detection", 0, settled=False)
        return DetectionStatus(
            reading=self.reading,
            feed=parser.feed,
            name="" if parser.spec is None else parser.spec.name,
            by="" if using is None else parser.by,
            settled=parser.settled,
            sufficed=parser.frames,
            revision=parser.revision,
            reason=self.reason,
            looks=self._looks,
            next_look_ms=round(left * 1000) if 0 < left < float("inf") else None,
            kept=len(self._kept),
            kept_bytes=self._kept.bytes,
            lost=self._lost + (self._kept.given_up if using is None else 0),
        )

    # --- for the collector ---

    def take(self, size: int, frame: Frame, *, content: bool) -> bool:
        """A frame came, a keep-alive unless it has content; True when it is decoded later."""
        if content:
            self._came += 1
            if self._first is None:
                self._first = self._clock.monotonic()
        using = self._using
        if using is None or using.by == "detection":
            self._kept.add(size, frame)
        if self._backlog is not None:
            self._backlog.append(frame)
        return using is None or self._backlog is not None

    def saw(self, *, told: bool, refused: bool) -> None:
        """A frame with content was decoded: whether it told something, and whether something was refused."""
        self._fit.saw(told=told, refused=refused)
        if told and self._backlog is None and not self._open and not self._misfit:
            self._kept.clear()  # what is kept is what another parser would have to read

    @property
    def _open(self) -> bool:
        """Whether frames are kept from the first one on, to be read again."""
        return self._using is None or not self._using.settled or not self._documented

    def refresh(self) -> None:
        """What is stored was changed: look at once."""
        self._refreshed = float("-inf")

    async def knows(self) -> bool:
        """For the collector, before its first frame: whether it is stored how the feed is read."""
        if self._parsers is not None and not self._loaded:
            await self._refresh(self._parsers)
        return self._using is not None

    # --- the job ---

    async def run(self) -> None:
        """Detect and watch, for ever."""
        while True:
            await self.step()
            await self._clock.sleep(self._options.poll_s)

    async def step(self) -> None:
        """Do what is due."""
        if self._backlog is not None:  # a fault of ours ended the catching up: the frame that did it is behind us
            await self._catch_up()
        if self._parsers is not None:
            await self._refresh(self._parsers)
        if not self._loaded:
            return
        if self._using is None and self.circuit.feed == AUTO:
            await self._recognise()
        using = self._using
        if using is not None and using.by == "person":
            self._tell(f"what a person declared does not fit: {why}" if (why := self._fit.refusing) else "")
        elif self.circuit.feed == AUTO and self._open:
            if self._is_due():
                await self._study(using)
        elif using is not None:
            await self._watch(using)

    # --- what is stored ---

    async def _refresh(self, parsers: Parsers) -> None:
        """Use what is stored, and keep what is not yet."""
        now = self._clock.monotonic()
        if now - self._refreshed < self._options.refresh_s:
            return
        self._refreshed = now
        try:
            stored = await parsers.get(self.circuit.id)
        except StorageError as error:
            if not self._loaded:
                self._say(f"what is stored about the feed cannot be read: {error}")
            return
        first, self._loaded, using = not self._loaded, True, self._using
        if stored is not None and not stored.reads(self.circuit):
            stored = None
        if stored is not None and (using is None or (stored.by == "person" and stored != using)):
            await self._use(stored, first=first)
        elif stored is not None and using is not None and stored.by == using.by:
            self._using = replace(using, revision=stored.revision)
        elif stored is None and using is not None and using.revision:
            await self._forget()
        elif stored is None and using is None and self.circuit.feed == SPEC:
            self._say("there is no spec for this circuit: give it one, or let its feed be auto")
        if self._unsaved is not None and now - self._retried >= _RETRY_S:
            self._retried = now
            await self._keep(*self._unsaved)

    async def _use(self, stored: Parser, *, first: bool) -> None:
        """Read the feed as it is stored: all that came, where it is still there, else from a new connection on."""
        self._documented, self._unsaved = True, None
        everything = [] if first else self._collector.everything()
        if everything is None:
            self._kept.clear()
            await self._go_over(stored, [], anew=False)
            await self._reconnect()
        else:
            await self._go_over(stored, self._kept.frames() if first else everything, anew=not first)

    async def _forget(self) -> None:
        """What was used is stored no more: somebody wants it found out again."""
        _log.warning("%s: how the feed is read was removed, it is looked at again", self.circuit.id)
        self._using, self._misfit = None, ""
        self._kept.clear()
        self._begin_waiting()
        self._collector.begin(Undecided, anew=False)
        self._say("how the feed is read was removed: it is looked at again")
        await self._reconnect()

    async def _keep(self, parser: Parser, result: dict[str, Any]) -> None:
        """Store what was found out; a person's word stays, and is used at the next look."""
        if self._parsers is None:
            return
        try:
            kept = await self._parsers.found(self.circuit, parser, result)
        except StorageError as error:
            self._unsaved = (parser, result)
            _log.warning("%s: what was found out about the feed is not stored yet: %s", self.circuit.id, error)
            return
        self._unsaved = None
        if not kept:
            self._refreshed = float("-inf")

    # --- finding out ---

    async def _recognise(self) -> None:
        """Look for a known format in the first frames, each time that there are twice as many."""
        if self._came < self._quick or self._quick > QUICK_FRAMES:
            return
        self._quick = 2 * self._came
        frames = head(self._kept.frames())
        found = await asyncio.to_thread(detect, frames)
        if found.name != UNKNOWN and found.confidence >= SURE and not found.mixed:
            _log.info("%s: recognised %s by %d messages", self.circuit.id, found.name, found.frames)
            parser = self._made(found.name, None, settled=True, frames=found.frames)
            await self._go_over(parser, self._kept.frames(), anew=False)

    def _is_due(self) -> bool:
        """Whether there is more to look at than last time, and the wait is over."""
        now, options = self._clock.monotonic(), self._options
        if self._first is None or self._came == self._looked_at or now < self._next:
            return False
        return bool(self._looked_at) or self._came >= options.samples or now - self._first >= options.first_s

    async def _study(self, using: Parser | None) -> None:
        """Analyse all that is kept; a parser that is in use is replaced by a better one."""
        if using is None and not self._looked_at:
            self._say(f"the first {self._came} messages are looked at")
        result = await self._analysed(None)
        if result is None:
            return
        kind, waited = result["verdict"]["kind"], self._clock.monotonic() - (self._first or 0.0)
        mixed = result.get("beside") is not None
        if using is not None and using.settled and not mixed:  # recognised at a glance: now it is known in full
            self._documented = True
            self._kept.clear()
            await self._keep(using, result)
        elif using is not None and kind == "settled" and _reads_as(using, result):  # more laps did not change it
            self._using = replace(using, settled=True)
            self._documented = True
            self._kept.clear()
            await self._keep(self._using, result)
        elif kind in ("known", "settled") or (kind == "early" and using is None and waited >= self._options.patience_s):
            parser = self._of(result, settled=kind != "early")
            self._documented = True
            await self._go_over(parser, self._kept.frames(), anew=using is not None and not self._kept.given_up)
            await self._keep(parser, result)
        elif using is None:
            wait = self._next - self._clock.monotonic()
            self._say(f"{result['verdict']['reason']}; looked at again in {wait:.0f} s, when more has come")

    async def _analysed(self, using: Parser | None) -> dict[str, Any] | None:
        """The answer of an analysis of what is kept; the next one comes after a wait that grows."""
        self._looks += 1
        self._looked_at = self._came
        result: dict[str, Any] | None = None
        try:
            result = await self._analyst.analyse(self._kept.frames(), using)
        except AnalysisFailed as error:
            if self._using is None:
                self._say(str(error))
        self._next = self._clock.monotonic() + self._wait
        longest = self._options.longest_s if self._open else self._options.rest_s
        self._wait = min(self._wait * self._options.growth, longest)
        return result

    def _of(self, result: dict[str, Any], *, settled: bool) -> Parser:
        name = result["format"]["name"] if result.get("spec") is None else SPEC
        told = (result.get("beside") or result).get("spec")
        if told is None:
            return self._made(name, None, settled=settled, frames=result["format"]["frames"])
        from karttime.feeds.declared.spec import load_spec

        spec = load_spec(told)
        if spec.name in ("", UNKNOWN):
            spec = spec.model_copy(update={"name": self.circuit.name[:100]})
        return self._made(name, spec, settled=settled, frames=result["recording"]["frames"])

    def _made(self, feed: str, spec: "FeedSpec | None", *, settled: bool, frames: int) -> Parser:
        at, source = self._clock.wall_ms(), shown(self.circuit.url)
        return Parser(feed, spec, "detection", at, source, settled, frames)

    # --- going over ---

    async def _go_over(self, parser: Parser, frames: Sequence[Frame], *, anew: bool) -> None:
        """Read the feed by a parser: these frames first, then what comes."""
        _log.info("%s: read as %s, by %s", self.circuit.id, parser.name, parser.by)
        if self._using is None:
            self._lost += self._kept.given_up
        self._using, self._misfit = parser, ""
        self._wait = self._options.wait_s
        self._fit.begin()
        self._collector.begin(parser.decoder, anew=anew)
        self._backlog = deque(frames)
        await self._catch_up()
        if not self._open:
            self._kept.clear()
        self._collector.judged()

    async def _catch_up(self) -> None:
        """Decode what waits, and what comes meanwhile, in order; others have their turn after each few ms."""
        began = self._clock.monotonic()
        while self._backlog:
            self._collector.publish(self._backlog.popleft())
            if self._clock.monotonic() - began >= _TURN_S:
                await self._clock.sleep(0)
                began = self._clock.monotonic()
        self._backlog = None  # nothing was awaited since it was empty: no frame falls between

    # --- watching ---

    async def _watch(self, using: Parser) -> None:
        """Whether the feed is still what it was found to be."""
        if self._misfit and self._fit.sound:
            self._kept.clear()
            self._tell("")
        suspicion = self._fit.suspicion
        if not suspicion or self._clock.monotonic() < self._next or self._came == self._looked_at:
            return
        result = await self._analysed(using)
        if result is None:
            return
        if result["fits"]:
            self._fit.begin()
            self._tell("")
        elif result["verdict"]["kind"] in ("known", "settled"):
            parser = self._of(result, settled=True)
            _log.warning("%s: the feed is not %s any more (%s)", self.circuit.id, using.name, suspicion)
            await self._go_over(parser, self._kept.frames(), anew=False)
            await self._keep(parser, result)
        else:
            self._tell(f"what arrives is not {using.name} any more ({suspicion}), and not known to be anything else")

    def _tell(self, misfit: str) -> None:
        """Say that the parser does not fit, or (empty) that it does."""
        if bool(misfit) != bool(self._misfit):
            _log.warning("%s: %s", self.circuit.id, misfit or "what arrives is understood again")
            self._misfit = misfit
            self._collector.judged()
        self._misfit = misfit

    def _say(self, reason: str) -> None:
        """Say why nothing is decoded yet."""
        if reason != self._reason:
            _log.info("%s: %s", self.circuit.id, reason)
            self._reason = reason
            self._collector.judged()


def _reads_as(parser: Parser, result: dict[str, Any]) -> bool:
    """Whether what was found is the same parser, more or less sure of it."""
    from karttime.feeds.declared.spec import FeedSpec, load_spec

    def meaning(spec: FeedSpec) -> dict[str, Any]:
        apart: dict[str, Any] = {"confidence": True, "candidates": True}
        fields = {"__all__": {"fields": {"__all__": apart}}}
        return spec.model_dump(exclude={"name": True, "notes": True, "tables": fields, "session": {"__all__": apart}})

    told = result.get("spec")
    return parser.spec is not None and told is not None and meaning(parser.spec) == meaning(load_spec(told))
