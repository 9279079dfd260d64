"""Made-up feeds that tell everything again and again, in the languages that timing systems use."""

import json
from html import escape

from .races import START, Row, Told, behind, clock, hours
from .wire import Lines, dumps, polled


def letters(told: Told) -> Lines:
    """One-letter keys that mean one thing for the heat and another for a driver; times in ms."""
    for m in polled(told, 2000):
        drivers = [
            {
                "N": r["driver"],
                "K": r["number"],
                "P": r["position"],
                "L": r["laps"],
                "T": r["last"] or 0,
                "B": r["best"] or 0,
                "A": r["average"] or 0,
                "G": behind(r["gap"], "{}L", ""),
                "D": r["id"],
                "M": 0,
            }
            for r in m.rows
        ]
        yield m.at, dumps({"N": "[HEAT] 12 - Adults", "S": 1, "C": m.left_ms, "E": 1, "T": START // 1000, "D": drivers})


def shouting(told: Told) -> Lines:
    """Upper case, everything a text, laps behind as negative counts."""
    for m in polled(told):
        data = [
            {
                "ABSOLUTTIME": clock(r["total"]),
                "BESTTIME": clock(r["best"], "0.000"),
                "INDEX": r["position"],
                "DELAYTIMEFIRST": behind(r["gap"], "-{}") or "0.000",
                "DELAYTIMEPREVIOUS": behind(r["interval"], "-{}"),
                "LAPS": r["laps"],
                "LAPTIME": clock(r["last"], "0.000"),
                "MEDIUMTIME": clock(r["average"], "0.000"),
                "PILOT": r["driver"],
                "CLUB": "",
                "COUNTRY": r["nationality"],
                "TRANSPONDER": r["transponder"],
                "VEHICLE": r["number"],
                "SPEED": "27,14",
                "TREND": 1,
            }
            for r in m.rows
        ]
        meta = {"GROUP": "Final A", "NAME": "CLUB MEETING", "REMAININGTIME": hours(m.left_ms), "COUNTDOWN": "00:00:00"}
        yield m.at, dumps({"EVENT": {"CONFIG": {"MODE": "LapAndTime"}, "DATA": data, "METADATA": meta, "KEY": "B18D"}})


def by_order(told: Told) -> Lines:
    """Rows in an object by position; minutes with an apostrophe."""

    def minutes(ms: int | None) -> str:
        return "" if ms is None else f"{ms // 60_000}'{ms % 60_000 / 1000:06.3f}"

    for m in polled(told):
        riders = {
            str(r["position"]): {
                "order": r["position"],
                "rider_id": r["id"],
                "rider_number": r["number"],
                "rider_name": r["driver"],
                "team_name": r["team"],
                "num_lap": r["laps"],
                "lap_time": minutes(r["best"]),
                "last_lap_time": minutes(r["last"]),
                "gap_first": behind(r["gap"], "{} lap", ""),
                "gap_prev": behind(r["interval"], "{} lap", ""),
                "on_pit": r["in_pit"],
                "status_name": "CL",
            }
            for r in m.rows
        }
        yield m.at, dumps({"lt": {"head": {"category": "Pro", "remaining": hours(m.left_ms)}, "rider": riders}})


def deep(told: Told) -> Lines:
    """Who drives is an object of its own; sectors in an object by index."""
    for m in polled(told):
        ranks = [
            {
                "rank": r["position"],
                "rank_by_category": 1,
                "gap": behind(r["gap"]),
                "gap_prev": behind(r["interval"]),
                "current_lap": r["laps"],
                "last_lap": clock(r["last"]),
                "best_lap": clock(r["best"]),
                "pitstop": r["stops"],
                "status": "in" if r["in_pit"] else "run",
                "current_pilot": r["driver"],
                "participation": {"number": r["number"], "team": {"name_id": r["team"]}, "category": {"name_id": "LM"}},
                "sectors": {
                    str(n): {"current": None if r[f"s{n + 1}"] is None else r[f"s{n + 1}"] / 1000} for n in range(3)
                },
            }
            for r in m.rows
        ]
        yield m.at, dumps({"live_standing": {"status": m.flag, "elapsed": (m.at // 1000), "ranks": ranks}})


def columns(told: Told) -> Lines:
    """Names of columns once per message, rows as lists."""
    names = ["rank", "startNo", "driver", "laps", "lastLap", "bestLap", "gap", "diff"]
    for m in polled(told):
        rows = [
            [
                r["position"],
                r["number"],
                r["driver"],
                r["laps"],
                clock(r["last"]),
                clock(r["best"]),
                behind(r["gap"]),
                behind(r["interval"]),
            ]
            for r in m.rows
        ]
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
        yield (
            m.at,
            dumps(
                [
                    [r["number"], r["position"], r["driver"], r["laps"], r["last"] or 0, r["best"] or 0, r["id"]]
                    for r in m.rows
                ]
            ),
        )


def digits(told: Told) -> Lines:
    """Fields are called by numbers."""
    for m in polled(told):
        rows = [
            {
                "1": r["position"],
                "2": r["number"],
                "3": r["driver"],
                "7": r["laps"],
                "8": clock(r["last"]),
                "9": clock(r["best"]),
                "12": behind(r["gap"]),
            }
            for r in m.rows
        ]
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
        yield (
            m.at,
            dumps(
                {
                    "CarIdxPosition": [r["position"] for r in rows],
                    "CarIdxNumber": [r["number"] for r in rows],
                    "CarIdxName": [r["driver"] for r in rows],
                    "CarIdxLap": [r["laps"] for r in rows],
                    "CarIdxLastLapTime": [(r["last"] or -1000) / 1000 for r in rows],
                    "CarIdxBestLapTime": [(r["best"] or -1000) / 1000 for r in rows],
                }
            ),
        )


def html(told: Told) -> Lines:
    """A page's table, asked for again and again."""
    heads = ("Pos", "No", "Driver", "Laps", "Last", "Best", "Gap", "Int")
    for m in polled(told):
        body = "".join(
            f"<tr class='row{r['position'] % 2}'><td>{r['position']}</td><td><b>{r['number']}</b></td>"
            f"<td>{escape(r['driver'])}</td><td>{r['laps']}</td><td>{clock(r['last'])}</td><td>{clock(r['best'])}</td>"
            f"<td>{behind(r['gap'])}</td><td>{behind(r['interval'])}</td></tr>"
            for r in m.rows
        )
        head = "".join(f"<th>{name}</th>" for name in heads)
        yield (
            m.at,
            f"<!DOCTYPE html><html><body><h1>Final</h1><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table></body></html>",
        )


def xml_attributes(told: Told) -> Lines:
    """Elements with attributes of one or two letters."""
    for m in polled(told):
        rows = "".join(
            f'<R L="{r["position"]}" N="{r["number"]}" D="{escape(r["driver"])}" LC="{r["laps"]}" '
            f'LT="{clock(r["last"])}" BT="{clock(r["best"])}" G="{behind(r["gap"])}"/>'
            for r in m.rows
        )
        yield m.at, f'<?xml version="1.0" encoding="utf-8"?>\r\n<Live><H T="{hours(m.left_ms)}"/>{rows}</Live>\r\n'


def xml_elements(told: Told) -> Lines:
    """Elements inside elements."""
    for m in polled(told):
        rows = "".join(
            f"<competitor><position>{r['position']}</position><number>{r['number']}</number>"
            f"<name>{escape(r['driver'])}</name><laps>{r['laps']}</laps><lastTime>{clock(r['last'])}</lastTime>"
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
                    f"{r['number']},{r['driver']},{r['laps']},{r['last'] / 1000:.3f},{r['best'] / 1000:.3f},"
                    f"{r['position']}\n",
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
