"""The decoder as a whole: frames, bounds, hostile senders."""

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from karttime.domain.logbook import Logbook
from karttime.domain.updates import (
    BoardShown,
    ClockChanged,
    FlagChanged,
    LapCompleted,
    MessageShown,
    NotesAdded,
    SessionStarted,
    StatusChanged,
    Update,
)
from karttime.feeds.apex.decoder import ApexDecoder
from karttime.feeds.base import Rejection
from karttime.feeds.frame import Frame

if TYPE_CHECKING:
    from tests.feeds.apex.conftest import Feed, MakeFeed, MakeGrid

BEGIN = 1_779_004_800_000


def test_a_whole_dump(feed: "Feed") -> None:
    """Session, board, states, then flag, clock and notes of the new session, then what follows the grid."""
    note = '<p><b>20:41</b><span data-flag="green"></span>Start</p>'
    updates = feed.board({71: {1: ("ss", "")}}, extra=[f"com||{note}"], light="lg")
    kinds = [type(update) for update in updates]
    assert kinds == [SessionStarted, BoardShown, StatusChanged, FlagChanged, ClockChanged, NotesAdded, MessageShown]
    assert {update.at for update in updates} == {feed.at}
    assert feed.session.flag == "green"


def test_facts_of_the_session_before_are_not_carried_over(feed: "Feed") -> None:
    """Notes, message and flag of the old heat do not show in the new one."""
    feed.board(letter="p", title="Session 1")
    feed.green(71)
    feed.send("com||<p><b>1</b>old</p>", "msg|msgw|old", "light|lf|")
    feed.board(letter="p", title="Session 2", after=60)
    assert feed.session.notes == []
    assert feed.session.message == ""
    assert feed.session.flag == "none"


def test_facts_after_the_grid(feed: "Feed", make_grid: "MakeGrid") -> None:
    """Competition edition: clock and message first, grid last."""
    feed.send(
        "init|r|",
        "gmt||2",
        "title1||EVENT",
        "title2||FINAL",
        "dyn1|text|Lap 0/9",
        "dyn2|text|00:00",
        "light|lr|",
        "track||OVAL - 1.384 km",
        "gridb||<table></table>",
        "chp||Timekeeping",
        "com||",
        "msg||Best lap : 5 - 58.000",
        make_grid([71]),
    )
    assert (feed.session.title, feed.session.clock.text) == ("FINAL", "Lap 0/9")
    assert feed.session.message.startswith("Best lap")
    assert feed.decoder.refused == {}


def test_keep_alives_say_nothing(feed: "Feed") -> None:
    """A frame of one newline."""
    assert feed.raw("\n", after=60) == []
    feed.board()
    assert feed.raw("\n", after=60) == []
    assert feed.decoder.refused == {}


def test_an_empty_frame_says_nothing(feed: "Feed") -> None:
    """No line at all."""
    assert feed.raw("") == []
    assert feed.decoder.refused == {}


def test_frames_that_we_sent_are_not_decoded(feed: "Feed") -> None:
    """Recordings may hold both directions."""
    feed.board()
    decoder = feed.decoder
    assert decoder.feed(Frame(feed.at, "r71|#|9\n", direction="out")) in ((), [])


def test_no_board_no_state() -> None:
    """Joined in mid-session without a dump: everything is refused, the doubt says why."""
    decoder = ApexDecoder()
    assert decoder.doubts == ()
    decoder.feed(Frame(BEGIN, "r71c5|tn|1:00.000\nlight|lg|\n"))
    assert decoder.refused == {"unknown-row": 1}
    assert len(decoder.doubts) == 1


def test_a_dump_that_was_cut(feed: "Feed") -> None:
    """`init` without a grid: the board before stays."""
    feed.board()
    feed.send("init|r|", "title2||RACE", "light|lg|")
    assert len(feed.book.sessions) == 1
    assert feed.session.flag == "green"
    feed.send("r71|#|2")
    assert feed.row(71).position == 2


def test_a_bad_grid_keeps_the_board(feed: "Feed") -> None:
    """A stranger's grid is refused; the session goes on."""
    feed.board()
    feed.send("init|r|", "grid||<tbody><tr></tr></tbody>")
    feed.send("r71|#|2")
    assert feed.row(71).position == 2
    assert feed.decoder.refused == {"bad-grid": 1}


def test_one_frame_or_many(make_feed: "MakeFeed") -> None:
    """Facts are read the same whether lines come in one frame or each in its own."""
    lines = ["light|lg|", "dyn1|countdown|60000", "r71|#|2", "r72|#|1", "r71c7|in|3", "msg||x", "title2||NEW"]
    together, apart = make_feed(), make_feed()
    together.board()
    apart.board()
    together.send(*lines)
    for line in lines:
        apart.send(line, after=0)
    one, other = together.session, apart.session
    assert (one.flag, one.clock.ms, one.message, one.title) == (other.flag, other.clock.ms, other.message, other.title)
    assert one.competitors[together.row(71).id].values(one.columns) == other.competitors[apart.row(71).id].values(
        other.columns
    )


def test_markup_stays_text(feed: "Feed") -> None:
    """Nothing of a feed is interpreted: names, titles, messages and notes come out as they are."""
    evil = "<script>alert(1)</script>"
    feed.board({71: {4: ("dr", evil)}}, title=evil, extra=[f"com||<p><b>1</b>{evil}</p>", f"msg||{evil}"])
    assert feed.session.title == evil
    assert feed.row(71).driver == evil
    assert feed.session.notes[0].text == evil


