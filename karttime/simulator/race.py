"""The race itself: an agenda of what happens next, worked off one step at a time.

`Race.next_at` says when the next thing happens, `Race.step()` lets it happen and returns what did; between two steps
`Race.session` is the state at that moment. So whoever puts the race in words may act in between (tick a pit timer,
send what has changed) without the race running ahead. Same meeting and same seed, same race.
"""

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from karttime.domain.flags import Flag
from karttime.simulator import events
from karttime.simulator.events import Event
from karttime.simulator.model import Entry, Interruption, Intervention, Meeting, Start, StopLap
from karttime.simulator.session import SessionState, Standing

PIT_ENTRY = 850  # per mille of a lap: where the pit lane branches off, for `StopLap.INSIDE`
PIT_LOOP = 900  # the same for `StopLap.EXIT`, where the loop at the pit entry ends the in-lap
STEADY = 0.03  # share of laps that equal the one before to the millisecond: boards show nothing new then
MISTAKE = 0.03  # share of laps with a slide or a spin
QUICKEST = 0.97  # no lap is quicker than this share of the kart's own pace
YELLOW = 1.3  # laps begun under yellow take this much longer
OVERDUE = 2  # laps without a crossing until a kart counts as stopped
FOLLOWING_MS = 450  # between two karts of a rolling grid
RELEASE_MS = 3_000  # between two karts that leave the pit lane for the start


@dataclass(slots=True)
class _Runner:
    """What the race knows about a kart and the timing system does not."""

    standing: Standing
    stops_due: list[int] = field(default_factory=list)
    retires_at: int | None = None
    lap_from: int | None = None
    sector_from: int = 0
    stopping: bool = False
    drawn_ms: int | None = None


_Handler = Callable[[int], list[Event]]


@dataclass(order=True, slots=True)
class _Item:
    at: int
    ordinal: int
    run: _Handler = field(compare=False)
    on_track: bool = field(compare=False)


