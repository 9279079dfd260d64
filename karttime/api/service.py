"""What the endpoints work on: the engine, the archive, and one channel for each circuit that somebody asked for."""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from karttime.api.access import Access
from karttime.api.channel import Channel, ChannelStatus
from karttime.api.limits import LIMITS, LinkLimits
from karttime.api.origins import Origins
from karttime.circuits.circuit import Circuit, CircuitStore
from karttime.circuits.urls import shown
from karttime.domain.display import clean
from karttime.engine.clock import Clock
from karttime.engine.collector import Collector
from karttime.engine.engine import Engine, UnknownCircuit
from karttime.engine.hub import HubItem, Tap
from karttime.engine.status import StatusPublication
from karttime.errors import KarttimeError
from karttime.feeds.formats import FORMATS
from karttime.storage.archive import Archive
from karttime.storage.extract import Extract, Origin

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
        feeds: the wire formats that a circuit may have.
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
    feeds: Collection[str] = tuple(FORMATS)
    clock: Clock = field(default_factory=Clock)
    _channels: dict[str, Channel] = field(default_factory=dict)
    _archived: dict[str, tuple[Circuit, Callable[[], None]]] = field(default_factory=dict)

    @property
    def clients(self) -> int:
        """WebSocket clients of all circuits."""
        return sum(channel.status().clients for channel in self._channels.values())

    def channels(self) -> Mapping[str, ChannelStatus]:
        """Every channel as it is now, by circuit."""
        return {circuit_id: channel.status() for circuit_id, channel in self._channels.items()}

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
        """The channel of a circuit; with it comes the archive's tap. Raises `UnknownCircuit`."""
        collector = await self.engine.ensure(circuit_id)
        channel = self._channels.get(circuit_id)
        if channel is None or channel.hub is not collector.hub:
            channel = self._channels[circuit_id] = Channel(collector, self.clock)
            self._archived.pop(circuit_id, None)  # of a hub that is gone
            self._keep(collector)
            collector.hub.add_tap(channel.tap)
        return channel

    async def edited(self, before: Circuit) -> None:
        """A circuit was edited: what runs takes it over, and connects anew when it is to listen elsewhere."""
        try:
            collector = self.engine.collector(before.id)
        except UnknownCircuit:  # never started
            return
        await self.engine.ensure(before.id)
        after = collector.circuit
        if before.id in self._channels:
            self._keep(collector)
        if (after.url, after.feed) == (before.url, before.feed):
            return
        if collector.running:
            await self.engine.stop(before.id)
            await self.engine.start(before.id)

    async def follow(self) -> None:
        """Take over what was edited or removed elsewhere, in the database that others use too."""
        known = {circuit.id: circuit for circuit in await self.engine.circuits.list()}
        for circuit_id, (kept, _) in list(self._archived.items()):
            circuit = known.get(circuit_id)
            if circuit is None:
                log.warning("%s was removed elsewhere: it is not collected any more", circuit_id)
                await self.removed(circuit_id)
            elif circuit != kept:
                try:
                    await self.edited(kept)
                except KarttimeError as error:
                    log.warning("%s was edited elsewhere, and cannot be collected: %s", circuit_id, error)

    async def removed(self, circuit_id: str) -> None:
        """A circuit was removed: stop it and forget what is in memory."""
        await self.engine.forget(circuit_id)
        self._channels.pop(circuit_id, None)
        self._archived.pop(circuit_id, None)

    async def start(self, circuit_id: str) -> Literal["started", "already_running"]:
        """Collect a circuit. Raises `UnknownCircuit`."""
        await self.channel(circuit_id)
        return await self.engine.start(circuit_id)

    async def stop(self, circuit_id: str, *, force: bool = False) -> Stopped:
        """Stop collecting, unless others are watching and nobody insists. Raises `UnknownCircuit`."""
        if not force and self.clients_of(circuit_id) > 1:  # one of them may be the very person who stops
            return "kept_running"
        return await self.engine.stop(circuit_id)

    def _keep(self, collector: Collector) -> None:
        """Archive what a collector publishes, as what its circuit is now."""
        if self.archive is None:
            return
        circuit = collector.circuit
        kept, untap = self._archived.get(circuit.id, (None, lambda: None))
        if kept is None or (kept.url, kept.feed) != (circuit.url, circuit.feed):
            untap()
            untap = collector.hub.add_tap(archive_tap(self.archive, circuit, collector.hub.epoch))
        self._archived[circuit.id] = circuit, untap


def archive_tap(archive: Archive, circuit: Circuit, epoch: str) -> Tap:
    """What hands a circuit's publications to the archive."""
    extract = Extract(Origin(circuit.id, shown(circuit.url), circuit.feed, epoch))
    running: str | None = None

    def tap(item: HubItem) -> None:
        nonlocal running
        if isinstance(item, StatusPublication):
            archive.note(circuit.id, item.at, item.state.value, item.reason)
            return
        if item.session is not None and item.session.id != running:
            running = item.session.id
            archive.note(circuit.id, item.at, "session-change", clean(f"{running} {item.session.title}"))
        if not archive.take(extract.take(item.seq, item.at, item.session, item.changes)):
            extract.forget()

    return tap
