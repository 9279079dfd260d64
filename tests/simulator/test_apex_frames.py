"""Each fact of the Apex wire that the simulator claims, seen through a reader of its own."""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karttime.feeds.frame import Frame
from karttime.simulator.apex import ApexSimulator
from karttime.simulator.apex.words import LANGUAGES, words
from karttime.simulator.scenarios import PRESETS, START_AT, Options, simulator

if TYPE_CHECKING:
    from tests.simulator.conftest import Step, Wire

Walk = Callable[[Iterable[Frame]], "Iterator[Step]"]

LAP = re.compile(r"(?:(\d+):)?(\d+)\.(\d{3})")


def ms(text: str) -> int:
    found = LAP.fullmatch(text)
    assert found, text
    return (int(found[1] or 0) * 60 + int(found[2])) * 1000 + int(found[3])


def run(preset: str, **options: int) -> list[Frame]:
    return list(simulator(Options(preset, **options)).frames())  # type: ignore[arg-type] # only whole numbers here


def test_every_frame_is_lines_of_three_fields_that_end_with_a_newline(small: ApexSimulator) -> None:
    for frame in small.frames():
        assert frame.text is not None
        assert frame.text.endswith("\n")
        assert "\r" not in frame.text
        for line in filter(None, frame.text.split("\n")):
            passed_line = re.match(r"r\d+\|\*\|", line)
            assert line.count("|") == (3 if passed_line else 2), line


def test_frames_come_in_time_order_a_fifth_of_a_second_apart(small: ApexSimulator) -> None:
    frames = list(small.frames())
    assert frames[0].at == START_AT
    assert all(frame.offset == frame.at - START_AT for frame in frames)
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(frames)]
    assert min(gaps) >= 200
    assert all(gap % 200 == 0 for gap in gaps)


def test_a_silent_connection_is_kept_alive_after_a_minute(small: ApexSimulator) -> None:
    frames = list(small.frames())
    assert max(later.at - earlier.at for earlier, later in itertools.pairwise(frames)) <= 60_000
    for earlier, later in itertools.pairwise(frames):
        assert (later.text == "\n") == (later.at - earlier.at == 60_000 and later.text == "\n")


@given(seed=st.integers(0, 10_000), preset=st.sampled_from(sorted(PRESETS)), karts=st.integers(1, 9))
@settings(max_examples=12, deadline=None)
def test_the_same_seed_gives_the_same_frames_and_truth(seed: int, preset: str, karts: int) -> None:
    options = Options(preset, karts=karts, duration_ms=PRESETS[preset].track.lap_ms * 4, seed=seed)
    one, two = simulator(options), simulator(options)
    assert list(one.frames()) == list(two.frames())
    assert one.truth.as_json() == two.truth.as_json()


def test_another_seed_gives_other_frames() -> None:
    assert run("sprint", seed=1) != run("sprint", seed=2)


def test_only_cells_whose_content_changed_are_sent(small: ApexSimulator, walk: Walk) -> None:
    for step in walk(small.frames()):
        if any(line.startswith("init|") for line in step.lines):
            continue
        for line in step.lines:
            if found := re.match(r"r(\d+)c(\d+)\|([^|]*)\|(.*)", line):
                assert step.before[found[1], int(found[2])] != (found[3], found[4]), line


def test_after_every_frame_positions_are_unique_and_complete(small: ApexSimulator, walk: Walk) -> None:
    for step in walk(small.frames()):
        assert sorted(step.after.positions.values()) == list(range(1, len(step.after.positions) + 1))


def test_rank_cells_are_blank_or_the_position(small: ApexSimulator, walk: Walk) -> None:
    for step in walk(small.frames()):
        split = any(re.match(r"r\d+c", line) for line in step.lines) and not any("|#|" in line for line in step.lines)
        if split or not step.after.types:
            continue
        for row, position in step.after.positions.items():
            assert step.after.text(row, "rk") in ("", str(position))


def test_a_snapshot_is_the_fold_of_the_frames_before_the_last(small: ApexSimulator, walk: Walk, wire: "Wire") -> None:
    told = 0
    steps = walk(small.frames())
    previous: tuple[dict[tuple[str, int], tuple[str, str]], dict[str, int]] | None = None
    for ordinal, step in enumerate(steps):
        burst = any(line.startswith("init|") for line in step.lines)
        if previous is not None and ordinal % 7 == 0 and not burst:
            wire.feed(small.snapshot())
            assert (wire.cells, wire.positions) == previous
            told += 1
        previous = (dict(step.after.cells), dict(step.after.positions))
    assert told > 10


def test_a_snapshot_while_a_whole_board_is_sent_is_that_board(small: ApexSimulator) -> None:
    for frame in small.frames():
        if frame.text and frame.text.startswith("init|"):
            assert small.snapshot() == frame.text


