"""The classification as the Tower shows it: figures per competitor, order, differences. Pure.

Gaps of a race are the board's own. In timed sessions a board may show none: there a gap is the difference of best laps,
which is what it means. Nothing is guessed for a race.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from karttime.client.fold import Fields
from karttime.domain.updates import LapFlag
from karttime.tui.facts import moment, whole
from karttime.tui.model import Model
from karttime.tui.race import Runner

_LAST: Final = 1 << 40
_TIMED: Final = frozenset({"practice", "qualifying"})


class Order(StrEnum):
    """By what the Tower is ordered."""

    POSITION = "position"
    BEST = "best"
    PACE = "pace"


@dataclass(frozen=True, slots=True)
class Standing:
    """One competitor; times in ms, None where nothing is known.

    Attributes:
        gained: places won since it was first seen; negative: lost.
        gap: of `karttime.v1`: ms, or laps.
        pace_ms: mean of the last clean laps.
        stint_ms: time since the last stop, or in the pits while it is there.
        stint_laps: laps since the last stop.
        excluded: laps that were excluded.
        lapped: rows of one number have gaps that can be compared; behind a row of whole laps, or a smaller gap than the
            one ahead, times are within another lap.
    """

    id: str
    fields: Fields
    place: int | None
    gained: int | None
    laps: int | None
    last_ms: int | None
    best_ms: int | None
    gap: Any
    interval: Any
    pace_ms: int | None
    stint_ms: int | None
    stint_laps: int | None
    stops: int | None
    in_pit: bool
    excluded: int
    lapped: int = 0


def standings(model: Model, order: Order = Order.POSITION) -> list[Standing]:
    """Everybody on the board, in this order; who has no figure to be ordered by comes last."""
    now = model.now()
    fields = model.shown_fields()
    rows = [_standing(model, key, row, fields, now) for key, row in model.competitors.items()]
    timed = model.session.get("kind") in _TIMED
    rows.sort(key=lambda row: _by_position(model, row, timed=timed))
    rows = _with_gaps(rows) if timed else _by_laps(rows)
    if order is Order.BEST:
        rows.sort(key=lambda row: row.best_ms or _LAST)
    elif order is Order.PACE:
        rows.sort(key=lambda row: row.pace_ms or _LAST)
    return rows


def _by_position(model: Model, row: Standing, *, timed: bool) -> tuple[int, int, int, int, str]:
    """The order of `karttime.domain.classification`: without positions by laps, and who completed them first."""
    runner = model.race.runners.get(row.id)
    last = runner.in_order()[-1:] if runner is not None and not timed else []
    laps = 0 if timed else -(row.laps or 0)
    return row.place or _LAST, laps, last[0].at if last else 1 << 50, row.best_ms or _LAST, row.id


def _standing(model: Model, key: str, row: Fields, shown: frozenset[str], now: int) -> Standing:
    runner = model.race.runners.get(key) or Runner()
    place = whole(row.get("position"))
    timed = whole(row.get("laps_timed"))
    in_pit = row.get("in_pit") is True
    stint_ms, stint_laps = _stint(model, runner, row, timed, now)
    seen = whole(row.get("stops_seen"))
    return Standing(
        id=key,
        fields=row,
        place=place,
        gained=None if place is None or runner.first_place is None else runner.first_place - place,
        laps=_laps(runner, row, timed),
        last_ms=whole(row.get("last_lap_ms" if "last_lap_ms" in shown else "last_timed_ms")),
        best_ms=model.best_of(key),
        gap=row.get("gap"),
        interval=row.get("interval"),
        pace_ms=runner.pace_ms(),
        stint_ms=stint_ms,
        stint_laps=stint_laps,
        stops=whole(row.get("pit_stops")) if "pit_stops" in shown else seen,
        in_pit=in_pit,
        excluded=len(runner.excluded),
    )


def _laps(runner: Runner, row: Fields, timed: int | None) -> int | None:
    """The board's count, else the leader cell's, else the laps that were timed if none can have been missed."""
    laps, gap = whole(row.get("laps")), row.get("gap")
    if laps is None and isinstance(gap, dict):
        laps = whole(gap.get("lap"))
    if laps is not None:
        return laps
    first = runner.laps.get(1)
    seen_all = LapFlag.FIRST in first.flags if first is not None else not timed and row.get("last_lap_ms") is None
    return timed if seen_all else None


def _stint(model: Model, runner: Runner, row: Fields, timed: int | None, now: int) -> tuple[int | None, int | None]:
    """Time and laps since the last stop; in the pits the time there."""
    ended = moment(model.session.get("ended_at"))
    until = min(now, ended) if ended else now
    if runner.stops:
        last = runner.stops[-1]
        since = last.out_at if last.out_at is not None else last.in_at
        laps = None if timed is None else max(0, timed - last.after_lap)
        return (max(0, until - since) if since and until else None), laps
    on_track = whole(row.get("on_track_ms"))
    if on_track is not None:
        return on_track, None
    if whole(row.get("pit_stops")) or whole(row.get("stops_seen")):
        return None, None  # it has stopped, and we do not know when
    started = moment(model.session.get("started_at"))
    return (max(0, until - started) if started and until and timed else None), timed


def _with_gaps(rows: Sequence[Standing]) -> list[Standing]:
    found: list[Standing] = []
    leader = next((row.best_ms for row in rows if row.best_ms is not None), None)
    ahead: int | None = None
    for row in rows:
        gap, interval = row.gap, row.interval
        if row.best_ms is not None and leader is not None:
            gap = gap if gap is not None else row.best_ms - leader
            interval = interval if interval is not None else row.best_ms - (ahead if ahead is not None else leader)
            ahead = row.best_ms
        found.append(replace(row, gap=gap, interval=interval))
    return found


def _by_laps(rows: Sequence[Standing]) -> list[Standing]:
    found: list[Standing] = []
    lapped, ahead = 0, 0
    for row in rows:
        if isinstance(row.gap, dict) and "laps" in row.gap:
            lapped, ahead = lapped + 1, 0
        elif isinstance(row.gap, int):
            lapped += row.gap < ahead
            ahead = row.gap
        found.append(replace(row, lapped=lapped))
    return found
