"""Whole feeds: sessions, order, gaps, flags, pits, and the board that is made of them. Names are invented."""

import pytest

from karttime.domain.classification import Standing, classification
from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId
from karttime.domain.logbook import Logbook
from karttime.domain.session import Session
from karttime.domain.updates import ClockMode, LapFlag, SessionKind, Status
from karttime.feeds.base import Rejection
from karttime.feeds.frame import Frame
from karttime.feeds.rmonitor.decoder import RMonitorDecoder
from karttime.feeds.rmonitor.layout import COLUMNS

BEGIN = 1_779_004_800_000
RUN = '$B,7,"Race 1"'


def span(ms: int) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


class Feed:
    """Records, each in a frame, with a clock that ticks."""

    def __init__(self) -> None:
        self.decoder = RMonitorDecoder()
        self.book = Logbook()
        self.at = BEGIN

    def say(self, *lines: str, step: int = 20) -> "Feed":
        for line in lines:
            self.at += step
            for update in self.decoder.feed(Frame(self.at, line + "\r\n")):
                if not isinstance(update, Rejection):
                    self.book.apply(update)
        return self

    def tick(self, race_ms: int, flag: str = "Green ", *, laps: int = 9999, to_go: str = "00:00:00") -> "Feed":
        self.at += 500
        return self.say(f'$F,{laps},"{to_go}","10:00:00","{span(race_ms)[:8]}","{flag}"')

    def enter(self, *regs: str) -> "Feed":
        self.say(*(f'$A,"{reg}","{reg}",1{reg},"Kim","Doe {reg}","",1' for reg in regs))
        return self.say(*(f'$G,{place},"{reg}",,"00:00:00.000"' for place, reg in enumerate(regs, 1)))

    def lap(self, reg: str, place: int, laps: int, lap_ms: int, total_ms: int) -> "Feed":
        return self.say(
            f'$J,"{reg}","{span(lap_ms)}","{span(total_ms)}"', f'$G,{place},"{reg}",{laps},"{span(total_ms)}"'
        )

    @property
    def now(self) -> Session:
        assert self.book.current is not None
        return self.book.current

    def rows(self, session: Session | None = None) -> dict[str, Standing]:
        return {row.number: row for row in classification(session or self.now)}

    def cell(self, reg: str, column: int) -> str:
        return self.now.competitors[CompetitorId(reg)].cells[column].text

    def laps(self, reg: str, session: Session | None = None) -> list[int]:
        competitors = (session or self.now).competitors
        return [lap.time_ms for lap in competitors[CompetitorId(reg)].laps]


@pytest.fixture
def feed() -> Feed:
    """A race of three: 7 leads by three seconds after two laps, 05 is third."""
    feed = Feed().say(RUN, '$C,1,"Juniors"', '$E,"TRACKNAME","Hill"').enter("7", "12", "05").tick(1000)
    feed.lap("7", 1, 1, 60_000, 60_000).lap("12", 2, 1, 61_000, 61_000).lap("05", 3, 1, 62_000, 62_000).tick(62_500)
    return feed.lap("7", 1, 2, 60_000, 120_000).lap("12", 2, 2, 62_000, 123_000).tick(123_100)


def test_the_session(feed: Feed) -> None:
    """Title, track, kind, flag, who and with which laps."""
    session = feed.now
    assert (session.title, session.track, session.kind, session.flag) == (
        "Race 1",
        "Hill",
        SessionKind.RACE,
        Flag.GREEN,
    )
    assert session.columns == COLUMNS
    assert [row.number for row in classification(session)] == ["7", "12", "05"]
    assert feed.laps("7") == [60_000, 60_000]
    lap = session.competitors[CompetitorId("7")].laps[0]
    assert (lap.number, lap.flags, lap.provenance.rule) == (1, frozenset({LapFlag.FIRST}), "counted")
    assert feed.decoder.refused == {}


def test_the_board(feed: Feed) -> None:
    """Every column of the layout."""
    feed.say('$H,1,"7",1,"00:01:00.000"', '$COMP,"7","7",1,"Kim","Doe 7","SWE","Bolt Works"')
    feed.say('$SR,1,"7",2,"00:01:00.000",58125').tick(124_000)
    row = [feed.cell("7", column.index) for column in COLUMNS]
    assert row == [
        "1", "7", "Kim Doe 7", "Juniors", "2", "1:00.000", "1:00.000", "Lap 2", "", "2:00.000",
        "Green", "", "", "", "SWE", "Bolt Works", "1", "58.125",
    ]  # fmt: skip


