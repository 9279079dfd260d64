"""Feeds the model from the source: the list of circuits each second, and the stream of the chosen one."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

from karttime.client.stream import Health, HealthChanged, Shown
from karttime.errors import KarttimeError, SourceError
from karttime.tui.model import Model
from karttime.tui.sources.base import History, Mode, Source
from karttime.tui.text import safe

log = logging.getLogger(__name__)

POLL_S: Final = 1.0


class Feeder:
    """One for an app.

    Args:
        source: where data comes from.
        model: what is fed.
        chosen: called when a circuit is chosen: whoever runs the feeder then runs `follow` anew.
        wanted: id or name of the circuit to begin with; empty: the first that runs.
    """

    def __init__(self, source: Source, model: Model, chosen: Callable[[], None], wanted: str = "") -> None:
        self._source = source
        self._model = model
        self._chosen = chosen
        self._wanted = wanted.casefold()
        self._history_due = asyncio.Event()

    async def poll(self) -> None:
        """Look at the circuits, for ever; a server that does not answer is told and asked again."""
        while True:
            try:
                self._model.circuits_are(await self._source.circuits())
            except KarttimeError as error:
                if self._model.server_lost != str(error):
                    self._model.server_lost = str(error)
                    self._model.revision += 1
            else:
                self._choose_first()
            await asyncio.sleep(POLL_S)

    def _choose_first(self) -> None:
        model = self._model
        if model.circuit_id in model.circuits:
            return
        known = list(model.circuits.values())
        wanted = [it for it in known if self._wanted and self._wanted in {it.id.casefold(), it.name.casefold()}]
        if self._wanted and not wanted and not model.circuit_id and known:
            log.warning("there is no circuit %r: the first one is shown", self._wanted)
        running = sorted((it for it in known if it.running), key=lambda it: it.state != "live")
        if found := next(iter([*wanted, *running, *known]), None):
            self.choose(found.id)

    def choose(self, circuit_id: str) -> None:
        """Show this circuit from now on."""
        self._model.choose(circuit_id)
        self._chosen()

    async def follow(self) -> None:
        """Feed the model from the stream of the chosen circuit, for ever."""
        circuit_id = self._model.circuit_id
        if not circuit_id:
            return
        self._history_due.clear()
        async with asyncio.TaskGroup() as group:
            helper = group.create_task(self._histories(circuit_id))
            try:
                async with aclosing(self._source.follow(circuit_id)) as events:
                    async for event in events:
                        self._model.take(event)
                        if isinstance(event, History) or (isinstance(event, Shown) and not event.gapless):
                            self._history_due.set()
            except SourceError as error:  # refused for good
                self._model.take(HealthChanged(Health.LOST, str(error)))
                raise
            finally:
                helper.cancel()

    async def _histories(self, circuit_id: str) -> None:
        """Ask for what happened before, after each gap."""
        while True:
            await self._history_due.wait()
            self._history_due.clear()
            try:
                if self._source.transport is None:  # a recording tells it by itself
                    self._model.take(await self._source.history(circuit_id))
                session = self._model.race.session_id
                if session is not None:
                    self._model.decide(await self._source.command(circuit_id, "decisions", session=session))
            except KarttimeError as error:
                log.warning("what happened before is not known: %s", safe(error, 300))
                if self._source.mode is not Mode.REPLAY:
                    await asyncio.sleep(POLL_S)
