"""Made-up feeds in the shapes that timing systems use: one race told in many wire languages, with the truth of each.

Names of fields are of the kind that such systems have; people, teams and values are simulated. Each teller gives the
texts of the frames and, by the end of a field's path, the role it has.
"""

import base64
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from karttime.analysis.inference.findings import Findings
from karttime.feeds.frame import Frame
from tests.analysis.races import START, Moment, Row, Told, behind, clock, hours, race

Lines = Iterator[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Wire:
    """One way to tell a race.

    Attributes:
        tell: gives times and texts of frames.
        roles: role by the end of a field's path, those that a sample decides.
        loose: the same for what may stay undecided, but must not be wrong.
        laps: whether every lap can be known from it.
        number: whether start numbers are told.
    """

    tell: Callable[[Told], Lines]
    roles: Mapping[str, str]
    loose: Mapping[str, str]
    laps: bool = True
    number: bool = True


def frames(wire: Wire, seed: int = 1) -> list[Frame]:
    """The feed of a race."""
    return [Frame(START + at, text) for at, text in wire.tell(race(seed))]


def judge(wire: Wire, found: Findings) -> Counter[str]:
    """How many roles are right of those that can be decided, how many claimed wrongly, and surely so."""
    counts: Counter[str] = Counter()
    for name, role in {**wire.roles, **wire.loose}.items():
        said = [one for one in found.fields if one.path.endswith(name) and _ends(one.path, name)]
        claimed = [one for one in said if one.role.value != "undecided"]
        right = any(one.role.value in role.split("|") for one in claimed)
        if name in wire.roles:
            counts["decidable"] += 1
            counts["right"] += right
            if not right:
                counts[f"missed {name}: {role} {[(one.path, one.role.value) for one in said]}"] += 1
        for one in claimed:
            if one.role.value not in role.split("|"):
                counts["wrong"] += 1
                counts["sure"] += one.confidence >= 0.8
                if one.confidence >= 0.8:
                    counts[f"sure and wrong {one.path}: {one.role.value} {one.confidence}"] += 1
    return counts


def _ends(path: str, name: str) -> bool:
    before = path[: len(path) - len(name)]
    return not before or before[-1] in ".] :"


# --- how often ------------------------------------------------------------------------------------------------------


def polled(told: Told, every: int = 2000) -> Iterator[Moment]:
    """What a client that asks every two seconds sees."""
    at = told.moments[0].at
    shown = told.moments[0]
    for moment in told.moments:
        while at + every < moment.at:
            at += every
            yield Moment(at, shown.rows, max(shown.left_ms - (at - shown.at), 0), shown.flag, None)
        shown = moment
    yield Moment(at + every, shown.rows, shown.left_ms, shown.flag, None)


def changes(told: Told, rows: Callable[[Row], Row]) -> Iterator[tuple[Moment, str, Row, bool]]:
    """What changed, row by row: moment, number, changed fields, whether it is of the first board."""
    before: dict[str, Row] = {}
    for moment in told.moments:
        for row in moment.rows:
            now = rows(row)
            old = before.get(row["number"])
            changed = now if old is None else {name: value for name, value in now.items() if old.get(name) != value}
            before[row["number"]] = now
            if changed:
                yield moment, row["number"], changed, moment is told.moments[0]


def dumps(value: Any) -> str:
    """JSON as programs send it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- snapshots ------------------------------------------------------------------------------------------------------


def letters(told: Told) -> Lines:
    """One-letter keys that mean one thing for the heat and another for a driver; times in ms."""
    for m in polled(told, 1000):
        drivers = [
            {"N": r["driver"], "K": r["number"], "P": r["position"], "L": r["laps"], "T": r["last"] or 0,
             "B": r["best"] or 0, "A": r["average"] or 0, "G": behind(r["gap"], "{}L", ""), "D": r["id"], "M": 0}
            for r in m.rows
        ]  # fmt: skip
        yield m.at, dumps({"N": "[HEAT] 12 - Adults", "S": 1, "C": m.left_ms, "E": 1, "T": START // 1000, "D": drivers})


def shouting(told: Told) -> Lines:
    """Upper case, everything a text, laps behind as negative counts."""
    for m in polled(told):
        data = [
            {"ABSOLUTTIME": clock(r["total"]), "BESTTIME": clock(r["best"], "0.000"), "INDEX": r["position"],
             "DELAYTIMEFIRST": behind(r["gap"], "-{}") or "0.000", "DELAYTIMEPREVIOUS": behind(r["interval"], "-{}"),
             "LAPS": r["laps"], "LAPTIME": clock(r["last"], "0.000"), "MEDIUMTIME": clock(r["average"], "0.000"),
             "PILOT": r["driver"], "CLUB": "", "COUNTRY": r["nationality"], "TRANSPONDER": r["transponder"],
             "VEHICLE": r["number"], "SPEED": "27,14", "TREND": 1}
            for r in m.rows
        ]  # fmt: skip
        meta = {"GROUP": "Final A", "NAME": "CLUB MEETING", "REMAININGTIME": hours(m.left_ms), "COUNTDOWN": "00:00:00"}
        yield m.at, dumps({"EVENT": {"CONFIG": {"MODE": "LapAndTime"}, "DATA": data, "METADATA": meta, "KEY": "B18D"}})


def by_order(told: Told) -> Lines:
    """Rows in an object by position; minutes with an apostrophe."""

    def minutes(ms: int | None) -> str:
        return "" if ms is None else f"{ms // 60_000}'{ms % 60_000 / 1000:06.3f}"

    for m in polled(told):
        riders = {
            str(r["position"]): {
                "order": r["position"], "rider_id": r["id"], "rider_number": r["number"], "rider_name": r["driver"],
                "team_name": r["team"], "num_lap": r["laps"], "lap_time": minutes(r["best"]),
                "last_lap_time": minutes(r["last"]), "gap_first": behind(r["gap"], "{} lap", ""),
                "gap_prev": behind(r["interval"], "{} lap", ""), "on_pit": r["in_pit"], "status_name": "CL",
            }
            for r in m.rows
        }  # fmt: skip
        yield m.at, dumps({"lt": {"head": {"category": "Pro", "remaining": hours(m.left_ms)}, "rider": riders}})


def deep(told: Told) -> Lines:
    """Who drives is an object of its own; sectors in an object by index."""
    for m in polled(told):
        ranks = [
            {"rank": r["position"], "rank_by_category": 1, "gap": behind(r["gap"]), "gap_prev": behind(r["interval"]),
             "current_lap": r["laps"], "last_lap": clock(r["last"]), "best_lap": clock(r["best"]),
             "pitstop": r["stops"], "status": "in" if r["in_pit"] else "run", "current_pilot": r["driver"],
             "participation": {"number": r["number"], "team": {"name_id": r["team"]}, "category": {"name_id": "LM"}},
             "sectors": {str(n): {"current": None if r[f"s{n + 1}"] is None else r[f"s{n + 1}"] / 1000}
                         for n in range(3)}}
            for r in m.rows
        ]  # fmt: skip
        yield m.at, dumps({"live_standing": {"status": m.flag, "elapsed": (m.at // 1000), "ranks": ranks}})


def columns(told: Told) -> Lines:
    """Names of columns once per message, rows as lists."""
    names = ["rank", "startNo", "driver", "laps", "lastLap", "bestLap", "gap", "diff"]
    for m in polled(told):
        rows = [
            [r["position"], r["number"], r["driver"], r["laps"], clock(r["last"]), clock(r["best"]), behind(r["gap"]),
             behind(r["interval"])]
            for r in m.rows
        ]  # fmt: skip
        yield m.at, dumps({"cols": names, "rows": rows, "left": hours(m.left_ms)})


def columns_once(told: Told) -> Lines:
    """The same with names in the first message only."""
    for number, (at, text) in enumerate(columns(told)):
        data = json.loads(text)
        yield (
            at,
            dumps({"type": "head", "cols": data["cols"]})
            if not number
            else dumps({"type": "data", "rows": data["rows"]}),
        )


def no_names(told: Told) -> Lines:
    """Lists of lists and nothing that says what they are."""
    for m in polled(told):
        yield m.at, dumps([[r["number"], r["position"], r["driver"], r["laps"], r["last"] or 0, r["best"] or 0,
                            r["id"]] for r in m.rows])  # fmt: skip


def digits(told: Told) -> Lines:
    """Fields are called by numbers."""
    for m in polled(told):
        rows = [
            {"1": r["position"], "2": r["number"], "3": r["driver"], "7": r["laps"], "8": clock(r["last"]),
             "9": clock(r["best"]), "12": behind(r["gap"])}
            for r in m.rows
        ]  # fmt: skip
        yield m.at, dumps({"run": {"1": "Final", "4": hours(m.left_ms)}, "board": rows})


def scalar_maps(told: Told) -> Lines:
    """One object per field, values by id."""
    for m in polled(told):
        fields = {"pos": "position", "nr": "number", "name": "driver", "laps": "laps"}
        maps: Row = {name: {str(r["id"]): r[key] for r in m.rows} for name, key in fields.items()}
        maps["last"] = {str(r["id"]): clock(r["last"]) for r in m.rows}
        maps["best"] = {str(r["id"]): clock(r["best"]) for r in m.rows}
        maps["gap"] = {str(r["id"]): behind(r["gap"]) for r in m.rows}
        yield m.at, dumps(maps)


def parallel(told: Told) -> Lines:
    """One list per field, a car's place in all of them the same."""
    numbers = sorted(told.order)
    for m in polled(told):
        rows = sorted(m.rows, key=lambda r: numbers.index(r["number"]))
        yield m.at, dumps({
            "CarIdxPosition": [r["position"] for r in rows], "CarIdxNumber": [r["number"] for r in rows],
            "CarIdxName": [r["driver"] for r in rows], "CarIdxLap": [r["laps"] for r in rows],
            "CarIdxLastLapTime": [(r["last"] or -1000) / 1000 for r in rows],
            "CarIdxBestLapTime": [(r["best"] or -1000) / 1000 for r in rows],
        })  # fmt: skip


def html(told: Told) -> Lines:
    """A page's table, asked for again and again."""
    heads = ("Pos", "No", "Driver", "Laps", "Last", "Best", "Gap", "Int")
    for m in polled(told):
        body = "".join(
            f"<tr class='{'odd' if r['position'] % 2 else 'even'}'><td>{r['position']}</td><td><b>{r['number']}</b></td>"
            f"<td>{r['driver']}</td><td>{r['laps']}</td><td>{clock(r['last'])}</td><td>{clock(r['best'])}</td>"
            f"<td>{behind(r['gap'])}</td><td>{behind(r['interval'])}</td></tr>"
            for r in m.rows
        )
        head = "".join(f"<th>{name}</th>" for name in heads)
        yield (
            m.at,
            f"<!DOCTYPE html><html><body><h1>Final</h1><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></body></html>",
        )


def xml_attributes(told: Told) -> Lines:
    """Elements with attributes of one or two letters."""
    for m in polled(told):
        rows = "".join(
            f'<R L="{r["position"]}" N="{r["number"]}" D="{r["driver"]}" LC="{r["laps"]}" LT="{clock(r["last"])}" '
            f'BT="{clock(r["best"])}" G="{behind(r["gap"])}"/>'
            for r in m.rows
        )
        yield m.at, f'<?xml version="1.0" encoding="utf-8"?>\r\n<Live><H T="{hours(m.left_ms)}"/>{rows}</Live>\r\n'


def xml_elements(told: Told) -> Lines:
    """Elements inside elements."""
    for m in polled(told):
        rows = "".join(
            f"<competitor><position>{r['position']}</position><number>{r['number']}</number>"
            f"<name>{r['driver']}</name><laps>{r['laps']}</laps><lastTime>{clock(r['last'])}</lastTime>"
            f"<bestTime>{clock(r['best'])}</bestTime></competitor>"
            for r in m.rows
        )
        yield m.at, f"<results><session>Final</session><competitors>{rows}</competitors></results>"


def csv_header(told: Told) -> Lines:
    """A file with a header line, asked for again and again."""
    for m in polled(told):
        lines = ["POS;NO;NAME;LAPS;LAST;BEST;GAP"] + [
            f"{r['position']};{r['number']};{r['driver']};{r['laps']};{clock(r['last'])};{clock(r['best'])};{behind(r['gap'])}"
            for r in m.rows
        ]
        yield m.at, "\r\n".join(lines) + "\r\n"


def csv_log(told: Told) -> Lines:
    """A header once, then a line for each crossing."""
    yield told.moments[0].at, "kart,driver,lap,lap_time,best_time,position\n"
    for m in told.moments:
        for r in m.rows:
            if m.crossed and r["number"] == m.crossed[0]:
                yield (
                    m.at,
                    f"{r['number']},{r['driver']},{r['laps']},{r['last'] / 1000:.3f},{r['best'] / 1000:.3f},{r['position']}\n",
                )


def fixed_width(told: Told) -> Lines:
    """A table for a terminal: columns by width, a title above."""
    for m in polled(told):
        lines = [f"FINAL                    Remaining {hours(m.left_ms)}", ""]
        lines.append(f"{'Pos':>3} {'No':>4} {'Driver':<24} {'Laps':>4} {'Last':>9} {'Best':>9} {'Gap':>9}")
        lines += [
            f"{r['position']:>3} {r['number']:>4} {r['driver'][:24]:<24} {r['laps']:>4} {clock(r['last']):>9} "
            f"{clock(r['best']):>9} {behind(r['gap']):>9}"
            for r in m.rows
        ]
        yield m.at, "\n".join(lines) + "\n"


# --- changes --------------------------------------------------------------------------------------------------------


def plain(r: Row) -> Row:
    """A row with plain names."""
    return {
        "position": r["position"], "number": r["number"], "driverName": r["driver"], "laps": r["laps"],
        "lastLap": clock(r["last"]), "bestLap": clock(r["best"]), "gap": behind(r["gap"]),
        "interval": behind(r["interval"]), "inPit": r["in_pit"],
    }  # fmt: skip


def init_and_updates(told: Told) -> Lines:
    """Everything once, then the rows that changed, under other names of messages."""
    yield 0, "0" + dumps({"sid": "x81", "upgrades": [], "pingInterval": 25000})
    yield told.moments[0].at, "42" + dumps(["init", {"entries": [plain(r) for r in told.moments[0].rows]}])
    for number, (m, who, changed, first) in enumerate(changes(told, plain)):
        if number % 20 == 0:
            yield m.at, "2"
        if not first:
            yield m.at, "42" + dumps(["update", {"number": who, **changed}])


def typed_updates(told: Told) -> Lines:
    """Kinds are single characters; each says another part of a row."""
    first = [
        {"CARNO": r["number"], "DRIVER_E": r["driver"], "TEAM_E": r["team"], "RACE_CLASS": r["class"],
         "LAPS": r["laps"], "LAST_TIME": "", "BEST_TIME": "", "TOTAL_TIME": "0", "POS": r["position"]}
        for r in told.moments[0].rows
    ]  # fmt: skip
    yield told.moments[0].at, dumps({"type": "S", "DESCR_E": "Final", "RACE_TYPE": "R"})
    yield told.moments[0].at, dumps({"type": "0", "rows": first})
    positions: dict[str, int] = {}
    for m in told.moments:
        for r in m.rows:
            if m.crossed and r["number"] == m.crossed[0]:
                told_row = {"CARNO": r["number"], "LAPS": str(r["laps"]), "LAST_TIME": f"{r['last'] / 1000:.3f}",
                            "BEST_TIME": f"{r['best'] / 1000:.3f}", "TOTAL_TIME": f"{r['total'] / 1000:.3f}"}  # fmt: skip
                yield m.at, dumps({"type": "L", **told_row})
        for r in m.rows:
            if positions.get(r["number"], r["position"]) != r["position"]:
                yield m.at, dumps({"type": "K", "CARNO": r["number"], "POS": r["position"]})
            positions[r["number"]] = r["position"]


def hub(told: Told) -> Lines:
    """Classic SignalR: the standing as a result, then rows that changed, whole."""

    def row(r: Row) -> Row:
        return {"ID": r["id"], "StartNumber": r["number"], "Name": r["driver"], "PrimaryClass": r["class"],
                "Pos": r["position"], "Laps": r["laps"], "Gap": behind(r["gap"], "{} lap"),
                "Diff": behind(r["interval"], "{} lap"), "LastLapTime": clock(r["last"]),
                "CurrentSessionBest": clock(r["best"]), "InPits": r["in_pit"], "Status": "Running"}  # fmt: skip

    yield told.moments[0].at, dumps({"R": [row(r) for r in told.moments[0].rows], "I": "1"})
    before: dict[str, Row] = {}
    for number, m in enumerate(told.moments):
        rows = {r["number"]: row(r) for r in m.rows}
        changed = [r for who, r in rows.items() if before.get(who) != r]
        before = rows
        calls = [{"H": "LiveTiming", "M": "UpdateResult", "A": [r]} for r in changed]
        if calls:
            yield m.at, dumps({"C": f"d-{number},A|x,1", "M": calls})
        if number % 7 == 0:
            yield m.at + 50, "{}"


def cells(told: Told) -> Lines:
    """A board of numbered cells: heads and cells first, then cells that changed; times in µs."""
    names = ("position", "startnumber", "name", "laps", "lastroundtime", "fastestroundtime", "hole")

    def values(r: Row) -> list[str]:
        return [str(r["position"]), r["number"], r["driver"], str(r["laps"]), str((r["last"] or 0) * 1000),
                str((r["best"] or 0) * 1000), behind(r["gap"], "{} laps", "")]  # fmt: skip

    shown = [values(r) for r in told.moments[0].rows]
    every = [[row, column, value, None] for row, line in enumerate(shown) for column, value in enumerate(line)]
    head = {"l": {"h": [{"n": name, "p": None} for name in names]}, "r": every}
    yield told.moments[0].at, dumps({"C": "d", "M": [{"H": "lt", "M": "r_i", "A": [head]}]})
    for m in told.moments:
        now = [values(r) for r in m.rows]
        changed = [[row, column, value, None] for row, line in enumerate(now) for column, value in enumerate(line)
                   if shown[row][column] != value]  # fmt: skip
        shown = now
        if changed:
            yield m.at, dumps({"C": "d", "M": [{"H": "lt", "M": "r_c", "A": [changed]}]})


def meteor(told: Told) -> Lines:
    """SockJS and DDP: one document that holds the standing, sent again when it changes, lines of fields inside."""

    def document(m: Moment) -> Row:
        rows = {
            str(r["position"]): {
                "data": f"{r['position']};{r['number']};CLASSIFIED;{r['class']};{r['laps']};{r['stops']};0;{r['total']};TRACK;",
                "lastLapTime": r["last"] or 0, "bestLapTime": r["best"] or 0, "isRunning": True,
            }
            for r in m.rows
        }  # fmt: skip
        return {"session": "aX9", "standings": {"overall": rows}}

    def framed(message: Row) -> str:
        return "a" + dumps([dumps(message)])

    yield 0, "o"
    yield 10, framed({"msg": "connected", "session": "7hG"})
    for number, m in enumerate(polled(told)):
        what = "changed" if number else "added"
        yield m.at, framed({"msg": what, "collection": "standings", "id": "S1", "fields": document(m)})
        if number % 9 == 8:
            yield m.at + 5, "h"


def since_last(told: Told) -> Lines:
    """Asked again and again; only the rows that changed since, whole; whole numbers of ms."""
    before: dict[str, Row] = {}
    for m in polled(told):
        rows = {
            r["number"]: {"competitor_id": r["id"], "pos": r["position"], "number": r["number"], "team": r["team"],
                          "driver_names": [r["driver"]], "current_driver": 0, "total_lap": r["laps"],
                          "lap_time": r["last"] or 0, "best_time": r["best"] or 0, "gap_first": behind(r["gap"]),
                          "gap_prev": behind(r["interval"]), "inter_1": r["s1"] or 0, "inter_2": r["s2"] or 0,
                          "inter_3": r["s3"] or 0, "total_pit_stop": r["stops"]}
            for r in m.rows
        }  # fmt: skip
        changed = [row for who, row in rows.items() if before.get(who) != row]
        before = rows
        yield m.at, dumps({"boaTime": 58000, "ranking": changed})


def index_deltas(told: Told) -> Lines:
    """A list first, then an object by its index with what changed."""
    slots = {r["number"]: str(n) for n, r in enumerate(told.moments[0].rows)}
    yield told.moments[0].at, dumps({"cars": [plain(r) for r in told.moments[0].rows]})
    for m, who, changed, first in changes(told, plain):
        if not first:
            yield m.at, dumps({"cars": {slots[who]: changed}})


def patches(told: Told) -> Lines:
    """JSON patches against a first board."""
    yield told.moments[0].at, dumps({"state": {"karts": {r["number"]: plain(r) for r in told.moments[0].rows}}})
    for m, who, changed, first in changes(told, plain):
        if not first:
            yield (
                m.at,
                dumps([{"op": "replace", "path": f"/state/karts/{who}/{k}", "value": v} for k, v in changed.items()]),
            )


def event_stream(told: Told) -> Lines:
    """Server-sent events of a tree: put and patch with a path."""
    board = {r["number"]: plain(r) for r in told.moments[0].rows}
    yield told.moments[0].at, f"event: put\ndata: {dumps({'path': '/', 'data': {'karts': board}})}\n\n"
    for number, (m, who, changed, first) in enumerate(changes(told, plain)):
        if not first:
            yield m.at, f"event: patch\ndata: {dumps({'path': f'/karts/{who}', 'data': changed})}\n\n"
        if number % 15 == 0:
            yield m.at, "event: keep-alive\ndata: null\n\n"


def lines(told: Told) -> Lines:
    """Tagged lines separated by bars; a counter of the lines."""
    number = 0
    for m in told.moments:
        out = []
        for r in m.rows:
            if m.crossed and r["number"] == m.crossed[0]:
                number += 1
                out.append(
                    f"LAP|{number}|{r['number']}|{r['driver']}|{r['laps']}|{clock(r['last'])}|{clock(r['best'])}|{r['position']}"
                )
        if m.crossed:
            out.append(f"CLK|{number}|{hours(m.left_ms)}|{m.flag}")
            yield m.at, "\r\n".join(out) + "\r\n"


# --- wrappings ------------------------------------------------------------------------------------------------------


def wrapped(wrap: Callable[[str, int], str], quiet: str = "") -> Callable[[Told], Lines]:
    """A board in some wrapping, asked for every two seconds; keep-alives between."""

    def tell(told: Told) -> Lines:
        for number, m in enumerate(polled(told)):
            board = {"session": "Final", "remaining": hours(m.left_ms), "results": [plain(r) for r in m.rows]}
            yield m.at, wrap(dumps(board), number)
            if quiet and number % 5 == 0:
                yield m.at + 700, quiet

    return tell


def stomp(text: str, number: int) -> str:
    return (
        f"MESSAGE\ndestination:/topic/timing\nsubscription:sub-0\nmessage-id:x-{number}\n"
        f"content-type:application/json\ncontent-length:{len(text.encode())}\n\n{text}\x00"
    )


def packed(text: str, _: int) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def deflated(text: str, _: int) -> str:
    packer = zlib.compressobj(wbits=-15)
    return dumps(
        {"topic": "board.z", "payload": base64.b64encode(packer.compress(text.encode()) + packer.flush()).decode()}
    )


def cable(text: str, _: int) -> str:
    return dumps({"identifier": dumps({"channel": "Live"}), "message": json.loads(text)})


PLAIN: Mapping[str, str] = {
    "position": "position", "number": "number", "driverName": "driver", "laps": "laps", "lastLap": "last_lap",
    "bestLap": "best_lap", "gap": "gap", "interval": "interval",
}  # fmt: skip
PIT = {"inPit": "in_pit"}
COLUMNS = {"rank": "position", "startNo": "number", "driver": "driver", "laps": "laps", "lastLap": "last_lap",
           "bestLap": "best_lap", "gap": "gap", "diff": "interval"}  # fmt: skip

WIRES: Mapping[str, Wire] = {
    "letters": Wire(letters, {"D[].N": "driver", "D[].K": "number", "D[].P": "position", "D[].L": "laps",
                              "D[].T": "last_lap", "D[].B": "best_lap", "D[].A": "average_lap", "D[].G": "gap|undecided"},
                    {"D[].D": "id|transponder", "C": "clock_remaining"}),
    "shouting": Wire(shouting, {"INDEX": "position", "PILOT": "driver", "LAPS": "laps", "LAPTIME": "last_lap",
                                "BESTTIME": "best_lap", "MEDIUMTIME": "average_lap", "VEHICLE": "number",
                                "DELAYTIMEFIRST": "gap", "DELAYTIMEPREVIOUS": "interval"},
                     {"TRANSPONDER": "transponder|id", "ABSOLUTTIME": "total_time", "COUNTRY": "nationality",
                      "REMAININGTIME": "clock_remaining"}),
    "by_order": Wire(by_order, {"order": "position", "rider_number": "number", "rider_name": "driver",
                                "team_name": "team", "num_lap": "laps", "lap_time": "best_lap",
                                "last_lap_time": "last_lap", "gap_first": "gap", "gap_prev": "interval"},
                     {"rider_id": "id|transponder", "on_pit": "in_pit", "remaining": "clock_remaining"}),
    "deep": Wire(deep, {"rank": "position", "participation.number": "number", "current_pilot": "driver",
                        "current_lap": "laps", "last_lap": "last_lap", "best_lap": "best_lap", "ranks[].gap": "gap",
                        "gap_prev": "interval", "sectors.0.current": "sector_1", "sectors.1.current": "sector_2",
                        "sectors.2.current": "sector_3", "team.name_id": "team"},
                 {"pitstop": "pit_stops", "ranks[].status": "status|in_pit", "category.name_id": "class"}),
    "columns": Wire(columns, COLUMNS, {"left": "clock_remaining"}),
    "columns_once": Wire(columns_once, COLUMNS, {}),
    "no_names": Wire(no_names, {"[].0": "number", "[].1": "position", "[].2": "driver", "[].3": "laps",
                                "[].4": "last_lap", "[].5": "best_lap"}, {"[].6": "id|transponder"}),
    "digits": Wire(digits, {"board[].1": "position", "board[].2": "number", "board[].3": "driver", "board[].7": "laps",
                            "board[].8": "last_lap", "board[].9": "best_lap", "board[].12": "gap"}, {}),
    "scalar_maps": Wire(scalar_maps, {"pos": "position", "nr": "number", "name": "driver", "laps": "laps",
                                      "last": "last_lap", "best": "best_lap", "gap": "gap"}, {}),
    "parallel": Wire(parallel, {"CarIdxPosition": "position", "CarIdxNumber": "number", "CarIdxName": "driver",
                                "CarIdxLap": "laps", "CarIdxLastLapTime": "last_lap",
                                "CarIdxBestLapTime": "best_lap"}, {}),
    "html": Wire(html, {"Pos": "position", "No": "number", "Driver": "driver", "Laps": "laps", "Last": "last_lap",
                        "Best": "best_lap", "Gap": "gap", "Int": "interval"}, {}),
    "xml_attributes": Wire(xml_attributes, {"R[].L": "position", "R[].N": "number", "R[].D": "driver",
                                            "R[].LC": "laps", "R[].LT": "last_lap", "R[].BT": "best_lap",
                                            "R[].G": "gap"}, {}),
    "xml_elements": Wire(xml_elements, {"position": "position", "number": "number", "name": "driver", "laps": "laps",
                                        "lastTime": "last_lap", "bestTime": "best_lap"}, {}),
    "csv_header": Wire(csv_header, {"POS": "position", "NO": "number", "NAME": "driver", "LAPS": "laps",
                                    "LAST": "last_lap", "BEST": "best_lap", "GAP": "gap"}, {}),
    "csv_log": Wire(csv_log, {"kart": "number", "driver": "driver", "lap": "laps", "lap_time": "last_lap",
                              "best_time": "best_lap"}, {"position": "position"}),
    "fixed_width": Wire(fixed_width, {"Pos": "position", "No": "number", "Driver": "driver", "Laps": "laps",
                                      "Last": "last_lap", "Best": "best_lap", "Gap": "gap"}, {}),
    "init_and_updates": Wire(init_and_updates, PLAIN, PIT),
    "typed_updates": Wire(typed_updates, {"CARNO": "number", "DRIVER_E": "driver", "LAPS": "laps",
                                          "LAST_TIME": "last_lap", "BEST_TIME": "best_lap", "POS": "position"},
                          {"TEAM_E": "team", "TOTAL_TIME": "total_time", "RACE_CLASS": "class"}),
    "hub": Wire(hub, {"Pos": "position", "StartNumber": "number", "Name": "driver", "Laps": "laps",
                      "LastLapTime": "last_lap", "CurrentSessionBest": "best_lap", "Gap": "gap", "Diff": "interval"},
                {"ID": "id|transponder", "PrimaryClass": "class", "InPits": "in_pit"}),
    "cells": Wire(cells, {"position": "position", "startnumber": "number", "name": "driver", "laps": "laps",
                          "lastroundtime": "last_lap", "fastestroundtime": "best_lap", "hole": "gap"}, {}),
    "meteor": Wire(meteor, {"data.0": "position", "data.1": "number", "data.4": "laps", "lastLapTime": "last_lap",
                            "bestLapTime": "best_lap"}, {"data.5": "pit_stops", "data.7": "total_time"}),
    "since_last": Wire(since_last, {"pos": "position", "number": "number", "driver_names.0": "driver",
                                    "total_lap": "laps", "lap_time": "last_lap", "best_time": "best_lap",
                                    "gap_first": "gap", "gap_prev": "interval", "inter_1": "sector_1",
                                    "inter_2": "sector_2", "inter_3": "sector_3"},
                       {"competitor_id": "id|transponder", "team": "team", "total_pit_stop": "pit_stops"}),
    "index_deltas": Wire(index_deltas, PLAIN, PIT),
    "patches": Wire(patches, PLAIN, PIT),
    "event_stream": Wire(event_stream, PLAIN, PIT),
    "lines": Wire(lines, {"LAP: 2": "number", "LAP: 3": "driver", "LAP: 4": "laps", "LAP: 5": "last_lap",
                          "LAP: 6": "best_lap"}, {"LAP: 7": "position", "CLK: 2": "clock_remaining"}),
    "stomp": Wire(wrapped(stomp, "\n"), PLAIN, PIT),
    "packed": Wire(wrapped(packed), PLAIN, PIT),
    "deflated": Wire(wrapped(deflated), PLAIN, PIT),
    "cable": Wire(wrapped(cable, '{"type":"ping","message":1700000000}'), PLAIN, PIT),
    "phoenix": Wire(wrapped(lambda t, n: dumps([None, str(n), "race:9", "board", json.loads(t)]),
                            '[null,"9","phoenix","phx_reply",{"status":"ok","response":{}}]'), PLAIN, PIT),
    "pusher": Wire(wrapped(lambda t, _: dumps({"event": "board", "channel": "live-9", "data": t}),
                           '{"event":"pusher:pong","data":"{}"}'), PLAIN, PIT),
    "graphql": Wire(wrapped(lambda t, _: dumps({"id": "1", "type": "next", "payload": {"data": {"live": json.loads(t)}}}),
                            '{"type":"ka"}'), PLAIN, PIT),
    "core": Wire(wrapped(lambda t, _: dumps({"type": 1, "target": "Board", "arguments": [json.loads(t)]}) + "\x1e",
                         '{"type":6}\x1e'), PLAIN, PIT),
    "string_in_core": Wire(wrapped(lambda t, _: dumps({"type": 1, "target": "Board", "arguments": [t]}) + "\x1e",
                                   '{"type":6}\x1e'), PLAIN, PIT),
    "jsonp": Wire(wrapped(lambda t, _: f"jQuery3_17({t});"), PLAIN, PIT),
    "topics": Wire(wrapped(lambda t, n: dumps({"topic": "timing/board", "qos": 0, "seq": n, "payload": t}),
                           '{"topic":"timing/alive","qos":0,"seq":0,"payload":"1"}'), PLAIN, PIT),
}  # fmt: skip


def parsed(wire: Wire, report: Any, told: Told) -> Sequence[str]:
    """What is wrong with the laps and the standing that the generated parser gives, in sentences."""
    from karttime.domain.classification import classification

    if not report.logbook.sessions:
        return ("no session",)
    wrong: list[str] = []
    if len(report.logbook.sessions) > 1:
        wrong.append(f"{len(report.logbook.sessions)} sessions")
    session = report.logbook.sessions[-1]
    if wire.number:
        order = [standing.number for standing in classification(session)]
        if order != list(told.order):
            wrong.append(f"order {order} for {list(told.order)}")
    truth = Counter((number, round(ms, -1)) for number, laps in told.laps.items() for ms in laps)
    made = Counter(
        (str(c.values(session.columns).get("number")), round(lap.time_ms, -1))
        for one in report.logbook.sessions
        for c in one.competitors.values()
        for lap in c.laps
    )
    near = sum(min(made[key], truth[key]) for key in truth)
    if wire.laps and (near < 0.95 * truth.total() or made.total() > truth.total() + 1):
        wrong.append(f"{near} laps right of {made.total()} made, {truth.total()} driven")
    return wrong
