"""Feeds that nobody has seen, with known truth: the race model told in random languages.

A seed decides everything: names of fields (opaque, short, plain, misleading), units, structure (lists, objects by key,
lists of lists, separated fields, XML, HTML), envelope, and how changes are told (snapshots, partial rows, deltas by
index or path). Names of people are invented.
"""

import base64
import json
import random
import string
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from karttime.analysis.inference.findings import FieldFound, Findings
from karttime.domain.updates import SessionKind
from karttime.feeds.frame import Frame
from karttime.simulator import events
from karttime.simulator.race import Race
from karttime.simulator.scenarios import Options, meeting
from karttime.simulator.session import Behind, SessionState, Standing

START = 1_790_000_000_000

Row = dict[str, Any]
Writer = Callable[[int | None], Any]

PLAIN = {
    "position": ("pos", "rank", "place", "Position"), "number": ("nr", "carNumber", "kart", "StartNo"),
    "driver": ("name", "driverName", "pilot", "Fahrer"), "team": ("team", "teamName", "equipe"),
    "laps": ("laps", "lapCount", "numLaps", "tours"), "last_lap": ("lastLap", "last_time", "LastLapTime", "ll"),
    "best_lap": ("bestLap", "best_time", "FastestLap", "bl"), "gap": ("gap", "diff", "behindLeader"),
    "interval": ("interval", "int", "diffAhead"), "sector_1": ("s1", "sector1", "split_1"),
    "sector_2": ("s2", "sector2", "split_2"), "sector_3": ("s3", "sector3", "split_3"),
    "in_pit": ("inPit", "pit", "isInPit"), "pit_stops": ("pitStops", "stops", "pits"),
    "id": ("id", "uid", "participantId"), "total_time": ("totalTime", "total", "raceTime"),
    "speed": ("speed", "kmh"), "grid": ("grid", "startPos"), "colour": ("color", "farbe"),
    "clock_remaining": ("timeLeft", "remaining"), "flag": ("flag", "trackStatus"), "session": ("session", "heatName"),
}  # fmt: skip
DECIDABLE = frozenset(
    (
        "position",
        "number",
        "driver",
        "laps",
        "last_lap",
        "best_lap",
        "gap",
        "interval",
        "sector_1",
        "sector_2",
        "sector_3",
    )
)
"""Roles that behaviour decides whatever a field is called; the others need a name or a longer recording."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed and what it means.

    Attributes:
        style: how it is told, for messages.
        frames: what is received.
        truth: role by name of the field in its row; `undecidable` names may stay undecided.
        undecidable: names whose role the data alone cannot tell.
        laps: lap times in ms by start number, in order.
        order: start numbers by position at the end.
        in_messages: each message is a row.
    """

    style: str
    frames: Sequence[Frame]
    truth: Mapping[str, str]
    undecidable: frozenset[str]
    laps: Mapping[str, Sequence[int]]
    order: Sequence[str]
    in_messages: bool


@dataclass(slots=True)
class _Style:
    rng: random.Random
    names: dict[str, str] = field(default_factory=dict)
    naming: str = ""
    unit: str = ""
    structure: str = ""
    update: str = ""
    envelope: str = ""
    roles: list[str] = field(default_factory=list)


def make(seed: int) -> Feed:
    """The feed of a seed."""
    rng = random.Random(seed)
    race = rng.choice(("sprint", "endurance", "competition"))
    planned = meeting(Options(preset=race, karts=rng.randint(7, 20), duration_ms=9 * 60_000, seed=seed))
    style = _choose(rng, sectors=len(planned.sessions[0].track.sectors) >= 3)
    kind = (
        {SessionKind.RACE} if rng.random() < 0.75 else {SessionKind.RACE, SessionKind.PRACTICE, SessionKind.QUALIFYING}
    )
    teller = _Teller(style)
    model = Race(planned, seed)
    last = 0
    started = False
    while model.next_at is not None:
        state_before = model.session
        for event in model.step():
            session = model.session
            if isinstance(event, events.SessionLoaded):
                if started:
                    return teller.feed()
                continue
            if session.plan.kind not in kind or session.green_at is None:
                continue
            started = True
            at = event.at
            if style.update == "poll":
                while last and last + 3000 < at:
                    last += 3000
                    teller.tell(last, state_before)
            teller.heard(event, session)
            if style.update != "poll":
                teller.tell(at + rng.randint(10, 200), session)
            last = last or at
    return teller.feed()


