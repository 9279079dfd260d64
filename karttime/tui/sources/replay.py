"""A recording as source: played at any speed, stopped, stepped through, jumped about in.

Frames go through the decoder that a collector uses, and reach the model as the messages of `karttime.v1` that a server
would send. What makes those messages is handed in, because it belongs to the API.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Protocol

import orjson

from karttime.analysis.describe import describe
from karttime.analysis.detection import SAMPLE_FRAMES, detect
from karttime.analysis.document import column_documents
from karttime.circuits.mapping import mapping_of
from karttime.client.fold import State, fold
from karttime.client.stream import Health, HealthChanged, Shown
from karttime.domain.session import Session
from karttime.domain.times import iso_from_ms
from karttime.engine.hub import Publication
from karttime.errors import UsageError
from karttime.feeds.base import Decoder
from karttime.recording.merge import MergedRecordings
from karttime.tui.race import Decision
from karttime.tui.sources.base import CircuitInfo, Event, FeedEntry, History, Marker, Mode
from karttime.tui.sources.kept import Kept
from karttime.tui.sources.outline import Outline
from karttime.tui.sources.past import history, lap_facts
from karttime.tui.sources.reel import Facts, Reel

WORK_S: Final = 0.02


class Made(Protocol):
    """A message, encoded."""

    @property
    def message(self) -> bytes: ...


class Encoder(Protocol):
    """Makes the messages of `karttime.v1` of one stream."""

    def begin(self, session: Session | None) -> None: ...

    def take(self, item: Publication) -> Made | None: ...

    def snapshot(self, notes: Mapping[str, bool]) -> bytes: ...


class Replay:
    """A recording. It is source and transport in one.

    Args:
        recording: what is played.
        decoder: makes a decoder of its format.
        encoder: makes an encoder for a stream.
        facts: the events of a publication.
        feed: name of the format.
        speed: to begin with.
        monotonic: replaced by tests.
    """

    mode = Mode.REPLAY

    def __init__(
        self,
        recording: MergedRecordings,
        *,
        decoder: Callable[[], Decoder],
        encoder: Callable[[], Encoder],
        facts: Facts,
        feed: str = "",
        speed: float | None = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        paths = [it.path for it in recording.recordings]
        self.where = paths[0].name + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")
        self.kept = Kept(paths[0].with_name(f"{paths[0].name}.notes.jsonl"))
        self.playing, self.speed, self.busy = True, speed, ""
        self._recording, self._feed = recording, feed
        self._size = sum(path.stat().st_size for path in paths)
        self._decoder, self._encoder, self._facts = decoder, encoder, facts
        self._monotonic = monotonic
        self._reel = Reel(recording, decoder(), facts)
        self._stream = encoder()
        self._state: State | None = None
        self.began_at = self._reel.next_at or 0
        self._anchor = (monotonic(), self.began_at)
        self._jump: Callable[[Reel], bool] | None = None
        self._changed = asyncio.Event()
        self.outline = Outline(recording, decoder)

    @property
    def transport(self) -> "Replay":
        return self

    @property
    def length_ms(self) -> int:
        return max(self.outline.last_at, self._reel.at, self.began_at) - self.began_at

    @property
    def position_ms(self) -> int:
        return max(0, min(self._now(), max(self.outline.last_at, self._reel.at)) - self.began_at)

    @property
    def markers(self) -> Sequence[Marker]:
        return self.outline.markers

    def data_age_ms(self) -> int | None:
        return None

    def toggle(self) -> None:
        self._hold(playing=not self.playing)

    def set_speed(self, speed: float | None) -> None:
        self._hold(playing=self.playing)
        self.speed = speed
        self._changed.set()

    def step(self, frames: int) -> None:
        self._hold(playing=False)
        target = max(0, self._reel.published + frames)
        self._go(lambda reel: reel.published >= target)

    def seek(self, position_ms: int) -> None:
        at = self.began_at + max(0, position_ms)
        self._anchor = (self._monotonic(), at)
        self._go(lambda reel: (reel.next_at or 1 << 62) > at, at)

    def _go(self, reached: Callable[[Reel], bool], at: int | None = None) -> None:
        self._jump = reached
        self._jump_at = at
        self._changed.set()

    def _hold(self, *, playing: bool) -> None:
        self._anchor = (self._monotonic(), self._now())
        self.playing = playing
        self._changed.set()

    def _now(self) -> int:
        """The moment of the recording that is shown."""
        since, at = self._anchor
        if not self.playing:
            return at
        if self.speed is None or self._reel.ended:
            return max(self._reel.at, min(at, self.outline.last_at))
        return at + round((self._monotonic() - since) * 1000 * self.speed)

    async def circuits(self) -> Sequence[CircuitInfo]:
        reel, header = self._reel, self._recording.header
        session = reel.logbook.current
        return [
            CircuitInfo(
                id="recording",
                name=header.circuit or self.where,
                url=header.source,
                feed=self._feed,
                state="live" if self.playing else "stopped",
                running=self.playing,
                frames=reel.count,
                bytes=reel.bytes,
                refused=dict(reel.decoder.refused),
                session="" if session is None else session.title or str(session.id),
                doubts=tuple(reel.decoder.doubts),
                recording={"bytes": self._size},
            )
        ]

    async def follow(self, _circuit_id: str) -> AsyncGenerator[Event, None]:
        yield HealthChanged(Health.LIVE, "")
        self.outline.start()
        for event in self._snapshot():
            yield event
        while True:
            if self._jump is not None:
                for event in await self._jumped():
                    yield event
                continue
            began, worked = self._monotonic(), False
            while self._due() and self._monotonic() - began < WORK_S:
                worked = True
                if (shown := self._take()) is not None:
                    yield shown
            if worked:
                await asyncio.sleep(0)
            else:
                await self._wait()

    def _due(self) -> bool:
        at = self._reel.next_at
        return self.playing and at is not None and (self.speed is None or at <= self._now())

    async def _wait(self) -> None:
        """Until the next frame is due, or somebody lays a hand on it."""
        self._changed.clear()
        at, wait = self._reel.next_at, 0.25
        if at is None and self.playing:
            self._hold(playing=False)
            self.busy = "■ end"
            self._changed.clear()
        elif at is not None and self.playing and self.speed is not None:
            wait = min(wait, max(0.0, (at - self._now()) / 1000 / self.speed))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), wait)

    def _take(self) -> Shown | None:
        item = self._reel.take()
        made = None if item is None else self._stream.take(item)
        if made is None:
            return None
        message = orjson.loads(made.message)
        self._state = fold(self._state, message)
        return None if self._state is None else Shown(self._state, message, gapless=True)

    async def _jumped(self) -> list[Event]:
        reached, self._jump = self._jump, None
        if reached is None:
            return []
        self.busy = "… seeking"
        try:
            self._reel = await asyncio.to_thread(self._wind, reached, self._jump_at)
        finally:
            self.busy = "■ end" if self._reel.ended else ""
        at = self._jump_at if self._jump_at is not None else self._reel.at
        self._anchor = (self._monotonic(), at)
        return self._snapshot()

    def _wind(self, reached: Callable[[Reel], bool], at: int | None) -> Reel:
        """The reel at the wanted place: the present one where that lies ahead, else a new one."""
        reel = self._reel
        behind = at < reel.at if at is not None else reached(reel) and reel.count > 0
        if behind:
            reel = Reel(self._recording, self._decoder(), self._facts)
        while not reel.ended and not reached(reel) and (self._jump is None):
            reel.take()
        return reel

    def _snapshot(self) -> list[Event]:
        """The state as it is, and what happened before."""
        self._stream = self._encoder()
        session = self._reel.logbook.current
        self._stream.begin(session)
        message = orjson.loads(self._stream.snapshot({}))
        self._state = fold(None, message)
        if self._state is None:
            return []
        return [Shown(self._state, message, gapless=True), self._history(session)]

    def _history(self, session: Session | None) -> History:
        marks = (*((it.at, it.text) for it in self._recording.marks), *self.kept.marks())
        return history(self._reel, session, marks)

    async def history(self, _circuit_id: str) -> History:
        return self._history(self._reel.logbook.current)

    async def laps(self, _circuit_id: str, competitor_id: str) -> Sequence[Mapping[str, Any]]:
        return [fact for fact in lap_facts(self._reel.logbook.current) if fact["competitor_id"] == competitor_id]

    async def frames(self, _circuit_id: str, after: int) -> Sequence[FeedEntry]:
        session = self._reel.logbook.current
        found = [seen for seen in self._reel.recent if seen.number > after][-500:]
        return [
            FeedEntry(
                seen.number,
                seen.frame.at,
                seen.frame.text if seen.frame.text is not None else repr(seen.frame.data),
                tuple(describe(seen.changes, session)),
                tuple((refusal.reason, refusal.sample) for refusal in seen.refused),
            )
            for seen in found
        ]

    async def command(self, _circuit_id: str, name: str, /, **values: Any) -> Any:
        match name:
            case "start" | "stop":
                self._hold(playing=name == "start")
                return "started" if name == "start" else "stopped"
            case "decisions":
                return self.kept.decisions(values["session"])
            case "decide":
                record = {key: values[key] for key in ("session", "competitor", "lap", "excluded", "reason")}
                at = round(time.time() * 1000)
                self.kept.add({"at": at} | record)
                return Decision(values["competitor"], values["lap"], values["excluded"], values["reason"], at)
            case "mark":
                self.kept.add({"at": self._now(), "mark": values["text"]})
                return {"at": iso_from_ms(self._now()), "text": values["text"]}
            case "analyse":
                return await asyncio.to_thread(self._detect)
            case _:
                raise UsageError(f"a recording cannot do this ({name}): attach to a server with --connect")

    def _detect(self) -> dict[str, Any]:
        found = detect(list(islice(self._recording, SAMPLE_FRAMES)))
        session = self._reel.logbook.current
        return {
            "format": found.name,
            "confidence": found.confidence,
            "evidence": list(found.evidence),
            "ranking": [{"name": it.name, "score": it.score} for it in found.ranking],
            "doubts": list(self._reel.decoder.doubts),
            "result": {"mapping": mapping_of({}, {"columns": [] if session is None else column_documents(session)})},
        }

    async def close(self) -> None:
        self._jump = lambda _reel: True  # a jump on its way ends
        self.outline.stop()
