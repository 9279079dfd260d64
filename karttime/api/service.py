"""What the endpoints work on: the engine, the archive, and one channel for each circuit that somebody asked for."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from karttime.api.access import Access
from karttime.api.channel import Channel, ChannelStatus
from karttime.api.frames import CloseCode
from karttime.api.gate import Gate
from karttime.api.keeper import Keeper
from karttime.api.keeping import event
from karttime.api.limits import LIMITS, LinkLimits
from karttime.api.origins import Origins
from karttime.api.parsers import StoredParsers
from karttime.circuits.circuit import Circuit, CircuitConflict, CircuitStore
from karttime.circuits.parser import AUTO, FEEDS, PARSED, SPEC, by_person, is_other_feed
from karttime.domain.display import clean
from karttime.engine.clock import Clock
from karttime.engine.engine import Engine, UnknownCircuit
from karttime.errors import KarttimeError, StorageError
from karttime.feeds.declared.spec import FeedSpec
from karttime.storage.archive import Archive
from karttime.storage.extract import Place
from karttime.storage.journal import Journal
from karttime.storage.journal_file import Stored

if TYPE_CHECKING:
    from karttime.circuits.firestore import FirestoreCircuits  # loaded only where it is wanted

log = logging.getLogger(__name__)

Stopped = Literal["stopped", "not_running", "kept_running"]


@dataclass(slots=True)
class Service:
    """One running service.

    Attributes:
        engine: the collectors.
        archive: where data is kept; None keeps nothing.
        origins: which web pages may talk to us.
        max_clients: WebSocket clients of all circuits together; further ones are told to try later. 0: no limit.
        max_per_address: the same for clients from one address.
        limits: what one of them may do.
        debug: answers name the failure when a call fails by our own fault.
        access: who may do what.
        store: where circuits are edited; without, they stay as they are.
        shared: circuits that come from Firestore; it is the `store` then.
        parsers: where it is kept how feeds `auto` and `spec` are read.
        analysis_s: how long an analysis waits at most for messages.
        analysis_samples: so many messages are enough for it.
        feeds: the feeds that a circuit may have.
        rate_limit: calls a second from one address, and with one key; 0: any number.
        refused: calls and clients that were refused, by reason.
        keeper: of the connections that this process holds, once it serves.
    """

    engine: Engine
    archive: Archive | None
    origins: Origins
    max_clients: int = 5000
    max_per_address: int = 0
    limits: LinkLimits = LIMITS
    debug: bool = False
    access: Access = field(default_factory=Access)
    store: CircuitStore | None = None
    shared: "FirestoreCircuits | None" = None
    parsers: StoredParsers | None = None
    analysis_s: float = 30.0
    analysis_samples: int = 20
    feeds: Collection[str] = FEEDS
    clock: Clock = field(default_factory=Clock)
    rate_limit: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)
    keeper: Keeper | None = None
    _channels: dict[str, Channel] = field(default_factory=dict)
    _gate: Gate | None = None
    _follows: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def gate(self) -> Gate:
        """Holds back what is not in the journal; made when it is needed first, on the event loop."""
        if self._gate is None:
            self._gate = Gate(self.archive)
        return self._gate

    @property
    def journal(self) -> Journal | None:
        """Where what was published can be read again; None while it cannot."""
        return self.archive.journal if self.archive is not None and self.gate.journalled else None

    @property
    def clients(self) -> int:
        """WebSocket clients of all circuits."""
        return sum(channel.status().clients for channel in self._channels.values())

    def channels(self) -> Mapping[str, ChannelStatus]:
        """Every channel as it is now, by circuit."""
        return {circuit_id: channel.status() for circuit_id, channel in self._channels.items()}

    def place(self, circuit_id: str) -> Place:
        """Where the stream of a circuit stands."""
        channel = self._channels.get(circuit_id)
        return Place("", 0) if channel is None else Place(channel.v1.epoch, channel.v1.seq)

    def clients_of(self, circuit_id: str) -> int:
        """WebSocket clients of one circuit."""
        channel = self._channels.get(circuit_id)
        return channel.status().clients if channel else 0

    async def circuit(self, circuit_id: str) -> Circuit:
        """The circuit with this id. Raises `UnknownCircuit`."""
        circuit = await self.engine.circuits.get(circuit_id)
        if circuit is None:
            raise UnknownCircuit(circuit_id)
        return circuit

    async def channel(self, circuit_id: str) -> Channel:
        """The channel of a circuit, which keeps what is published as well. Raises `UnknownCircuit`."""
        collector = await self.engine.ensure(circuit_id)
        channel = self._channels.get(circuit_id)
        if channel is not None and channel.hub is collector.hub:
            return channel
        stored = await self._stored(circuit_id)
        channel = self._channels.get(circuit_id)
        if channel is None or channel.hub is not collector.hub:  # nobody else was quicker
            keep = self.archive is not None
            channel = Channel(collector, self.clock, self.gate, stored=stored, keep=keep)
            self._channels[circuit_id] = channel
            collector.hub.add_tap(channel.tap)
        return channel

    async def _stored(self, circuit_id: str) -> Stored | None:
        """Where the stream of a circuit stands, for one who continues it."""
        await self.gate.settled()  # a channel that is gone may have left something on the way
        if (journal := self.journal) is None:
            return None
        try:
            return await asyncio.to_thread(journal.stored, circuit_id)
        except StorageError as error:
            log.warning("The stream of %s begins anew: %s", circuit_id, error)
            return None

    async def drain(self, patience: float = 1.0) -> None:
        """The service ends: wait until what was published is in the journal, for a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.gate.settled()
        self.gate.close()

    def note(self, circuit_id: str, at: int, name: str, detail: str) -> None:
        """Log an event of a circuit."""
        batch = event(circuit_id, at, name, detail)
        if (channel := self._channels.get(circuit_id)) is not None:
            channel.note(batch)
        elif self.archive is not None:
            self.archive.take(batch)

    async def edited(self, before: Circuit) -> None:
        """A circuit was edited: what runs takes it over, and connects anew when it is to listen elsewhere."""
        async with self._follows:
            await self._edited(before)

    async def _edited(self, before: Circuit) -> None:
        try:
            collector = self.engine.collector(before.id)
        except UnknownCircuit:  # never started
            return
        await self.engine.ensure(before.id)
        after = collector.circuit
        if (channel := self._channels.get(before.id)) is not None:
            before = channel.circuit  # whoever was quicker has connected it anew already
            channel.adopt(after)
        if not is_other_feed(before, after):
            self._look_again(before.id)
            return
        if collector.running:
            await self.engine.stop(before.id)
            await self.engine.start(before.id)

    async def declared(self, circuit: Circuit, spec: FeedSpec) -> None:
        """A person says how a feed is read. What runs goes over to it.

        Raises:
            UsageError: the spec is too large to be kept.
            CircuitConflict: the circuit cannot be changed, and its feed is neither `auto` nor `spec`.
        """
        if self.parsers is None:
            raise StorageError("this service keeps no data: start it with a database")
        at = self.clock.wall_ms()
        by_person(spec, at)  # refuses what is too large before anything is changed
        if circuit.feed not in PARSED:
            await self._refeed(circuit, SPEC)
        await self.parsers.declare(circuit.id, spec, at)
        if circuit.feed == AUTO:
            with contextlib.suppress(CircuitConflict):  # one of the command line stays `auto`, which reads it as well
                await self._refeed(circuit, SPEC)
        self.note(circuit.id, at, "spec-change", f"a person gave the spec {clean(spec.name)}")
        self._look_again(circuit.id)

    async def undeclared(self, circuit: Circuit) -> bool:
        """How a feed is read is to be found out anew; False where nothing was known."""
        if self.parsers is None:
            raise StorageError("this service keeps no data: start it with a database")
        known = await self.parsers.forget(circuit.id)
        if circuit.feed == SPEC:
            await self._refeed(circuit, AUTO)
        if known:
            self.note(circuit.id, self.clock.wall_ms(), "spec-change", "how the feed is read was removed")
        self._look_again(circuit.id)
        return known

    async def _refeed(self, circuit: Circuit, feed: str) -> None:
        """Give a circuit another feed."""
        if self.store is None:
            raise CircuitConflict("the circuits of this service cannot be edited: they were given when it was started")
        updated = max(self.clock.wall_ms(), circuit.updated_at + 1)
        await self.store.replace(replace(circuit, feed=feed, updated_at=updated))
        await self.edited(circuit)

    def _look_again(self, circuit_id: str) -> None:
        if (detector := self.engine.detector(circuit_id)) is not None:
            detector.refresh()

    async def follow(self) -> None:
        """Take over what was edited or removed elsewhere: in the database that others use too, or in Firestore."""
        async with self._follows:
            known = {circuit.id: circuit for circuit in await self.engine.circuits.list()}
            for circuit_id, channel in list(self._channels.items()):
                kept, circuit = channel.circuit, known.get(circuit_id)
                if circuit is None:
                    log.warning("%s was removed: it is not collected any more", circuit_id)
                    await self.removed(circuit_id)
                elif circuit != kept:
                    try:
                        await self._edited(kept)
                    except KarttimeError as error:
                        log.warning("%s was edited elsewhere, and cannot be collected: %s", circuit_id, error)

    async def removed(self, circuit_id: str) -> None:
        """A circuit was removed: stop it and forget what is in memory."""
        await self.engine.forget(circuit_id)
        if (channel := self._channels.pop(circuit_id, None)) is not None:
            channel.close(CloseCode.UNKNOWN_CIRCUIT, "this circuit was removed")

    async def start(self, circuit_id: str) -> Literal["started", "already_running"]:
        """Collect a circuit. Raises `UnknownCircuit`."""
        await self.channel(circuit_id)
        return await self.engine.start(circuit_id)

    async def stop(self, circuit_id: str, *, force: bool = False) -> Stopped:
        """Stop collecting, unless others are watching and nobody insists. Raises `UnknownCircuit`."""
        if not force and self.clients_of(circuit_id) > 1:  # one of them may be the very person who stops
            return "kept_running"
        return await self.engine.stop(circuit_id)