def _choose(rng: random.Random, *, sectors: bool) -> _Style:
    style = _Style(rng)
    style.naming = rng.choice(("opaque", "letters", "plain", "plain", "misleading"))
    style.unit = rng.choice(("ms", "s", "text", "text", "short", "us"))
    style.structure = rng.choice(("list", "list", "deep", "map", "lists", "rows", "fields", "xml", "pairs"))
    style.update = {"rows": "merge", "fields": "merge", "pairs": "merge"}.get(
        style.structure,
        rng.choice(("poll", "event", "merge", "merge") if style.structure != "xml" else ("poll", "event")),
    )
    if style.structure == "lists":
        style.update = rng.choice(("poll", "event"))
    if style.structure == "map" and style.update == "merge":
        style.update = rng.choice(("merge", "patch", "keys"))
    if style.structure == "list" and style.update == "merge":
        style.update = rng.choice(("merge", "index"))
    plain_text = style.structure in ("fields", "xml", "pairs")
    style.envelope = (
        rng.choice(("none", "typed", "socket.io", "signalr", "core", "string", "deflate")) if not plain_text else "none"
    )
    roles = ["position", "number", "driver", "laps", "last_lap", "best_lap", "id"]
    roles += [role for role in ("gap", "interval", "in_pit", "pit_stops", "grid", "colour") if rng.random() < 0.7]
    if sectors and rng.random() < 0.8:
        roles += ["sector_1", "sector_2", "sector_3"]
    rng.shuffle(roles)
    style.roles = roles
    letters = list(string.ascii_uppercase if rng.random() < 0.5 else string.ascii_lowercase)
    rng.shuffle(letters)
    for role in [*roles, "clock_remaining", "flag", "session"]:
        if style.naming == "opaque":
            name = "".join(rng.choice("bcdfgkmqvxz") for _ in range(rng.randint(2, 5)))
            while name in style.names.values():
                name += "q"
        elif style.naming == "letters":
            name = letters.pop()
        else:
            name = rng.choice(PLAIN[role])
        style.names[role] = name
    if style.naming == "misleading" and {"gap", "interval"} <= set(roles):
        style.names["gap"], style.names["interval"] = style.names["interval"], style.names["gap"]
    return style


