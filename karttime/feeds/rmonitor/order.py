"""Who is where: places, gaps and intervals.

The feed states each place on its own, and whoever was overtaken keeps the old one for a moment, so that two share it;
an entry that was edited in mid-run may keep one for ever. Places are therefore put in order: by the place stated, among
equals by laps and total time. While nobody is left over they are counted through, which is right at every moment; who
is left over was not told of for longest, and has no place. Where only a part of the field is known, places stay as
they are stated.

Gaps are not in the feed. Somebody is lapped by a whole lap when the leader had done one lap more by the time at which
he crossed the line; a leader who has just crossed has lapped nobody by that. Who did not come round since then, and
lost another lap, has all the laps that he is behind. Where the leader's times by lap are not known, since they were
driven before we listened, laps are compared.
"""

from collections.abc import Iterable, Sequence

from karttime.domain.times import format_time
from karttime.feeds.rmonitor.car import Car
from karttime.feeds.rmonitor.laps import LapRule

_NEVER = 1 << 40


def arrange(cars: Iterable[Car], *, by_best: bool, field: int) -> list[Car]:
    """Give everybody a place, and list who has one in order.

    Args:
        cars: the whole field.
        by_best: best laps rank, not laps and time.
        field: the highest place that was stated in this run.
    """
    placed: list[Car] = []
    for car in cars:
        if (car.fast if by_best else car.race)[0]:
            placed.append(car)
        else:
            car.position = 0
    if by_best:
        placed.sort(key=lambda car: (car.fast[0], car.best or _NEVER, -car.fast[1], car.id))
    else:
        placed.sort(key=lambda car: (car.race[0], -car.rule.laps, car.rule.total_ms or 0, -car.race[1], car.id))
    extra = len(placed) - field
    if extra > 0:
        for ghost in _left_over(placed, by_best, extra):
            ghost.position = 0
            placed.remove(ghost)
    position = 0
    for car in placed:
        stated = (car.fast if by_best else car.race)[0]
        position = position + 1 if extra >= 0 else max(position + 1, stated)
        car.position = position
    return placed


def _left_over(placed: Sequence[Car], by_best: bool, extra: int) -> list[Car]:
    """Who shares a place with somebody that was told of later; at most `extra`, the oldest first."""
    latest: dict[int, int] = {}
    for car in placed:
        stated, stamp = car.fast if by_best else car.race
        latest[stated] = max(latest.get(stated, 0), stamp)
    contested = [
        (stamp, car)
        for car in placed
        for stated, stamp in (car.fast if by_best else car.race,)
        if stamp < latest[stated]
    ]
    contested.sort(key=lambda pair: pair[0])
    return [car for _, car in contested[:extra]]


def race_gap(ahead: LapRule, behind: LapRule) -> str:
    """How far one is behind another in a race; empty where it cannot be said."""
    total, laps = behind.total_ms, behind.laps
    if total is None or ahead.total_ms is None or (not laps and not ahead.laps):
        return ""
    more = ahead.laps - laps
    if more <= 0:
        return time_gap(total - ahead.total_ms) if more == 0 and total >= ahead.total_ms else ""
    then = ahead.totals.get(laps)
    lapped = 0
    while lapped < more and (passed := ahead.totals.get(laps + lapped + 1)) is not None and passed <= total:
        lapped += 1
    if lapped == 0 and more == 1 and then is not None and total >= then > 0:
        return time_gap(total - then)
    if lapped == 0 and more == 1 and not laps:
        return ""  # the first ones have just completed the first lap
    if more == lapped + 1 and lapped:
        more = lapped
    return "1 Lap" if more == 1 else f"{more} Laps"


def best_gap(ahead: int | None, behind: int | None) -> str:
    """How far one is behind another by best laps."""
    return "" if ahead is None or behind is None or behind < ahead else time_gap(behind - ahead)


def time_gap(ms: int) -> str:
    """A gap as boards show it: seconds, minutes where there are any."""
    return f"{ms // 1000}.{ms % 1000:03d}" if ms < 60_000 else format_time(ms)
