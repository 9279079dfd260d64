"""Lines about rows that are on no board yet."""

from typing import TYPE_CHECKING

from karttime.domain.columns import Column, Role
from karttime.domain.updates import Cell
from karttime.feeds.apex.early import MAX_AGE_MS, MAX_LINES, EarlyLines

if TYPE_CHECKING:
    from tests.feeds.apex.conftest import Feed

COLUMNS = (
    Column(1, Role.STATUS, "", "sta"),
    Column(2, Role.NUMBER, "", "no"),
    Column(3, Role.LAST_LAP, "", "llp"),
    Column(4, Role.LAPS, "", "tlp"),
)
ROWS = {"81": {1: Cell("sr", ""), 2: Cell("", "5"), 3: Cell("tn", "1:00.000"), 4: Cell("in", "3")}}
LINES = ("r81c2||5", "r81c3|tn|1:00.000", "r81c4|in|3", "r81|*|60000|")


def early(*lines: str, at: int = 0) -> EarlyLines:
    kept = EarlyLines()
    for number, line in enumerate(lines):
        kept.add(number, at, line.partition("|")[0], line)
    return kept


def taken(kept: EarlyLines, at: int = 60_000) -> list[str]:
    return [line.line for line in kept.take(at, ROWS, COLUMNS)]


def test_a_board_that_shows_what_the_lines_said() -> None:
    """Three cells agree: the lines are read, in order, and kept no longer."""
    kept = early(*LINES)
    assert taken(kept) == list(LINES)
    assert taken(kept) == []


def test_a_board_that_shows_something_else() -> None:
    """The lines belong to another layout or session."""
    assert taken(early("r81c2||6", "r81c3|tn|59.000", "r81c4|in|9")) == []


def test_two_proofs_are_too_few() -> None:
    """A coincidence must not make laps."""
    assert taken(early("r81c2||5", "r81c3|tn|1:00.000")) == []


def test_one_contradiction_among_five_is_allowed() -> None:
    """A cell may have changed while the board was drawn."""
    rows = {"81": ROWS["81"], "82": {2: Cell("", "6"), 3: Cell("tn", "1:01.000")}}
    kept = early(*LINES, "r82c2||6", "r82c3|tn|1:02.000")
    assert len(kept.take(0, rows, COLUMNS)) == 6


def test_lap_times_must_stand_in_the_last_lap_column() -> None:
    """Under a stale header a lap counter or a name would be read as a time."""
    assert taken(early(*LINES, "r81c3|in|17")) == []
    assert taken(early(*LINES, "r81c3|tn|ANN", "r81c3|tn|1:00.000")) == []


def test_a_column_that_the_board_does_not_have() -> None:
    """The lines speak of another layout."""
    assert taken(early(*LINES, "r81c9||x")) == []


def test_lines_about_others_are_dropped() -> None:
    """Only rows of this board are read."""
    assert taken(early(*LINES, "r99c3|tn|1:00.000")) == list(LINES)


def test_old_lines_are_dropped() -> None:
    """Half an hour is the most."""
    assert taken(early(*LINES), at=MAX_AGE_MS) == list(LINES)
    assert taken(early(*LINES), at=MAX_AGE_MS + 1) == []


def test_memory_is_bounded() -> None:
    """However many lines about strangers come, no more than the cap is kept, and the newest stay."""
    kept = EarlyLines()
    for number in range(3 * MAX_LINES):
        kept.add(number, 0, "r81c4", f"r81c4|in|{number}")
        assert len(kept._lines) <= MAX_LINES
    assert kept._lines[-1].frame == 3 * MAX_LINES - 1


def test_replayed_when_the_board_proves_it(feed: "Feed") -> None:
    """A session that begins before its board: its laps are recovered, refusals are taken back, and it is said."""
    feed.board(letter="p", title="Session 1")
    feed.send("r81c5|tn|1:00.000", "r81c7|in|1", "r81|*|60000|", after=60)
    feed.send("r81c5|tn|1:01.000", "r81c7|in|2", "r81c6|ib|1:00.000", "r81|*|60000|", after=61)
    assert feed.decoder.refused == {"unknown-row": 7}
    rows = {81: {5: ("tn", "1:01.000"), 6: ("ib", "1:00.000"), 7: ("in", "2")}}
    feed.board(rows, letter="p", title="Session 2", light="lg", after=5)
    assert [session.title for session in feed.book.sessions] == ["Session 1", "Session 2"]
    assert feed.laps(81) == [60_000, 61_000]
    assert feed.session.started_at < feed.at - 60_000
    assert feed.decoder.refused == {}
    assert any("came before the board" in doubt for doubt in feed.decoder.doubts)
    feed.lap(81, "1:02.000", 61)
    assert feed.laps(81) == [60_000, 61_000, 62_000]


def test_not_replayed_when_the_board_disproves_it(feed: "Feed") -> None:
    """The lines stay refused, nobody gets their laps."""
    feed.board(letter="p", title="Session 1")
    feed.send("r81c5|tn|1:00.000", "r81c7|in|1", "r81|*|60000|", after=60)
    feed.board({81: {5: ("tn", "44.000"), 7: ("in", "9")}}, letter="p", title="Session 2", after=5)
    assert feed.laps(81) == []
    assert feed.decoder.refused == {"unknown-row": 3}


def test_a_stranger_cannot_make_a_competitor(feed: "Feed") -> None:
    """Rows appear with a board only."""
    feed.board()
    feed.send("r999c5|tn|1:00.000", "r999|#|1", "r999|*|60000|", "r999|*in|0")
    assert set(feed.session.competitors) == {"71", "72"}
    assert feed.decoder.refused == {"unknown-row": 4}
