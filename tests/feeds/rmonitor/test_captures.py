"""Real traffic against a reading of the same bytes that shares nothing with the decoder."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from karttime.analysis.report import Report, analyze
from karttime.domain.classification import classification
from karttime.domain.session import Session
from karttime.domain.updates import LapFlag, SessionKind
from karttime.feeds.frame import Frame
from karttime.feeds.rmonitor.refusals import REASONS
from karttime.recording.reader import open_recording

if TYPE_CHECKING:
    from tests.feeds.rmonitor.conftest import Laps

pytestmark = pytest.mark.captures

RELAY = "racemonitor-relay-endurance-2021.dat"
SEBRING = "sebring-2009-session-4-imsa.txt"
FILES = {
    "geisingen-500m-heats-cp1252.txt": 6,
    "geisingen-80-laps.txt": 1,
    "geisingen-fragment-without-entries.txt": 1,
    "knockhill-race-annotated.log": 1,
    "mid-race-reset-green.txt": 1,
    "mid-race-reset-yellow.txt": 1,
    "negative-race-time-start.txt": 1,
    "orbits-mock-session.txt": 1,
    RELAY: 1,
    "road-america-7h-start.txt": 1,
    SEBRING: 1,
}
"""Every capture, and in how many sessions laps were driven."""

_NO_TIME = {None, 0, 3_599_999}


@dataclass
class Row:
    """What the last `$G` and `$H` of a competitor say."""

    position: int = 0
    laps: int = 0
    total: int | None = None
    rank: int = 0
    best: int | None = None


@dataclass
class Reading:
    """One stretch between two resets."""

    run: str = ""
    rows: dict[str, Row] = field(default_factory=dict)
    clock: int = 0


def _ms(text: str) -> int:
    hours, minutes, rest = text.split(":")
    seconds, _, millis = rest.partition(".")
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(millis or 0)


def _records(path: Path) -> Iterator[list[str]]:
    """Fields of every whole line; a field keeps no quotes."""
    for raw in path.read_bytes().split(b"\n"):
        line = re.sub(r"^(?:\d+ |\S+Z )", "", raw.decode("cp1252", "replace").strip("\r\ufeff "))
        if line.count("$") == 1 and line.startswith("$") and line.count('"') % 2 == 0:
            yield [first or second for first, second in re.findall(r'(?:^|,)\s*(?:"([^"]*)"|([^,"]*))', line)]


def _read(path: Path) -> list[Reading]:
    """What was last said of each competitor, run by run: a reset goes on with its run when the race clock does."""
    runs = [Reading()]
    told: Reading | None = None  # since a reset, until the clock says what it is
    for record in _records(path):
        now = told or runs[-1]
        match record:
            case ["$I", *_]:
                told = Reading()
            case ["$B", number, title] if number != "95":
                now.run = f"{number} {title}"
            case ["$G", position, reg, laps, total]:
                row = now.rows.setdefault(reg, Row())
                row.position, row.laps, row.total = int(position), int(laps or 0), _ms(total)
            case ["$H", position, reg, _, best]:
                row = now.rows.setdefault(reg, Row())
                row.rank, row.best = int(position), None if _ms(best) in _NO_TIME else _ms(best)
            case ["$F", _, _, _, clock, flag]:
                if told is not None and flag.strip():
                    if _ms(clock) + 5000 >= runs[-1].clock:
                        runs[-1].rows |= told.rows
                    else:
                        runs.append(told)
                    told = None
                if told is None and "-" not in clock:
                    runs[-1].clock = max(runs[-1].clock, _ms(clock) % 3_599_000)
    if told is not None and told.rows and _most(told):
        runs[-1].rows |= told.rows
    return [one for one in runs if one.rows and _most(one)]


def _most(reading: Reading) -> int:
    return max(row.laps for row in reading.rows.values())


def _driven(report: Report) -> list[Session]:
    return [one for one in report.logbook.sessions if any(row.laps for row in classification(one))]


@pytest.mark.parametrize("name", FILES)
def test_final_classification(name: str, rmonitor: Path, report_of: Callable[[str], Report]) -> None:
    """Of every session: order, laps, totals and best laps as the last `$G` and `$H` of each competitor say."""
    sessions, readings = _driven(report_of(name)), _read(rmonitor / name)
    assert len(sessions) == len(readings) == FILES[name]
    for session, reading in zip(sessions, readings, strict=True):
        by_best = session.kind in (SessionKind.PRACTICE, SessionKind.QUALIFYING)
        rows = {row.competitor_id: row for row in classification(session)}
        assert rows.keys() == reading.rows.keys()
        for reg, known in reading.rows.items():
            row = rows[reg]  # type: ignore[index]
            assert row.laps == known.laps, reg
            assert row.best_lap_ms == known.best, reg
            assert (row.total_ms or 0) in (known.total, 0 if known.total in _NO_TIME else -1), reg
        stated = [(known.rank if by_best else known.position, reg) for reg, known in reading.rows.items()]
        shared = Counter(position for position, _ in stated)
        places = [row.position for row in rows.values() if row.position]
        assert len(places) == len(set(places))
        if max(shared.values()) == 1:
            assert {row.position: reg for reg, row in rows.items() if row.position} == {p: r for p, r in stated if p}