class Race:
    """A meeting, step by step."""

    def __init__(self, meeting: Meeting, seed: int) -> None:
        self._meeting = meeting
        self._rng = random.Random(seed)
        self._agenda: list[_Item] = []
        self._ordinal = 0
        self._runners: list[_Runner] = []
        self._running = 0
        self._spares: list[tuple[str, int]] = []
        self.session: SessionState = SessionState(meeting.sessions[0])
        self.ordinal = -1  # of the session among the meeting's, from 0
        self._at(0, self._load)

    @property
    def next_at(self) -> int | None:
        """When the next thing happens; None when the meeting is over."""
        return self._agenda[0].at if self._agenda else None

    def step(self) -> Sequence[Event]:
        """Let the next thing happen."""
        item = heapq.heappop(self._agenda)
        return item.run(item.at)

    def _at(self, at: int, run: _Handler, *, on_track: bool = False) -> None:
        self._ordinal += 1
        heapq.heappush(self._agenda, _Item(at, self._ordinal, run, on_track))

    # -- a session ------------------------------------------------------------------------------------------------

    def _load(self, now: int) -> list[Event]:
        self.ordinal += 1
        plan = self._meeting.sessions[self.ordinal]
        self.session = SessionState(plan)
        self.session.loaded_at = now
        present = plan.entries[: len(plan.entries) - plan.late]
        self._runners = [self._enter(entry) for entry in present]
        self._running = len(self._runners)
        taken = {entry.number for entry in plan.entries}
        spares = [str(number) for number in range(30, 99) if str(number) not in taken]
        self._spares = [(number, colour) for colour, number in enumerate(spares[:6], 1)]
        self._at(now + plan.waiting_ms, self._green)
        return [events.SessionLoaded(now)]

    def _enter(self, entry: Entry) -> _Runner:
        return _Runner(self.session.add(entry, in_pit=self.session.plan.start is Start.PITS))

    def _green(self, now: int) -> list[Event]:
        plan, session = self.session.plan, self.session
        session.flag, session.green_at = Flag.GREEN, now
        for place, runner in enumerate(self._runners):
            self._plan_stops(runner, now)
            self._start(runner, now, place)
        if plan.laps is None:
            self._at(now + plan.length_ms, self._chequered)
        for interruption in plan.interruptions:
            self._at(now + interruption.after_ms, self._interrupt(interruption))
        for intervention in plan.interventions:
            self._at(now + intervention.after_ms, self._intervene(intervention))
        for ordinal, entry in enumerate(plan.entries[len(plan.entries) - plan.late :], 1):
            self._at(now + ordinal * 20_000, self._late(entry))
        return [events.FlagShown(now, Flag.GREEN)]

    def _plan_stops(self, runner: _Runner, now: int) -> None:
        plan, rng = self.session.plan, self._rng
        length = plan.laps * plan.track.lap_ms if plan.laps else plan.length_ms
        if rng.randrange(1000) < plan.retire_per_mille:
            runner.retires_at = now + rng.randrange(length // 4, length)
        each = plan.stops.each
        first, last = length // 8, length - 3 * plan.track.lap_ms - plan.stops.lasting_ms
        if not each or last <= first:
            return
        window = (last - first) // each
        runner.stops_due = [now + first + n * window + rng.randrange(max(1, window * 2 // 3)) for n in range(each)]

    def _start(self, runner: _Runner, now: int, place: int) -> None:
        start, lap = self.session.plan.start, self.session.plan.track.lap_ms
        if start is Start.PITS:
            leaving = now + 300 + place * RELEASE_MS + self._rng.randrange(1500)
            self._at(leaving, self._leave_for_start(runner), on_track=True)
            return
        runner.standing.track_since = now
        if start is Start.STANDING:
            self._begin_lap(runner, now, moved_off=place * 150)
            return
        reaching = now + lap // 10 + place * FOLLOWING_MS + self._rng.randrange(200)
        self._at(reaching, self._line(runner), on_track=True)

    def _late(self, entry: Entry) -> _Handler:
        def run(now: int) -> list[Event]:
            if self.session.chequered_at is not None:
                return []
            runner = self._enter(entry)
            runner.standing.in_pit = True
            self._runners.append(runner)
            self._running += 1
            self._at(now + 8_000, self._leave_for_start(runner), on_track=True)
            return [events.EntryAdded(now, entry.competitor_id)]

        return run

    def _interrupt(self, interruption: Interruption) -> _Handler:
        def end(now: int) -> list[Event]:
            return self._flag(now, Flag.GREEN)

        def run(now: int) -> list[Event]:
            if interruption.flag is Flag.RED:
                self._hold(interruption.for_ms)
            self._at(now + interruption.for_ms, end)
            return self._flag(now, interruption.flag)

        return run

    def _flag(self, now: int, flag: Flag) -> list[Event]:
        if self.session.chequered_at is not None:
            return []
        self.session.flag = flag
        return [events.FlagShown(now, flag)]

    def _hold(self, for_ms: int) -> None:
        """Under red everybody stands still where they are."""
        for item in self._agenda:
            if item.on_track:
                item.at += for_ms
        heapq.heapify(self._agenda)

    def _intervene(self, intervention: Intervention) -> _Handler:
        def run(now: int) -> list[Event]:
            entries = self.session.plan.entries
            entry = entries[intervention.entry % len(entries)]
            return [events.Intervened(now, intervention, entry.competitor_id)]

        return run

    def _chequered(self, now: int) -> list[Event]:
        if self.session.chequered_at is not None:
            return []
        self.session.chequered_at, self.session.flag = now, Flag.CHEQUERED
        self._end_when_all_are_in(now)
        return [events.FlagShown(now, Flag.CHEQUERED)]

    def _end_when_all_are_in(self, now: int) -> None:
        if not self._running and self.session.chequered_at is not None:
            self._at(now + self.session.plan.tail_ms, self._close)

    def _close(self, now: int) -> list[Event]:
        if self.ordinal + 1 < len(self._meeting.sessions):
            self._at(now, self._load)
        self._agenda = [item for item in self._agenda if item.run == self._load]
        return [events.SessionClosed(now)]

    # -- a lap ----------------------------------------------------------------------------------------------------

    def _begin_lap(self, runner: _Runner, now: int, moved_off: int = 0) -> None:
        session, track = self.session, self.session.plan.track
        runner.lap_from = runner.sector_from = now
        lap = self._draw(runner) + moved_off
        if runner.retires_at is not None and now >= runner.retires_at:
            self._at(now + OVERDUE * track.lap_ms, self._stop_on_track(runner))
            return
        reached = 0
        for sector, share in enumerate(track.sectors[:-1], 1):
            reached += share
            beam = now + lap * reached // 1000 + self._rng.randrange(-40, 41)
            self._at(beam, self._beam(runner, sector), on_track=True)
        if runner.stops_due and now >= runner.stops_due[0] and session.chequered_at is None:
            runner.stops_due.pop(0)
            entry = PIT_LOOP if track.stop_lap is StopLap.EXIT else PIT_ENTRY
            self._at(now + lap * entry // 1000, self._pit(runner, lap - lap * entry // 1000), on_track=True)
        else:
            self._at(now + lap, self._line(runner), on_track=True)

    def _draw(self, runner: _Runner) -> int:
        entry, rng = runner.standing.entry, self._rng
        pace = self.session.plan.track.lap_ms + entry.pace_ms + entry.drivers[runner.standing.driver].pace_ms
        lap = max(int(pace * QUICKEST), pace + round(rng.gauss(0, entry.spread_ms)))
        chance = rng.random()
        if chance < STEADY and runner.drawn_ms is not None:
            return runner.drawn_ms
        if chance > 1 - MISTAKE:
            lap += rng.randrange(1_500, 9_000)
        if self.session.flag is Flag.YELLOW:
            lap = int(lap * YELLOW)
        runner.drawn_ms = lap
        return lap

    def _beam(self, runner: _Runner, sector: int) -> _Handler:
        def run(now: int) -> list[Event]:
            if runner.lap_from is None:
                return []
            self.session.split(runner.standing, sector, now - runner.sector_from)
            runner.sector_from = now
            return [events.BeamPassed(now, runner.standing.entry.competitor_id, sector)]

        return run

    def _line(self, runner: _Runner) -> _Handler:
        def run(now: int) -> list[Event]:
            return self._cross(runner, now)

        return run

    def _cross(self, runner: _Runner, now: int, *, in_pit_lane: bool = False) -> list[Event]:
        session, standing = self.session, runner.standing
        lap_ms = None if runner.lap_from is None else now - runner.lap_from
        sectors = len(standing.splits)
        if lap_ms is not None and sectors and standing.splits[-2] is not None and not in_pit_lane:
            session.split(standing, sectors, now - runner.sector_from)
        had_stop, runner.stopping = runner.stopping, False
        wins = self._wins(standing, lap_ms)
        standing.finished = not in_pit_lane and (session.chequered_at is not None or wins)
        gained = session.cross(standing, now, lap_ms)
        after = session.chequered_at is not None or wins
        crossed = events.LineCrossed(
            now, standing.entry.competitor_id, lap_ms, had_stop, in_pit_lane, gained, after_flag=after
        )
        told: list[Event] = [crossed]
        if not standing.finished:
            self._begin_lap(runner, now)
            return told
        self._running -= 1
        if session.plan.return_to_pits:
            self._at(now + 15_000 + self._rng.randrange(9_000), self._return(runner))
        if wins:
            return told + self._chequered(now)
        self._end_when_all_are_in(now)
        return told

    def _wins(self, standing: Standing, lap_ms: int | None) -> bool:
        laps = self.session.plan.laps
        if laps is None or lap_ms is None or self.session.chequered_at is not None:
            return False
        return standing.laps + 1 >= laps

    def _stop_on_track(self, runner: _Runner) -> _Handler:
        def run(now: int) -> list[Event]:
            runner.standing.stopped = True
            self._running -= 1
            self._end_when_all_are_in(now)
            return [events.Overdue(now, runner.standing.entry.competitor_id)]

        return run

    # -- the pit lane ---------------------------------------------------------------------------------------------

    def _leave_for_start(self, runner: _Runner) -> _Handler:
        def run(now: int) -> list[Event]:
            runner.standing.in_pit = False
            runner.standing.track_since = now
            lap = self._draw(runner)
            self._at(now + lap, self._line(runner), on_track=True)
            return [events.PitLeft(now, runner.standing.entry.competitor_id, at_start=True)]

        return run

    def _pit(self, runner: _Runner, rest_ms: int) -> _Handler:
        stops = self.session.plan.stops

        def leave(now: int) -> list[Event]:
            standing = runner.standing
            standing.in_pit = False
            standing.stops_ended += 1
            standing.track_since = now
            told: list[Event] = [events.PitLeft(now, standing.entry.competitor_id, at_start=False)]
            if self.session.plan.track.stop_lap is StopLap.EXIT:
                return self._cross(runner, now, in_pit_lane=True) + told
            self._at(now + rest_ms, self._line(runner), on_track=True)
            return told

        def run(now: int) -> list[Event]:
            self._stop_clock(runner.standing, now)
            runner.stopping = True
            if self.session.plan.track.stop_lap is StopLap.EXIT:
                runner.lap_from = runner.sector_from = now
            lasting = stops.lasting_ms + self._rng.randrange(stops.lasting_ms // 4 + 1)
            if stops.change_driver or stops.swap_kart:
                self._at(now + lasting // 2, self._change_crew(runner), on_track=True)
            self._at(now + lasting, leave, on_track=True)
            runner.standing.stops += 1
            return [events.PitEntered(now, runner.standing.entry.competitor_id)]

        return run

    def _return(self, runner: _Runner) -> _Handler:
        def run(now: int) -> list[Event]:
            self._stop_clock(runner.standing, now)
            return [events.PitEntered(now, runner.standing.entry.competitor_id)]

        return run

    def _stop_clock(self, standing: Standing, now: int) -> None:
        standing.driven_ms[standing.driver] = standing.driving_ms(now)
        standing.in_pit = True
        standing.pit_since = now

    def _change_crew(self, runner: _Runner) -> _Handler:
        stops = self.session.plan.stops

        def run(now: int) -> list[Event]:
            standing = runner.standing
            if stops.change_driver:
                standing.driver = (standing.driver + 1) % len(standing.entry.drivers)
            if stops.swap_kart:
                self._spares.append((standing.number, standing.colour))
                standing.number, standing.colour = self._spares.pop(0)
            return [events.CrewChanged(now, standing.entry.competitor_id)]

        return run
