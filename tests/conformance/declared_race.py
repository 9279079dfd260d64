"""The simulator's meetings told in languages that only a spec explains, with what is true.

| language | what is sent |
|---|---|
| `snapshots` | the whole board as a JSON list, at every change |
| `changes` | one JSON object by competitor with the fields that changed, and facts of the session |
| `lines` | fields separated by `;`, one line per row that changed |
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from karttime.feeds.declared.decoder import DeclaredDecoder
from karttime.feeds.declared.spec import FeedSpec, load_spec
from karttime.feeds.frame import Frame
from karttime.simulator import events
from karttime.simulator.race import Race
from karttime.simulator.scenarios import Options, meeting
from karttime.simulator.session import Behind, SessionState, Standing

START: Final = 1_790_000_000_000
_ROLES: Final = (
    ("no", "number", ""), ("pos", "position", ""), ("drv", "driver", ""), ("team", "team", ""), ("laps", "laps", ""),
    ("last", "last_lap", "ms"), ("best", "best_lap", "ms"), ("gap", "gap", "text"), ("int", "interval", "text"),
    ("pits", "pit_stops", ""), ("pit", "in_pit", ""),
)  # fmt: skip
_NAMES: Final = tuple(name for name, _, _ in _ROLES)


def _fields(paths: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"path": paths[name], "role": role, "unit": unit} for name, role, unit in _ROLES]


def _session(**kinds: str) -> list[dict[str, str]]:
    return [
        {"kind": kinds.get("title", ""), "path": kinds["title_path"], "role": "session"},
        {"kind": kinds.get("flag", ""), "path": kinds["flag_path"], "role": "flag"},
    ]


_PLAIN: Final = _fields({name: name for name in _NAMES})
SPECS: Final[Mapping[str, FeedSpec]] = {
    "snapshots": load_spec(
        {
            "karttime_spec": 1,
            "tables": [{"rows": "rows[]", "key": "no", "update": "snapshot", "fields": _PLAIN}],
            "session": _session(title_path="title", flag_path="flag"),
            "laps": {"by": "count"},
        }
    ),
    "changes": load_spec(
        {
            "karttime_spec": 1,
            "framing": {"envelope": "field", "kind": "k"},
            "tables": [{"kind": "row", "rows": "", "key": "no", "update": "merge", "fields": _PLAIN}],
            "session": _session(title="fact", flag="fact", title_path="title", flag_path="flag"),
            "laps": {"by": "count"},
        }
    ),
    "lines": load_spec(
        {
            "karttime_spec": 1,
            "framing": {"syntax": "fields", "separator": ";", "split": "lines", "tagged": True},
            "tables": [
                {
                    "kind": "R", "rows": "", "key": "1", "update": "merge",
                    "fields": _fields({name: str(number) for number, name in enumerate(_NAMES, 1)}),
                }
            ],
            "session": _session(title="S", flag="S", title_path="1", flag_path="2"),
            "laps": {"by": "count"},
        }
    ),
}  # fmt: skip
"""A spec for each language."""


@dataclass(frozen=True, slots=True)
class ToldSession:
    """What is true of one session: laps in ms by start number, and the order with laps, last and best."""

    title: str
    laps: Mapping[str, Sequence[int]]
    rows: Sequence[tuple[int, str, int, int | None, int | None]]


@dataclass(slots=True)
class Told:
    """A meeting in one language."""

    frames: list[Frame] = field(default_factory=list)
    sessions: list[ToldSession] = field(default_factory=list)


def decoder(language: str) -> DeclaredDecoder:
    """A fresh decoder of a language."""
    return DeclaredDecoder(SPECS[language])


def tell(language: str, options: Options) -> Told:
    """A meeting, and what was true of each session when the next was loaded."""
    model = Race(meeting(options), options.seed)
    told, laps = Told(), dict[str, list[int]]()
    say = _LANGUAGES[language]
    shown: dict[str, dict[str, Any]] = {}
    head: tuple[str, str] = ("", "")
    before: SessionState | None = None
    while (at := model.next_at) is not None:
        happened = model.step()
        session = model.session
        if before is not None and session is not before:
            told.sessions.append(_true(before, laps))
            laps, shown = {}, {}
        before = session
        for event in happened:
            if isinstance(event, events.LineCrossed) and event.lap_ms is not None:
                laps.setdefault(session.standings[event.competitor_id].entry.number, []).append(event.lap_ms)
        if not session.order:
            continue
        rows = {standing.entry.number: _row(standing) for standing in session.order}
        now = (session.plan.title, session.flag.value)
        if rows != shown or now != head:
            told.frames += [Frame(START + at, text) for text in say(now, head, rows, shown)]
        shown, head = rows, now
    if before is not None:
        told.sessions.append(_true(before, laps))
    return told


def _true(session: SessionState, laps: Mapping[str, Sequence[int]]) -> ToldSession:
    rows = [(s.position, s.entry.number, s.laps, s.last_ms, s.best_ms) for s in session.order]
    return ToldSession(session.plan.title, dict(laps), rows)


def _row(standing: Standing) -> dict[str, Any]:
    return {
        "no": standing.entry.number, "pos": standing.position, "drv": standing.driver_name,
        "team": standing.entry.team or "", "laps": standing.laps, "last": standing.last_ms or 0,
        "best": standing.best_ms or 0, "gap": _behind(standing.gap), "int": _behind(standing.interval),
        "pits": standing.stops, "pit": int(standing.in_pit),
    }  # fmt: skip


def _behind(behind: Behind | None) -> str:
    if behind is None:
        return ""
    return f"{behind.laps} L" if behind.laps is not None else f"+{(behind.ms or 0) / 1000:.3f}"


Rows = Mapping[str, Mapping[str, Any]]
Head = tuple[str, str]


def _snapshots(now: Head, _: Head, rows: Rows, __: Rows) -> Iterator[str]:
    yield json.dumps({"title": now[0], "flag": now[1], "rows": [*rows.values()]})


def _changed(rows: Rows, shown: Rows) -> Iterator[Mapping[str, Any]]:
    for number, row in rows.items():
        before = shown.get(number, {})
        changed = {name: value for name, value in row.items() if before.get(name) != value or name == "no"}
        if len(changed) > 1:
            yield changed


def _changes(now: Head, head: Head, rows: Rows, shown: Rows) -> Iterator[str]:
    if now != head:
        yield json.dumps({"k": "fact", "title": now[0], "flag": now[1]})
    yield from (json.dumps({"k": "row", **changed}) for changed in _changed(rows, shown))


def _lines(now: Head, head: Head, rows: Rows, shown: Rows) -> Iterator[str]:
    lines = [f"S;{now[0]};{now[1]}"] if now != head else []
    for changed in _changed(rows, shown):
        row = rows[changed["no"]]
        lines.append("R;" + ";".join(str(row[name]) for name in _NAMES))
    yield "\n".join(lines) + "\n"


_LANGUAGES: Final[Mapping[str, Callable[[Head, Head, Rows, Rows], Iterator[str]]]] = {
    "snapshots": _snapshots, "changes": _changes, "lines": _lines,
}  # fmt: skip
