"""Who is where: places, gaps and intervals.

The feed states each place on its own, and whoever was overtaken keeps the old one for a moment, so that two share it;
an entry that was edited in mid-run may keep one for ever. Places are therefore put in order: by the place stated, among
equals by laps and total time, and counted through, which is right at every moment. Where there are more competitors
than places, some are left over from an entry that was edited: those who share a place and were not told of for longest.
They keep the place that was stated, beside whoever has it now. Where only a part of the field is known, all places stay
as they are stated.

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
    """Give everybody a place, and list those who have one of their own, in order.

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
    counted = _without_left_over(placed, by_best, extra) if extra > 0 else placed
    position = 0
    for car in counted:
        stated = (car.fast if by_best else car.race)[0]
        position = position + 1 if extra >= 0 else max(position + 1, stated)
        car.position = position
    return counted


def _without_left_over(placed: Sequence[Car], by_best: bool, extra: int) -> list[Car]:
    """Those who have a place of their own; `extra` others keep the stated one.

    Who was left over before and was not told of since stays so: in the moment after an overtaking, his place may be
    without another holder.
    """
    latest: dict[int, int] = {}
    for car in placed:
        stated, stamp = car.fast if by_best else car.race
        latest[stated] = max(latest.get(stated, 0), stamp)
    candidates: list[tuple[bool, int, Car]] = []
    for car in placed:
        stated, stamp = car.fast if by_best else car.race
        known = car.left_over == stamp
        if known or stamp < latest[stated]:
            candidates.append((not known, stamp, car))
        car.left_over = -1
    candidates.sort(key=lambda one: one[:2])
    left_over: set[str] = set()
    for _, stamp, car in candidates[:extra]:
        car.left_over = stamp
        car.position = (car.fast if by_best else car.race)[0]
        left_over.add(car.id)
    return [car for car in placed if car.id not in left_over]


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