class _Teller:
    def __init__(self, style: _Style) -> None:
        self.style = style
        self.frames: list[Frame] = []
        self.laps: dict[str, list[int]] = {}
        self._shown: dict[str, Row] = {}
        self._state: SessionState | None = None
        self._sent_full = False
        self._uids: dict[str, str] = {}
        self._slots: dict[str, int] = {}

    def heard(self, event: events.Event, session: SessionState) -> None:
        if isinstance(event, events.LineCrossed) and event.lap_ms is not None and not event.in_pit_lane:
            number = session.standings[event.competitor_id].entry.number
            self.laps.setdefault(number, []).append(event.lap_ms)

    def tell(self, at: int, session: SessionState) -> None:
        self._state = session
        rows = {standing.entry.number: self._row(standing) for standing in session.order}
        if self.style.update in ("poll", "event") or not self._sent_full:
            if rows != self._shown or self.style.update == "poll":
                self._send(at, list(self._full(rows, at)))
        else:
            self._send(at, list(self._delta(rows)))
        self._shown, self._sent_full = rows, True

    def _row(self, standing: Standing) -> Row:
        style = self.style
        values: dict[str, Any] = {
            "position": standing.position,
            "number": standing.entry.number,
            "driver": standing.driver_name,
            "laps": standing.laps,
            "last_lap": self._time(standing.last_ms),
            "best_lap": self._time(standing.best_ms),
            "gap": self._gap(standing.gap),
            "interval": self._gap(standing.interval),
            "in_pit": standing.in_pit,
            "pit_stops": standing.stops,
            "grid": standing.grid,
            "colour": f"{standing.colour * 1234567 % 0xFFFFFF:06x}",
            "id": self._uids.setdefault(standing.entry.number, str(1_000_000 + 7919 * (len(self._uids) + 3))),
        }
        for number, split in enumerate(standing.splits[:2], 1):
            values[f"sector_{number}"] = self._time(None if split is None else split.ms)
        last = [split.ms for split in standing.splits if split is not None]
        values.setdefault("sector_1", self._time(None))
        values.setdefault("sector_2", self._time(None))
        complete = len(last) == len(standing.splits) and len(last) >= 3
        values["sector_3"] = self._time(last[2] if complete else None)
        return {style.names[role]: values.get(role) for role in style.roles}

    def _time(self, ms: int | None) -> Any:
        match self.style.unit:
            case "ms":
                return ms or 0
            case "us":
                return (ms or 0) * 1000
            case "s":
                return None if ms is None else ms / 1000
            case "short":
                return (
                    ""
                    if ms is None
                    else f"{ms / 1000:.2f}"
                    if ms < 60_000
                    else f"{ms // 60_000}:{ms % 60_000 / 1000:05.2f}"
                )
            case _:
                return "" if ms is None else f"{ms // 60_000}:{ms % 60_000 / 1000:06.3f}"

    def _gap(self, behind: Behind | None) -> Any:
        texts = self.style.unit in ("text", "short")
        if behind is None:
            return "" if texts else 0
        if behind.laps is not None:
            return f"{behind.laps} L" if texts else -behind.laps if self.style.unit == "s" else 0
        ms = behind.ms or 0
        return f"+{ms / 1000:.3f}" if texts else ms / 1000 if self.style.unit == "s" else self._time(ms)

    # --- structures ---

    def _full(self, rows: Mapping[str, Row], at: int) -> Iterator[Any]:
        style = self.style
        values = list(rows.values())
        facts = self._facts(at)
        self._slots = {number: place for place, number in enumerate(rows)}
        match style.structure:
            case "list":
                yield facts | {"d": values}
            case "deep":
                yield {"head": facts, "body": {"table": {"entries": [{"x": row} for row in values]}}}
            case "map":
                yield {"info": facts, "cars": dict(rows)}
            case "lists":
                yield {"f": facts, "rows": [list(row.values()) for row in values]}
            case "rows":
                yield from ({"k": "row", **row} for row in values)
            case "fields":
                yield from ("$R;" + ";".join(_plain(value) for value in row.values()) for row in values)
            case "pairs":
                yield from ("|".join(f"{key}={_plain(value)}" for key, value in row.items()) for row in values)
            case "xml":
                inner = "".join("<e " + " ".join(f'{k}="{_plain(v)}"' for k, v in row.items()) + "/>" for row in values)
                yield f"<doc><list>{inner}</list></doc>"
            case _:
                raise AssertionError(style.structure)

    def _delta(self, rows: Mapping[str, Row]) -> Iterator[Any]:
        style = self.style
        key = style.names["number"]
        for number, row in rows.items():
            before = self._shown.get(number, {})
            changed = {name: value for name, value in row.items() if before.get(name) != value}
            if not changed:
                continue
            if style.structure in ("fields", "pairs", "xml"):
                yield from self._full({number: row}, 0)
            elif style.update == "patch":
                yield [
                    {"op": "replace", "path": f"/cars/{number}/{name}", "value": value}
                    for name, value in changed.items()
                ]
            elif style.update == "keys":
                yield {f"cars.{number}.{name}": value for name, value in changed.items()}
            elif style.update == "index":
                yield {"d": {str(self._slots.get(number, 99)): changed}}
            elif style.structure == "map":
                yield {"cars": {number: changed}}
            elif style.structure == "rows":
                yield {"k": "row", key: number, **changed}
            elif style.structure == "deep":
                yield {"body": {"table": {"entries": [{"x": {key: number, **changed}}]}}}
            else:
                yield {"d": [{key: number, **changed}]}

    def _facts(self, at: int) -> Row:
        state = self._state
        assert state is not None
        ends = state.ends_at()
        left = max((ends or at) - at, 0) // 1000
        names = self.style.names
        return {
            names["clock_remaining"]: f"{left // 3600:02d}:{left % 3600 // 60:02d}:{left % 60:02d}",
            names["flag"]: state.flag.value,
            names["session"]: "Grand Final Race",
        }

    # --- envelopes ---

    def _send(self, at: int, messages: list[Any]) -> None:
        if not messages:
            return
        if self.style.structure in ("fields", "pairs"):
            self.frames.append(Frame(START + at, "\r\n".join(messages)))
            return
        for message in messages:
            self.frames.append(Frame(START + at, self._wrap(message)))

    def _wrap(self, message: Any) -> str:
        if isinstance(message, str):
            return message
        match self.style.envelope:
            case "typed":
                return json.dumps({"type": "board", "data": message})
            case "socket.io":
                return "42" + json.dumps(["board", message])
            case "signalr":
                return json.dumps({"C": "d-1,2", "M": [{"H": "Live", "M": "push", "A": [message]}]})
            case "core":
                return json.dumps({"type": 1, "target": "Push", "arguments": [message]}) + "\x1e"
            case "string":
                return json.dumps({"event": "update", "channel": "track-7", "data": json.dumps(message)})
            case "deflate":
                packed = zlib.compressobj(wbits=-15)
                data = packed.compress(json.dumps(message).encode()) + packed.flush()
                return json.dumps({"z": base64.b64encode(data).decode()})
            case _:
                return json.dumps(message)

    def feed(self) -> Feed:
        style, state = self.style, self._state
        truth = {style.names[role]: role for role in style.roles}
        named = style.naming in ("plain", "misleading")
        undecidable = {
            style.names[role]
            for role in style.roles
            if role not in DECIDABLE and not (named and role in ("in_pit", "pit_stops"))
        }
        order = [standing.entry.number for standing in state.order] if state is not None else []
        if style.structure in ("lists", "fields"):
            shift = 1 if style.structure == "fields" else 0
            places = {
                name: str(number + shift) for number, name in enumerate(style.names[role] for role in style.roles)
            }
            truth = {places[name]: role for name, role in truth.items()}
            undecidable = {places[name] for name in undecidable}
            undecidable |= {name for name, role in truth.items() if role in ("in_pit", "pit_stops")}
        rows = style.structure in ("rows", "fields", "pairs")
        text = f"{style.naming} {style.unit} {style.structure} {style.update} {style.envelope}"
        return Feed(text, self.frames, truth, frozenset(undecidable), self.laps, order, rows)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    text = str(int(value)) if isinstance(value, bool) else str(value)
    return text.translate({ord(c): "." for c in ';|=<>&"'})


def judge(feed: Feed, found: Findings) -> Counter[str]:
    """How many roles are right of those that can be decided, and how many are claimed wrongly, and surely so (0.8)."""
    told: dict[str, FieldFound] = {}
    for one in found.fields:
        path = one.path.partition(": ")[2] or one.path
        name = path.split(".")[-1].replace("[]", "")
        if name in feed.truth and ("[]" in path or "*" in path or feed.in_messages):
            told.setdefault(name, one)
    counts: Counter[str] = Counter()
    for name, role in feed.truth.items():
        said = told[name].role.value if name in told else "undecided"
        if name not in feed.undecidable:
            counts["decidable"] += 1
            counts["right"] += said == role
        if said not in ("undecided", role, *_ALSO.get(role, ())):
            counts["wrong"] += 1
            counts["sure"] += told[name].confidence >= 0.8
    return counts


_ALSO = {"id": ("transponder",), "colour": ("id",)}
