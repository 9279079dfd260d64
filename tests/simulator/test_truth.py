"""The truth agrees with the frames, and says no more than they can tell."""

import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pytest

from karttime.feeds.frame import Frame
from karttime.simulator.apex import ApexSimulator
from karttime.simulator.scenarios import Options, simulator
from karttime.simulator.truth import TrueSession

if TYPE_CHECKING:
    from tests.simulator.conftest import Step, Wire

Walk = Callable[[Iterable[Frame]], "Iterator[Step]"]


def ms(text: str) -> int | None:
    if not text:
        return None
    minutes, _, seconds = text.rpartition(":")
    return int(minutes or 0) * 60_000 + round(float(seconds) * 1000)


def final_boards(sim: ApexSimulator, walk: Walk) -> list["dict[str, dict[str, str]]"]:
    """What the board showed of every row when the next session was loaded, or at the end; by column type."""
    boards: list[dict[str, dict[str, str]]] = []
    title = ""
    last: dict[str, dict[str, str]] = {}
    for step in walk(sim.frames()):
        if title and step.after.lines["title2"] != title:
            boards.append(last)
        title, last = step.after.lines["title2"], _texts(step.after)
    return [*boards, last]


def _texts(board: "Wire") -> dict[str, dict[str, str]]:
    rows: dict[str, dict[str, str]] = defaultdict(dict)
    for (row, number), (_, text) in board.cells.items():
        rows[row][board.types[number] or board.headers[number]] = text
    for row, position in board.positions.items():
        rows[row]["position"] = str(position)
    return rows


def test_the_final_board_is_the_true_classification(small: ApexSimulator, walk: Walk) -> None:
    boards = final_boards(small, walk)
    assert len(boards) == len(small.truth.sessions)
    for board, session in zip(boards, small.truth.sessions, strict=True):
        assert [row.position for row in session.classification] == list(range(1, len(board) + 1))
        for row in session.classification:
            shown = board[row.competitor_id]
            assert shown["position"] == str(row.position)
            assert shown["no"] == row.number
            assert ms(shown["llp"]) == row.last_lap_ms
            assert shown.get("gap") == row.gap
            assert shown.get("int") == row.interval
            assert ms(shown.get("blp", shown.get("M. Vuelta", ""))) == row.best_lap_ms
            assert row.pit_stops == (int(shown["pit"] or 0) if "pit" in shown else None)
            who = {row.team, row.driver, *(f"{row.driver} [{h}:{m:02}]" for h in (0, 1) for m in range(60))}
            assert shown["dr"] in who


def test_the_classification_follows_from_the_laps(small: ApexSimulator) -> None:
    list(small.frames())
    for session in small.truth.sessions:
        for row in session.classification:
            times = [lap.time_ms for lap in session.laps.get(row.competitor_id, [])]
            assert row.laps == len(times)
            assert row.last_lap_ms == (times[-1] if times else None)
            assert row.best_lap_ms == min(times, default=None)


def test_lap_counters_count_the_true_laps_and_the_first_crossing_where_the_venue_does(walk: Walk) -> None:
    for preset, more in (("endurance", 0), ("pit-lane", 1)):
        sim = simulator(Options(preset, karts=5, duration_ms=600_000))
        board = final_boards(sim, walk)[-1]
        for row in sim.truth.sessions[-1].classification:
            assert int(board[row.competitor_id]["tlp"]) == row.laps + more


def test_every_true_lap_is_told_in_the_two_frames_after_it(small: ApexSimulator, walk: Walk) -> None:
    """By the text of the last-lap cell, or for a lap equal to the one before by the crossing."""
    told: dict[str, list[int]] = defaultdict(list)
    for step in walk(small.frames()):
        for line in step.lines:
            found = re.match(r"r(\d+)(?:c(\d+))?\|([^|]*)\|", line)
            if found and (found[3] == "*" or (found[2] and int(found[2]) == step.after.column("llp"))):
                told[found[1]].append(step.at)
    for session in small.truth.sessions:
        for row, laps in session.laps.items():
            for lap in laps:
                begins = lap.at - small.truth.start_at
                assert lap.told == "board" or any(begins <= at <= begins + 400 for at in told[row]), lap


def test_laps_are_marked_first_pit_and_after_the_flag() -> None:
    sim = simulator(Options("endurance", karts=5, duration_ms=600_000))
    list(sim.frames())
    race = sim.truth.sessions[-1]
    for row, laps in race.laps.items():
        assert [number for number, lap in enumerate(laps) if "first" in lap.flags] == [0]
        stops = len(race.pit_stops[row])
        assert sum("pit" in lap.flags for lap in laps) == stops
        after = [number for number, lap in enumerate(laps) if "after-flag" in lap.flags]
        finished = next(line.finished for line in race.classification if line.competitor_id == row)
        assert after == ([len(laps) - 1] if finished else [])
        assert all((lap.at > (race.chequered_at or 0)) == ("after-flag" in lap.flags) for lap in laps)


def test_drivers_and_karts_of_laps_change_with_the_stops() -> None:
    sim = simulator(Options("endurance", karts=5, duration_ms=600_000))
    list(sim.frames())
    for laps in sim.truth.sessions[-1].laps.values():
        changes = sum(a.driver != b.driver for a, b in itertools.pairwise(laps))
        swaps = sum(a.number != b.number for a, b in itertools.pairwise(laps))
        assert changes == swaps == 1


def test_the_truth_is_json_and_complete() -> None:
    sim = simulator(Options("rental", karts=4, duration_ms=240_000))
    list(sim.frames())
    facts = json.loads(json.dumps(sim.truth.as_json()))
    assert facts["version"] == 1
    assert [session["title"] for session in facts["sessions"]] == ["Corsa 1", "Corsa 2", "Corsa 3"]
    for session in facts["sessions"]:
        assert session["loaded_at"] < session["green_at"] < session["chequered_at"]
        assert Counter(flag["flag"] for flag in session["flags"]) == {"green": 1, "chequered": 1}
        lap = next(iter(session["laps"].values()))[0]
        assert sum(lap["sectors"]) == lap["time_ms"]


@pytest.mark.parametrize(("preset", "ranked_by"), [("sprint", ["best_lap", "laps"]), ("pit-lane", ["laps"])])
def test_sessions_say_what_ranks(preset: str, ranked_by: list[str]) -> None:
    sim = simulator(Options(preset, karts=3, duration_ms=300_000))
    list(sim.frames())
    sessions: list[TrueSession] = sim.truth.sessions
    assert [session.ranked_by for session in sessions] == ranked_by
