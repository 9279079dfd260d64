"""How good a feed is: simulated races, and what can be wrong with them."""

from functools import cache

import pytest

from karttime.engine.checks.finding import Finding, Grade
from karttime.engine.checks.listening import Heard
from karttime.engine.checks.quality import judge
from karttime.feeds.frame import Frame
from karttime.simulator import scenarios

START = 1_767_268_800_000


@cache
def race() -> tuple[Frame, ...]:
    """Five minutes of a simulated race with twelve karts, from its board on."""
    meeting = scenarios.simulator(scenarios.Options(preset="sprint", karts=12, seed=3, start_at=START))
    frames = tuple(meeting.frames())
    return frames[: len(frames) // 2]


def heard(*frames: Frame) -> Heard:
    """Frames as they would have been heard."""
    return Heard([*frames], (frames[-1].at - frames[0].at) / 1000 + 1, 0.1, opened=True)


def found(findings: list[Finding], word: str) -> Finding:
    """The finding that says this."""
    [finding] = [finding for finding in findings if word in finding.said]
    return finding


def board(*, flag: str = "lg", header: str = "Tours", kind: str = "tlp") -> Frame:
    """Twelve karts on track, each with laps of 50 s, as a board shows them right after connecting."""
    heads = {"rk": "Clt", "no": "Kart", "dr": "Pilote", "llp": "Dernier T.", kind: header}
    cells = [f'<td data-id="c{n}" data-type="{code}" data-pr="1">{text}</td>' for n, (code, text) in _numbered(heads)]
    rows = [f'<tr data-id="r0" class="head" data-pos="0">{"".join(cells)}</tr>']
    for kart in range(1, 13):
        values = {"": str(kart), "no1": str(kart), "dr": f"P {kart}", "tn": "50.000", "in": "7"}
        shown = [f'<td data-id="r{kart}c{n}" class="{style}">{value}</td>' for n, (style, value) in _numbered(values)]
        rows.append(f'<tr data-id="r{kart}" data-pos="{kart}">{"".join(shown)}</tr>')
    lines = ("init|r|", "title1||CUP", "title2||Race", "dyn1|text|00:10:00", f"light|{flag}|")
    grid = f"grid||<tbody>{''.join(rows)}</tbody>"
    return Frame(START, "\n".join((*lines, "track||HILL (900m)", "com||", grid, "msg||", "")))


def _numbered(values: dict[str, str]) -> list[tuple[int, tuple[str, str]]]:
    return list(enumerate(values.items(), 1))


def test_a_good_race_is_good() -> None:
    """Rate, coverage, crossings and columns, all well."""
    findings = judge("feed", heard(*race()), "apex")
    assert {finding.grade for finding in findings} <= {Grade.OK, Grade.UNCHECKED}
    assert found(findings, "messages").figures["messages"] == sum(1 for frame in race() if (frame.text or "").strip())
    assert found(findings, "is understood").figures["coverage"] == 1.0
    assert found(findings, "have a meaning").figures["unknown"] == 0
    assert int(found(findings, "crossings").figures["came"]) > 20


def test_silence_of_a_running_race_is_told() -> None:
    """The board says that karts are on track, and no lap comes in a minute."""
    finding = found(judge("feed", Heard([board()], 60, 0.1, opened=True), "apex"), "crossings")
    assert finding.grade is Grade.WARNING
    assert finding.figures == {"expected": 14.4, "came": 0, "karts": 12}
    assert "timing loop" in finding.advice


def test_a_few_seconds_are_too_short_to_tell() -> None:
    """Not checked, with how long it would take."""
    finding = found(judge("feed", Heard([board()], 5, 0.1, opened=True), "apex"), "crossings")
    assert finding.grade is Grade.UNCHECKED
    assert "--seconds" in finding.advice


@pytest.mark.parametrize("flag", ["lr", "lf", ""])
def test_where_no_race_runs_no_crossing_is_expected(flag: str) -> None:
    """Red, chequered, or no flag at all."""
    finding = found(judge("feed", Heard([board(flag=flag)], 60, 0.1, opened=True), "apex"), "crossing")
    assert finding.grade is Grade.UNCHECKED


@pytest.mark.parametrize("frames", [(), (Frame(START, "\n"), Frame(START + 1, ""))])
def test_where_nothing_came_nothing_is_said(frames: tuple[Frame, ...]) -> None:
    """That nothing came was said by whoever listened; keep-alives are no messages."""
    assert judge("feed", Heard([*frames], 5, None, opened=True), "apex") == []


def test_another_format_than_the_one_that_is_set() -> None:
    """A failure that names the command."""
    finding = judge("feed", heard(*race()), "rmonitor")[-1]
    assert finding.grade is Grade.FAILURE
    assert "--feed apex" in finding.advice


def test_a_format_that_there_is_not() -> None:
    """A failure."""
    assert judge("feed", heard(Frame(START, "hello there")), "telepathy")[-1].grade is Grade.FAILURE


def test_no_board() -> None:
    """A warning: everything else waits for it."""
    finding = judge("feed", heard(Frame(START, "title1||Cup\n")), "apex")[-1]
    assert finding.grade is Grade.WARNING
    assert "no board" in finding.said


def test_words_that_are_not_known() -> None:
    """Named with a sample that controls nothing, and counted against what is understood."""
    evil = Frame(race()[-1].at, "wormhole|\u202e|\u2066open\n" * 500)
    findings = judge("feed", heard(*race(), evil), "apex")
    finding = found(findings, "not known")
    assert finding.figures["unknown-command"] == 500
    assert not any(char in finding.said for char in "\u202e\u2066")
    assert found(findings, "is understood").grade in {Grade.WARNING, Grade.FAILURE}


def test_what_is_mostly_refused_is_a_failure() -> None:
    """The reasons are named."""
    noise = Frame(race()[-1].at, "wormhole||open\n" * 500)
    findings = judge("feed", heard(race()[0], *[noise] * 20), "apex")
    finding = found(findings, "is understood")
    assert finding.grade is Grade.FAILURE
    assert "unknown-command" in finding.said


def test_strangers_bytes_are_no_fault_of_the_feed() -> None:
    """Venues pass on what port scanners send them."""
    scan = Frame(race()[-1].at, "GET / HTTP/1.1\n" * 500)
    assert found(judge("feed", heard(*race(), scan), "apex"), "is understood").grade is Grade.OK


def test_a_column_without_a_meaning() -> None:
    """A warning with its header, in which nothing controls a terminal."""
    strange = board(header="W\x9b31mX", kind="zz")
    finding = found(judge("feed", Heard([strange], 5, 0.1, opened=True), "apex"), "have a meaning")
    assert finding.grade is Grade.WARNING
    assert "C5 'W" in finding.said
    assert "\x9b" not in finding.said


def test_labels_that_do_not_fit_the_board() -> None:
    """Of columns that are gone; fewer than the app wants; none at all is nobody's fault."""
    gone = judge("feed", heard(*race()), "apex", {"C1": "Classement", "C40": "Kart", "C2": "Kart", "C3": "X"})
    assert found(gone, "does not have: C40").grade is Grade.WARNING
    few = judge("feed", heard(*race()), "apex", {"C1": "Classement"})
    assert found(few, "the app cannot choose").grade is Grade.WARNING
    none = judge("feed", heard(*race()), "apex", {})
    assert found(none, "the app cannot choose").grade is Grade.OK
