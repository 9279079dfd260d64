"""The collector, fed by hand: states, counters, publications, and what survives which failure."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from karttime.circuits.circuit import Circuit
from karttime.engine.collector import Collector, CollectorOptions
from karttime.engine.hub import Hub, HubItem, Publication
from karttime.engine.source import Connected, Connecting, Ended, Flooding, GaveUp, Lost, Retrying, SourceItem
from karttime.engine.status import CollectorState, StatusPublication
from karttime.engine.taps import RecorderTap
from karttime.feeds.base import Rejection
from karttime.feeds.frame import Frame

from .conftest import BEGIN, HandClock, ListSource, MemoryWriter, WordDecoder

Make = Callable[[str], Frame]
UP: tuple[SourceItem, ...] = (Connecting(1), Connected())


class Rig:
    """A collector whose source plays the items of `play`, and all that its hub published."""

    def __init__(self, circuit: Circuit, clock: HandClock) -> None:
        self.items: Sequence[SourceItem] = ()
        self.stay = False
        self.writer = MemoryWriter()
        self.decoders: list[WordDecoder] = []
        self.collector = Collector(
            circuit,
            source=lambda _: ListSource(self.items, self.stay),
            decoder=self._decoder,
            hub=Hub(circuit.id),
            recorder=RecorderTap(lambda: self.writer, clock=clock.clock),
            options=CollectorOptions(silent_after_s=45),
            clock=clock.clock,
        )
        self.seen: list[HubItem] = []
        self.collector.hub.add_tap(self.seen.append)

    def _decoder(self) -> WordDecoder:
        self.decoders.append(WordDecoder())
        return self.decoders[-1]

    async def play(self, *items: SourceItem) -> None:
        self.items = items
        await self.collector.run()

    @property
    def publications(self) -> list[Publication]:
        return [item for item in self.seen if isinstance(item, Publication)]

    @property
    def states(self) -> list[CollectorState]:
        """States in order, without repetitions."""
        states: list[CollectorState] = []
        for item in self.seen:
            if isinstance(item, StatusPublication) and item.state not in states[-1:]:
                states.append(item.state)
        return states

    @property
    def last_status(self) -> StatusPublication:
        return next(item for item in reversed(self.seen) if isinstance(item, StatusPublication))


@pytest.fixture
def rig(circuit: Circuit, hand_clock: HandClock) -> Rig:
    return Rig(circuit, hand_clock)


async def test_each_frame_that_changes_something_makes_one_publication(rig: Rig, frame: Make) -> None:
    frames = [frame("session one"), frame("\n"), frame("last 1 61.000"), frame("rubbish"), frame("lap 1 61000")]
    await rig.play(*UP, *frames)
    assert [item.seq for item in rig.publications] == [1, 2, 3]
    assert [item.frame for item in rig.publications] == [frames[0], frames[2], frames[4]]
    assert [item.at for item in rig.publications] == [BEGIN + 1, BEGIN + 3, BEGIN + 5]
    assert len(rig.publications[0].changes) == 2
    assert rig.publications[2].session is rig.collector.logbook.current


async def test_facts_before_the_first_session_publish_nothing(rig: Rig, frame: Make) -> None:
    await rig.play(*UP, frame("last 1 61.000"))
    assert rig.publications == []
    assert rig.collector.status().updates == 1


async def test_counters_say_what_came(rig: Rig, frame: Make, hand_clock: HandClock) -> None:
    await rig.play(*UP, frame("session one"), frame("\n"), Frame(BEGIN, None, b"\xff\xfe"), frame("é"))
    status = rig.collector.status()
    assert (status.frames, status.bytes, status.updates) == (4, len("session one") + 1 + 2 + 2, 2)
    assert status.last_frame_at == hand_clock.wall
    assert status.refused == {"unknown-word": 1}
    assert status.session_id == "one"
    assert status.doubts == ("invented",)
    assert (status.epoch, status.seq) == (rig.collector.hub.epoch, 1)


async def test_the_recorder_sees_a_frame_before_the_decoder_does(rig: Rig, frame: Make) -> None:
    """A frame that makes the decoder fail is on disk."""
    with pytest.raises(RuntimeError):
        await rig.play(*UP, frame("session one"), frame("boom"))
    assert rig.writer.lines == ["session one", "# session one", "boom"]
    assert rig.writer.closed


async def test_a_full_disk_does_not_end_the_collection(rig: Rig, frame: Make) -> None:
    rig.writer.full = True
    await rig.play(*UP, frame("session one"), frame("last 1 61.000"))
    assert len(rig.publications) == 2
    recorder = rig.collector.status().recorder
    assert recorder is not None
    assert (recorder.error, recorder.missed) == ("the disk is full", 2)


async def test_what_is_refused_is_counted_and_kept_with_its_sample(rig: Rig, frame: Make) -> None:
    await rig.play(*UP, *[frame(f"rubbish {number}") for number in range(80)])
    assert rig.collector.status().refused == {"unknown-word": 80}
    assert all(isinstance(each, Rejection) for each in rig.collector.recent_refusals)
    assert rig.collector.recent_refusals[-1].sample == "rubbish 79"
    assert len(rig.collector.recent_refusals) == 50


async def test_states_from_start_to_live(rig: Rig, frame: Make) -> None:
    await rig.play(*UP, frame("\n"), frame("session one"))
    assert rig.states == [CollectorState.CONNECTING, CollectorState.LIVE]
    assert rig.last_status.timing_connected
    assert rig.last_status.reason == ""


async def test_losing_the_connection_is_published_and_keeps_the_session(
    rig: Rig, frame: Make, hand_clock: HandClock
) -> None:
    await rig.play(*UP, frame("session one"), frame("lap 1 61000"), Lost("the server vanished"), Retrying(2000, 2))
    status = rig.collector.status()
    assert status.state is CollectorState.RECONNECTING
    assert not status.timing_connected
    assert status.connected_since is None
    assert status.reason == "the server vanished; attempt 2 in 2 s"
    assert status.reconnects == 1
    session = rig.collector.logbook.current
    assert session is not None
    assert len(session.competitors) == 2
    assert rig.collector.hub.current().state is not None
    hand_clock.advance(5)
    assert rig.collector.status().data_age_ms == 5000


async def test_recovery_goes_on_with_the_same_decoder_and_session(rig: Rig, frame: Make) -> None:
    await rig.play(
        *UP, frame("session one"), Lost("gone"), Retrying(1, 2), Connecting(2), Connected(), frame("last 1 61.000")
    )
    assert rig.states == [
        CollectorState.CONNECTING,
        CollectorState.LIVE,
        CollectorState.RECONNECTING,
        CollectorState.LIVE,
    ]
    assert len(rig.decoders) == 1
    assert [item.seq for item in rig.publications] == [1, 2]
    assert rig.collector.status().last_error == "gone"
    assert rig.collector.status().reason == ""


async def test_failed_attempts_before_the_first_connection_are_no_reconnects(rig: Rig) -> None:
    failed: list[SourceItem] = [Connecting(1), Lost("refused"), Retrying(1000, 2)]
    await rig.play(*failed, *failed, *failed)
    assert rig.states == [CollectorState.CONNECTING]
    assert rig.collector.status().reconnects == 0
    assert rig.last_status.reason == "refused; attempt 2 in 1 s"
    assert len(rig.seen) == 1 + 3, "one publication for each failed attempt"


async def test_giving_up_says_why_and_is_not_running(rig: Rig) -> None:
    await rig.play(Connecting(1), Lost("refused"), GaveUp(1))
    status = rig.collector.status()
    assert status.state is CollectorState.GAVE_UP
    assert status.reason == "gave up after 1 attempts: refused"
    assert not status.running


async def test_the_end_of_a_recording_is_a_stop(rig: Rig, frame: Make) -> None:
    await rig.play(*UP, frame("session one"), Ended())
    assert rig.collector.status().state is CollectorState.STOPPED
    assert "played to its end" in rig.collector.status().reason
    assert rig.collector.logbook.current is not None


async def test_a_connection_without_data_becomes_silent_and_live_again(
    rig: Rig, frame: Make, hand_clock: HandClock
) -> None:
    """Keep-alives do not count as timing data."""
    await rig.play(*UP, frame("session one"))
    rig.collector._connected_since = BEGIN  # as while the source waits
    hand_clock.advance(44)
    rig.collector.tick()
    assert rig.states[-1:] == [CollectorState.LIVE]
    rig.collector._take(frame("\n"))
    hand_clock.advance(1)
    rig.collector.tick()
    rig.collector.tick()
    assert rig.states[-1:] == [CollectorState.SILENT]
    assert rig.last_status.timing_connected
    assert rig.last_status.data_age_ms == 45_000
    assert "no timing data" in rig.last_status.reason
    rig.collector._take(frame("\n"))
    assert rig.states[-1:] == [CollectorState.SILENT]
    rig.collector._take(frame("last 1 61.000"))
    assert rig.states[-2:] == [CollectorState.SILENT, CollectorState.LIVE]


async def test_a_server_that_never_sends_data_is_silent_not_connecting_for_ever(
    rig: Rig, hand_clock: HandClock
) -> None:
    await rig.play(*UP)
    rig.collector._connected_since = BEGIN
    hand_clock.advance(45)
    rig.collector.tick()
    assert rig.collector.state is CollectorState.SILENT


async def test_a_lost_connection_is_not_called_silent(rig: Rig, frame: Make, hand_clock: HandClock) -> None:
    await rig.play(*UP, frame("session one"), Lost("gone"))
    hand_clock.advance(100)
    rig.collector.tick()
    assert rig.collector.state is CollectorState.RECONNECTING


async def test_a_crash_is_a_state_of_its_own_and_brings_a_new_decoder(rig: Rig, frame: Make) -> None:
    with pytest.raises(RuntimeError):
        await rig.play(*UP, frame("session one"), frame("boom"))
    rig.collector.crashed(RuntimeError("secret \x1b[31m"), 2.0)
    status = rig.collector.status()
    assert status.state is CollectorState.FAILED
    assert status.running
    assert status.reason == "internal error (RuntimeError), see the log; starts again in 2 s"
    assert status.crashes == 1
    assert len(rig.decoders) == 2
    await rig.play(*UP, frame("session two"))
    assert [session.id for session in rig.collector.logbook.sessions] == ["one", "two"]
    assert rig.collector.state is CollectorState.LIVE


async def test_the_source_is_closed_when_the_collector_fails(circuit: Circuit, frame: Make) -> None:
    source = ListSource([*UP, frame("boom")], stay=True)
    collector = Collector(circuit, source=lambda _: source, decoder=WordDecoder, hub=Hub("hill"))
    with pytest.raises(RuntimeError):
        await collector.run()
    assert source.closed


async def test_history_and_recent_frames_are_kept_in_order_and_bounded(rig: Rig, frame: Make) -> None:
    lost: list[SourceItem] = [Connecting(1), Connected(), Lost("gone"), Retrying(1, 2)]
    await rig.play(*lost * 100, *[frame(f"last 1 {number}") for number in range(3000)])
    assert len(rig.collector.history) == 100
    assert rig.collector.history[-1] == rig.last_status
    assert len(rig.collector.recent_frames) == 2000
    assert rig.collector.recent_frames[-1].text == "last 1 2999"


async def test_frames_that_we_sent_ourselves_are_recorded_but_not_decoded(rig: Rig) -> None:
    await rig.play(*UP, Frame(BEGIN, "session one", None, "out"))
    assert rig.writer.lines == ["session one"]
    assert rig.publications == []


async def test_connections_are_marked_in_the_recording(rig: Rig, frame: Make) -> None:
    await rig.play(*UP, frame("session one"), Lost("gone"), Connecting(2), Connected(), frame("last 1 1"))
    assert rig.writer.lines == ["session one", "# session one", "# connection lost: gone", "# connected", "last 1 1"]


async def test_an_edited_name_counts_at_once_and_changes_nothing_else(rig: Rig, circuit: Circuit, frame: Make) -> None:
    renamed = replace(circuit, name="New name")
    rig.collector.adopt(renamed, WordDecoder)
    await rig.play(*UP, frame("session one"))
    assert rig.collector.status().name == "New name"
    assert rig.collector._decoder is rig.decoders[0]


@pytest.mark.parametrize(
    "edited",
    [Circuit("hill", "Hill", "ws://127.0.0.1:2", "words"), Circuit("hill", "Hill", "ws://127.0.0.1:1", "other")],
)
async def test_another_address_or_format_brings_a_new_decoder_at_the_next_start(
    rig: Rig, frame: Make, edited: Circuit
) -> None:
    await rig.play(*UP, frame("session one"))
    rig.collector.adopt(edited, WordDecoder)
    assert rig.collector._decoder is rig.decoders[0], "what is running goes on as it is"
    rig.collector.stopped()
    await rig.play(*UP, frame("session two"))
    assert rig.collector._decoder is not rig.decoders[0]
    assert [session.id for session in rig.collector.logbook.sessions] == ["one", "two"]


async def test_an_empty_message_is_no_timing_data(rig: Rig, frame: Make) -> None:
    await rig.play(*UP, frame(""), frame("\n"), Frame(BEGIN, None, b""))
    assert rig.states[-1:] == [CollectorState.LIVE], "bytes are, whatever they say"
    assert len(rig.collector.recent_frames) == 1


async def test_a_flood_is_a_state_of_its_own_until_it_is_over(rig: Rig, frame: Make, hand_clock: HandClock) -> None:
    """Data goes on meanwhile; five seconds within the budget make it live again."""
    fault = "more than 1000 messages a second"
    await rig.play(*UP, frame("session one"), Flooding(fault), frame("last 1 61.000"), Flooding(fault))
    assert rig.states == [CollectorState.CONNECTING, CollectorState.LIVE, CollectorState.FLOODING]
    assert len(rig.publications) == 2
    status = rig.collector.status()
    assert fault in status.reason
    assert "read more slowly" in status.reason
    hand_clock.advance(4)
    rig.collector.tick()
    assert rig.collector.state is CollectorState.FLOODING
    hand_clock.advance(1)
    rig.collector.tick()
    assert (rig.collector.state, rig.collector.status().reason) == (CollectorState.LIVE, "")


async def test_a_flooding_feed_that_is_lost_reconnects_as_any_other(rig: Rig, frame: Make) -> None:
    await rig.play(*UP, frame("session one"), Flooding("more than 9 messages a second"), Lost("gone"), *UP)
    assert rig.states[-2:] == [CollectorState.FLOODING, CollectorState.RECONNECTING]


async def test_frames_without_news_for_long_are_silence_also_after_a_flood(
    rig: Rig, frame: Make, hand_clock: HandClock
) -> None:
    """Keep-alives go on, the timing computer is off: nothing on the board is fresh."""
    await rig.play(*UP, frame("session one"), Flooding("more than 9 messages a second"))
    rig.collector._connected_since = BEGIN  # the source of this test ended; a real one stays
    hand_clock.advance(45)
    rig.collector.tick()
    assert rig.collector.state is CollectorState.SILENT


async def test_the_event_loop_has_its_turn_in_a_long_burst(rig: Rig, frame: Make, hand_clock: HandClock) -> None:
    """Frames of 2 ms each: after every third one others run."""
    rig.collector.hub.add_tap(lambda item: hand_clock.advance(0.002) if isinstance(item, Publication) else None)
    await rig.play(*UP, *[frame("session one") for _ in range(12)])
    assert hand_clock.slept == [0] * 4


async def test_a_frame_that_takes_long_is_counted(rig: Rig, frame: Make, hand_clock: HandClock) -> None:
    """And followed by a rest of three times as long, so that such frames leave time to the other circuits."""
    rig.collector.hub.add_tap(lambda item: hand_clock.advance(0.08) if isinstance(item, Publication) else None)
    await rig.play(*UP, frame("session one"), frame("rubbish"), frame("last 1 61.000"))
    status = rig.collector.status()
    assert (status.slow_frames, status.slowest_ms) == (2, 80)
    assert hand_clock.slept == [pytest.approx(0.24)] * 2