def test_gaps(feed: Feed) -> None:
    """A time while nobody is lapped, also to who has just crossed the line; laps for who is."""
    rows = feed.rows()
    assert (rows["12"].gap_ms, rows["12"].interval_ms) == (3000, 3000)
    assert (rows["05"].gap_ms, rows["05"].laps) == (2000, 1)  # when he passed after one lap
    feed.lap("7", 1, 3, 60_000, 180_000).lap("05", 3, 2, 119_000, 181_000).tick(181_500)
    rows = feed.rows()
    assert (rows["05"].gap_laps, rows["05"].gap) == (1, "1 Lap")
    assert rows["12"].gap_ms == 3000
    feed.lap("7", 1, 4, 60_000, 240_000).lap("7", 1, 5, 60_000, 300_000).tick(300_500)
    assert feed.rows()["12"].gap_laps == 3  # he did not come round


def test_two_on_one_place(feed: Feed) -> None:
    """Who overtook has the place at once, the others move down; it is told only a moment later."""
    feed.lap("05", 1, 3, 60_000, 119_000)
    assert [(row.position, row.number) for row in classification(feed.now)] == [(1, "05"), (2, "7"), (3, "12")]
    feed.say('$G,2,"7",2,"00:02:00.000"', '$G,3,"12",2,"00:02:03.000"')
    assert [(row.position, row.number) for row in classification(feed.now)] == [(1, "05"), (2, "7"), (3, "12")]


def test_an_entry_that_is_left_over(feed: Feed) -> None:
    """Its number was edited: the old one shares a place, and costs nobody else his."""
    feed.say('$A,"77","77",17,"Kim","Doe","",1', '$G,1,"77",2,"00:02:00.000"').tick(125_000)
    feed.say('$G,2,"12",2,"00:02:03.000"').tick(126_000)
    assert {row.number: row.position for row in classification(feed.now)} == {"7": 1, "77": 1, "12": 2, "05": 3}


def test_numbers_are_texts() -> None:
    """`05`, `5` and `A5` are three."""
    assert feed_of("05", "5", "A5").rows().keys() == {"05", "5", "A5"}


def feed_of(*regs: str) -> Feed:
    return Feed().say(RUN).enter(*regs).tick(1000)


def test_a_reset_in_mid_run(feed: Feed) -> None:
    """Laps stay, last laps, too; who is not told of again leaves; classes have other numbers."""
    feed.say('$I,"10:02:04","01 Jan 26"', RUN)
    feed.say(
        '$A,"7","7",17,"Kim","Doe 7","",2', '$A,"12","12",112,"Kim","Doe 12","",1', '$C,1,"Seniors"', '$C,2,"Juniors"'
    )
    feed.say('$G,1,"7",,"00:00:00.000"', '$G,2,"12",,"00:00:00.000"')
    feed.say('$G,1,"7",2,"00:02:00.000"', '$G,2,"12",2,"00:02:03.000"').tick(124_500)
    assert len(feed.book.sessions) == 1
    rows = feed.rows()
    assert rows.keys() == {"7", "12"}
    assert (rows["7"].laps, rows["7"].last_lap_ms, feed.laps("7")) == (2, 60_000, [60_000, 60_000])
    assert (feed.cell("7", 4), feed.cell("12", 4)) == ("Juniors", "Seniors")
    assert feed.laps("05") == [62_000]
    feed.lap("7", 1, 3, 60_000, 180_000)
    assert feed.laps("7") == [60_000] * 3


def test_another_run(feed: Feed) -> None:
    """Its number says so; the first one is kept as it was."""
    feed.tick(125_000, "Finish").tick(0, "      ").say(*['$I,"10:10:00","01 Jan 26"'] * 3).tick(0, "      ")
    feed.say('$B,8,"Qualifying 2"', '$B,8,"Qualifying 2"').enter("1", "2")
    first, second = feed.book.sessions
    assert (second.title, second.kind) == ("Qualifying 2", SessionKind.QUALIFYING)
    assert first.ended_at is not None
    assert [(row.number, row.laps) for row in classification(first)] == [("7", 2), ("12", 2), ("05", 1)]
    feed.tick(500)
    assert feed.rows().keys() == {"1", "2"}


def test_another_run_without_a_reset(feed: Feed) -> None:
    """A new number is enough."""
    feed.say('$B,8,"Race 2"').enter("1").tick(100)
    assert [session.title for session in feed.book.sessions] == ["Race 1", "Race 2"]
    assert feed.rows().keys() == {"1"}


def test_the_same_run_once_more(feed: Feed) -> None:
    """Everybody at nothing after a reset, with the clock at rest: it is driven again."""
    feed.tick(0, "      ").say('$I,"10:10:00","01 Jan 26"', RUN).enter("7", "12", "05").tick(0, "      ")
    assert len(feed.book.sessions) == 2
    assert feed.laps("7", feed.book.sessions[0]) == [60_000, 60_000]
    feed.tick(1000).lap("7", 1, 1, 59_000, 59_000)
    assert feed.laps("7") == [59_000]