@pytest.mark.parametrize(
    "text",
    [
        "r71c5|tn|" + "9" * 1_000_000 + "\n",
        "x" * 1_000_000,
        "x" * 1_000_000 + "\n",
        "|" * 1_000_000 + "\n",
        "\n" * 1_000_000,
        "r71|*\n" * 100_000,
        "r99c5|tn|1:00.000\n" * 100_000,
        "grid||" + "<tr " * 300_000 + "\n",
        "grid||<tbody><tr " + 'data-id="r0" class="head">' + "<td " * 200_000 + "\n",
        "com||" + "<p>" * 80_000 + "\n",
        "com||" + "<p><b>" * 2_000 + "<" * 200_000 + "\n",
        "init|r|\n" * 100_000,
        "title2||" + "a" * 500_000 + "\n",
    ],
    ids=str.split("digits torn line bars newlines malformed strangers rows columns notes tags inits title"),
)
def test_absurd_frames(feed: "Feed", text: str) -> None:
    """Megabytes of nonsense: at most twenty samples, no competitor, no lap, and the feed goes on."""
    feed.board()
    feed.green(71)
    refused_before = sum(feed.decoder.refused.values())
    result = feed.decoder.feed(Frame(feed.at + 200, text))
    rejections = [one for one in result if isinstance(one, Rejection)]
    assert len(rejections) <= 20
    assert all(len(one.sample) <= 200 for one in rejections)
    assert sum(feed.decoder.refused.values()) >= refused_before + len(rejections)
    feed.lap(71, "1:00.000", 60)
    assert feed.laps(71) == [60_000]
    assert set(feed.session.competitors) == {"71", "72"}


def test_a_day_of_strangers_keeps_memory_bounded(feed: "Feed") -> None:
    """What the decoder keeps does not grow with what it refuses."""
    feed.board()
    for number in range(3000):
        feed.send(*(f"r{number}{n}c5|tn|1:00.000" for n in range(100, 120)), f"init|{number}|", f"verb{number}|x|y")
    decoder = feed.decoder
    assert len(decoder._early._lines) <= 20_000
    assert len(decoder.refused) <= 13
    assert len(decoder.doubts) <= 100
    assert set(decoder._board.rows) == {"r71", "r72"}


def test_doubts_are_bounded(feed: "Feed") -> None:
    """A thousand sessions joined under way: a hundred sentences."""
    for number in range(300):
        feed.board({71: {5: ("tn", "1:00.000")}}, letter="pr"[number % 2], title=f"S{number}")
    assert len(feed.decoder.doubts) == 100


def test_the_same_frames_give_the_same_updates(make_feed: "MakeFeed") -> None:
    """No clock, no chance, no order of hashes."""
    first, second = make_feed(), make_feed()
    for one in (first, second):
        one.board()
        one.green(71, 72)
        one.lap(71, "1:00.000", 60)
        one.send("r99|#|1", "nonsense")
        one.settle()
    assert first.updates == second.updates
    assert first.rejections == second.rejections


def test_updates_keep_no_reference_to_the_decoder(feed: "Feed") -> None:
    """What was handed out is not changed by later frames."""
    feed.board()
    feed.send("r71c7|in|1", "r71|#|2")
    before = [repr(update) for update in feed.updates]
    feed.send("r71c7|in|2", "r71|#|1")
    feed.board({71: {7: ("in", "9")}}, light="lg")
    assert [repr(update) for update in feed.updates[: len(before)]] == before


def test_times_are_those_of_the_frames(feed: "Feed") -> None:
    """Every update carries the time of its frame or, for laps, of the crossing."""
    feed.board()
    feed.green(71)
    feed.lap(71, "1:00.000", 60)
    crossed_at = feed.at
    feed.settle()
    (lap,) = feed.of(LapCompleted)
    assert lap.at == crossed_at
    assert all(BEGIN < update.at <= feed.at for update in feed.updates)


def test_frames_out_of_time_order_do_not_raise() -> None:
    """A recorder's clock may be set back."""
    decoder, book = ApexDecoder(), Logbook()
    for at in (BEGIN, BEGIN - 3_600_000, 0, BEGIN + 10**10):
        text = 'init|r|\ngrid||<tbody><tr data-id="r0" class="head"><td data-id="c1" data-type="llp"></td></tr>'
        text += '<tr data-id="r71" data-pos="1"><td data-id="r71c1" class=""></td></tr></tbody>\n'
        text += "r71c1|tn|1:00.000\nr71|*|60000|\n"
        for update in decoder.feed(Frame(at, text)):
            assert not isinstance(update, Rejection)
            book.apply(update)
    assert book.sessions


@pytest.mark.parametrize("at", [-(10**15), 10**15])
def test_impossible_times_do_not_raise(at: int) -> None:
    """Recorders write what they like; a year beyond 9999 is still a frame."""
    decoder = ApexDecoder()
    text = 'init|r|\ngrid||<tbody><tr data-id="r0" class="head"><td data-id="c1" data-type="llp"></td></tr></tbody>\n'
    assert list(decoder.feed(Frame(at, text)))


def test_every_update_has_a_time() -> None:
    """`at` is a field of every member of the union."""
    for kind in Update.__args__:
        assert "at" in {one.name for one in fields(kind)}