LEISURE = "init best css effects comments title1 title2 dyn1 light wth1 wth2 wth3 track com grid msg"
COMPETITION = "init gmt css title1 title2 dyn1 dyn2 light wth1 wth2 wth3 comments track gridb chp gridc com msg grid"


@pytest.mark.parametrize(("preset", "order"), [("sprint", LEISURE), ("competition", COMPETITION)])
def test_bursts_are_in_the_order_of_their_edition(preset: str, order: str) -> None:
    bursts = [frame.text or "" for frame in run(preset, karts=4) if (frame.text or "").startswith("init|")]
    assert len(bursts) == 2
    for text in bursts:
        subjects = [line.partition("|")[0] for line in text.split("\n") if line]
        assert [subject for subject, _ in itertools.groupby(subjects)] == order.split()


def test_the_init_letter_says_what_ranks() -> None:
    letters = [frame.text[5] for frame in run("sprint") if (frame.text or "").startswith("init|") and frame.text]
    assert letters == ["p", "r"]


def test_a_lap_equal_to_the_one_before_is_told_by_its_crossing_alone() -> None:
    sim = simulator(Options("sprint", karts=30, duration_ms=900_000, seed=5))
    lines = [line for frame in sim.frames() for line in (frame.text or "").split("\n")]
    llp = 4
    race = sim.truth.sessions[1]
    equal = 0
    for row, laps in race.laps.items():
        times = [lap.time_ms for lap in laps]
        equal += sum(a == b for a, b in itertools.pairwise(times))
        sent = [line for line in lines if line.startswith(f"r{row}c{llp}|")]
        assert len(sent) > 0
    assert equal > 3
    sent_times = sum(bool(re.match(rf"r\d+c{llp}\|t[nib]\|", line)) for line in lines)
    crossings = sum(bool(re.match(r"r\d+\|\*\|", line)) for line in lines)
    assert sent_times < crossings + sum("c4|ti|" in line for line in lines)


def test_crossings_name_the_expected_lap_and_never_promise_less_for_improvements(walk: Walk) -> None:
    """A equals the lap for a personal or overall best; for others it is at most the lap, and mostly less."""
    equal = less = 0
    for step in walk(simulator(Options("endurance", karts=8, duration_ms=900_000, seed=4)).frames()):
        for line in step.lines:
            if not (found := re.match(r"r(\d+)\|\*\|(\d+)\|", line)):
                continue
            style, text = step.after.cells[found[1], step.after.column("llp")]
            expected = int(found[2])
            if style in ("ti", "tb"):
                assert expected == ms(text)
            equal, less = equal + (expected == ms(text)), less + (expected < ms(text))
    assert less > 20
    assert equal > 20


def test_the_competition_edition_names_the_lap_itself(walk: Walk) -> None:
    seen = 0
    for step in walk(simulator(Options("competition", karts=4, seed=4)).frames()):
        for line in step.lines:
            if found := re.match(r"r(\d+)\|\*\|(\d+)\|", line):
                assert int(found[2]) == ms(step.after.text(found[1], "llp"))
                seen += 1
    assert seen > 20


def test_first_crossings_and_crossings_after_the_flag_promise_nothing() -> None:
    sim = simulator(Options("rental", karts=4, duration_ms=240_000))
    empty = sum((frame.text or "").count("|*||\n") for frame in sim.frames())
    starters = sum(len(session.classification) for session in sim.truth.sessions)
    assert empty == 2 * starters


def test_the_last_crossing_carries_the_chequered_status(walk: Walk) -> None:
    finished: set[tuple[str, str]] = set()
    sim = simulator(Options("competition", karts=5, duration_ms=300_000))
    for step in walk(sim.frames()):
        title = step.after.lines.get("title2", "")
        rows = [row for row, place in step.after.cells if place == step.after.column("sta")]
        finished |= {(title, row) for row in rows if step.after.cells[row, step.after.column("sta")][0] == "sf"}
    assert len(finished) == sum(row.finished for session in sim.truth.sessions for row in session.classification)


def test_some_crossings_are_split_over_two_consecutive_frames(walk: Walk) -> None:
    split = whole = 0
    sent_before: set[str] = set()
    for step in walk(simulator(Options("sprint", karts=12)).frames()):
        llp = {found[1] for line in step.lines if (found := re.match(r"r(\d+)c4\|t[nib]\|", line))}
        crossed = {found[1] for line in step.lines if (found := re.match(r"r(\d+)\|\*\|\d", line))}
        split += len((sent_before - llp) & crossed)
        whole += len(llp & crossed)
        sent_before = llp
    assert split > 3
    assert whole > split