def test_a_missing_reset(feed: Feed) -> None:
    """Everybody falls back to nothing and the clock begins anew: another session."""
    feed.tick(0, "      ").enter("7", "12", "05").tick(0, "      ").tick(0, "      ").tick(1000)
    assert len(feed.book.sessions) == 2
    assert feed.rows()["7"].laps == 0
    assert feed.laps("7", feed.book.sessions[0]) == [60_000, 60_000]


def test_one_who_falls_back_to_nothing(feed: Feed) -> None:
    """A correction: his laps are taken away, and nobody else's."""
    feed.say('$G,3,"05",,"00:00:00.000"').tick(124_000).tick(125_000)
    assert len(feed.book.sessions) == 1
    lap = feed.now.competitors[CompetitorId("05")].laps[0]
    assert lap.flags >= {LapFlag.DOUBTFUL, LapFlag.CORRECTED}
    assert feed.rows()["05"].laps == 0


def test_run_95_is_the_end(feed: Feed) -> None:
    """Of this run; what is loaded afterwards, with everybody at nothing, takes nothing away."""
    feed.tick(125_000, "Finish").say('$B,95,"Race 1"')
    assert feed.now.ended_at is not None
    feed.tick(0, "      ").say('$I,"11:00:00","01 Jan 26"', '$B,95,"Race 1"').enter("7", "12").tick(0, "      ")
    assert len(feed.book.sessions) == 1
    assert feed.rows()["7"].laps == 2


def test_a_run_that_is_loaded_closed() -> None:
    """95 comes first, then its number: one session."""
    feed = Feed().say('$B,95,"Race 1"').enter("1").tick(0, "      ").say(RUN).tick(1000)
    assert [session.title for session in feed.book.sessions] == ["Race 1"]


def test_finish_is_not_the_end(feed: Feed) -> None:
    """Laps after it say so; green again, and the race goes on."""
    feed.tick(179_000, "Finish").lap("7", 1, 3, 60_000, 180_000)
    assert feed.now.competitors[CompetitorId("7")].laps[-1].flags == {LapFlag.AFTER_FLAG}
    assert feed.rows()["7"].status == Status.FINISHED
    feed.tick(181_000).lap("7", 1, 4, 60_000, 240_000)
    assert feed.now.competitors[CompetitorId("7")].laps[-1].flags == frozenset()
    assert feed.rows()["7"].status == Status.ON_TRACK


def test_a_relay_comes_back(feed: Feed) -> None:
    """Its dump goes on with the session; a lap that was missed is there, those of before are not there twice."""
    feed.say('$RMDTL,""', "$RMCA,1779004800000", '$A,"7","7",17,"Kim","Doe 7","",1', RUN, step=8000)
    feed.say('$G,1,"7",3,"00:03:00.000"', '$G,2,"12",2,"00:02:03.000"', '$G,3,"05",1,"00:01:02.000"')
    feed.say('$J,"7","00:01:00.000","00:03:00.000"', '$J,"12","00:01:02.000","00:02:03.000"', '$RMS,"race"').tick(
        190_000
    )
    assert len(feed.book.sessions) == 1
    assert (feed.laps("7"), feed.laps("12")) == ([60_000] * 3, [61_000, 62_000])
    feed.lap("7", 1, 4, 61_000, 241_000)
    assert feed.laps("7")[-1] == 61_000


def test_a_relays_first_dump_is_no_lap() -> None:
    """Joined in mid-race: what was driven before is counted, not timed, and the report says so."""
    feed = Feed().say('$RMDTL,""', '$A,"7","7",17,"","Doe","",1', RUN, '$G,1,"7",30,"00:30:00.000"')
    feed.say('$J,"7","00:01:00.000","00:30:00.000"', '$RMS,"race"', "$RMLT,7,1779004800000").tick(1_800_500)
    assert feed.laps("7") == []
    assert (feed.rows()["7"].laps, feed.rows()["7"].last_lap_ms) == (30, 60_000)
    assert any("under way" in doubt for doubt in feed.decoder.doubts)


