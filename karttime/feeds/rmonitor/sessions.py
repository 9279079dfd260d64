"""Whether what is told after a reset goes on with the session before, or is another one.

`$I` says "forget everything": it comes before another run, and in mid-run when the operator resets the scoreboard,
where the same run is then told anew; programs that pass the stream on send it whenever they reconnect. A connection
that was lost has its dump, too, with or without a greeting. So what follows is gathered in a run of its own, and
weighed when its burst is over, at the next tick of the clock or crossing:

1. another run number: another session, at once; 95 with the same name is the end of that run
2. laps: who had driven has at least as many as before: the same; fewer: another
3. nobody had driven before: the same
4. the clock runs: on from where it was: the same; anew: another
5. a run is announced, or dumped, with everybody at nothing: the same run is driven once more, another session
6. nothing was told: after a lost connection the same; after `$I` nobody knows yet
"""

from enum import Enum
from typing import Literal

from karttime.feeds.rmonitor.car import Car
from karttime.feeds.rmonitor.clock import SessionClock
from karttime.feeds.rmonitor.run import CLOSED, Run

CLOCK_TOLERANCE_MS = 5_000
_CROSSING_TOLERANCE_MS = 1_000

Mark = Literal["reset", "greeting", "hole"]


class Verdict(Enum):
    """What a restatement is."""

    SAME = "same"
    NEW = "new"
    UNKNOWN = "unknown"


class Restatement:
    """What was told since a mark in the stream that may stand before another session."""

    def __init__(self, mark: Mark, at: int, run: Run) -> None:
        self.mark = mark
        self.at = at
        self.run = run


def is_other(run: Run, number: int, title: str) -> bool:
    """Whether `$B` names another run than this one."""
    if run.number is None or number == run.number:
        return False
    return title != run.title or CLOSED not in (number, run.number)


def judge(before: Run, told: Restatement, clock: SessionClock) -> tuple[Verdict, str]:
    """Weigh a restatement whose burst is over; with the reason in words."""
    laps = _laps_go_on(before, told.run)
    if laps is not None:
        return (Verdict.SAME, "laps go on") if laps else (Verdict.NEW, "fewer laps than before")
    if not before.driven:
        return Verdict.SAME, "nothing driven yet"
    if clock.running:
        if clock.race_ms >= before.race_ms - CLOCK_TOLERANCE_MS:
            return Verdict.SAME, "the clock goes on"
        return Verdict.NEW, "the clock began anew"
    blank = any(car.rule.count is not None for car in told.run.cars.values())
    announced = told.run.number is not None and told.run.number != CLOSED
    if blank and (announced or told.mark != "reset"):
        return Verdict.NEW, "everybody is at nothing again"
    if told.mark != "reset" and not blank:
        return Verdict.SAME, "nothing else was told"
    return Verdict.UNKNOWN, ""


def judge_crossing(before: Run, told: Restatement, clock: SessionClock, reg: str, total_ms: int) -> tuple[Verdict, str]:
    """The same when somebody crosses the line, which leaves no time to wait."""
    verdict, why = judge(before, told, clock)
    if verdict is not Verdict.UNKNOWN:
        return verdict, why
    car = before.cars.get(reg)
    known = car.rule.crossed_ms if car is not None else None
    least = known - _CROSSING_TOLERANCE_MS if known else before.race_ms - CLOCK_TOLERANCE_MS
    goes_on = total_ms >= least
    return (Verdict.SAME, "totals go on") if goes_on else (Verdict.NEW, "total times began anew")


def _laps_go_on(before: Run, told: Run) -> bool | None:
    """None when laps say nothing."""
    pairs = [(car, before.cars.get(car.id)) for car in told.cars.values() if car.rule.laps > 0]
    if not pairs:
        return None
    known = [(car.rule.laps, old.rule.laps) for car, old in pairs if old is not None]
    if not known:
        return not before.cars
    good = sum(laps >= old - 1 for laps, old in known)
    return 2 * good >= len(known)


def merge(run: Run, restated: Restatement) -> None:
    """Take what was told of the same session over."""
    told = restated.run
    for lines in run.shown_lines.values():
        lines.clear()
    run.track = told.track or run.track
    run.sort_mode = told.sort_mode or run.sort_mode
    if told.classes and restated.mark != "hole":
        run.classes = told.classes  # numbers may mean other classes now, to those who are entered anew
    else:
        for number, name in told.classes.items():
            run.named_class(number, name)
    for car in sorted(told.cars.values(), key=lambda car: max(car.race[1], car.fast[1])):
        mine = run.car(car.id)
        if mine is not None:
            _restate(run, mine, car)
    entered = sum(car.entered for car in told.cars.values())
    if restated.mark != "hole" and 2 * entered >= len(run.cars):
        run.remove([reg for reg in run.cars if reg not in told.cars])


def _restate(run: Run, mine: Car, told: Car) -> None:
    """What was told of one competitor."""
    if told.entered:
        run.entered(mine, told.number, told.class_no, told.name, told.more())
    if told.rule.count is not None and (told.rule.count or not mine.rule.laps):
        run.standing(mine, told.race[0], told.rule.count, told.rule.total_ms or 0, blank=told.laps_blank)
    if told.fast[0] and (told.best_ms is not None or mine.best_ms is None):
        run.best(mine, told.fast[0], told.best_no, told.best_ms or 0)
    if told.crossing is not None:
        run.crossed(mine, *told.crossing, live=False)


def started_again(run: Run, again: Run) -> None:
    """Prepare a run that is the same one again, from the beginning, with those who fell back to nothing."""
    again.number, again.title, again.track = run.number, run.title, run.track
    again.classes, again.sort_mode = dict(run.classes), run.sort_mode
    for reg, position in run.fallen.items():
        old, car = run.cars[reg], again.car(reg)
        if car is None:
            continue
        if old.entered:
            again.entered(car, old.number, old.class_no, old.name, old.more())
        again.standing(car, position, 0, 0, blank=True)
