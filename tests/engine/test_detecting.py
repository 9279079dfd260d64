"""Detection while a feed runs: nothing is lost, noise decides nothing, and a person's word stays."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from karttime.circuits.circuit import Circuit
from karttime.circuits.parser import Parser
from karttime.domain.logbook import Logbook
from karttime.engine.analyst import AnalysisFailed, Analyst
from karttime.engine.awaiting import DetectionOptions, Kept, Undecided
from karttime.engine.collector import Collector
from karttime.engine.detecting import Detector
from karttime.engine.hub import Hub, Publication
from karttime.engine.past import Past
from karttime.engine.source import Connected
from karttime.engine.status import CollectorState
from karttime.engine.taps import Inspected
from karttime.errors import StorageError
from karttime.feeds.base import Decoder, Rejection
from karttime.feeds.declared.spec import FeedSpec, dump_spec, load_spec
from karttime.feeds.frame import Frame

from .conftest import BEGIN, HandClock, ListSource

SPEC = load_spec(
    {
        "karttime_spec": 1,
        "name": "made up",
        "tables": [
            {
                "rows": "cars[]",
                "key": "no",
                "update": "merge",
                "fields": [{"path": "no", "role": "number"}, {"path": "last", "role": "last_lap", "unit": "ms"}],
            }
        ],
        "laps": {"by": "change"},
    }
)
WITHOUT_LAPS = load_spec(
    {
        "karttime_spec": 1,
        "name": "positions",
        "tables": [{"rows": "cars[]", "key": "no", "update": "merge", "fields": [{"path": "no", "role": "number"}]}],
    }
)
OPTIONS = DetectionOptions(samples=3, first_s=30, wait_s=10, growth=2, longest_s=25, refresh_s=0)


def lap(number: int, ms: int | None = None) -> Frame:
    """A frame that SPEC reads: kart 7, and a lap."""
    return Frame(BEGIN + 1000 * number, f'{{"cars":[{{"no":"7","last":{ms or 60_000 + number}}}]}}')


def answer(kind: str, spec: FeedSpec | None = SPEC, *, fits: bool = False) -> dict[str, Any]:
    return {
        "recording": {"frames": 3},
        "format": {"name": "unknown", "frames": 3, "mixed": {}},
        "verdict": {"kind": kind, "reason": f"{kind} it is"},
        "spec": None if spec is None else dump_spec(spec),
        "fits": fits,
    }


class Oracle(Analyst):
    """Answers what the test says; meanwhile more frames may come."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Sequence[Frame]] = []
        self.next: dict[str, Any] | None = answer("undecided", None)
        self.meanwhile: list[Frame] = []
        self.collector: Collector | None = None

    async def analyse(self, frames: Sequence[Frame], using: Parser | None = None) -> dict[str, Any]:  # noqa: ARG002
        self.asked.append(frames)
        for frame in self.meanwhile:
            assert self.collector is not None
            self.collector._take(frame)
        self.meanwhile = []
        await asyncio.sleep(0)
        if self.next is None:
            raise AnalysisFailed("it takes too long")
        return self.next


class Shelf:
    """Parsers in memory, on a database that may be away."""

    def __init__(self) -> None:
        self.parser: Parser | None = None
        self.away = False
        self.kept: list[Parser] = []

    async def get(self, circuit_id: str) -> Parser | None:
        assert circuit_id == "hill"
        if self.away:
            raise StorageError("the database is away")
        return self.parser

    async def found(self, circuit: Circuit, parser: Parser, result: dict[str, Any]) -> bool:
        assert circuit.id == "hill"
        assert result["verdict"]
        if self.away:
            raise StorageError("the database is away")
        if self.parser is not None and self.parser.by == "person":
            return False
        self.kept.append(parser)
        self.parser = replace(parser, revision=len(self.kept))
        return True


class Bench:
    """A collector with a detector, moved by hand."""

    def __init__(self, clock: HandClock, feed: str = "auto", options: DetectionOptions = OPTIONS) -> None:
        self.hand = clock
        self.oracle, self.shelf = Oracle(), Shelf()
        self.hub = Hub("hill")
        self.seen: list[Publication] = []
        self.hub.add_tap(lambda item: self.seen.append(item) if isinstance(item, Publication) else None)
        self.collector = Collector(
            Circuit("hill", "Hill", "ws://hill.example/", feed),
            source=lambda _: ListSource([]),
            decoder=Undecided,
            hub=self.hub,
            clock=clock.clock,
        )
        self.connections = 0
        self.detector = Detector(
            self.collector,
            self._reconnect,
            parsers=self.shelf,
            analyst=self.oracle,
            options=options,
            clock=clock.clock,
        )
        self.collector.detector = self.detector
        self.oracle.collector = self.collector
        self.collector.starting()
        self.collector._happened(Connected())

    async def _reconnect(self) -> None:
        self.connections += 1

    def take(self, *frames: Frame) -> None:
        for frame in frames:
            self.collector._take(frame)

    async def step(self, seconds: float = 0.25) -> None:
        self.hand.advance(seconds)
        await self.detector.step()

    @property
    def state(self) -> str:
        return self.collector.status().state.value

    @property
    def laps(self) -> list[int]:
        """Lap times of kart 7."""
        session = self.collector.logbook.current
        return [] if session is None else [lap.time_ms for one in session.competitors.values() for lap in one.laps]

    @property
    def moments(self) -> list[int]:
        """When what was published came."""
        return [item.at for item in self.seen]


