"""What every feed format promises, whatever it speaks."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

import pytest

from karttime.domain.classification import classification
from karttime.domain.logbook import Logbook
from karttime.domain.updates import CellsChanged, Passed, PositionsChanged, Update
from karttime.domain.view import Snapshot, delta, fold, snapshot
from karttime.feeds.base import Decoder, FeedFormat, Rejection, Score
from karttime.feeds.formats import FORMATS
from karttime.feeds.frame import Frame
from karttime.simulator.mischief import STRANGERS
from karttime.simulator.scenarios import Options, simulator

from . import declared_race


@cache
def _apex() -> tuple[Frame, ...]:
    frames: list[Frame] = []
    for preset, seed in (("rental", 3), ("competition", 4)):
        at = frames[-1].at + 1000 if frames else None
        options = Options(preset=preset, karts=5, duration_ms=190_000, seed=seed)
        frames += [one if at is None else one._replace(at=one.at + 3_600_000) for one in simulator(options).frames()]
    return tuple(frames)


def _span(ms: int) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def _rmonitor_run(number: int, at: int, *, relayed: bool) -> Iterator[Frame]:
    """A race of four over six laps, record by record, from the reset before it to `Finish`."""
    karts = {"05": 41_113, "7": 41_871, "12": 42_007, "A1": 50_219}
    dump = [
        '$I,"10:00:00","01 Jan 26"',
        f'$B,{number},"Race {number}"',
        '$C,1,"Juniors, light"',
        '$E,"TRACKNAME","Hill"',
    ]
    if relayed:
        dump = ['$RMDTL,""', f"$RMCA,{at}", *dump[1:], '$RMS,"race"']
    dump += [f'$A,"{reg}","{reg}",10{reg},"Kim","Doe, {reg}","",1' for reg in karts]
    dump += [f'$G,{place},"{reg}",,"00:00:00.000"' for place, reg in enumerate(karts, 1)]
    yield Frame(at, "".join(f"{line}\r\n" for line in dump))
    events = sorted((lap * ms + 997, reg, lap, ms) for reg, ms in karts.items() for lap in range(7))
    ticks = ((second * 1000 + 500, "", second, 0) for second in range(262))
    laps: dict[str, tuple[int, int]] = {}
    for after, reg, count, ms in sorted([*events, *ticks]):
        if not reg:
            flag = "Finish" if count > 250 else "Green "
            yield Frame(at + after, f'$F,9999,"00:00:00","10:00:00","{_span(after)[:8]}","{flag}"\r\n')
            continue
        laps[reg] = (-count, after)
        order = sorted(laps, key=lambda one: laps[one])
        place = order.index(reg) + 1
        lines = [f'$J,"{reg}","{_span(ms if count else 0)}","{_span(after)}"']
        lines += [f"$RMLT,{reg},{at + after}"] if relayed else []
        lines += [
            f'$G,{place},"{reg}",{count or ""},"{_span(after)}"',
            f'$H,{place},"{reg}",{count},"{_span(ms if count else 0)}"',
        ]
        if relayed and count:
            lines.append(f'$RMHL,"{reg}","{count}","{place}","{_span(ms)}","Green ","{_span(after)}"')
        yield from (Frame(at + after + number, f"{line}\r\n") for number, line in enumerate(lines))
        rest = [f'$G,{order.index(one) + 1},"{one}",{-laps[one][0] or ""},"{_span(laps[one][1])}"' for one in order]
        yield Frame(at + after + 200, "".join(f"{line}\r\n" for line in rest))


@cache
def _rmonitor(relayed: bool) -> tuple[Frame, ...]:
    start = 1_779_004_800_000
    return tuple(
        frame for number in (1, 2) for frame in _rmonitor_run(number, start + number * 400_000, relayed=relayed)
    )


@cache
def _declared(language: str) -> tuple[Frame, ...]:
    options = Options(preset="competition", karts=5, duration_ms=190_000, seed=4)
    return tuple(declared_race.tell(language, options).frames)


DECLARED = {
    f"declared-{language}": FeedFormat(
        f"declared-{language}", partial(declared_race.decoder, language), lambda _: Score(0.0)
    )
    for language in declared_race.SPECS
}
"""What a spec declares is decoded under the same promises; nobody detects it."""

OWN: dict[str, Callable[[], Sequence[Frame]]] = {
    **{f"declared-{language}": partial(_declared, language) for language in declared_race.SPECS},
    "apex": _apex,
    "racemonitor": lambda: _rmonitor(relayed=True),
    "rmonitor": lambda: _rmonitor(relayed=False),
}
"""Frames of each format's own."""

