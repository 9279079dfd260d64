"""Why a lap is a lap, in lines of text."""

from collections.abc import Iterator
from typing import get_args

import pytest

from karttime.analysis.explain import RULES, explain_lap
from karttime.domain.columns import Column, Role
from karttime.domain.competitor import Lap
from karttime.domain.ids import CompetitorId, SessionId
from karttime.domain.session import Session
from karttime.domain.updates import BoardRow, BoardShown, Cell, LapFlag, Provenance
from karttime.feeds.apex.laps import Rule
from karttime.feeds.frame import Frame
from karttime.feeds.rmonitor.laps import Rule as RMonitorRule

T = 1_779_004_800_000


def explained(lap: Lap, *texts: str | None, number: str = "7") -> list[str]:
    session = Session(SessionId("20260517T080000Z-1"), T)
    row = BoardRow(1, {1: Cell("", number)})
    session.apply(BoardShown(T, (Column(1, Role.NUMBER, "", "no"),), {CompetitorId("71"): row}))
    session.title = "RACE \x1b[31m"
    competitor = session.competitors[CompetitorId("71")]
    competitor.team = "LES BIELLES"
    competitor.laps.append(lap)
    frames = [Frame(T + n * 200, text, None if text is not None else b"\x00") for n, text in enumerate(texts)]
    return list(explain_lap(frames, session, competitor, lap))


def lap(*frames: int, rule: str = "crossing", note: str = "", sectors: tuple[int | None, ...] = ()) -> Lap:
    return Lap(1, 60_000, T + 200, Provenance(frames, rule, note), sectors, frozenset({LapFlag.FIRST}), "RENZO")


def test_every_rule_has_words() -> None:
    """The decoder's rules and the explanations name the same."""
    assert set(RULES) == {*get_args(Rule), *get_args(RMonitorRule)}


def test_the_whole_explanation() -> None:
    """Who, session, time, sectors, flags, rule, note, frames with their lines."""
    lines = explained(
        lap(1, 2, note="because", sectors=(20_000, None)),
        "r71c5|in|1\n",
        "r71c9|tn|1:00.000\nr710c9|tn|9\nr72|*|1|\n",
        "r71|*|60000|\n",
        "r71c1|in|\n",
        "r71c1|sr|\n",
    )
    assert lines[0] == "kart 7 (id 71) LES BIELLES · RENZO"
    assert lines[1].startswith("session RACE [31m [20260517T080000Z-1], lap 1 of 1")
    assert lines[2] == "time 1:00.000, completed at 2026-05-17T08:00:00.200Z"
    assert lines[3] == "sectors 0:20.000 -"
    assert lines[4] == "flags first"
    assert lines[5].startswith("rule crossing: ")
    assert lines[6] == "note because"
    assert lines[7].startswith("frames 1, 2 decided")
    assert lines[8:] == [
        "  0  2026-05-17T08:00:00.000Z  1 lines, 1 about this competitor",
        "    r71c5|in|1",
        "  1  2026-05-17T08:00:00.200Z  3 lines, 1 about this competitor",
        "  * r71c9|tn|1:00.000",
        "  2  2026-05-17T08:00:00.400Z  1 lines, 1 about this competitor",
        "  * r71|*|60000|",
        "  3  2026-05-17T08:00:00.600Z  1 lines, 1 about this competitor",
        "    r71c1|in|",
    ]


def test_lines_are_cleaned_and_cut() -> None:
    """Bytes of strangers do not reach a terminal."""
    lines = explained(lap(0), f"r71c4|dr|\x1b[2J{'x' * 500}\n", number="\x1b7")
    assert not [line for line in lines for one in line if one < " "]
    assert max(map(len, lines)) < 200


@pytest.mark.parametrize("texts", [(), (None,), ("",)])
def test_frames_that_are_missing_or_binary(texts: tuple[str | None, ...]) -> None:
    """What can be said is said."""
    assert explained(lap(0, rule="identical"), *texts)[0].startswith("kart 7")


def test_an_unknown_rule() -> None:
    """Of a format that has its own."""
    assert "rule other: no further words" in explained(lap(0, rule="other"), "x\n")


def test_frames_after_the_lap_are_not_read() -> None:
    """An hour-long recording is not read to its end for lap 1."""

    def endless() -> Iterator[Frame]:
        for number in range(10):
            assert number < 5, "read too far"
            yield Frame(T + number, "\n")

    session = Session(SessionId("x"), T)
    session.apply(BoardShown(T, (), {CompetitorId("71"): BoardRow(1, {})}))
    list(explain_lap(endless(), session, session.competitors[CompetitorId("71")], lap(1)))


def test_records_of_rmonitor_name_their_competitor() -> None:
    """In the first field or the second, in quotes or without; as text or as bytes."""
    texts = ('$J,"71","00:01:00.000","00:02:00.000"\r\n$J,"710","00:01:00.000","00:02:00.000"\r\n', None)
    lines = explained(lap(0, 1, rule="counted"), *texts)
    assert '  * $J,"71","00:01:00.000","00:02:00.000"' in lines
    assert not any("710" in line for line in lines)
    more = explained(lap(0), '$G,1,"71",2,"00:02:00.000"\n$RMLT,71,1779004800000\n$G,2,"5",71,"0"\n')
    assert [line[4:9] for line in more if line.startswith("  *")] == ["$G,1,", "$RMLT"]
