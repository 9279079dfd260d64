"""Made-up feeds in the shapes that timing systems use: one race told in many wire languages, with the truth of each.

Names of fields are of the kind that such systems have; people, teams and values are simulated.
"""

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Mapping

from . import wires_changes as told_changes
from . import wires_joined as told_apart
from . import wires_snapshots as told_whole
from .races import Told, hours
from .wire import Lines, Wire, dumps, polled
from .wires_changes import plain


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
    "position": "position",
    "number": "number",
    "driverName": "driver",
    "laps": "laps",
    "lastLap": "last_lap",
    "bestLap": "best_lap",
    "gap": "gap",
    "interval": "interval",
}
PIT = {"inPit": "in_pit"}
COLUMNS = {
    "rank": "position",
    "startNo": "number",
    "driver": "driver",
    "laps": "laps",
    "lastLap": "last_lap",
    "bestLap": "best_lap",
    "gap": "gap",
    "diff": "interval",
}

WIRES: Mapping[str, Wire] = {
    "letters": Wire(
        told_whole.letters,
        {
            "D[].N": "driver",
            "D[].K": "number",
            "D[].P": "position",
            "D[].L": "laps",
            "D[].T": "last_lap",
            "D[].B": "best_lap",
            "D[].A": "average_lap",
            "D[].G": "gap|undecided",
        },
        {"D[].D": "id|transponder", "C": "clock_remaining"},
    ),
    "shouting": Wire(
        told_whole.shouting,
        {
            "INDEX": "position",
            "PILOT": "driver",
            "LAPS": "laps",
            "LAPTIME": "last_lap",
            "BESTTIME": "best_lap",
            "MEDIUMTIME": "average_lap",
            "VEHICLE": "number",
            "DELAYTIMEFIRST": "gap",
            "DELAYTIMEPREVIOUS": "interval",
        },
        {
            "TRANSPONDER": "transponder|id",
            "ABSOLUTTIME": "total_time",
            "COUNTRY": "nationality",
            "REMAININGTIME": "clock_remaining",
        },
    ),
    "by_order": Wire(
        told_whole.by_order,
        {
            "order": "position",
            "rider_number": "number",
            "rider_name": "driver",
            "team_name": "team",
            "num_lap": "laps",
            "lap_time": "best_lap",
            "last_lap_time": "last_lap",
            "gap_first": "gap",
            "gap_prev": "interval",
        },
        {"rider_id": "id|transponder", "on_pit": "in_pit", "remaining": "clock_remaining"},
    ),
    "deep": Wire(
        told_whole.deep,
        {
            "rank": "position",
            "participation.number": "number",
            "current_pilot": "driver",
            "current_lap": "laps",
            "last_lap": "last_lap",
            "best_lap": "best_lap",
            "ranks[].gap": "gap",
            "gap_prev": "interval",
            "sectors.0.current": "sector_1",
            "sectors.1.current": "sector_2",
            "sectors.2.current": "sector_3",
            "team.name_id": "team",
        },
        {"pitstop": "pit_stops", "ranks[].status": "status|in_pit", "category.name_id": "class"},
    ),
    "columns": Wire(told_whole.columns, COLUMNS, {"left": "clock_remaining"}),
    "columns_once": Wire(told_whole.columns_once, COLUMNS, {}),
    "no_names": Wire(
        told_whole.no_names,
        {
            "[].0": "number",
            "[].1": "position",
            "[].2": "driver",
            "[].3": "laps",
            "[].4": "last_lap",
            "[].5": "best_lap",
        },
        {"[].6": "id|transponder"},
    ),
    "digits": Wire(
        told_whole.digits,
        {
            "board[].1": "position",
            "board[].2": "number",
            "board[].3": "driver",
            "board[].7": "laps",
            "board[].8": "last_lap",
            "board[].9": "best_lap",
            "board[].12": "gap",
        },
        {},
    ),
    "scalar_maps": Wire(
        told_whole.scalar_maps,
        {
            "pos": "position",
            "nr": "number",
            "name": "driver",
            "laps": "laps",
            "last": "last_lap",
            "best": "best_lap",
            "gap": "gap",
        },
        {},
    ),
    "parallel": Wire(
        told_whole.parallel,
        {
            "CarIdxPosition": "position",
            "CarIdxNumber": "number",
            "CarIdxName": "driver",
            "CarIdxLap": "laps",
            "CarIdxLastLapTime": "last_lap",
            "CarIdxBestLapTime": "best_lap",
        },
        {},
    ),
    "html": Wire(
        told_whole.html,
        {
            "Pos": "position",
            "No": "number",
            "Driver": "driver",
            "Laps": "laps",
            "Last": "last_lap",
            "Best": "best_lap",
            "Gap": "gap",
            "Int": "interval",
        },
        {},
    ),
    "xml_attributes": Wire(
        told_whole.xml_attributes,
        {
            "R[].L": "position",
            "R[].N": "number",
            "R[].D": "driver",
            "R[].LC": "laps",
            "R[].LT": "last_lap",
            "R[].BT": "best_lap",
            "R[].G": "gap",
        },
        {},
    ),
    "xml_elements": Wire(
        told_whole.xml_elements,
        {
            "position": "position",
            "number": "number",
            "name": "driver",
            "laps": "laps",
            "lastTime": "last_lap",
            "bestTime": "best_lap",
        },
        {},
    ),
    "xml_updates": Wire(
        told_changes.xml_updates,
        {
            "E[].N": "number",
            "E[].P": "position",
            "E[].L": "laps",
            "E[].LT": "last_lap",
            "E[].BT": "best_lap",
        },
        {"E[].ID": "id|undecided"},
    ),
    "csv_header": Wire(
        told_whole.csv_header,
        {
            "POS": "position",
            "NO": "number",
            "NAME": "driver",
            "LAPS": "laps",
            "LAST": "last_lap",
            "BEST": "best_lap",
            "GAP": "gap",
        },
        {},
    ),
    "csv_log": Wire(
        told_whole.csv_log,
        {"kart": "number", "driver": "driver", "lap": "laps", "lap_time": "last_lap", "best_time": "best_lap"},
        {"position": "position"},
    ),
    "record_types": Wire(
        told_apart.record_types,
        {
            "ENT: 1": "number",
            "ENT: 2": "driver",
            "LAP: 1": "number",
            "LAP: 2": "laps",
            "LAP: 3": "last_lap",
            "POS: 1": "position",
        },
        {"LAP: 4": "passing", "POS: 2": "number", "POS: 3": "laps", "POS: 4": "gap|undecided"},
    ),
    "fixed_width": Wire(
        told_whole.fixed_width,
        {
            "Pos": "position",
            "No": "number",
            "Driver": "driver",
            "Laps": "laps",
            "Last": "last_lap",
            "Best": "best_lap",
            "Gap": "gap",
        },
        {},
    ),
    "init_and_updates": Wire(told_changes.init_and_updates, PLAIN, PIT),
    "typed_updates": Wire(
        told_changes.typed_updates,
        {
            "CARNO": "number",
            "DRIVER_E": "driver",
            "LAPS": "laps",
            "LAST_TIME": "last_lap",
            "BEST_TIME": "best_lap",
            "POS": "position",
        },
        {"TEAM_E": "team", "TOTAL_TIME": "total_time", "RACE_CLASS": "class"},
    ),
    "hub": Wire(
        told_changes.hub,
        {
            "Pos": "position",
            "StartNumber": "number",
            "Name": "driver",
            "Laps": "laps",
            "LastLapTime": "last_lap",
            "CurrentSessionBest": "best_lap",
            "Gap": "gap",
            "Diff": "interval",
        },
        {"ID": "id|transponder", "PrimaryClass": "class", "InPits": "in_pit"},
    ),
    "cells": Wire(
        told_changes.cells,
        {
            "position": "position",
            "startnumber": "number",
            "name": "driver",
            "laps": "laps",
            "lastroundtime": "last_lap",
            "fastestroundtime": "best_lap",
            "hole": "gap",
        },
        {},
    ),
    "columns_then_cells": Wire(
        told_changes.columns_then_cells,
        {
            "POS": "position",
            "NR": "number",
            "NAME": "driver",
            "LAPS": "laps",
            "GAP": "gap",
            "DIFF": "interval",
            "LAST": "last_lap",
            "BEST": "best_lap",
        },
        {"PIT": "pit_stops"},
    ),
    "specified": Wire(
        told_changes.specified,
        {
            "@place": "position",
            "Num": "number",
            "Class": "class",
            "Driver": "driver",
            "Laps": "laps",
            "Gap": "gap",
            "Last.0": "last_lap",
            "Best.0": "best_lap",
        },
        {"State": "status", "timeRemain": "clock_remaining"},
    ),
    "meteor": Wire(
        told_changes.meteor,
        {
            "data.0": "position",
            "data.1": "number",
            "data.4": "laps",
            "lastLapTime": "last_lap",
            "bestLapTime": "best_lap",
        },
        {"data.5": "pit_stops", "data.7": "total_time"},
    ),
    "since_last": Wire(
        told_changes.since_last,
        {
            "pos": "position",
            "number": "number",
            "driver_names.0": "driver",
            "total_lap": "laps",
            "lap_time": "last_lap",
            "best_time": "best_lap",
            "gap_first": "gap",
            "gap_prev": "interval",
            "inter_1": "sector_1",
            "inter_2": "sector_2",
            "inter_3": "sector_3",
        },
        {"competitor_id": "id|transponder", "team": "team", "total_pit_stop": "pit_stops"},
    ),
    "index_deltas": Wire(told_changes.index_deltas, PLAIN, PIT),
    "patches": Wire(told_changes.patches, PLAIN, PIT),
    "event_stream": Wire(told_changes.event_stream, PLAIN, PIT),
    "lines": Wire(
        told_changes.lines,
        {"LAP: 2": "number", "LAP: 3": "driver", "LAP: 4": "laps", "LAP: 5": "last_lap", "LAP: 6": "best_lap"},
        {"LAP: 7": "position", "CLK: 2": "clock_remaining"},
    ),
    "passings": Wire(
        told_changes.passings,
        {"no": "number", "who": "driver", "lap": "laps", "dur": "last_lap", "best": "best_lap"},
        {"tx": "transponder|id", "ts": "passing|time_of_day"},
    ),
    "stomp": Wire(wrapped(stomp, "\n"), PLAIN, PIT),
    "packed": Wire(wrapped(packed), PLAIN, PIT),
    "deflated": Wire(wrapped(deflated), PLAIN, PIT),
    "cable": Wire(wrapped(cable, '{"type":"ping","message":1700000000}'), PLAIN, PIT),
    "phoenix": Wire(
        wrapped(
            lambda t, n: dumps([None, str(n), "race:9", "board", json.loads(t)]),
            '[null,"9","phoenix","phx_reply",{"status":"ok","response":{}}]',
        ),
        PLAIN,
        PIT,
    ),
    "pusher": Wire(
        wrapped(
            lambda t, _: dumps({"event": "board", "channel": "live-9", "data": t}),
            '{"event":"pusher:pong","data":"{}"}',
        ),
        PLAIN,
        PIT,
    ),
    "graphql": Wire(
        wrapped(
            lambda t, _: dumps({"id": "1", "type": "next", "payload": {"data": {"live": json.loads(t)}}}),
            '{"type":"ka"}',
        ),
        PLAIN,
        PIT,
    ),
    "core": Wire(
        wrapped(
            lambda t, _: dumps({"type": 1, "target": "Board", "arguments": [json.loads(t)]}) + "\x1e", '{"type":6}\x1e'
        ),
        PLAIN,
        PIT,
    ),
    "string_in_core": Wire(
        wrapped(lambda t, _: dumps({"type": 1, "target": "Board", "arguments": [t]}) + "\x1e", '{"type":6}\x1e'),
        PLAIN,
        PIT,
    ),
    "jsonp": Wire(wrapped(lambda t, _: f"jQuery3_17({t});"), PLAIN, PIT),
    "topics": Wire(
        wrapped(
            lambda t, n: dumps({"topic": "timing/board", "qos": 0, "seq": n, "payload": t}),
            '{"topic":"timing/alive","qos":0,"seq":0,"payload":"1"}',
        ),
        PLAIN,
        PIT,
    ),
    "classes": Wire(told_apart.classes, PLAIN, {**PIT, "classPos": "class_position|position"}),
    "documents": Wire(told_apart.documents, {**PLAIN, "remainingTime": "clock_remaining", "flg": "flag"}, PIT),
    "topics_by_kart": Wire(told_apart.topics, PLAIN, PIT),
    "values": Wire(told_apart.values, PLAIN, PIT),
    "joined": Wire(
        told_apart.joined,
        {
            "position": "position",
            "number": "number",
            "driverName": "driver",
            "laps": "laps",
            "lastLap": "last_lap",
            "bestLap": "best_lap",
            "gap": "gap",
        },
        {"team": "team", "class": "class"},
    ),
    "by_id": Wire(
        told_apart.by_id,
        {"racer_number" if name == "number" else name: role for name, role in PLAIN.items()},
        {**PIT, "racer_id": "id|undecided", "transponder": "transponder|id"},
    ),
    "nested": Wire(
        told_apart.nested,
        {
            "position.overall": "position",
            "car.number": "number",
            "driver.full": "driver",
            "laps.count": "laps",
            "last.ms": "last_lap",
            "best.ms": "best_lap",
            "gap.text": "gap",
            "interval.text": "interval",
        },
        {},
    ),
    "row_lines": Wire(told_apart.row_lines, PLAIN, PIT),
}