def test_what_ranks() -> None:
    """The relay's word counts before the name of the run; best laps rank in qualifying."""
    feed = feed_of("7", "12")
    feed.lap("7", 1, 1, 62_000, 62_000).say('$H,2,"7",1,"00:01:02.000"')
    feed.lap("12", 2, 1, 61_000, 63_000).say('$H,1,"12",1,"00:01:01.000"').tick(63_500)
    assert [row.number for row in classification(feed.now)] == ["7", "12"]
    feed.say('$RMS,"qualifying"').tick(64_000)
    assert feed.now.kind is SessionKind.QUALIFYING
    assert [(row.number, row.gap_ms) for row in classification(feed.now)] == [("12", None), ("7", 1000)]
    assert feed.say('$RMS,"sideways"').decoder.refused == {"bad-value": 1}


@pytest.mark.parametrize(
    ("title", "laps", "kind"),
    [
        ("Practice 1", 9999, SessionKind.PRACTICE),
        ("Zeittraining Gruppe 2", 9999, SessionKind.QUALIFYING),
        ("Qualifying Race", 9999, SessionKind.RACE),
        ("Tests", 80, SessionKind.RACE),
        ("Sunday 7.5Hr", 9999, SessionKind.RACE),
        ("Group A", 9999, SessionKind.UNKNOWN),
    ],
)
def test_kinds(title: str, laps: int, kind: SessionKind) -> None:
    """By the run's name, and by laps that are counted down."""
    assert Feed().say(f'$B,3,"{title}"').tick(0, "      ", laps=laps).now.kind is kind


@pytest.mark.parametrize(
    ("word", "flag"),
    [
        ("Yellow", Flag.YELLOW),
        ("RED   ", Flag.RED),
        ("Finish", Flag.CHEQUERED),
        (" ", Flag.NONE),
        ("Purple", Flag.UNKNOWN),
    ],
)
def test_flags(feed: Feed, word: str, flag: Flag) -> None:
    """Trimmed and folded; unknown words are kept, and every row shows them."""
    feed.tick(125_000, word)
    assert (feed.now.flag, feed.now.flag_text) == (flag, word.strip())
    assert feed.cell("05", 11) == word.strip()


def test_the_clock() -> None:
    """Time to go, else race time, with the laps to go; a pending start is no race time."""
    feed = feed_of("7").tick(5000, to_go="00:10:00")
    assert (feed.now.clock.mode, feed.now.clock.ms) == (ClockMode.COUNTDOWN, 600_000)
    feed.tick(9000, laps=3)
    assert (feed.now.clock.mode, feed.now.clock.ms, feed.now.clock.text) == (ClockMode.COUNT_UP, 9000, "3 laps to go")
    feed.say('$F,9999,"08:00:47","10:00:00","00:00:-47","      "')
    assert feed.now.clock.mode is ClockMode.COUNTDOWN


def test_the_pit_lane(feed: Feed) -> None:
    """`$L` by car number; what comes late changes nothing; the lap is flagged."""
    feed.say('$L,"7","P3","PIP","01/01/2026","10:02:30.000"')
    assert (feed.rows()["7"].in_pit, feed.rows()["7"].pit_stops) == (True, 1)
    feed.lap("7", 1, 3, 90_000, 210_000).say('$L,"7","P2","POP","01/01/2026","10:03:40.000"')
    feed.say('$L,"7","P3","PIP","01/01/2026","10:02:31.000"')
    assert not feed.rows()["7"].in_pit
    assert feed.now.competitors[CompetitorId("7")].laps[-1].flags == {LapFlag.PIT}
    assert feed.say('$L,"Tx4711","P3","PIP","01/01/2026","10:02:31.000"').decoder.refused == {"unknown-competitor": 1}


def test_without_entries() -> None:
    """Joined in mid-feed: competitors by their registration numbers, with a doubt."""
    feed = Feed().tick(60_000).lap("17", 24, 20, 23_619, 492_152).lap("14", 25, 20, 23_946, 492_433).tick(61_000)
    assert {row.number: row.position for row in classification(feed.now)} == {"17": 24, "14": 25}
    assert any("no entries" in doubt for doubt in feed.decoder.doubts)


def test_a_corrected_time(feed: Feed) -> None:
    """`$COR`: the total, and what was added."""
    feed.say('$COR,"7","7",2,"00:02:05.000","+00:00:05.000"').tick(124_000)
    row = feed.rows()["7"]
    assert (row.total_ms, row.penalty, row.laps, feed.laps("7")) == (125_000, "5.000", 2, [60_000, 60_000])


def test_ticks_alone_make_no_session() -> None:
    """A feed that idles for hours."""
    feed = Feed()
    for _ in range(20):
        feed.tick(0, "      ")
    assert feed.book.sessions == []


def test_negative_counts() -> None:
    """A correction below nothing is shown as it is."""
    feed = feed_of("7").say('$G,1,"7",-8,"07:31:37.873"').tick(2000)
    assert feed.rows()["7"].laps == -8
    assert feed.cell("7", 5) == "-8"
