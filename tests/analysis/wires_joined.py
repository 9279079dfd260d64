"""Made-up feeds whose rows stand in groups, under topics, in several tables, or deep inside of objects."""

from .races import START, Row, Told, behind
from .wire import Lines, changes, dumps, polled
from .wires_changes import plain


def classes(told: Told) -> Lines:
    """A list of classes, each with its competitors."""
    for m in polled(told):
        groups: dict[str, list[Row]] = {}
        for r in m.rows:
            group = groups.setdefault(r["class"], [])
            group.append(plain(r) | {"classPos": len(group) + 1})
        yield m.at, dumps({"classes": [{"name": name, "results": rows} for name, rows in sorted(groups.items())]})


def documents(told: Told) -> Lines:
    """SockJS and DDP: a document for each competitor, and one for the session, which is told now and then."""
    for number, (m, who, changed, first) in enumerate(changes(told, plain)):
        if number % 10 == 0:
            left = {"remainingTime": max(3_600_000 - m.at, 0), "flg": m.flag.upper()}
            yield m.at, "a" + dumps([dumps({"msg": "changed", "collection": "session", "id": "x1", "fields": left})])
        what = {"msg": "added" if first else "changed", "collection": "cars", "id": f"k{who}x", "fields": changed}
        yield m.at, "a" + dumps([dumps(what)])


def topics(told: Told) -> Lines:
    """A topic for each competitor, with what changed."""
    for m, who, changed, _ in changes(told, plain):
        yield m.at, dumps({"topic": f"race/9/kart/{who}", "payload": dumps(changed)})


def values(told: Told) -> Lines:
    """A topic for each value."""
    for m, who, changed, _ in changes(told, plain):
        for name, value in changed.items():
            yield m.at, dumps({"t": f"kart/{who}/{name}", "v": value})


def joined(told: Told) -> Lines:
    """Who drives is told once by id, the standing by that id again and again."""
    entries = [
        {"id": r["id"], "number": r["number"], "driverName": r["driver"], "team": r["team"], "class": r["class"]}
        for r in told.moments[0].rows
    ]
    yield told.moments[0].at, dumps({"type": "entries", "entries": entries})
    for m in polled(told):
        rows = [
            {
                "entry": r["id"],
                "position": r["position"],
                "laps": r["laps"],
                "lastLap": (r["last"] or 0) / 1000,
                "bestLap": (r["best"] or 0) / 1000,
                "gap": behind(r["gap"]),
            }
            for r in m.rows
        ]
        yield m.at, dumps({"type": "standings", "rows": rows})


def by_id(told: Told) -> Lines:
    """Everything once with start numbers, then what changed by an id alone."""

    def row(r: Row) -> Row:
        told_row = plain(r)
        number = told_row.pop("number")
        return {"racer_id": r["id"] - 36_000, "racer_number": number, "transponder": r["transponder"], **told_row}

    first = [row(r) for r in told.moments[0].rows]
    yield told.moments[0].at, "42" + dumps(["snapshot", {"run": {"name": "Final"}, "racers": first}])
    ids = {r["number"]: r["id"] - 36_000 for r in told.moments[0].rows}
    for m, who, changed, at_first in changes(told, row):
        if not at_first:
            yield m.at, "42" + dumps(["racer", {"racer_id": ids[who], **changed}])


def nested(told: Told) -> Lines:
    """Every value in an object of its own."""
    for m in polled(told):
        rows = [
            {
                "position": {"overall": r["position"], "class": 1},
                "car": {"number": r["number"], "driver": {"full": r["driver"]}},
                "laps": {"count": r["laps"], "last": {"ms": r["last"]}, "best": {"ms": r["best"]}},
                "gap": {"text": behind(r["gap"])},
                "interval": {"text": behind(r["interval"])},
            }
            for r in m.rows
        ]
        yield m.at, dumps({"ts": START + m.at, "standings": rows})


def row_lines(told: Told) -> Lines:
    """A JSON object on each line."""
    for m in polled(told):
        yield m.at, "\n".join(dumps({"kind": "row", **plain(r)}) for r in m.rows) + "\n"


def record_types(told: Told) -> Lines:
    """Lines of three kinds, each with its own columns: who starts, every lap, every row of the board that changed."""
    shown: dict[str, str] = {}
    for m in told.moments:
        out = [f"ENT|{r['number']}|{r['driver']}|SENIOR" for r in m.rows if not shown]
        who = m.crossed[0] if m.crossed else None
        out += [f"LAP|{who}|{r['laps']}|{r['last']}|{m.at}" for r in m.rows if r["number"] == who]
        for r in m.rows:
            ms = (r["gap"].ms if r["gap"] else 0) or 0
            line = f"POS|{r['position']}|{r['number']}|{r['laps']}|{ms}"
            if shown.get(r["number"]) != line:
                shown[r["number"]] = line
                out.append(line)
        if out:
            yield m.at, "\r\n".join(out) + "\r\n"
