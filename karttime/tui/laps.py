"""What the Kart screen says of one competitor: its laps as rows, its figures as lines, its charts as points. Pure."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from karttime.domain.competitor import Lap
from karttime.domain.updates import LapFlag
from karttime.tui.facts import moment
from karttime.tui.model import Model
from karttime.tui.race import UNCLEAN, Runner
from karttime.tui.text import clock_of, difference, duration, lap_time, safe
from karttime.tui.widgets.columns import Cell, Column, Row

_FLAG_SIGNS: Final = {
    LapFlag.FIRST: "first",
    LapFlag.PIT: "▼pit",
    LapFlag.AFTER_FLAG: "⚑after flag",
    LapFlag.CORRECTED: "corrected",
    LapFlag.DOUBTFUL: "?doubtful",
}
_HEAD: Final = (
    Column("lap", "Lap", 4, 0, "right"),
    Column("time", "Time", 10, 0, "right"),
    Column("off", "To best", 9, 3, "right"),
)
_TAIL: Final = (
    Column("flags", "Flags", 10, 2, "left", 24),
    Column("at", "At (UTC)", 8, 4),
    Column("driver", "Driver", 8, 6, "left", 24),
    Column("rule", "Rule", 8, 7, "left", 14),
    Column("frames", "Frames", 7, 8, "left", 14),
    Column("why", "Excluded", 8, 5, "left", 40),
)


def columns(runner: Runner) -> list[Column]:
    """As many sectors as its laps have."""
    most = max((len(lap.sectors) for lap in runner.laps.values()), default=0)
    return [*_HEAD, *(Column(f"s{n}", f"S{n}", 8, 5, "right") for n in range(1, most + 1)), *_TAIL]


def rows(runner: Runner, best_ms: int | None) -> list[Row]:
    """Its laps, newest first; `best_ms` is the best of the session."""
    own = runner.figures().best_ms
    sectors: dict[int, int] = {}
    for lap in runner.counted():
        for place, ms in enumerate(lap.sectors):
            if ms is not None and ms < sectors.get(place, 1 << 60) and LapFlag.DOUBTFUL not in lap.flags:
                sectors[place] = ms
    return [_row(lap, runner, own, best_ms, sectors) for lap in reversed(runner.in_order())]


def _row(lap: Lap, runner: Runner, own: int | None, best: int | None, sectors: Mapping[int, int]) -> Row:
    excluded = runner.excluded.get(lap.number)
    style = ""
    sign = ""
    if excluded is not None:
        style, sign = "dim", "✗"
    elif LapFlag.DOUBTFUL in lap.flags:
        style, sign = "warn", "?"
    elif lap.time_ms == best:
        style, sign = "overall-best", "★"
    elif lap.time_ms == own:
        style, sign = "personal-best", "•"
    cells: dict[str, Cell] = {
        "lap": str(lap.number),
        "time": (sign + lap_time(lap.time_ms), style),
        "off": "" if own is None or excluded is not None else difference(lap.time_ms - own),
        "flags": (" ".join(_FLAG_SIGNS[flag] for flag in sorted(lap.flags)), "dim"),
        "at": clock_of(lap.at),
        "driver": safe(lap.driver),
        "rule": (safe(lap.provenance.rule), "dim"),
        "frames": (" ".join(map(str, lap.provenance.frames)), "dim"),
        "why": "" if excluded is None else (f"✗ {safe(excluded.reason)}", "bad"),
    }
    for place, ms in enumerate(lap.sectors):
        best_sector = ms is not None and ms == sectors.get(place)
        cells[f"s{place + 1}"] = (("•" if best_sector else "") + lap_time(ms), "personal-best" if best_sector else "")
    return Row(str(lap.number), cells, "dim" if excluded is not None else "")


def figures(view: Model, key: str) -> list[str]:
    """Best, mean, consistency, pace, stints and stops."""
    runner = view.race.runners.get(key) or Runner()
    fields = view.competitors.get(key, {})
    found = runner.figures()
    names = [safe(fields.get(name) or "", 40) for name in ("team", "driver")]
    lines = [" ".join(filter(None, (f"Kart {view.kart(key)}", *dict.fromkeys(names)))).strip()]
    lines.append(
        f"laps {found.count}  best {lap_time(found.best_ms) or '-'}  mean {lap_time(found.mean_ms) or '-'}  "
        f"consistency ±{lap_time(found.spread_ms) or '-'}  pace of 5 {lap_time(runner.pace_ms()) or '-'}"
    )
    if runner.excluded:
        lines.append(f"{len(runner.excluded)} excluded, which count for nothing here")
    theoretical = ideal(runner)
    if theoretical is not None:
        lines.append(f"best sectors together {lap_time(theoretical)}")
    lines += _stints(view, runner)
    return lines


def origin(lap: Lap | None) -> list[str]:
    """Where a lap comes from: rule, frames, note."""
    if lap is None:
        return []
    told = lap.provenance
    note = f": {safe(told.note, 200)}" if told.note else ""
    return [f"lap {lap.number} by {safe(told.rule)}, frames {' '.join(map(str, told.frames)) or '-'}{note}"]


def _stints(view: Model, runner: Runner) -> list[str]:
    started = moment(view.session.get("started_at"))
    now = view.now()
    lines = []
    stints = runner.stints(started)
    for stint, stop in zip(stints, [*runner.stops, None], strict=False):
        laps = [lap for lap in runner.counted() if stint.first_lap <= lap.number <= stint.last_lap]
        clean = [lap.time_ms for lap in laps if not lap.flags & UNCLEAN]
        mean = f"mean {lap_time(round(sum(clean) / len(clean)))}" if clean else ""
        until = stint.ended_at if stint.ended_at is not None else now
        drivers = ", ".join(dict.fromkeys(safe(lap.driver, 20) for lap in laps if lap.driver))
        many = max(0, stint.last_lap - stint.first_lap + 1)
        lines.append(
            f"stint {stint.number:<2} {duration(max(0, until - stint.started_at)):>8} {many:>4} laps {mean} {drivers}"
        )
        if stop is not None:
            length = (
                duration(stop.duration_ms) if stop.duration_ms is not None else "still there" if stop.in_at else "?"
            )
            lines.append(f"  ▼ stop {stop.number} after lap {stop.after_lap}, {clock_of(stop.in_at) or '?'}: {length}")
    return lines


def ideal(runner: Runner) -> int | None:
    """The best sectors of its laps together; None where a sector was never timed."""
    laps = [lap for lap in runner.counted() if lap.sectors and LapFlag.DOUBTFUL not in lap.flags]
    if not laps:
        return None
    best = [
        min((ms for ms in found if ms is not None), default=None)
        for found in zip(*(it.sectors for it in laps), strict=False)
    ]
    known = [ms for ms in best if ms is not None]
    return sum(known) if known and len(known) == len(best) else None


def lap_points(runner: Runner) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Number and time of clean laps, and of the others that count; far slower ones are left out of the picture."""
    clean = [(lap.number, lap.time_ms) for lap in runner.counted() if not lap.flags & UNCLEAN]
    limit = 2 * min((ms for _, ms in clean), default=1 << 60)
    other = [(lap.number, lap.time_ms) for lap in runner.counted() if lap.flags & UNCLEAN and lap.time_ms <= limit]
    return [point for point in clean if point[1] <= limit], other


def gap_points(view: Model, key: str, other: str) -> list[tuple[int, int]]:
    """By lap, how much later than another it crossed the line; only laps that both were seen to end."""
    mine, theirs = (view.race.runners.get(it) or Runner() for it in (key, other))
    crossed = {lap.number: lap.at for lap in theirs.in_order() if LapFlag.CORRECTED not in lap.flags}
    return [
        (lap.number, lap.at - crossed[lap.number])
        for lap in mine.in_order()
        if lap.number in crossed and LapFlag.CORRECTED not in lap.flags
    ]


def leader(view: Model, key: str) -> str:
    """Who the gap chart compares with: the leader, for himself the second."""
    ordered: Sequence[str] = [it for it, _ in view.state.standings()] if view.state is not None else []
    return next((it for it in ordered if it != key), "")


def neighbour(view: Model, key: str, step: int) -> str:
    """The competitor before or behind in the classification."""
    ordered = [it for it, _ in view.state.standings()] if view.state is not None else []
    for before, after in pairwise(ordered):
        if step > 0 and before == key:
            return after
        if step < 0 and after == key:
            return before
    return key if key in ordered else (ordered[0] if ordered else "")
