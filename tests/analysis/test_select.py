"""Which sessions, which kart, which lap a person means."""

import pytest

from karttime.analysis.select import find_lap, select_sessions
from karttime.domain.columns import Column, Role
from karttime.domain.ids import CompetitorId, SessionId
from karttime.domain.session import Session
from karttime.domain.updates import (
    BoardRow,
    BoardShown,
    Cell,
    LapCompleted,
    Provenance,
    SessionKind,
    SessionStarted,
)
from karttime.errors import UsageError

WHY = Provenance((0,), "crossing")


def session(ordinal: int, title: str, event: str = "", **karts: tuple[str, int]) -> Session:
    """A session with karts: id, then number and laps."""
    made = Session(SessionId(f"20260517T080000Z-{ordinal}"), ordinal)
    made.apply(SessionStarted(ordinal, made.id, SessionKind.PRACTICE, event, title, "", WHY))
    rows = {
        CompetitorId(row.removeprefix("id")): BoardRow(0, {1: Cell("", number)}) for row, (number, _) in karts.items()
    }
    made.apply(BoardShown(ordinal, (Column(1, Role.NUMBER, "", "no"),), rows))
    for row, (_, laps) in karts.items():
        for lap in range(laps):
            made.apply(LapCompleted(lap, CompetitorId(row.removeprefix("id")), 60_000 + lap, WHY))
    return made


SESSIONS = (
    session(1, "Session 14", "SPRING CUP", id71=("7", 3), id72=("8", 1)),
    session(2, "Session 15", "SPRING CUP", id71=("7", 2), id7=("72", 5)),
    session(3, "FINALE", "AUTUMN CUP", id71=("9", 0)),
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (None, [1, 2, 3]),
        ("1", [1]),
        ("3", [3]),
        ("-1", [3]),
        ("-3", [1]),
        ("20260517T080000Z-2", [2]),
        ("session", [1, 2]),
        ("15", [2]),
        ("finale", [3]),
        ("spring", [1, 2]),
    ],
)
def test_sessions(wanted: str | None, found: list[int]) -> None:
    """Id, ordinal, part of title or event, in this order; a number that is no ordinal may be part of a title."""
    assert [one.started_at for one in select_sessions(SESSIONS, wanted)] == found


@pytest.mark.parametrize("wanted", ["0", "4711", "-4", "qualifying", "-", "99999999999"])
def test_no_such_session(wanted: str) -> None:
    """One sentence that lists what there is."""
    with pytest.raises(UsageError, match=r"there is no session .*1 'Session 14', 2 'Session 15', 3 'FINALE'"):
        select_sessions(SESSIONS, wanted)


@pytest.mark.parametrize("wanted", ["\u00b2", "--1"])
def test_odd_numbers_of_sessions(wanted: str) -> None:
    """What only looks like a number is no such session, not a traceback."""
    with pytest.raises(UsageError):
        select_sessions(SESSIONS, wanted)


def test_no_sessions_at_all() -> None:
    """The list says so."""
    assert select_sessions((), None) == []
    with pytest.raises(UsageError, match="none"):
        select_sessions((), "1")


def test_the_list_of_what_there_is_stays_short() -> None:
    """Twenty of a rental day's sessions, titles cut and cleaned."""
    many = [session(n, f"\x1b[31mSession {n}" + "x" * 100) for n in range(1, 60)]
    with pytest.raises(UsageError) as raised:
        select_sessions(many, "none of them")
    assert len(str(raised.value)) < 1500
    assert "\x1b" not in str(raised.value)


def test_a_lap() -> None:
    """In the last session that has it."""
    found, competitor, lap = find_lap(SESSIONS[:1], "7", 2)
    assert (found.started_at, competitor.id, lap.time_ms) == (1, "71", 60_001)
    found, _, lap = find_lap(SESSIONS, "8", 1)
    assert (found.started_at, lap.number) == (1, 1)


def test_a_number_goes_before_an_id() -> None:
    """Kart 7 is the kart with that number; row 7, kart 72, is meant only where no number fits."""
    _, competitor, _ = find_lap(SESSIONS, "7", 2)
    assert competitor.id == "71"


def test_a_number_and_an_id_that_are_equal() -> None:
    """Kart 72 of the second session and row 72 of the first one: the one that has the lap."""
    found, competitor, _ = find_lap(SESSIONS, "72", 5)
    assert (found.started_at, competitor.id) == (2, "7")


@pytest.mark.parametrize(
    ("kart", "lap", "sentence"),
    [
        ("8", 9, "kart 8 has 1 laps, there is no lap 9"),
        ("8", 0, "kart 8 has 1 laps, there is no lap 0"),
        ("9", 1, "kart 9 has 0 laps"),
        ("55", 1, "there is no kart 55; there are: 7, 72, 8, 9"),
    ],
)
def test_no_such_lap(kart: str, lap: int, sentence: str) -> None:
    """One sentence that says what there is."""
    with pytest.raises(UsageError, match=sentence):
        find_lap(SESSIONS, kart, lap)
