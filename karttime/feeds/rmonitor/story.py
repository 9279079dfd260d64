"""What the records tell, session by session: each one goes to the run it is about."""

from collections.abc import Mapping

from karttime.domain.ids import session_id
from karttime.domain.updates import (
    FlagChanged,
    Provenance,
    SessionChanged,
    SessionEnded,
    SessionKind,
    SessionStarted,
    Update,
)
from karttime.feeds.base import Rejection
from karttime.feeds.rmonitor.clock import NOT_LIMITED, SessionClock
from karttime.feeds.rmonitor.records import NO_TIMES
from karttime.feeds.rmonitor.run import CLOSED, Now, Run
from karttime.feeds.rmonitor.sessions import (
    CLOCK_TOLERANCE_MS,
    Mark,
    Restatement,
    Verdict,
    is_other,
    judge,
    judge_crossing,
    merge,
    started_again,
)

_BURST_MS = 3_000
_TOO_MANY = "too-many-competitors"


class Story:
    """Sessions as the records tell them; a `reader.Sink`.

    Attributes:
        run: the session that runs, None before the first.
        out: updates of runs before this one, and of its beginning.
        doubts: what cannot be known.
        told: what was told since a mark that may stand before another session; None while there is none.
        target: the run that records are about now, None before the first.
    """

    def __init__(self, now: Now) -> None:
        self.run: Run | None = None
        self.out: list[Update | Rejection] = []
        self.doubts: list[str] = []
        self._now = now
        self._clock = SessionClock()
        self.told: Restatement | None = None
        self.target: Run | None = None
        self._greeted = False  # the relay's dump is under way: its crossings are of before
        self._fallen_ticks = 0
        self._sessions = 0

    # -- between frames ----------------------------------------------------------------------------------------------

    def away(self) -> None:
        """Nothing came for so long that the connection must have been lost."""
        if self.run is not None and self.told is None:
            self._tell("hole")

    def pause(self, *, silent: bool) -> None:
        """A frame is over; `silent`: it was blank, so that a burst is over, too."""
        told = self.told
        if told is not None and (silent or self._now.at - told.at > _BURST_MS):
            self._weigh()

    # -- records -----------------------------------------------------------------------------------------------------

    def tick(self, laps_to_go: int, to_go_ms: int, race_ms: int, flag: str) -> str:
        clock, now = self._clock, self._now
        changes = clock.take(now.at, laps_to_go, to_go_ms, race_ms, flag)
        self._greeted = False
        run = self.run
        if not changes and self.told is None and run is not None and not run.dumping:
            self._ticked(run, laps_to_go)  # nearly all ticks of a day
            return ""
        now.flag_text, now.chequered = clock.flag_text, clock.chequered
        if self.told is not None:
            self._weigh()
        run = self.run
        if run is None:
            if not clock.flag_text:
                return ""
            run = self._target()
        elif changes:
            run.events += changes
        if any(isinstance(change, FlagChanged) for change in changes):
            run.reflag()
        if self.told is None:
            self._listening(run)
            self._ticked(run, laps_to_go)
        else:
            run.ticked()
        return ""

    def _ticked(self, run: Run, laps_to_go: int) -> None:
        """The clock of the run that goes on ticked."""
        run.race_ms = max(run.race_ms, self._clock.race_ms)
        if not run.driven and 0 < laps_to_go < NOT_LIMITED and not run.counts_laps_down:
            run.counts_laps_down = True
            self._retitled()
        if run.fallen:
            self._fallen(run)
        if run.waiting or run.board_due is not None:
            run.ticked()

    def standing(self, reg: str, position: int, laps: int, total_ms: int, *, blank: bool) -> str:
        run = self._target()
        car = run.car(reg)
        if car is None:
            return _TOO_MANY
        run.standing(car, position, laps, total_ms, blank=blank)
        return ""

    def best(self, reg: str, position: int, number: int, best_ms: int) -> str:
        run = self._target()
        car = run.car(reg)
        if car is None:
            return _TOO_MANY
        run.best(car, position, number, best_ms)
        return ""

    def crossing(self, reg: str, lap_ms: int, total_ms: int) -> str:
        live = not self._greeted
        told, before = self.told, self.run
        if live and told is not None and before is not None:
            verdict, why = judge_crossing(before, told, self._clock, reg, total_ms)
            self._settle(verdict, why)
        run = self._target()
        if live:
            self._listening(run)
        car = run.car(reg)
        if car is None:
            return _TOO_MANY
        run.crossed(car, lap_ms, total_ms, live=live)
        return ""

    def last_lap(self, reg: str, laps: int, last_ms: int, speed: str) -> str:
        run = self._target()
        car = run.car(reg)
        if car is None:
            return _TOO_MANY
        car.speed = f"{int(speed) // 1000}.{int(speed) % 1000:03d}" if int(speed) else ""
        if last_ms > 0 and last_ms not in NO_TIMES:
            run.recorded(car, "last-lap-record", laps, last_ms)
            car.rule.shown(last_ms)
        return ""

    def wants_history(self) -> bool:
        """Whether `$RMHL` can tell anything now: a lap waits for its time, or the relay's dump is under way."""
        run = self.run
        return self._greeted or (run is not None and bool(run.waiting))

    def history(self, reg: str, lap: int, lap_ms: int) -> str:
        self._greeted = False
        run = self.run
        car = run.cars.get(reg) if run is not None and self.told is None else None
        if run is not None and car is not None and car.rule.waits:
            run.recorded(car, "relay-history", lap, lap_ms)
        return ""

    def correction(self, reg: str, laps: int, total_ms: int, correction_ms: int) -> str:
        run = self._target()
        car = run.car(reg)
        if car is None:
            return _TOO_MANY
        run.corrected(car, laps, total_ms, correction_ms)
        return ""

    def entry(self, reg: str, number: str, class_no: str, name: str, more: Mapping[str, str]) -> str:
        run = self._target()
        car = run.car(reg)
        if car is None:
            return _TOO_MANY
        run.entered(car, number, class_no, name, more)
        return ""

    def run_named(self, number: int, title: str) -> str:
        told, run = self.told, self.run
        if told is None or run is None:
            return self._named(self._target(), number, title)
        told.run.number, told.run.title = number, title
        if number == CLOSED and run.number != CLOSED and title == run.title:
            self._close(run)
        elif is_other(run, number, title):
            self._settle(Verdict.NEW, f"run {number} after run {run.number}")
        return ""

    def class_name(self, number: str, name: str) -> str:
        self._target().named_class(number, name)
        return ""

    def track(self, name: str) -> str:
        run = self._target()
        if run.track != name:
            run.track = name
            self._retitled()
        return ""

    def reset(self) -> str:
        if self.run is not None:
            self._tell("reset")
        return ""

    def greeting(self) -> str:
        if self.run is not None:
            self._tell("greeting")
        self._greeted = True
        return ""

    def sort_mode(self, kind: SessionKind) -> str:
        run = self._target()
        run.sort_mode = kind
        self._greeted = False
        self._retitled()
        return ""

    def loop(self, number: str, name: str, day_ms: int) -> str:
        run = self.run
        car = run.by_number(number) if run is not None else None
        if run is None or car is None:
            return "unknown-competitor"
        run.passed_loop(car, name, day_ms)
        return ""

    # -- sessions ----------------------------------------------------------------------------------------------------

    def _target(self) -> Run:
        """The run that records are about now."""
        return self.target or self._begin(Run(self._now), "first records")

    def _tell(self, mark: Mark) -> None:
        """What comes now may be about another run."""
        self.told = Restatement(mark, self._now.at, Run(self._now))
        self.target = self.told.run

    def _begin(self, run: Run, why: str) -> Run:
        """Another session is on track."""
        now, before = self._now, self.run
        if before is not None:
            before.end()
            before.flush(self.out, silent=True)
        self.told = None
        self._sessions += 1
        run.guess_kind()
        run.race_ms = max(self._clock.race_ms, 0)
        provenance = Provenance((now.frame,), "run", why)
        name = session_id(now.at, self._sessions)
        self.out.append(SessionStarted(now.at, name, run.kind, "", run.title, run.track, provenance))
        self.run = self.target = run
        self.out += self._clock.all(now.at)
        return run

    def _listening(self, run: Run) -> None:
        """A dump is over, if there was one: what is told from now on happens now."""
        if not run.dumping:
            return
        run.dumping = False
        if run is self.run and run.driven:
            self._doubt(f"session {run.title!r} was under way when first seen: earlier laps are unknown")

    def _weigh(self) -> None:
        told, run = self.told, self.run
        if told is not None and run is not None:
            self._settle(*judge(run, told, self._clock))

    def _settle(self, verdict: Verdict, why: str) -> None:
        told, run = self.told, self.run
        if told is None or run is None or verdict is Verdict.UNKNOWN:
            return
        if verdict is Verdict.NEW:
            self._begin(told.run, why)
            return
        self.told, self.target = None, run
        self._named(run, told.run.number, told.run.title)
        merge(run, told)
        self._retitled()

    def _named(self, run: Run, number: int | None, title: str) -> str:
        """`$B` of this run, as far as can be seen; of another one, that one begins."""
        if number is None:
            return ""
        if number == CLOSED and run.number not in (None, CLOSED) and title == run.title:
            self._close(run)
            return ""
        if is_other(run, number, title):
            another = Run(self._now)
            another.number, another.title = number, title
            self._begin(another, f"run {number} after run {run.number}")
            return ""
        run.number = number
        if run.closed and number != CLOSED:
            run.closed = False
            run.board_changes()
        if run.title != title:
            run.title = title
            self._retitled(always=True)
        return ""

    def _close(self, run: Run) -> None:
        if not run.closed:
            run.closed = True
            run.end()
            run.events.append(SessionEnded(self._now.at))

    def _retitled(self, *, always: bool = False) -> None:
        """Name, track or kind of the session may be another one."""
        run = self.run
        if run is None or (self.told is not None and self.told.run is not run):
            return
        changed = run.guess_kind()
        if changed or always or run.track != run.told_track:
            run.told_track = run.track
            run.events.append(SessionChanged(self._now.at, run.kind, "", run.title, run.track))

    def _fallen(self, run: Run) -> None:
        """Competitors fell back to nothing, without a reset, and were not restated by the second tick."""
        self._fallen_ticks += 1
        if self._fallen_ticks < 2:
            return
        clock_goes_on = self._clock.running and self._clock.race_ms >= run.race_ms - CLOCK_TOLERANCE_MS
        driven = sum(car.rule.laps > 0 for car in run.cars.values())
        if 2 * len(run.fallen) < driven:
            self._fallen_ticks = 0
            run.take_back_fallen()
        elif not clock_goes_on:
            self._fallen_ticks = 0
            again = Run(self._now)
            started_again(run, again)
            self._begin(again, "everybody fell back to nothing")

    def _doubt(self, sentence: str) -> None:
        if len(self.doubts) < 100 and sentence not in self.doubts:
            self.doubts.append(sentence)
