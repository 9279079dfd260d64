"""Two protocols in one stream: each is decoded as it would be alone, and never into the other."""

from itertools import chain

from karttime.analysis.document import session_document
from karttime.analysis.report import analyze
from karttime.domain.logbook import Logbook
from karttime.feeds.base import Decoder, Rejection
from karttime.feeds.declared.decoder import DeclaredDecoder
from karttime.feeds.frame import Frame
from karttime.feeds.mixed import MixedDecoder, is_structured
from karttime.feeds.rmonitor.decoder import RMonitorDecoder
from karttime.simulator.formats import rmonitor
from karttime.simulator.scenarios import Options
from tests.analysis import synthetic


def known() -> list[Frame]:
    """Five minutes of RMonitor, at the time of the other feed."""
    options = Options(preset="sprint", karts=5, duration_ms=300_000, seed=3, start_at=synthetic.START)
    return list(rmonitor(options).frames())


MADE = synthetic.make(10).frames
OTHER = [frame._replace(at=frame.at - MADE[0].at + synthetic.START) for frame in MADE]
STREAM = sorted(chain(known(), OTHER), key=lambda frame: frame.at)


def decoded(decoder: Decoder, frames: list[Frame], *, many: bool = False) -> Logbook:
    logbook = Logbook()
    updates = decoder.feed_many(frames) if many else (update for frame in frames for update in decoder.feed(frame))
    for update in updates:
        if not isinstance(update, Rejection):
            logbook.apply(update)
    return logbook


def laps(logbook: Logbook) -> list[tuple[str, int, int]]:
    return [
        (one.id, lap.number, lap.time_ms)
        for session in logbook.sessions
        for one in session.competitors.values()
        for lap in one.laps
    ]


def test_each_part_is_decoded_as_if_it_were_alone() -> None:
    """In both ways to decode."""
    spec = analyze(OTHER).spec
    assert spec is not None
    alone, beside = decoded(RMonitorDecoder(), known()), decoded(DeclaredDecoder(spec), OTHER)
    assert laps(alone)
    assert laps(beside)
    for many in (False, True):
        mixed = MixedDecoder(RMonitorDecoder(), DeclaredDecoder(spec))
        own = decoded(mixed, STREAM, many=many)
        assert laps(own) == laps(alone)
        assert laps(mixed.beside) == laps(beside)
        assert [session.id for session in mixed.beside.sessions] == [f"{it.id}b" for it in beside.sessions]
        assert not mixed.refused
        assert "two protocols" in mixed.doubts[-1]


def test_provenance_names_frames_of_the_whole_stream() -> None:
    """So that the frames behind a lap can be shown."""
    spec = analyze(OTHER).spec
    assert spec is not None
    mixed = MixedDecoder(RMonitorDecoder(), DeclaredDecoder(spec))
    own = decoded(mixed, STREAM)
    for logbook, structured in ((own, False), (mixed.beside, True)):
        for session in logbook.sessions:
            for lap in (lap for one in session.competitors.values() for lap in one.laps):
                assert {is_structured(STREAM[number]) for number in lap.provenance.frames} == {structured}


def test_an_analysis_of_a_mixed_stream_tells_both() -> None:
    """The known format is the feed, the other has sessions of its own."""
    report = analyze(STREAM)
    assert report.detection.name == "rmonitor"
    assert report.detection.mixed
    assert report.beside is not None
    assert laps(report.beside)
    assert session_document(report.beside.sessions[0])["classification"]
    assert report.refused == {}
