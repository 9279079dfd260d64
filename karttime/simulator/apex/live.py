"""The live board: hears what happens in the race and knows what the board should show of it, cell by cell."""

import random
from collections.abc import Mapping, Sequence

from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId
from karttime.simulator import events
from karttime.simulator.apex import cells
from karttime.simulator.apex.cells import Cell
from karttime.simulator.apex.clock import Clocks
from karttime.simulator.apex.dialect import Dialect
from karttime.simulator.apex.race_control import RaceControl
from karttime.simulator.events import Event
from karttime.simulator.model import Action, Intervention, Start, StopLap
from karttime.simulator.session import Mark, SessionState, Standing
from karttime.simulator.timers import Timers

TEAM_MS, DRIVER_MS = 20_000, 10_000
MINUTE_MS = 60_000
PIT_TICK_MS = 1_020
FLASH_MS = (10_000, 25_000)  # how long a crossing stays marked in the status column
REFERENCE_SHARE = 4  # the expected lap moves towards a slower lap by this part of the difference
LIGHTS = {Flag.GREEN: "lg", Flag.YELLOW: "ly", Flag.RED: "lr", Flag.CHEQUERED: "lf"}


class LiveBoard:
    """What one board shows now.

    Attributes:
        dirty: rows some cell of which may have changed.
        passings: row events that wait to be sent, without the row.
        burst_wanted: the whole board is to be sent anew.
        blank: no session is shown.
    """

    def __init__(self, dialect: Dialect, *, seed: int, start_at: int, session: SessionState) -> None:
        self.dialect = dialect
        self.session = session
        self.timers = Timers()
        self.dirty: set[CompetitorId] = set()
        self.passings: list[tuple[CompetitorId, str]] = []
        self.burst_wanted = False
        self.blank = False
        self._blank_ends = False
        self.touched = False
        self._rng = random.Random(seed)
        self._control = RaceControl(dialect, start_at)
        self._clocks = Clocks(dialect, self.timers, self._touch)
        self._layout, self._layout_changes = 0, False
        self._names_drivers = dialect.alternates
        self._forget_rows()

    def _forget_rows(self) -> None:
        self._status: dict[CompetitorId, str] = {}
        self._status_version: dict[CompetitorId, int] = {}
        self._pit_since: dict[CompetitorId, int] = {}
        self._pit_ended: dict[CompetitorId, int] = {}
        self._best_splits: set[CompetitorId] = set()
        self._reference: dict[CompetitorId, int] = {}
        self._groups: Mapping[CompetitorId, str] = {}
        self.dirty.clear()
        self.passings.clear()

    # -- what is shown --------------------------------------------------------------------------------------------

    @property
    def columns(self) -> tuple[str, ...]:
        return self.dialect.layouts[self._layout]

    def lines(self) -> dict[str, str]:
        """Current global lines by subject."""
        plan = self.session.plan
        lines = {
            "title1": f"title1||{plan.event}",
            "title2": f"title2||{plan.title}",
            "dyn1": self._clocks.dyn1,
            "light": f"light|{LIGHTS[self.session.flag]}|",
            "com": self._control.com_line(),
            "msg": self._control.msg_line(),
        }
        if self.dialect.competition:
            lines["dyn2"] = self._clocks.dyn2
        return lines

    def clock_now(self, now: int) -> str:
        """The session clock as a client is told who connects now."""
        return self._clocks.now(now)

    def row(self, row: CompetitorId, now: int) -> list[Cell]:
        view = self._view(self.session.standings[row], now)
        return [cells.render(key, view) for key in self.columns]

    def cell(self, standing: Standing, key: str, now: int) -> Cell:
        return cells.render(key, self._view(standing, now))

    def _view(self, standing: Standing, now: int) -> cells.View:
        row = standing.entry.competitor_id
        since = self._pit_since.get(row)
        return cells.View(
            session=self.session,
            standing=standing,
            dialect=self.dialect,
            now=now,
            status=self._status.get(row, "ss"),
            group=self._groups.get(row, "in"),
            names_drivers=self._names_drivers,
            best_splits=row in self._best_splits,
            timer_ms=None if since is None else self._pit_ended.get(row, now) - since,
        )

    # -- what happens ---------------------------------------------------------------------------------------------

    def hear(self, event: Event, session: SessionState) -> None:
        """Take note of what happened; `session` is the state after it."""
        self.session = session
        self.touched = True
        match event:
            case events.SessionLoaded():
                self._load(event.at)
            case events.LineCrossed():
                self._crossed(event)
            case events.BeamPassed():
                self._beam(event)
            case events.PitEntered() | events.PitLeft():
                self._pit(event)
            case events.FlagShown():
                self._flag(event)
            case events.Intervened():
                self._intervene(event)
            case events.EntryAdded() | events.CrewChanged() | events.Overdue():
                self._row_changed(event)
            case events.SessionClosed():
                pass

    def _row_changed(self, event: events.EntryAdded | events.CrewChanged | events.Overdue) -> None:
        row = event.competitor_id
        if isinstance(event, events.EntryAdded):
            self._status[row] = "si"
            self.burst_wanted = True
        elif isinstance(event, events.Overdue):
            self._mark(row, "ss")
        self.dirty.add(row)

    def _touch(self) -> None:
        self.touched = True

    def _standing(self, row: CompetitorId) -> Standing:
        return self.session.standings[row]

    def _load(self, now: int) -> None:
        self.timers.clear()
        self._forget_rows()
        self._control.clear()
        self._layout, self._layout_changes = 0, False
        self.burst_wanted = True
        self._clocks.load(self.session)
        waiting = "si" if self.session.plan.start is Start.PITS else "ss"
        self._status = dict.fromkeys(self.session.standings, waiting)
        if self.dialect.alternates:
            self._names_drivers = True
            self.timers.at(now + DRIVER_MS, self._turn_names)

    def _turn_names(self, now: int) -> None:
        self._names_drivers = not self._names_drivers
        self._all_dirty()
        self.timers.at(now + (DRIVER_MS if self._names_drivers else TEAM_MS), self._turn_names)

    def _all_dirty(self) -> None:
        self.dirty.update(self.session.standings)
        self.touched = True

    def _flag(self, event: events.FlagShown) -> None:
        self._control.flag(event.at, event.flag)
        self._clocks.flag(event.at, event.flag)
        if event.flag is Flag.GREEN and event.at == self.session.green_at:
            for standing in self.session.order:
                if standing.track_since is not None:
                    self._count_track_time(standing)

    def _crossed(self, event: events.LineCrossed) -> None:
        row, standing = event.competitor_id, self._standing(event.competitor_id)
        if not event.in_pit_lane:
            self._say(row, f"*|{self._expected(event, standing)}")
            self._best_splits.discard(row)
            self._mark(row, _crossing_status(event, finished=standing.finished), settles=not standing.finished)
        if row in self._pit_ended:
            del self._pit_since[row], self._pit_ended[row]
        self._clocks.lap()
        if event.lap_ms is not None and standing.last_mark is Mark.OVERALL:
            self._control.best_lap(self.session, standing)
        self._groups = cells.groups(self.session)
        self._all_dirty()

    def _expected(self, event: events.LineCrossed, standing: Standing) -> str:
        """`A|B`: what the lap and the first sector that now begin should take; nothing where nothing is to come."""
        lap = event.lap_ms
        if lap is None or event.after_flag:
            return "|"
        row = event.competitor_id
        reference = self._reference.get(row, lap)
        if self.dialect.competition or standing.last_mark is not Mark.NORMAL:
            reference = lap
        elif lap > reference and not event.had_stop:
            reference += (lap - reference) // REFERENCE_SHARE
        self._reference[row] = reference
        first = standing.best_splits[0] if standing.best_splits else None
        return f"{reference}|{'' if first is None else first}"

    def _beam(self, event: events.BeamPassed) -> None:
        row = event.competitor_id
        if event.sector == 1:
            self._best_splits.discard(row)
        self.dirty.add(row)
        if "s1" in self.columns:
            coming = self._standing(row).best_splits[event.sector]
            self._say(row, f"*i{event.sector}|{'' if coming is None else coming}")

    def _pit(self, event: events.PitEntered | events.PitLeft) -> None:
        row, standing = event.competitor_id, self._standing(event.competitor_id)
        if isinstance(event, events.PitEntered):
            self._best_splits.add(row)
            self._pit_ended.pop(row, None)
            self._pit_since[row] = event.at
            self._mark(row, "si")
            self._say(row, "*in|0")
            if "otr" in self.columns:
                self._count_pit_time(row, event.at)
            return
        self._mark(row, "so")
        self._say(row, "*out|0")
        self._count_track_time(standing)
        if row in self._pit_since:
            self._pit_ended[row] = event.at
        if self.session.plan.track.stop_lap is StopLap.EXIT and row in self._pit_since:
            del self._pit_since[row], self._pit_ended[row]

    def _say(self, row: CompetitorId, passing: str) -> None:
        if not self.blank:
            self.passings.append((row, passing))

    def _mark(self, row: CompetitorId, status: str, *, settles: bool = False) -> None:
        session = self.session
        self._status[row] = status
        version = self._status_version[row] = self._status_version.get(row, 0) + 1
        self.dirty.add(row)

        def settle(_now: int) -> None:
            if self.session is session and self._status_version.get(row) == version:
                self._mark(row, "in")
                self.touched = True

        if settles:
            crossed_at = session.standings[row].crossings[-1]
            self.timers.at(crossed_at + self._rng.randrange(*FLASH_MS), settle)

    def _count_track_time(self, standing: Standing) -> None:
        """Tick the time on track every minute, for as long as the kart does not stop."""
        since, row = standing.track_since, standing.entry.competitor_id
        if since is None:
            return

        def tick(_now: int) -> bool:
            if standing.track_since != since or standing.in_pit:
                return False
            self.dirty.add(row)
            self.touched = True
            return True

        self.timers.every(since + MINUTE_MS, MINUTE_MS, tick)

    def _count_pit_time(self, row: CompetitorId, since: int) -> None:
        def tick(_now: int) -> bool:
            if self._pit_since.get(row) != since or row in self._pit_ended:
                return False
            self.dirty.add(row)
            self.touched = True
            return True

        self.timers.every(since + PIT_TICK_MS, PIT_TICK_MS, tick)

    def _intervene(self, event: events.Intervened) -> None:
        intervention = event.intervention
        match intervention.action:
            case Action.REDRAW:
                self.burst_wanted = True
            case Action.LAYOUT:
                self._layout_changes = self.burst_wanted = True
            case Action.BLANK:
                self.blank = self.burst_wanted = True
                self.timers.at(event.at + intervention.for_ms, self._show_again)
            case Action.WARNING | Action.PENALTY | Action.NOTE:
                self._decide(event.at, intervention, self._standing(event.competitor_id))

    def _show_again(self, _now: int) -> None:
        self._blank_ends = self.burst_wanted = self.touched = True

    def burst_sent(self) -> None:
        """The whole board went out, or the notice that there is none."""
        self.burst_wanted = False
        self.dirty.clear()
        self.passings.clear()

    def before_burst(self) -> None:
        """The burst that follows shows the session again, or other columns, if it is time to."""
        if self._blank_ends:
            self.blank = self._blank_ends = False
        if self._layout_changes:
            self._layout = (self._layout + 1) % len(self.dialect.layouts)
            self._layout_changes = False

    def _decide(self, now: int, intervention: Intervention, standing: Standing) -> None:
        if intervention.action is Action.PENALTY:
            standing.penalty = intervention.text.rsplit(" - ", 1)[-1]
            self.dirty.add(standing.entry.competitor_id)
        self._control.decide(now, intervention, standing)

    def told(self, row: CompetitorId, now: int) -> Mapping[str, str]:
        """What the board shows of a competitor, by column key."""
        keys: Sequence[str] = self.columns
        return {key: cell.text for key, cell in zip(keys, self.row(row, now), strict=True)}


def _crossing_status(event: events.LineCrossed, *, finished: bool) -> str:
    if finished:
        return "sf"
    if event.gained == 0:
        return "sr"
    return "su" if event.gained > 0 else "sd"
