"""What a timing computer says of a race: hears what happens, and has the lines that tell it.

A passing is told within some tens of milliseconds, `$J`, `$G`, `$H`; the competitors whose places it changed follow
some tenths of a second later, so that two share a place meanwhile. `$F` comes every second, and at once when the flag
changes. The registration number is the competitor's id and never the kart's number, which may change.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from karttime.domain.ids import CompetitorId
from karttime.simulator import events
from karttime.simulator.events import Event
from karttime.simulator.model import Action
from karttime.simulator.rmonitor import lines
from karttime.simulator.rmonitor.dialect import Dialect, Edition
from karttime.simulator.rmonitor.shown import Shown
from karttime.simulator.session import SessionState, Standing
from karttime.simulator.timers import Timers

SECOND_MS = 1000
TOLD_MS = (5, 40)  # from a crossing to its lines
MOVED_MS = (150, 400)  # and to those of the competitors it displaced
REFRESH_MS = 30_000


@dataclass(slots=True)
class _Told:
    """What was told of one competitor's laps."""

    laps: int | None = None
    total_ms: int = 0
    last_ms: int | None = None
    best_ms: int | None = None
    best_no: int = 0


class LiveFeed:
    """One timing computer.

    Attributes:
        pending: lines that go out now.
        timers: what it does by itself.
    """

    def __init__(self, dialect: Dialect, shown: Shown, *, seed: int, start_at: int, session: SessionState) -> None:
        self.timers = Timers()
        self.pending: list[str] = []
        self.session = session
        self._dialect = dialect
        self._shown = shown
        self._rng = random.Random(seed)
        self._start_at = start_at
        self._run = 0
        self._over = False
        self._told: dict[CompetitorId, _Told] = {}
        self._classes: dict[str, int] = {}
        self._transponders: dict[CompetitorId, str] = {}
        self.timers.every(SECOND_MS, SECOND_MS, self._tick)
        if dialect.edition is Edition.IMSA:
            self.timers.every(REFRESH_MS, REFRESH_MS, self._refresh)

    # -- what happens ---------------------------------------------------------------------------------------------

    def hear(self, event: Event, session: SessionState) -> None:
        """Take note of what happened; `session` is the state after it."""
        self.session = session
        match event:
            case events.SessionLoaded():
                self._load(event.at)
            case events.SessionClosed():
                self._close(event.at)
            case events.FlagShown():
                self._say(self._heartbeat(event.at))
            case events.LineCrossed():
                self._crossed(event)
            case events.PitEntered() | events.PitLeft():
                self._pit(event)
            case events.EntryAdded() | events.CrewChanged():
                self._enter([session.standings[event.competitor_id]])
            case events.Intervened():
                self._intervened(event)
            case events.BeamPassed() | events.Overdue():
                pass  # nothing in this protocol tells it

    def end(self) -> None:
        """The meeting is over."""
        self._over = True

    def _say(self, *said: str) -> None:
        self.pending += said

    def _load(self, now: int) -> None:
        plan = self.session.plan
        if self._run:  # the first run is what a client gets on connecting
            self._say(*[lines.reset(self._start_at + now)] * 3, self._heartbeat(now))
        self._run += 1
        self._told, self._classes, self._transponders = {}, {}, {}
        self._say(self._run_line(), *self._track_lines())
        self._enter(self.session.order)
        if self._dialect.relay:
            self._say('$RMS,"race"' if plan.by_laps else '$RMS,"qualifying"')
        self._say(self._heartbeat(now))

    def _close(self, now: int) -> None:
        title = lines.quoted(self.session.plan.title)
        self._say(f"$B,{lines.CLOSED_RUN},{title}")
        self._say(lines.heartbeat(0, 0, self._start_at + now, 0, lines.NO_FLAG))

    def _intervened(self, event: events.Intervened) -> None:
        match event.intervention.action:
            case Action.REDRAW:  # somebody resets the scoreboard: classes are numbered anew
                self._classes = {name: place for place, name in enumerate(reversed(self._classes), 1)}
                self._say(lines.reset(self._start_at + event.at), self._run_line())
                self._enter(self.session.order)
                self._say(*self._track_lines())
            case Action.LAYOUT:
                self._say(*self._shown.refresh())
            case _:
                pass  # warnings and messages are not in this protocol

    # -- the run and its entries ----------------------------------------------------------------------------------

    def _run_line(self) -> str:
        return f"$B,{self._run},{lines.quoted(self.session.plan.title)}"

    def _track_lines(self) -> tuple[str, str]:
        track = self.session.plan.track
        return f'$E,"TRACKNAME",{lines.quoted(track.name)}', f'$E,"TRACKLENGTH","{track.length_m / 1000:.3f}"'

    def _enter(self, standings: Sequence[Standing]) -> None:
        """Entries, and their rows."""
        for standing in standings:
            entry = standing.entry
            if entry.category not in self._classes:
                self._classes[entry.category] = len(self._classes) + 1
            number = self._classes[entry.category]
            self._say(f"$C,{number},{lines.quoted(entry.category)}")
            self._say(*lines.entries(standing, self._transponder(entry.competitor_id), number))
        self._say(*self._rows(standings))

    def _transponder(self, key: CompetitorId) -> str:
        """Mostly a number; some have letters, some are missing."""
        if key not in self._transponders:
            chance = self._rng.random()
            known = str(self._rng.randrange(100_000, 16_000_000))
            self._transponders[key] = "" if chance < 0.05 else f"NE{known[:2]}" if chance < 0.1 else known
        return self._transponders[key]

    # -- passings -------------------------------------------------------------------------------------------------

    def _crossed(self, event: events.LineCrossed) -> None:
        standing, green = self.session.standings[event.competitor_id], self.session.green_at or 0
        best_before = self._told.get(event.competitor_id, _Told())
        told = _Told(
            standing.laps or None,
            event.at - green,
            event.lap_ms,
            standing.best_ms,
            standing.laps if standing.best_ms != best_before.best_ms else best_before.best_no,
        )

        def tell(now: int) -> None:
            self._told[event.competitor_id] = told
            self._say(*self._passing(standing, told, event, now))

        self.timers.at(event.at + self._rng.randint(*TOLD_MS), tell)
        self.timers.at(event.at + self._rng.randint(*MOVED_MS), self._moved)

    def _passing(self, standing: Standing, told: _Told, event: events.LineCrossed, now: int) -> list[str]:
        key = lines.quoted(standing.entry.competitor_id)
        lap = lines.time(event.lap_ms or 0)
        said = [f'$J,{key},"{lap}","{lines.time(told.total_ms)}"', *self._rows([standing])]
        if self._dialect.edition is Edition.IMSA:
            said.insert(0, lines.passing("SFT", "T1", standing.number, self._start_at + event.at))
        return self._relayed(said, standing, told, now) if self._dialect.relay else said

    def _relayed(self, said: list[str], standing: Standing, told: _Told, now: int) -> list[str]:
        """With the relay's own records, which do not always come in the same order."""
        key = standing.entry.competitor_id
        passed = f"$RMLT,{key},{(self._start_at + now) // 1000 * 1000}"
        crossing, place, best = said
        if told.last_ms is None:
            return [crossing, passed, place, best]
        flag = lines.FLAGS.get(self.session.flag, lines.NO_FLAG)
        values = (
            key,
            str(told.laps),
            place.split(",", 2)[1],
            lines.time(told.last_ms),
            flag,
            lines.time(told.total_ms),
        )
        lap = "$RMHL," + ",".join(f'"{value}"' for value in values)
        chance = self._rng.random()
        if chance < 0.92:
            return [crossing, passed, place, best, lap]
        return [crossing, passed, place, lap, best] if chance < 0.96 else [crossing, place, best, passed, lap]

    def _moved(self, _now: int) -> None:
        """Rows that changed since they were told, in no order."""
        changed = [line for line in self._rows(self.session.order) if not self._shown.has(line)]
        self._rng.shuffle(changed)
        self._say(*changed)

    def _pit(self, event: events.PitEntered | events.PitLeft) -> None:
        if self._dialect.tells_pits:
            number = self.session.standings[event.competitor_id].number
            name, line = ("PIP", "P3") if isinstance(event, events.PitEntered) else ("POP", "P2")
            self._say(lines.passing(name, line, number, self._start_at + event.at))

    # -- rows -----------------------------------------------------------------------------------------------------

    def _rows(self, standings: Sequence[Standing]) -> list[str]:
        """`$G` and `$H` of competitors as things stand, with their companions where there are any."""
        by_laps = self.session.order if self.session.plan.by_laps else sorted(self.session.order, key=_by_laps)
        by_best = sorted(self.session.order, key=_by_best)
        place = {standing.entry.competitor_id: place for place, standing in enumerate(by_laps, 1)}
        fast = {standing.entry.competitor_id: place for place, standing in enumerate(by_best, 1)}
        return [
            line
            for key in (standing.entry.competitor_id for standing in standings)
            for line in self._row(lines.quoted(key), self._told.get(key, _Told()), place[key], fast[key])
        ]

    def _row(self, key: str, told: _Told, place: int, fast: int) -> list[str]:
        speeds, none = self._dialect.edition is Edition.SPEEDS, self._dialect.no_time
        total = lines.time(told.total_ms) if told.total_ms else none
        best = none if told.best_ms is None else lines.time(told.best_ms)
        laps = "" if told.laps is None else told.laps
        rows = [f'$G,{place},{key},{laps},"{total}"']
        if speeds and told.last_ms is not None:
            rows.append(f'$SR,{place},{key},{laps},"{lines.time(told.last_ms)}",{self._speed(told.last_ms)}')
        rows.append(f'$H,{fast},{key},{told.best_no},"{best}"')
        if speeds and told.best_ms is not None:
            rows.append(f'$SP,{fast},{key},{told.best_no},"{best}",{self._speed(told.best_ms)}')
        return rows

    def _speed(self, lap_ms: int) -> int:
        return lines.speed(self.session.plan.track.length_m, lap_ms)

    # -- the clock ------------------------------------------------------------------------------------------------

    def _tick(self, now: int) -> bool:
        if not self._over:
            self._say(self._heartbeat(now))
        return not self._over

    def _refresh(self, _now: int) -> bool:
        if not self._over:
            self._say(*self._shown.refresh())
        return not self._over

    def _heartbeat(self, now: int) -> str:
        session, plan, at = self.session, self.session.plan, self._start_at + now
        length = 0 if plan.laps is not None else plan.length_ms
        limit = lines.NOT_LIMITED if plan.laps is None else plan.laps
        if session.green_at is None:
            return lines.heartbeat(limit, length, at, 0, lines.NO_FLAG)
        raced = now - session.green_at
        if session.chequered_at is not None:
            return lines.heartbeat(lines.NOT_LIMITED, 0, at, raced, lines.FLAGS[session.flag])
        to_go = limit if plan.laps is None else max(1, limit - session.leader_laps)
        return lines.heartbeat(to_go, max(0, length - raced), at, raced, lines.FLAGS[session.flag])


_Key = Callable[[Standing], tuple[int, ...]]


def _by_laps(standing: Standing) -> tuple[int, ...]:
    return (-standing.laps, standing.crossings[-1] if standing.laps else 0, standing.grid)


def _by_best(standing: Standing) -> tuple[int, ...]:
    if standing.best_ms is None:
        return (1, 0, 0, standing.grid)
    return (0, standing.best_ms, standing.best_at, standing.grid)
