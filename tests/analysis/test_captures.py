"""Generated parsers on real feeds: their last standing is what the feed's own last message shows.

Each reader below takes that message apart by hand, without anything of inference or of declared feeds.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from karttime.analysis.report import Report, analyze
from karttime.domain.classification import classification
from karttime.feeds.frame import Frame
from karttime.recording.merge import read_frames

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures" / "other"
Row = tuple[int | None, str, int | None, int | None, int | None]
"""Position, number, laps, last lap and best lap in ms; None for none."""

pytestmark = pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures are not here (../shared/captures/other)")


def ms(text: str | float | None) -> int | None:
    """`1:02.3456`, `62.345`, 62.345, cut to thousandths as timing does; None for nothing, zero and dashes."""
    hours, minutes, seconds = ("0", "0", *str(text or "0").replace("-", "0").split(":"))[-3:]
    return int((int(hours) * 3600 + int(minutes) * 60 + Decimal(seconds)) * 1000) or None


def rows(items: list[Mapping[str, Any]], position: str, number: str, laps: str, last: str, best: str) -> list[Row]:
    made = [
        (int(item[position]), str(item[number] or ""), int(item[laps]), ms(item[last]), ms(item[best]))
        for item in items
    ]
    return sorted(made, key=lambda row: row[0] or 0)


def clubspeed(data: Any) -> list[Row]:
    return rows(data["scoreboard"], "position", "kart_num", "lap_num", "last_lap_time", "fastest_lap_time")


def indycar(data: Any) -> list[Row]:
    return rows(data["timing_results"]["Item"], "rank", "no", "laps", "lastLapTime", "bestLapTime")


def nascar(data: Any) -> list[Row]:
    names = ("running_position", "vehicle_number", "laps_completed", "last_lap_time", "best_lap_time")
    return rows(data["vehicles"], *names)


def nls(data: Any) -> list[Row]:
    return rows(data["RESULT"], "POSITION", "STNR", "LAPS", "LASTLAPTIME", "FASTESTLAP")


def kyiv(data: Any) -> list[Row]:
    return rows(data["onTablo"]["teams"], "position", "number", "lapCount", "lastLap", "bestLap")


def racefacer(data: Any) -> list[Row]:
    return rows(data["data"]["runs"], "pos", "kart", "total_laps", "last_time", "best_time")


READERS: Mapping[str, Callable[[Any], list[Row]]] = {
    "clubspeed/msg_race_ended.pseudonymised.json": clubspeed,
    "indycar/timingscoring-ris.json": indycar,
    "indycar/timingscoring.json": indycar,
    "nascar-livefeed/live-feed_nhorto.json": nascar,
    "nls/n24q_pid0_first10rows.json": nls,
    "nfs-kyiv/getmaininfo.json": kyiv,
    "nfs-kyiv/training_20220819.jsonl": kyiv,
    "racefacer/kartarenacheb_session71.pretty.json": racefacer,
    "racefacer/lemansentertainment_session77.pseudonymised.json": racefacer,
}


def shown(report: Report) -> list[Row]:
    return [
        (row.position, row.number, row.laps, row.last_lap_ms, row.best_lap_ms)
        for row in classification(report.logbook.sessions[-1])
    ]


POLLED = "nfs-kyiv/training_20220819.jsonl"
_LATEST = 40
"""Frames of a longer recording that are enough, and quick."""


@cache
def studied(name: str) -> tuple[list[Frame], Report]:
    frames = list(read_frames([CAPTURES / name]))[-_LATEST:]
    return frames, analyze(frames)


@pytest.mark.parametrize("name", sorted(READERS))
def test_the_last_standing_is_what_the_feed_shows(name: str) -> None:
    """Position, number, laps, last and best lap of everybody."""
    frames, report = studied(name)
    assert shown(report) == READERS[name](json.loads(frames[-1].text or ""))


def test_laps_are_those_that_the_counter_and_the_last_lap_tell() -> None:
    """Of a feed that is polled: a lap whenever a kart's counter has risen, with the time beside it.

    But for one kart that shows a lap of the heat before in the message that begins the next.
    """
    frames, report = studied(POLLED)
    told: dict[str, list[int | None]] = {}
    before: dict[str, int] = {}
    for frame in frames:
        for _, number, laps, last, _ in kyiv(json.loads(frame.text or "")):
            if laps is not None and number in before and laps > before[number]:
                told.setdefault(number, []).append(last)
            before[number] = laps or 0
    made: dict[str, list[int | None]] = {}
    for session in report.logbook.sessions:
        for row in session.competitors.values():
            if row.laps:
                made.setdefault(str(row.values(session.columns)["number"]), []).extend(lap.time_ms for lap in row.laps)
    differ = {number for number in told if made.get(number) != told[number]}
    assert differ <= {"4"}
    assert made["4"] in (told["4"], told["4"][:-1])