@pytest.fixture
def bench(hand_clock: HandClock) -> Bench:
    return Bench(hand_clock)


async def test_frames_are_kept_until_they_are_understood_and_decoded_once_in_order(bench: Bench) -> None:
    """Those of before, those that came during the analysis, and those after it; with their own moments."""
    bench.take(*(lap(number) for number in range(4)))
    assert bench.state == "detecting"
    assert not bench.seen
    bench.oracle.next = answer("settled")
    bench.oracle.meanwhile = [lap(4), lap(5)]
    await bench.step()
    bench.take(lap(6))
    assert bench.state == "live"
    assert bench.moments == [lap(number).at for number in range(7)]
    assert bench.laps == [60_000 + number for number in range(1, 7)]
    assert bench.collector.feed == "spec"
    assert [parser.name for parser in bench.shelf.kept] == ["spec 'made up'"]
    assert bench.collector.status().detection is not None


async def test_who_looks_at_frames_sees_them_when_they_come(bench: Bench) -> None:
    """Once, as not decoded yet; what is decoded as it comes, with what it changed."""
    seen: list[Inspected] = []
    bench.collector.inspect(seen.append)
    await live(bench)
    bench.take(lap(4))
    assert [item.frame for item in seen] == [lap(number) for number in range(5)]
    assert [item.changes is None for item in seen] == [True] * 4 + [False]


async def test_frames_that_come_while_the_kept_ones_are_decoded_wait_behind_them(bench: Bench) -> None:
    """The event loop has its turn in between: what comes then is not decoded before what came earlier."""
    late = [lap(4), lap(5)]

    def slow(item: object) -> None:
        if isinstance(item, Publication) and late:
            bench.hand.advance(0.01)
            bench.take(late.pop(0))

    bench.hub.add_tap(slow)
    bench.take(*(lap(number) for number in range(4)))
    bench.oracle.next = answer("settled")
    await bench.step()
    assert bench.moments == [lap(number).at for number in range(6)]


async def test_what_nobody_can_decide_is_said_and_looked_at_again_with_more_and_later(bench: Bench) -> None:
    """Waits grow to their bound; without new messages nothing is looked at."""
    times = []
    for number in range(3, 200):
        bench.take(*(lap(n) for n in range(number)))
        before = len(bench.oracle.asked)
        await bench.step(1)
        if len(bench.oracle.asked) > before:
            times.append(number)
    assert [after - before for before, after in pairwise(times)] == [10, 20, 25, 25, 25, 25, 25, 25]
    status = bench.collector.status()
    assert (status.state, status.detection and status.detection.looks) == (CollectorState.DETECTING, 9)
    assert "undecided it is; looked at again in 25 s" in status.reason
    await bench.step(100)
    await bench.step(100)
    assert len(bench.oracle.asked) == 10
    assert not bench.seen


async def test_the_first_look_waits_for_enough_messages_or_long_enough(bench: Bench) -> None:
    bench.take(lap(0), Frame(BEGIN, "\n"), Frame(BEGIN, "\n"))
    await bench.step(29)
    assert not bench.oracle.asked, "keep-alives say nothing"
    await bench.step(2)
    assert len(bench.oracle.asked) == 1


async def test_an_analysis_that_fails_is_said(bench: Bench) -> None:
    bench.oracle.next = None
    bench.take(*(lap(number) for number in range(4)))
    await bench.step()
    assert bench.collector.status().reason == "it takes too long"


async def test_without_laps_a_parser_is_used_after_patience_and_replaced_when_laps_are_understood(
    hand_clock: HandClock,
) -> None:
    """What was decoded without laps is decoded again, as one session."""
    bench = Bench(hand_clock, options=replace(OPTIONS, patience_s=60))
    bench.oracle.next = answer("early", WITHOUT_LAPS)
    bench.take(*(lap(number) for number in range(4)))
    await bench.step()
    assert bench.state == "detecting"
    for number in range(4, 10):
        bench.take(lap(number))
        await bench.step(20)
    assert bench.state == "live"
    assert (bench.laps, len(bench.collector.logbook.sessions)) == ([], 1)
    assert "before enough laps were seen" in bench.collector.status().doubts[-1]
    bench.oracle.next = answer("settled")
    bench.take(lap(10))
    await bench.step(30)
    assert bench.laps == [60_000 + number for number in range(1, 11)]
    assert len(bench.collector.logbook.sessions) == 1
    assert [parser.settled for parser in bench.shelf.kept] == [False, True]