def test_the_former_overall_best_is_coloured_anew_without_a_crossing(walk: Walk) -> None:
    recoloured = 0
    for step in walk(simulator(Options("endurance", karts=12, duration_ms=600_000, seed=2)).frames()):
        for line in step.lines:
            found = re.match(r"r(\d+)c6\|ti\|(.+)", line)
            if found and step.before.get((found[1], 6)) == ("tb", found[2]):
                assert not any(other.startswith(f"r{found[1]}|*|") for other in step.lines)
                recoloured += 1
    assert recoloured > 0


def test_names_take_turns_team_20_s_driver_10_s(walk: Walk) -> None:
    turns: list[tuple[int, str]] = []
    for step in walk(simulator(Options("endurance", karts=3, duration_ms=300_000)).frames()):
        for line in step.lines:
            if found := re.match(r"r24077c5\|(dr|drteam)\|(.*)", line):
                turns.append((step.at, found[1]))
                assert (found[1] == "drteam") == bool(re.search(r" \[\d+:\d\d\]$", found[2]))
    lasted = [(kind, later - at) for (at, kind), (later, next_kind) in itertools.pairwise(turns) if next_kind != kind]
    assert {kind for kind, _ in lasted} == {"dr", "drteam"}
    known = [span for span in lasted if span in (("dr", 20_000), ("drteam", 10_000))]
    assert len(known) > 0.8 * len(lasted)


def test_the_clock_counts_down_every_30_s(walk: Walk) -> None:
    told: list[tuple[int, int]] = []
    for step in walk(simulator(Options("rental", karts=3, duration_ms=240_000)).frames()):
        told += [(step.at, int(line.rsplit("|", 1)[1])) for line in step.lines if line.startswith("dyn1|countdown|")]
    spans = {(later - at, left - later_left) for (at, left), (later, later_left) in itertools.pairwise(told)}
    assert (30_000, 30_000) in spans
    assert all(left >= 0 for _, left in told)


def test_a_race_over_laps_counts_the_leaders() -> None:
    text = "".join(frame.text or "" for frame in run("sprint", karts=4))
    shown = re.findall(r"dyn1\|text\|Lap (\d+)/10\n", text)
    assert list(dict.fromkeys(shown)) == [str(lap) for lap in range(11)]


def test_the_pit_timer_ticks_and_the_stop_counts_on_entry(walk: Walk) -> None:
    timers: list[str] = []
    for step in walk(simulator(Options("endurance", karts=4, duration_ms=600_000)).frames()):
        for line in step.lines:
            if found := re.match(r"r(\d+)\|\*in\|0", line):
                stops = step.before[found[1], step.after.column("pit")][1]
                assert int(step.after.text(found[1], "pit")) == int(stops or 0) + 1
                assert step.after.cells[found[1], step.after.column("otr")] == ("to", "00.")
                assert step.after.cells[found[1], step.after.column("sta")][0] == "si"
            if found := re.match(r"r24077c\d+\|to\|(.*)", line):
                timers.append(found[1])
    assert {"01.", "59.", "1:00."} <= set(timers)


def test_where_laps_end_in_the_pit_lane_the_exit_tells_the_lap(walk: Walk) -> None:
    seen = 0
    for step in walk(simulator(Options("pit-lane", karts=5, duration_ms=900_000)).frames()):
        for line in step.lines:
            if found := re.match(r"r(\d+)\|\*out\|0", line):
                assert not any(other.startswith(f"r{found[1]}|*|") for other in step.lines)
                assert ms(step.after.text(found[1], "llp")) > 80_000
                seen += 1
    assert seen >= 5


def test_gaps_of_a_race_name_the_leaders_lap_and_whole_laps(walk: Walk) -> None:
    texts: set[str] = set()
    for step in walk(simulator(Options("endurance", karts=10, duration_ms=1_200_000, seed=6)).frames()):
        if step.after.letter == "r":
            gaps = {row: step.after.text(row, "gap") for row in step.after.positions}
            texts |= set(gaps.values())
    assert {"Tour 1", "Tour 10", "1 Tour", "2 Tours"} <= texts
    assert any(re.fullmatch(r"\d\.\d{3}", text) for text in texts)
    assert all(re.fullmatch(r"|Tour \d+|1 Tour|\d+ Tours|(\d+:)?\d+\.\d{3}", text) for text in texts), texts


def test_sectors_are_announced_by_their_beams_and_clear_the_old_ones(walk: Walk) -> None:
    firsts = 0
    for step in walk(simulator(Options("rental", karts=4, duration_ms=240_000)).frames()):
        for line in step.lines:
            if found := re.match(r"r(\d+)\|\*i1\|\d*$", line):
                assert step.after.text(found[1], "s2") == step.after.text(found[1], "s3") == ""
                assert step.after.text(found[1], "s1") != ""
                firsts += 1
    assert firsts > 20


