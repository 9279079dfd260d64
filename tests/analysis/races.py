"""A simulated race as a timing system knows it, moment by moment: what made-up feeds tell in their own words."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from karttime.domain.updates import SessionKind
from karttime.simulator import events
from karttime.simulator.race import Race
from karttime.simulator.scenarios import Options, meeting
from karttime.simulator.session import Behind, SessionState, Standing

START = 1_790_000_000_000

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """What the board shows at a time.

    Attributes:
        at: ms since the race's clock began.
        rows: by position: whole numbers, times in ms, gaps as `Behind`, names.
        left_ms: until the end.
        flag: its name.
        crossed: number of who crossed the line now, with the lap in ms; None for other moments.
    """

    at: int
    rows: Sequence[Row]
    left_ms: int
    flag: str
    crossed: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Told:
    """A race: its moments, every lap by number, numbers in the order of the end."""

    moments: Sequence[Moment]
    laps: dict[str, list[int]]
    order: Sequence[str]


@cache
def race(seed: int = 1, karts: int = 9, minutes: int = 6, preset: str = "competition") -> Told:
    """The race of a seed."""
    planned = meeting(Options(preset=preset, karts=karts, duration_ms=minutes * 60_000, seed=seed))
    model = Race(planned, seed)
    moments: list[Moment] = []
    laps: dict[str, list[int]] = {}
    ids: dict[str, Row] = {}
    rng = random.Random(seed)
    while model.next_at is not None:
        for event in model.step():
            session = model.session
            if session.plan.kind is not SessionKind.RACE or session.green_at is None:
                continue
            if isinstance(event, events.SessionLoaded) and moments:
                return Told(moments, laps, [row["number"] for row in moments[-1].rows])
            crossed = None
            if isinstance(event, events.LineCrossed) and event.lap_ms is not None and not event.in_pit_lane:
                number = session.standings[event.competitor_id].entry.number
                laps.setdefault(number, []).append(event.lap_ms)
                crossed = (number, event.lap_ms)
            moments.append(_moment(event.at, session, laps, ids, rng, crossed))
    return Told(moments, laps, [row["number"] for row in moments[-1].rows])


def _moment(
    at: int,
    session: SessionState,
    laps: dict[str, list[int]],
    ids: dict[str, Row],
    rng: random.Random,
    crossed: tuple[str, int] | None,
) -> Moment:
    rows = [_row(standing, laps, ids, rng) for standing in session.order]
    left = max((session.ends_at() or at) - at, 0)
    return Moment(at, rows, left, session.flag.value, crossed)


def _row(standing: Standing, laps: dict[str, list[int]], ids: dict[str, Row], rng: random.Random) -> Row:
    number = standing.entry.number
    fixed = ids.get(number)
    if fixed is None:
        fixed = ids[number] = {
            "id": 40_000 + 173 * len(ids) + rng.randrange(100),
            "transponder": str(rng.randrange(1_000_000, 9_999_999)),
            "class": rng.choice(("Senior", "Masters")),
            "nationality": rng.choice(("FRA", "BEL", "GER", "ITA")),
        }
    driven = laps.get(number, [])
    splits = [None if split is None else split.ms for split in standing.splits]
    while len(splits) < 3:
        splits.append(None)
    whole = standing.splits and all(split is not None for split in standing.splits)
    return {
        **fixed,
        "number": number,
        "position": standing.position,
        "driver": standing.driver_name,
        "team": standing.entry.team or f"{standing.driver_name.split()[-1]} Racing",
        "laps": standing.laps,
        "last": standing.last_ms,
        "best": standing.best_ms,
        "average": round(sum(driven) / len(driven)) if driven else None,
        "total": sum(driven),
        "gap": standing.gap,
        "interval": standing.interval,
        "s1": splits[0],
        "s2": splits[1],
        "s3": splits[2] if whole else None,
        "in_pit": standing.in_pit,
        "stops": standing.stops,
        "grid": standing.grid,
    }


def clock(ms: int | None, empty: str = "") -> str:
    """A time as most boards show it: `1:02.345`, `42.300` below a minute."""
    if ms is None:
        return empty
    return f"{ms / 1000:.3f}" if ms < 60_000 else f"{ms // 60_000}:{ms % 60_000 / 1000:06.3f}"


def hours(ms: int) -> str:
    """A clock: `00:12:30`."""
    seconds = ms // 1000
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def behind(gap: Behind | None, laps: str = "{} L", plus: str = "+") -> str:
    """A gap as text: `+1.234`, `2 L`."""
    if gap is None:
        return ""
    return laps.format(gap.laps) if gap.laps is not None else f"{plus}{(gap.ms or 0) / 1000:.3f}"