async def test_a_parser_that_more_laps_confirm_goes_on_as_it_is(hand_clock: HandClock) -> None:
    """Nothing is decoded again: no lap is told twice."""
    bench = Bench(hand_clock, options=replace(OPTIONS, patience_s=0))
    bench.oracle.next = answer("early")
    bench.take(*(lap(number) for number in range(4)))
    await bench.step()
    assert bench.state == "live"
    sure = SPEC.tables[0].fields[0].model_copy(update={"confidence": 0.8})
    fields = (sure, *SPEC.tables[0].fields[1:])
    surer = SPEC.model_copy(update={"tables": (SPEC.tables[0].model_copy(update={"fields": fields}),)})
    bench.oracle.next = answer("settled", surer)
    bench.take(lap(4))
    await bench.step(30)
    assert bench.moments == [lap(number).at for number in range(5)]
    assert [parser.settled for parser in bench.shelf.kept] == [False, True]
    assert len(bench.detector._kept) == 0


async def test_apex_is_recognised_without_an_analysis_and_analysed_once_to_be_told(bench: Bench) -> None:
    frames = [Frame(BEGIN + n, f"r{n % 4}c5|tn|1:0{n % 9}.123\nr{n % 4}c6|tb|1:01.000\n") for n in range(8)]
    bench.take(*frames)
    await bench.detector._recognise()
    assert bench.state == "live"
    assert bench.detector.using is not None
    assert bench.detector.using.feed == "apex"
    assert not bench.oracle.asked
    bench.oracle.next = answer("known", None)
    await bench.step()
    await bench.step(60)
    assert len(bench.oracle.asked) == 1
    assert [parser.feed for parser in bench.shelf.kept] == ["apex"]


async def live(bench: Bench) -> None:
    """It is found out, and runs."""
    bench.take(*(lap(number) for number in range(4)))
    bench.oracle.next = answer("settled")
    await bench.step()
    assert bench.state == "live"


def noise(count: int) -> list[Frame]:
    return [Frame(BEGIN + 100_000 + number, f"hello {number}") for number in range(count)]


async def test_noise_never_replaces_a_parser_and_is_said(bench: Bench) -> None:
    """Nearly everything is refused: said and looked at; when the feed speaks again all is well."""
    await live(bench)
    for kind in ("undecided", "early", "binary"):
        bench.oracle.next = answer(kind)
        bench.take(*noise(60))
        await bench.step(30)
    status = bench.collector.status()
    assert bench.detector.using is not None
    assert bench.detector.using.spec == SPEC
    assert status.state is CollectorState.DETECTING
    assert "not spec 'made up' any more" in status.reason
    assert "are refused" in status.reason
    bench.take(*(lap(number) for number in range(10, 40)))
    await bench.step()
    assert (bench.collector.state, bench.collector.status().reason) == (CollectorState.LIVE, "")


async def test_a_few_strange_messages_are_no_reason_to_look(bench: Bench) -> None:
    await live(bench)
    looked = len(bench.oracle.asked)
    for number in range(50):
        bench.take(lap(10 + number), *noise(3))
        await bench.step(10)
    assert len(bench.oracle.asked) == looked


async def test_a_feed_that_surely_became_another_is_read_as_that_from_its_first_frame_on(bench: Bench) -> None:
    """The sessions of before stay."""
    await live(bench)
    other = SPEC.model_copy(
        update={"name": "other", "tables": (SPEC.tables[0].model_copy(update={"rows": "karts[]"}),)}
    )
    frames = [Frame(BEGIN + 200_000 + n, f'{{"karts":[{{"no":"9","last":{61_000 + n}}}]}}') for n in range(210)]
    bench.take(*frames)
    bench.oracle.next = answer("settled", other)
    await bench.step(61)
    assert bench.oracle.asked[-1] == frames
    assert bench.detector.using is not None
    assert bench.detector.using.spec is not None
    assert bench.detector.using.spec.name == "other"
    assert bench.moments[-len(frames) :] == [frame.at for frame in frames]
    assert len(bench.collector.logbook.sessions) == 2


async def test_a_board_that_stands_still_is_looked_at_and_left_alone(bench: Bench) -> None:
    await live(bench)
    bench.oracle.next = answer("undecided", None, fits=True)
    bench.take(*[lap(3)] * 300)
    await bench.step(61)
    assert len(bench.oracle.asked) == 2
    assert bench.state == "live"