def test_in_the_pit_lane_the_best_sectors_are_shown(walk: Walk) -> None:
    seen = 0
    for step in walk(simulator(Options("rental", karts=4, duration_ms=240_000)).frames()):
        for line in step.lines:
            if found := re.match(r"r(\d+)\|\*in\|0", line):
                styles = {step.after.cells[found[1], step.after.column(kind)][0] for kind in ("s1", "s2", "s3")}
                assert styles == {"ib"}
                seen += 1
    assert seen > 4


def test_a_blank_of_some_seconds_is_followed_by_the_same_session() -> None:
    frames = run("endurance", karts=4, duration_ms=600_000)
    blank = next(number for number, frame in enumerate(frames) if (frame.text or "").startswith("init|n|"))
    assert "grid" not in (frames[blank].text or "")
    again = frames[blank + 1]
    assert 3_000 <= again.at - frames[blank].at <= 20_000
    assert (again.text or "").startswith("init|r|")
    assert "\ntitle2||Course\n" in (again.text or "")


def test_another_layout_is_a_burst_of_the_same_session_with_other_columns(walk: Walk) -> None:
    layouts = [
        (step.after.lines["title2"], tuple(step.after.types.values()))
        for step in walk(simulator(Options("endurance", karts=4, duration_ms=600_000)).frames())
        if step.lines and step.lines[0] == "init|r|"
    ]
    assert len({title for title, _ in layouts}) == 1
    assert len({types for _, types in layouts}) == 2


def test_rows_are_added_by_a_burst_and_ids_are_used_again_in_the_next_heat(walk: Walk) -> None:
    sizes: list[int] = []
    names: dict[str, set[str]] = {}
    for step in walk(simulator(Options("rental", karts=6, duration_ms=240_000)).frames()):
        if step.lines and step.lines[0].startswith("init|"):
            sizes.append(len(step.after.positions))
            for row in step.after.positions:
                names.setdefault(row, set()).add(step.after.text(row, "dr"))
    assert sizes[1] == sizes[0] + 1
    assert sizes[2] == sizes[1] + 1
    assert any(len(people) == 3 for people in names.values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("edition", ["leisure", "competition"])
def test_headers_and_words_are_in_the_language_asked_for(language: str, edition: str, wire: "Wire") -> None:
    sim = simulator(Options("sprint", karts=2, duration_ms=200_000, language=language, edition=edition))
    frames = list(sim.frames())
    wire.feed(frames[0].text or "")
    said = words(language, competition=edition == "competition")
    assert [wire.headers[number] for number in (1, 3, 4, 5)] == [
        said.headers["rk"],
        said.driver,
        said.headers["llp"],
        said.headers["blp"],
    ]
    text = "".join(frame.text or "" for frame in frames)
    assert f"></span>{said.green}</p>" in text
    assert f"></span>{said.chequered}</p>" in text
    assert wire.lines["comments"] == f"|{said.comments}"


def test_the_log_is_replaced_as_a_whole_newest_first() -> None:
    text = "".join(frame.text or "" for frame in run("endurance", karts=4, duration_ms=600_000))
    logs = [line for line in text.split("\n") if line.startswith("com||") and line != "com||"]
    assert max(line.count("<p>") for line in logs) >= 5
    for earlier, later in itertools.pairwise(logs):
        grown = later.removeprefix("com||").endswith(earlier.removeprefix("com||"))
        assert grown or later.count("<p>") <= 2


def test_names_are_never_escaped_and_never_hold_a_separator(small: ApexSimulator) -> None:
    text = "".join(frame.text or "" for frame in small.frames())
    assert "&amp;" not in text
    assert "&lt;" not in text


def test_a_kart_swap_changes_the_number_cell_of_the_row(walk: Walk) -> None:
    swaps = sum(
        bool(re.match(rf"r\d+c{step.after.column('no')}\|no\d+\|\d+$", line))
        for step in walk(simulator(Options("endurance", karts=4, duration_ms=600_000)).frames())
        for line in step.lines
        if step.after.types
    )
    assert swaps >= 4


def test_the_competition_edition_keeps_a_best_table_and_a_second_clock() -> None:
    text = "".join(frame.text or "" for frame in run("competition", karts=4, duration_ms=300_000))
    assert re.search(r"\nbr1c3\|in\|\d+\.\d{3}\n", text)
    assert re.search(r"\nbr4c2\|ib\|\d+\n", text)
    assert re.findall(r"dyn2\|count\|(\d+)", text)[:3] == ["15000", "30000", "45000"]
