"""What the screens show: one model, fed by one source, read by all screens. No widget, no network, no clock of its own.

`take` folds what a source tells of the chosen circuit; `circuits_are` takes over what a server says of all of them.
Nothing is lost while a connection is away: the model keeps the last state, and `health` says how to take it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from karttime.client.fold import Fields, State
from karttime.client.stream import Health, HealthChanged, Shown
from karttime.tui.facts import moment, whole
from karttime.tui.log import Log
from karttime.tui.race import Decision, Race
from karttime.tui.sources.base import CircuitInfo, Event, History, Mode
from karttime.tui.telling import ELSEWHERE, TELLERS, repeats, told
from karttime.tui.text import lap_time, safe

_NOTHING: Mapping[str, Any] = {}


@dataclass(slots=True)
class Rate:
    """Messages per second of one circuit, from the counts of two looks."""

    frames: int = 0
    at: float = 0.0
    per_s: float | None = None

    def see(self, frames: int, at: float) -> None:
        if self.at and at > self.at and frames >= self.frames:
            now = (frames - self.frames) / (at - self.at)
            self.per_s = now if self.per_s is None else 0.6 * self.per_s + 0.4 * now
        self.frames, self.at = frames, at


@dataclass(slots=True)
class Model:
    """Everything that is shown.

    Attributes:
        mode: what the source is.
        where: its address or name.
        circuits: by id, in the server's order.
        rates: of their messages.
        server_lost: why the server of the list of circuits does not answer, empty while it does.
        circuit_id: the chosen circuit; empty before the first.
        state: its newest state, None before the first.
        health: how the state is to be taken, and `reason` why.
        race: what happened to whom.
        log: what happened.
        revision: grows with every change of what is to be seen.
    """

    mode: Mode
    where: str = ""
    monotonic: Callable[[], float] = time.monotonic
    wall_ms: Callable[[], int] = lambda: round(time.time() * 1000)
    circuits: dict[str, CircuitInfo] = field(default_factory=dict)
    rates: dict[str, Rate] = field(default_factory=dict)
    server_lost: str = ""
    circuit_id: str = ""
    state: State | None = None
    health: Health = Health.LOST
    reason: str = "not connected yet"
    race: Race = field(default_factory=Race)
    log: Log = field(default_factory=Log)
    revision: int = 0
    _heard_at: float = 0.0
    _chosen_at: int = 0
    _columns: Sequence[Fields] = ()
    _fields: frozenset[str] = frozenset()

    def frozen(self) -> "Model":
        """A model that stands still: what is taken later is not in it, and no time passes."""
        stopped = self.monotonic()
        race, log, rates = self.race.copy(), self.log.copy(), deepcopy(self.rates)
        return replace(self, monotonic=lambda: stopped, race=race, log=log, rates=rates)

    def choose(self, circuit_id: str) -> None:
        """Show another circuit."""
        self.circuit_id, self.state = circuit_id, None
        self.health, self.reason = Health.LOST, "not connected yet"
        self.race, self.log = Race(), Log()
        self._chosen_at = self.wall_ms()
        self.revision += 1

    @property
    def circuit(self) -> CircuitInfo | None:
        """The chosen circuit as its server describes it."""
        return self.circuits.get(self.circuit_id)

    @property
    def session(self) -> Fields:
        """Fields of the running session; empty before the first."""
        return self.state.session if self.state is not None else _NOTHING

    @property
    def competitors(self) -> Mapping[str, Fields]:
        """Fields by competitor id."""
        return self.state.competitors if self.state is not None else _NOTHING

    @property
    def race_like(self) -> bool:
        """Whether laps rank, and not best times."""
        return self.session.get("kind") == "race"

    def now(self) -> int:
        """The present moment of the feed, ms UTC: of its last message, and what has passed since while it is live."""
        if self.state is None:
            return 0
        passed = self.monotonic() - self._heard_at if self.health is Health.LIVE and self.mode is not Mode.REPLAY else 0
        return moment(self.state.at) + round(min(passed, 120.0) * 1000)

    def moment(self) -> int:
        """The present moment of the person who looks, ms UTC: in a replay that of the recording."""
        return self.now() if self.mode is Mode.REPLAY else self.wall_ms()

    def kart(self, competitor_id: str) -> str:
        """The number of a kart, else its id."""
        return safe(self.competitors.get(competitor_id, _NOTHING).get("number") or competitor_id, 12)

    def name(self, competitor_id: str) -> str:
        """Team, else driver, of a competitor."""
        fields = self.competitors.get(competitor_id, _NOTHING)
        return safe(fields.get("team") or fields.get("driver") or "")

    def best_ms(self) -> int | None:
        """The best lap of the session, as the board and the laps tell it; laps that were excluded do not count."""
        times = [best for key in self.competitors if (best := self.best_of(key)) is not None]
        return min(times, default=None)

    def best_of(self, competitor_id: str) -> int | None:
        """The best lap of a competitor: what the board shows where it has such a column, unless a lap was excluded."""
        runner = self.race.runners.get(competitor_id)
        if runner is not None and runner.excluded:
            return runner.figures().best_ms
        fields = self.competitors.get(competitor_id, _NOTHING)
        return whole(fields.get("best_lap_ms" if "best_lap_ms" in self.shown_fields() else "best_timed_ms"))

    def shown_fields(self) -> frozenset[str]:
        """The fields for which the board has a column."""
        columns = self.state.columns if self.state is not None else ()
        if columns is not self._columns:
            self._columns = columns
            self._fields = frozenset(str(column.get("field")) for column in columns)
        return self._fields

    def circuits_are(self, circuits: Sequence[CircuitInfo]) -> None:
        """Take over what the server says of its circuits."""
        at = self.monotonic()
        before, self.circuits = self.circuits, {circuit.id: circuit for circuit in circuits}
        for circuit in circuits:
            self.rates.setdefault(circuit.id, Rate()).see(circuit.frames, at)
        for gone in self.rates.keys() - self.circuits.keys():
            del self.rates[gone]
        self.server_lost = ""
        self.revision += 1
        self._refusals(before.get(self.circuit_id), self.circuit)

    def _refusals(self, before: CircuitInfo | None, after: CircuitInfo | None) -> None:
        if before is None or after is None:
            return
        for reason, number in after.refused.items():
            if (more := number - before.refused.get(reason, 0)) > 0:
                self.log.add(self.moment(), "refusal", f"{more} x {safe(reason)}")

    def take(self, event: Event) -> None:
        """Take in what a source tells of the chosen circuit."""
        self.revision += 1
        match event:
            case HealthChanged(health, reason):
                self._health(health, reason)
            case History():
                self._history(event)
            case Shown():
                self._shown(event)

    def _health(self, health: Health, reason: str) -> None:
        if health is not self.health and (self.state is not None or health is not Health.LOST):
            words = {Health.LIVE: "live", Health.STALE: "feed lost", Health.LOST: "server lost"}[health]
            why = f": {safe(reason, 200)}" if reason and health is not Health.LIVE else ""
            self.log.add(self.moment(), "connection", words + why)
        self.health, self.reason = health, reason

    def _shown(self, event: Shown) -> None:
        before, self.state = self.state, event.state
        self._heard_at = self.monotonic()
        session_id = self.session.get("id")
        if session_id != self.race.session_id:
            self.race = Race(str(session_id) if session_id is not None else None)
        self.race.places(event.state.competitors)
        self._facts(event.message)
        self._penalties(before, event.message)

    def _history(self, event: History) -> None:
        if event.anew:
            self.log.clear()
            self.race = Race(str(event.session_id) if event.session_id is not None else None)
            self.race.places(self.competitors)
        facts = dict(event.facts)
        if event.session_id != self.race.session_id:
            facts["laps"] = facts["stops"] = ()
        # What the server noted of its feed since we look on was told by the stream.
        facts["connection"] = [
            it
            for it in facts.get("connection", ())
            if it.get("event") in ELSEWHERE or moment(it.get("at")) < self._chosen_at
        ]
        self._facts(facts, past=True)

    def _facts(self, facts: Mapping[str, Any], *, past: bool = False) -> None:
        laps = facts.get("laps", ())
        for fact in sorted(laps, key=lambda fact: str(fact.get("at"))) if past else laps:
            fastest = self.race.lap(fact)
            if fastest is not None:
                key = str(fact.get("competitor_id"))
                self.log.add(
                    fastest.at, "fastest", f"{lap_time(fastest.time_ms)} {self.name(key)}".rstrip(), self.kart(key)
                )
        for fact in facts.get("stops", ()):
            self._stop(fact, past=past)
        for kind in TELLERS:
            for fact in facts.get(kind, ()):
                self.log.add(moment(fact.get("at")), *told(kind, fact), repeats=repeats(kind, fact))
        for fact in facts.get("sessions", ()):
            self._session(fact)

    def _session(self, fact: Fields) -> None:
        title = safe(fact.get("title") or self.session.get("title") or fact.get("id") or "")
        self.log.add(moment(fact.get("at")), "session", "ended" if fact.get("event") == "ended" else title)

    def _stop(self, fact: Fields, *, past: bool) -> None:
        key, event = str(fact.get("competitor_id", "")), fact.get("event")
        fields = self.competitors.get(key, _NOTHING)
        self.race.stop(fact, whole(fields.get("laps_timed")) or 0, whole(fields.get("stops_seen")))
        kind = "pit-in" if event == "in" else "pit-out"
        if not past:
            self.race.runner(key).pulse = (self.monotonic(), kind)
        self.log.add(moment(fact.get("at")), kind, self.name(key), self.kart(key))

    def _penalties(self, before: State | None, message: Fields) -> None:
        if before is None or message.get("type") != "patch":
            return
        for key, fields in message.get("competitors", {}).items():
            text = safe(fields.get("penalty") or "")
            if text and text != safe(before.competitors.get(key, _NOTHING).get("penalty") or ""):
                self.log.add(self.now(), "penalty", f"{text} {self.name(key)}".rstrip(), self.kart(key))

    def decide(self, decisions: Sequence[Decision]) -> None:
        """Take over decisions about laps, oldest first."""
        self.race.decide(decisions)
        for decision in decisions:
            words = "excluded" if decision.excluded else "restored"
            text = f"lap {decision.lap} {words}: {safe(decision.reason, 200)}"
            self.log.add(decision.at, "decision", text, self.kart(decision.competitor_id))
        self.revision += 1