async def test_what_a_person_declared_is_used_at_once_and_never_replaced(bench: Bench) -> None:
    """Also where it does not fit, which is said."""
    bench.shelf.parser = Parser("spec", SPEC, "person", BEGIN, revision=1)
    bench.take(lap(0), lap(1))
    await bench.step()
    assert bench.laps == [60_001]
    bench.oracle.next = answer("known", None)
    bench.take(*noise(300))
    await bench.step(100)
    await bench.step(1000)
    status = bench.collector.status()
    assert not bench.oracle.asked
    assert status.state is CollectorState.LIVE
    assert "what a person declared does not fit" in status.reason


async def test_what_a_person_corrects_replaces_what_was_found(bench: Bench) -> None:
    """All that came is decoded anew, where it is still there; else the feed is asked for it by connecting anew."""
    await live(bench)
    bench.shelf.parser = Parser("spec", WITHOUT_LAPS, "person", BEGIN, revision=2)
    await bench.step()
    assert (bench.laps, len(bench.collector.logbook.sessions), bench.connections) == ([], 1, 0)
    bench.collector._recent.whole = False
    bench.shelf.parser = Parser("spec", SPEC, "person", BEGIN, revision=3)
    await bench.step()
    assert bench.connections == 1


async def test_a_parser_that_is_removed_is_found_out_anew(bench: Bench) -> None:
    await live(bench)
    await bench.step()
    bench.shelf.parser = None
    await bench.step()
    assert (bench.detector.using, bench.connections) == (None, 1)
    bench.take(*(lap(number) for number in range(10, 14)))
    assert bench.state == "detecting"
    await bench.step()
    assert bench.state == "live"


async def test_a_restart_goes_on_with_what_was_recorded_by_the_parser_that_is_stored(bench: Bench) -> None:
    """Without one nothing of before is read."""
    asked: list[str] = []

    def read(circuit: Circuit, decoder: Decoder, logbook: Logbook) -> Past:
        asked.append(circuit.feed)
        frames = [lap(number) for number in range(3)]
        for update in decoder.feed_many(frames):
            assert not isinstance(update, Rejection)
            logbook.apply(update)
        return Past(decoder, logbook, frames[-1], Counter())

    bench.collector._past = read
    await bench.collector._go_on()
    assert not asked
    bench.collector._past = read
    bench.shelf.parser = Parser("spec", SPEC, "person", BEGIN, revision=1)
    bench.detector._loaded = False
    await bench.collector._go_on()
    assert asked == ["auto"]
    bench.take(lap(3))
    assert bench.laps == [60_001, 60_002, 60_003]
    bench.shelf.parser = replace(bench.shelf.parser, revision=2)
    await bench.step()
    assert bench.connections == 1, "what came before the restart is not here to be decoded anew"


async def test_a_feed_spec_without_a_spec_waits_for_one(hand_clock: HandClock) -> None:
    bench = Bench(hand_clock, feed="spec")
    bench.take(*(lap(number) for number in range(5)))
    await bench.step()
    assert "there is no spec for this circuit" in bench.collector.status().reason
    assert not bench.oracle.asked
    bench.shelf.parser = Parser("spec", SPEC, "person", BEGIN, revision=1)
    await bench.step()
    assert bench.laps == [60_001, 60_002, 60_003, 60_004]


async def test_a_database_that_is_away_delays_but_loses_nothing(bench: Bench) -> None:
    """It may hold a person's word, so nothing is decided before; what is found is offered again."""
    bench.shelf.away = True
    bench.oracle.next = answer("settled")
    bench.take(*(lap(number) for number in range(4)))
    await bench.step()
    assert "cannot be read" in bench.collector.status().reason
    bench.shelf.away = False
    await bench.step(6)
    assert bench.state == "live"
    bench.shelf.parser, bench.shelf.away, bench.shelf.kept = None, True, []
    bench.detector._unsaved = None
    assert bench.detector.using is not None
    await bench.detector._keep(bench.detector.using, answer("settled"))
    bench.shelf.away = False
    bench.shelf.parser = bench.detector.using
    await bench.step(11)
    assert len(bench.shelf.kept) == 1


def test_kept_frames_are_bounded_in_number_bytes_and_time() -> None:
    kept = Kept(DetectionOptions(keep_frames=3, keep_bytes=100, keep_s=10))
    for number in range(5):
        kept.add(10, lap(number))
    assert (len(kept), kept.bytes, kept.given_up) == (3, 30, 2)
    kept.add(90, lap(5))
    assert (len(kept), kept.bytes) == (2, 100)
    kept.add(1, lap(100))
    assert [frame.at for frame in kept.frames()] == [lap(100).at]
    kept.add(1000, lap(101))
    assert (len(kept), kept.bytes) == (0, 0)
