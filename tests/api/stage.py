"""A session, the `karttime.v1` stream of it, and what a client must see of it."""

from typing import Any

import orjson

from karttime.api.ring import RingLimits
from karttime.api.v1 import Step, V1Stream
from karttime.client.fold import State, fold
from karttime.domain.columns import Role
from karttime.domain.logbook import Logbook
from karttime.domain.session import Session
from karttime.domain.times import LapsGap, LeaderLap, TimeGap, iso_from_ms
from karttime.domain.updates import Update
from karttime.domain.view import snapshot
from karttime.engine.clock import Clock
from karttime.engine.hub import Publication
from karttime.feeds.frame import Frame

from .conftest import START

MOMENTS = {"started_at", "ended_at", "clock_at", "last_line_at"}


class Stage:
    """A session, the stream of it, and a client who hears everything."""

    def __init__(self, limits: RingLimits | None = None) -> None:
        self.now = 0.0
        clock = Clock(wall_ms=lambda: START, monotonic=lambda: self.now)
        self.clock, self.limits = clock, limits
        self.stream = V1Stream("hill", clock=clock, limits=limits)
        self.logbook = Logbook()
        self.heard: State | None = None
        self.on = False  # the stream begins with the first who listens
        self.steps: list[Step] = []
        self._published = 0

    @property
    def session(self) -> Session | None:
        return self.logbook.current

    def join(self) -> dict[str, Any]:
        """Listen; the snapshot to begin with."""
        if not self.on:
            self.on = True
            self.stream.begin(self.session)
        message: dict[str, Any] = orjson.loads(self.stream.snapshot({}))
        self.heard = fold(None, message)
        return message

    def take(self, *updates: Update) -> list[bytes]:
        """One frame; the messages that it was worth, which our client does not hear."""
        changes = tuple(change for change in map(self.logbook.apply, updates) if change.session_id is not None)
        if not changes or not self.on:
            return []
        self._published += 1
        item = Publication(self._published, updates[-1].at, changes, self.session, Frame(updates[-1].at, ""))
        step = self.stream.take(item)
        if step is None:
            return []
        self.steps.append(step)
        return [step.message]

    def publish(self, *updates: Update) -> list[dict[str, Any]]:
        """One frame; the messages that it was worth, read."""
        messages: list[dict[str, Any]] = [orjson.loads(message) for message in self.take(*updates)]
        for message in messages:
            self.heard = fold(self.heard, message)
        return messages


def shown(session: Session | None) -> tuple[Any, Any]:
    """The session and its competitors as a client must see them, made from the domain's own snapshot."""
    if session is None:
        return {}, {}
    state = snapshot(session)
    plain = [it for it in session.columns if it.role in {Role.UNKNOWN, Role.GROUP}]
    rows = {}
    for name, values in state.competitors.items():
        cells = session.competitors[name].cells
        texts = {it.id: cells[it.index].text.strip() for it in plain if it.index in cells}
        rows[name] = _json(values) | {key: text for key, text in texts.items() if text}
    return _json(state.session), rows


def _json(values: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in values.items():
        match value:
            case None | "":
                continue
            case TimeGap(ms):
                fields[name] = ms
            case LapsGap(laps):
                fields[name] = {"laps": laps}
            case LeaderLap(number):
                fields[name] = {"lap": number}
            case int() if name in MOMENTS:
                if value:
                    fields[name] = iso_from_ms(value)
            case _:
                fields[name] = value
    return fields
