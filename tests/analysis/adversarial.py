"""A small race with everything that a board may show beside what matters, rendered under any names and in any units.

Built for boards that mislead: names that lie, counters that are no laps, speeds and ages that look like times.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from karttime.analysis.inference.findings import FieldFound, Findings
from karttime.feeds.frame import Frame

START = 1_790_000_000_000
SURE = 0.8

Show = Callable[[Any], Any]
FIRST = ("Ada", "Bo", "Cleo", "Dag", "Eva", "Finn", "Gro", "Hal", "Ida", "Jon", "Kai", "Liv")
LAST = ("Amsel", "Birke", "Cetus", "Dohle", "Eibe", "Fuchs", "Ginko", "Hagel", "Ilex", "Juni", "Kiesel", "Linde")


@dataclass
class Kart:
    """One competitor with all that was driven."""

    number: int
    pace: int
    laps: list[tuple[int, int, tuple[int, int, int]]] = field(default_factory=list)  # at, ms, sectors
    stops: list[tuple[int, int]] = field(default_factory=list)  # in, out


@dataclass(frozen=True)
class Race:
    """What happened: crossings by kart. `by_best`: practice, ranked by best laps."""

    karts: Sequence[Kart]
    duration_ms: int
    by_best: bool


def drive(seed: int, *, karts: int = 9, minutes: int = 7, by_best: bool = False, lap_ms: int = 38_000) -> Race:
    """Laps that vary, and stops of half a minute."""
    rng = random.Random(seed)
    numbers = rng.sample(range(2, 99), karts)
    field_ = [Kart(number, lap_ms + rng.randint(0, 2500)) for number in numbers]
    for place, kart in enumerate(field_):
        at, stop = START + 700 * place, rng.randint(3, 8)
        while at < START + minutes * 60_000:
            ms = kart.pace + rng.randint(-600, 900) + (4000 if not kart.laps else 0)
            if len(kart.laps) == stop:
                kart.stops.append((at + ms - 3000, at + ms + 24_000))
                ms += 25_000
                stop += rng.randint(5, 8)
            first = ms * 29 // 100 + rng.randint(-200, 200)
            second = ms * 38 // 100 + rng.randint(-200, 200)
            at += ms
            kart.laps.append((at, ms, (first, second, ms - first - second)))
    return Race(field_, minutes * 60_000, by_best)


def standing(race: Race, now: int) -> list[dict[str, Any]]:
    """The board at a moment: one row per kart in order, all that is known of it; times in ms, gaps also as laps."""
    rows: list[dict[str, Any]] = []
    for place, kart in enumerate(race.karts):
        done = [lap for lap in kart.laps if lap[0] <= now]
        times = [ms for _, ms, _ in done]
        stops = [stop for stop in kart.stops if stop[0] <= now]
        rows.append(
            {
                "number": kart.number, "id": 4410 + 7 * place, "transponder": 5_100_000 + kart.pace * 3,
                "driver": f"{FIRST[place]} {LAST[place]}", "team": f"{LAST[-place]} Racing",
                "class": ("Senior", "Junior")[place % 2], "grid": place + 1, "laps": len(done),
                "last_lap": times[-1] if times else None, "best_lap": min(times, default=None),
                "average_lap": round(sum(times) / len(times)) if times else None,
                "total_time": done[-1][0] - START if done else None,
                **{f"sector_{n + 1}": done[-1][2][n] if done else None for n in range(3)},
                "pit_stops": len(stops), "in_pit": bool(stops) and stops[-1][1] > now,
                "pit_time": stops[-1][1] - stops[-1][0] if stops else None,
                "penalty": "+5 s" if place == 3 and len(done) > 4 else "",
                "speed": round(60 - times[-1] / 2500 + place / 10, 1) if times else None,
                "age": 15 + place * 3, "weight": 58.5 + place * 2.5, "nationality": ("GER", "FRA", "ITA")[place % 3],
                "colour": f"{(place * 1_234_577) % 0xFFFFFF:06x}", "heartbeat": (now - START) // 1000 + place,
                "battery": 100 - len(done), "best_lap_number": times.index(min(times)) + 1 if times else None,
                "since": now - (done[-1][0] if done else START),
            }
        )  # fmt: skip
    far = 10**12
    if race.by_best:
        rows.sort(key=lambda row: row["best_lap"] or far)
    else:
        rows.sort(key=lambda row: (-row["laps"], row["total_time"] or 0))
    lead, before, seen = rows[0], rows[0], Counter[str]()
    for number, row in enumerate(rows, 1):
        seen[row["class"]] += 1
        row |= {"position": number, "class_position": seen[row["class"]]}
        row["gap"], row["interval"] = _behind(race, lead, row), _behind(race, before, row)
        before = row
    return rows


def _behind(race: Race, ahead: Mapping[str, Any], row: Mapping[str, Any]) -> int | str | None:
    """ms, or laps as a text of digits; None for the leader and for who has no time."""
    key = "best_lap" if race.by_best else "total_time"
    if ahead is row or not row[key] or not ahead[key]:
        return None
    laps = ahead["laps"] - row["laps"]
    return str(laps) if laps > 0 and not race.by_best else row[key] - ahead[key]


# --- how values are written -----------------------------------------------------------------------------------------


def text(ms: int | None, mark: str = ".") -> str:
    """`1:02.345`, `38.120`; nothing as an empty text."""
    if ms is None:
        return ""
    minutes, rest = divmod(ms, 60_000)
    return (f"{minutes}:{rest // 1000:02}" if minutes else f"{rest // 1000}") + f"{mark}{rest % 1000:03}"


UNITS: Mapping[str, Show] = {
    "ms": lambda ms: ms or 0,
    "s": lambda ms: None if ms is None else ms / 1000,
    "us": lambda ms: (ms or 0) * 1000,
    "text": text,
    "comma": lambda ms: text(ms, ","),
    "iso": lambda ms: "" if ms is None else f"PT{ms // 60_000}M{ms % 60_000 / 1000:.3f}S",
    "digits": lambda ms: str(ms or ""),
}


def gap(laps_word: str = "L", plus: str = "+", leader: str = "") -> Show:
    """Gaps as texts: `+1.234`, `1 L`."""

    def show(value: int | str | None) -> str:
        if value is None:
            return leader
        return f"{plus}{text(value)}" if isinstance(value, int) else f"{plus}{value} {laps_word}"

    return show


def plain(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Shown:
    """One field of a board.

    Attributes:
        role: what it is, a key of `standing`.
        show: how its values are written.
        right: roles that are right for it; the role itself when empty, and `undecided` always is not wrong.
        decidable: the sample says what it is.
    """

    role: str
    show: Show = plain
    right: tuple[str, ...] = ()
    decidable: bool = False


Board = Mapping[str, Shown]


def frames(
    race: Race, board: Board, *, every_ms: int = 5000, last_ms: int | None = None, extra: Show = plain
) -> list[Frame]:
    """The board as snapshots; `extra` may change each message before it is written."""
    made = []
    stop = min(race.duration_ms, last_ms or race.duration_ms)
    for now in range(START + 1000, START + stop, every_ms):
        rows = [{name: shown.show(row[shown.role]) for name, shown in board.items()} for row in standing(race, now)]
        made.append(Frame(now, json.dumps(extra({"rows": rows, "t": (now - START) // 1000}))))
    return made


def judge(board: Board, found: Findings) -> tuple[Counter[str], list[str]]:
    """How many decidable fields are right, and sentences of what is wrong; who is wrong and sure begins with `SURE`."""
    told: dict[str, FieldFound] = {
        one.path.partition("[].")[2]: one for one in found.fields if one.path.startswith("rows[].")
    }
    counts: Counter[str] = Counter()
    said: list[str] = []
    for name, shown in board.items():
        right = (shown.role, *shown.right)
        field_ = told.get(name)
        role = "undecided" if field_ is None else field_.role.value
        counts["decidable"] += shown.decidable
        counts["right"] += shown.decidable and role in right
        if role not in right and (shown.decidable or role != "undecided"):
            sure = field_ is not None and role != "undecided" and field_.confidence >= SURE
            counts["sure"] += sure
            why = "" if field_ is None else f" ({field_.confidence}, {field_.why})"
            said.append(f"{'SURE: ' if sure else ''}{name}, which is {shown.role}, as {role}{why}")
    return counts, said


NAMES: Mapping[str, str] = {
    "position": "pos", "laps": "laps", "last_lap": "last", "best_lap": "best", "number": "no", "gap": "gap",
    "interval": "int", "sector_1": "s1", "sector_2": "s2", "sector_3": "s3", "average_lap": "avg",
    "total_time": "total", "pit_stops": "stops", "in_pit": "inPit", "pit_time": "pitTime", "speed": "speed",
    "age": "age", "weight": "weight", "heartbeat": "beat", "battery": "battery",
    "best_lap_number": "bestIn", "since": "since",
    "grid": "grid", "class_position": "classPos", "id": "id", "transponder": "tx", "driver": "name", "team": "team",
    "class": "class", "nationality": "nat",
}  # fmt: skip
_TIMES = frozenset(
    {"last_lap", "best_lap", "sector_1", "sector_2", "sector_3", "average_lap", "total_time", "pit_time", "since"}
)
_CORE = ("position", "laps", "last_lap", "best_lap")
_ALSO = {
    "age": ("number",), "weight": ("number",), "since": ("passing",), "id": ("transponder", "number"),
    "transponder": ("id",), "grid": ("number",), "number": ("id",),
}  # fmt: skip


def random_board(seed: int, *, named: bool) -> tuple[Race, Board]:
    """Any race and any choice of fields, under plain names or none that say anything."""
    rng = random.Random(seed)
    minutes, lap_ms = rng.choice((2, 4, 6, 8)), rng.choice((25_000, 38_000, 62_000, 95_000))
    race = drive(seed, karts=rng.randint(3, 12), minutes=minutes, by_best=rng.random() < 0.4, lap_ms=lap_ms)
    roles = [role for role in NAMES if role in _CORE or rng.random() < 0.45]
    rng.shuffle(roles)
    unit = UNITS[rng.choice([*UNITS])]
    behind = rng.choice((gap(), gap("tours", "", ""), gap("Rd.", "", "0.000")))
    board: dict[str, Shown] = {}
    for number, role in enumerate(roles):
        name = (
            NAMES[role] if named else f"{rng.choice('bcdfgkmqvxz')}{rng.choice('bcdfgkmqvxz')}{'uvwxyz'[number % 6]}q"
        )
        show = unit if role in _TIMES else behind if role in ("gap", "interval") else plain
        board[name] = Shown(role, show, _ALSO.get(role, ()), decidable=role in (*_CORE, "gap", "interval"))
    return race, board