KEEP_ALIVES = {**dict.fromkeys(DECLARED, "\n"), "apex": "\n", "racemonitor": "\n", "rmonitor": "\r\n"}

OTHERS = {
    "words": "the quick brown fox jumps over the lazy dog\n",
    "html": "<!DOCTYPE html><html><head><title>Not found</title></head><body><p>404</p></body></html>\n",
    "json": '{"jsonrpc":"2.0","id":1,"result":[{"kart":"7","lap":61234}]}\n',
    "csv": "pos,kart,driver,last,best\n1,7,ANN,1:00.000,59.000\n",
    "numbers": "1|2|3|4\n5|6|7|8\n",
    "nothing": "",
}


@pytest.fixture(params=[*sorted(FORMATS), *sorted(DECLARED)])
def feed_format(request: pytest.FixtureRequest) -> FeedFormat:
    return {**FORMATS, **DECLARED}[request.param]


@pytest.fixture(params=sorted(FORMATS))
def known_format(request: pytest.FixtureRequest) -> FeedFormat:
    return FORMATS[request.param]


@pytest.fixture
def own(feed_format: FeedFormat) -> Sequence[Frame]:
    return OWN[feed_format.name]()


def decoded(decoder: Decoder, frames: Sequence[Frame]) -> list[Update | Rejection]:
    return [update for frame in frames for update in decoder.feed(frame)]


