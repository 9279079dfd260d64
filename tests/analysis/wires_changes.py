"""Made-up feeds that tell everything once and then what changed."""

from .races import START, Moment, Row, Told, behind, clock, hours
from .wire import Lines, changes, dumps, polled


def plain(r: Row) -> Row:
    """A row with plain names."""
    return {
        "position": r["position"],
        "number": r["number"],
        "driverName": r["driver"],
        "laps": r["laps"],
        "lastLap": clock(r["last"]),
        "bestLap": clock(r["best"]),
        "gap": behind(r["gap"]),
        "interval": behind(r["interval"]),
        "inPit": r["in_pit"],
    }


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
        {
            "CARNO": r["number"],
            "DRIVER_E": r["driver"],
            "TEAM_E": r["team"],
            "RACE_CLASS": r["class"],
            "LAPS": r["laps"],
            "LAST_TIME": "",
            "BEST_TIME": "",
            "TOTAL_TIME": "0",
            "POS": r["position"],
        }
        for r in told.moments[0].rows
    ]
    yield told.moments[0].at, dumps({"type": "S", "DESCR_E": "Final", "RACE_TYPE": "R"})
    yield told.moments[0].at, dumps({"type": "0", "rows": first})
    positions: dict[str, int] = {}
    for m in told.moments:
        for r in m.rows:
            if m.crossed and r["number"] == m.crossed[0]:
                told_row = {
                    "CARNO": r["number"],
                    "LAPS": str(r["laps"]),
                    "LAST_TIME": f"{r['last'] / 1000:.3f}",
                    "BEST_TIME": f"{r['best'] / 1000:.3f}",
                    "TOTAL_TIME": f"{r['total'] / 1000:.3f}",
                }
                yield m.at, dumps({"type": "L", **told_row})
        for r in m.rows:
            if positions.get(r["number"], r["position"]) != r["position"]:
                yield m.at, dumps({"type": "K", "CARNO": r["number"], "POS": r["position"]})
            positions[r["number"]] = r["position"]


def hub(told: Told) -> Lines:
    """Classic SignalR: the standing as a result, then rows that changed, whole."""

    def row(r: Row) -> Row:
        return {
            "ID": r["id"],
            "StartNumber": r["number"],
            "Name": r["driver"],
            "PrimaryClass": r["class"],
            "Pos": r["position"],
            "Laps": r["laps"],
            "Gap": behind(r["gap"], "{} lap"),
            "Diff": behind(r["interval"], "{} lap"),
            "LastLapTime": clock(r["last"]),
            "CurrentSessionBest": clock(r["best"]),
            "InPits": r["in_pit"],
            "Status": "Running",
        }

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
        return [
            str(r["position"]),
            r["number"],
            r["driver"],
            str(r["laps"]),
            str((r["last"] or 0) * 1000),
            str((r["best"] or 0) * 1000),
            behind(r["gap"], "{} laps", ""),
        ]

    shown = [values(r) for r in told.moments[0].rows]
    every = [[row, column, value, None] for row, line in enumerate(shown) for column, value in enumerate(line)]
    head = {"l": {"h": [{"n": name, "p": None} for name in names]}, "r": every}
    yield told.moments[0].at, dumps({"C": "d", "M": [{"H": "lt", "M": "r_i", "A": [head]}]})
    for m in told.moments:
        now = [values(r) for r in m.rows]
        changed = [
            [row, column, value, None]
            for row, line in enumerate(now)
            for column, value in enumerate(line)
            if shown[row][column] != value
        ]
        shown = now
        if changed:
            yield m.at, dumps({"C": "d", "M": [{"H": "lt", "M": "r_c", "A": [changed]}]})


def columns_then_cells(told: Told) -> Lines:
    """Tagged lists: names of columns, the board by row and column, then cells that changed; rows are places."""
    names = ("POS", "NR", "NAME", "LAPS", "GAP", "DIFF", "LAST", "BEST", "PIT")

    def values(r: Row) -> list[str]:
        counted = [str(r["position"]), r["number"], r["driver"], str(r["laps"])]
        gaps = [behind(r["gap"], "{}L", ""), behind(r["interval"], "{}L", "")]
        return [*counted, *gaps, clock(r["last"]), clock(r["best"]), str(r["stops"])]

    shown: dict[tuple[int, int], str] = {}
    for m in told.moments:
        now = {(row, column): value for row, r in enumerate(m.rows) for column, value in enumerate(values(r))}
        changed = [[row, column, value] for (row, column), value in now.items() if shown.get((row, column)) != value]
        heads: list[list[object]] = [["h_i", {"n": "Final"}], ["r_l", {"h": [{"n": name} for name in names]}]]
        if changed:
            yield m.at, dumps([["r_c", changed]] if shown else [*heads, ["r_i", {"r": changed}]])
        shown = now