def hostile(frames: Sequence[Frame]) -> Iterator[Frame]:
    """Genuine frames with strangers' bytes, binary frames, torn and swapped pieces among them."""
    for number, frame in enumerate(frames):
        text = frame.text or ""
        yield frame
        if number % 7 == 0:
            yield frame._replace(text=STRANGERS[number // 7 % len(STRANGERS)])
        if number % 11 == 0:
            yield frame._replace(text=None, data=text.encode()[:50])
        if number % 13 == 0:
            yield frame._replace(text=text[: len(text) // 2])
        if number % 17 == 0:
            yield frame._replace(text=text[::-1])


def test_every_format_has_frames_of_its_own() -> None:
    """A new format brings its simulator to these promises."""
    assert set(OWN) == set(KEEP_ALIVES) == {*FORMATS, *DECLARED}
    assert all(name == one.name for name, one in FORMATS.items())


def test_fresh_decoders_agree(feed_format: FeedFormat, own: Sequence[Frame]) -> None:
    """The same frames give the same updates, equal in content and order."""
    assert decoded(feed_format.decoder(), own) == decoded(feed_format.decoder(), own)


def test_its_own_frames_score_high(known_format: FeedFormat) -> None:
    """Near certainty, with evidence, within bounds."""
    score = known_format.score(OWN[known_format.name]()[:400])
    assert 0.9 <= score.value <= 1.0
    assert score.evidence


@pytest.mark.parametrize("other", sorted(OTHERS))
def test_other_texts_score_low(known_format: FeedFormat, other: str) -> None:
    """Prose, HTML, JSON, tables."""
    frames = [Frame(number * 200, OTHERS[other]) for number in range(100)]
    assert 0.0 <= known_format.score(frames).value < 0.3


def test_nothing_of_its_own_is_refused(feed_format: FeedFormat, own: Sequence[Frame]) -> None:
    """What its simulator sends is understood to the last line."""
    decoder = feed_format.decoder()
    updates = decoded(decoder, own)
    assert decoder.refused == {}
    assert not any(isinstance(update, Rejection) for update in updates)


def test_refusals_only_grow(feed_format: FeedFormat, own: Sequence[Frame]) -> None:
    """Counted by reason, frame by frame; each rejection handed out was counted; the decoder goes on."""
    decoder = feed_format.decoder()
    before: dict[str, int] = {}
    handed_out = 0
    for frame in hostile(own[:400]):
        handed_out += sum(isinstance(update, Rejection) for update in decoder.feed(frame))
        now = dict(decoder.refused)
        if "unknown-row" not in before:  # lines that a later board explains are taken back
            assert all(now[reason] >= count for reason, count in before.items())
        before = now
    assert 0 < handed_out <= sum(before.values())


def test_keep_alives_say_nothing(feed_format: FeedFormat) -> None:
    """However many, at whatever times."""
    decoder = feed_format.decoder()
    frames = [Frame(number * 60_000, KEEP_ALIVES[feed_format.name]) for number in range(100)]
    assert decoded(decoder, frames) == []
    assert decoder.refused == {}


def test_what_we_sent_is_not_decoded(feed_format: FeedFormat, own: Sequence[Frame]) -> None:
    """Frames of the other direction change nothing."""
    decoder = feed_format.decoder()
    assert decoded(decoder, [frame._replace(direction="out") for frame in own[:50]]) == []


def _state(updates: Sequence[Update | Rejection]) -> list[tuple[object, ...]]:
    """What a logbook holds in the end: sessions, standings, laps, stops, notes."""
    book = Logbook()
    for update in updates:
        if not isinstance(update, Rejection):
            book.apply(update)
    return [
        (
            session.id,
            snapshot(session),
            classification(session),
            session.notes,
            {row.id: (row.laps, row.pit_stops, row.cells) for row in session.competitors.values()},
        )
        for session in book.sessions
    ]


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
@pytest.mark.parametrize("kind", ["genuine", "hostile"])
def test_decoding_many_gives_the_same_state(
    feed_format: FeedFormat, own: Sequence[Frame], size: int, kind: str
) -> None:
    """`feed_many` in batches of any size: state, events in their order, refusals, doubts as frame by frame."""
    frames = list(own if kind == "genuine" else hostile(own))
    single, many = feed_format.decoder(), feed_format.decoder()
    one_by_one = decoded(single, frames)
    batches = [frames[start : start + size] for start in range(0, len(frames), size)]
    batched = [update for batch in batches for update in many.feed_many(batch)]
    assert _state(batched) == _state(one_by_one)
    assert _events(batched) == _events(one_by_one)
    assert (many.refused, many.doubts) == (single.refused, single.doubts)


def _events(updates: Sequence[Update | Rejection]) -> list[Update]:
    quiet = (Rejection, CellsChanged, PositionsChanged, Passed)
    return [update for update in updates if not isinstance(update, quiet)]


def test_deltas_of_a_feed_fold_to_its_state(feed_format: FeedFormat, own: Sequence[Frame]) -> None:
    """A client who got a snapshot and every delta after it knows what the session is."""
    decoder, book, state = feed_format.decoder(), Logbook(), Snapshot()
    for number, frame in enumerate(own):
        for update in decoder.feed(frame):
            assert not isinstance(update, Rejection)
            change = book.apply(update)
            if book.current is None:
                continue
            if change.snapshot:
                state = snapshot(book.current)
            else:
                fold(state, delta(book.current, change))
        if number % 20 == 0 and book.current is not None:
            assert state == snapshot(book.current)
    assert book.current is not None
    assert state == snapshot(book.current)


@pytest.mark.parametrize("speed", [10, 100])
def test_a_fast_replay_finds_the_same_laps(feed_format: FeedFormat, own: Sequence[Frame], speed: int) -> None:
    """Frames that come ten or a hundred times as fast: the same sessions and laps."""
    start = own[0].at
    faster = [frame._replace(at=start + (frame.at - start) // speed) for frame in own]
    assert _laps(decoded(feed_format.decoder(), faster)) == _laps(decoded(feed_format.decoder(), own))


def _laps(updates: Sequence[Update | Rejection]) -> list[dict[str, list[int]]]:
    book = Logbook()
    for update in updates:
        if not isinstance(update, Rejection):
            book.apply(update)
    return [
        {row.id: [lap.time_ms for lap in row.laps] for row in session.competitors.values()} for session in book.sessions
    ]