def specified(told: Told) -> Lines:
    """Columns are described once, name and type; cells may be lists; gaps are to the first of the same lap."""
    names = ("Num", "State", "Class", "Driver", "Laps", "Gap", "Last", "Best")
    columns = [[name, "time" if name in ("Last", "Best") else "text"] for name in names]
    yield 0, dumps({"manifest": {"columnSpec": columns, "name": "Kart Cup"}})
    crossed: dict[tuple[str, int], int] = {}
    for m in told.moments:
        if m.crossed is None:
            continue
        for r in m.rows:
            crossed.setdefault((r["number"], r["laps"]), m.at)
        cars, first = [], m.rows[0]
        for r in m.rows:
            if r["laps"] != first["laps"]:
                cell: object = f"{m.rows[0]['laps'] - r['laps']} laps"
                first = r
            else:
                since = crossed[(r["number"], r["laps"])] - crossed[(first["number"], r["laps"])]
                cell = since / 1000 if since else ""
            times = [[(r["last"] or 0) / 1000 or "", ""], [(r["best"] or 0) / 1000 or "", "old"]]
            state = "PIT" if r["in_pit"] else "RUN"
            cars.append([r["number"], state, r["class"], r["driver"], r["laps"], cell, *times])
        yield m.at, dumps({"cars": cars, "session": {"flagState": "green", "timeRemain": m.left_ms // 1000}})


def meteor(told: Told) -> Lines:
    """SockJS and DDP: one document that holds the standing, sent again when it changes, lines of fields inside."""

    def document(m: Moment) -> Row:
        rows = {
            str(r["position"]): {
                "data": f"{r['position']};{r['number']};OK;{r['class']};{r['laps']};{r['stops']};0;{r['total']};T;",
                "lastLapTime": r["last"] or 0,
                "bestLapTime": r["best"] or 0,
                "isRunning": True,
            }
            for r in m.rows
        }
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
            r["number"]: {
                "competitor_id": r["id"],
                "pos": r["position"],
                "number": r["number"],
                "team": r["team"],
                "driver_names": [r["driver"]],
                "current_driver": 0,
                "total_lap": r["laps"],
                "lap_time": r["last"] or 0,
                "best_time": r["best"] or 0,
                "gap_first": behind(r["gap"]),
                "gap_prev": behind(r["interval"]),
                "inter_1": r["s1"] or 0,
                "inter_2": r["s2"] or 0,
                "inter_3": r["s3"] or 0,
                "total_pit_stop": r["stops"],
            }
            for r in m.rows
        }
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


def passings(told: Told) -> Lines:
    """Nothing but who crosses the line, a message each."""
    counts: dict[str, list[int]] = {}
    for m in told.moments:
        if m.crossed is None:
            continue
        who, ms = m.crossed
        driven = counts.setdefault(who, [])
        driven.append(ms)
        r = next(r for r in m.rows if r["number"] == who)
        crossing = {"no": who, "who": r["driver"], "lap": len(driven), "dur": ms, "best": min(driven)}
        yield m.at, dumps({"evt": "passing", "ts": START + m.at, "tx": r["transponder"], **crossing})


def xml_updates(told: Told) -> Lines:
    """XML with the rows that changed: one-letter attributes, an id that is as short as the start number."""
    shown: dict[str, str] = {}
    for m in told.moments:
        rows = []
        for r in m.rows:
            row = (
                f'<E ID="{r["id"] % 900 + 100}" P="{r["position"]}" N="{r["number"]}" L="{r["laps"]}"'
                f' LT="{(r["last"] or 0) / 1000:.4f}" BT="{(r["best"] or 0) / 1000:.4f}"/>'
            )
            if shown.get(r["number"]) != row:
                shown[r["number"]] = row
                rows.append(row)
        if rows:
            yield m.at, f'<U T="{m.at}">{"".join(rows)}</U>'
