"""Anything may come: records from a grammar, and genuine streams that were damaged. Nothing may raise or grow."""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from karttime.domain.classification import classification
from karttime.domain.logbook import Logbook
from karttime.domain.view import Snapshot, delta, fold, snapshot
from karttime.feeds.base import Rejection
from karttime.feeds.frame import Frame
from karttime.feeds.rmonitor.decoder import RMonitorDecoder
from karttime.feeds.rmonitor.refusals import REASONS

BEGIN = 1_779_004_800_000


def check(frames: Sequence[Frame]) -> Logbook:
    """Decode, apply, fold; hold every promise that does not depend on what was sent."""
    decoder, book, state = RMonitorDecoder(), Logbook(), Snapshot()
    for frame in frames:
        rejections = 0
        for update in decoder.feed(frame):
            if isinstance(update, Rejection):
                rejections += 1
                assert update.reason in REASONS
                assert len(update.sample) <= 200
                continue
            change = book.apply(update)
            if book.current is not None:
                if change.snapshot:
                    state = snapshot(book.current)
                else:
                    fold(state, delta(book.current, change))
        assert rejections <= 20
    assert set(decoder.refused) <= set(REASONS)
    assert len(decoder.doubts) <= 101
    if book.current is not None:
        assert state == snapshot(book.current)
    for session in book.sessions:
        assert all(row.position is None or 0 < row.position <= 9999 for row in classification(session))
        for competitor in session.competitors.values():
            assert all(0 < lap.time_ms <= 86_400_000 for lap in competitor.laps)
            assert all(0 <= number < len(frames) for lap in competitor.laps for number in lap.provenance.frames)
            assert all(len(cell.text) <= 256 for cell in competitor.cells.values())
    return book


# -- a grammar ------------------------------------------------------------

_REGS = st.sampled_from(("7", "05", "12", "A 1", "", "x" * 60, "Zoë", "#LD", "\u202e7"))
_TIMES = st.sampled_from(
    ("00:00:00.000", "00:01:00.000", "00:01:01.500", "00:02:01.500", "00:59:59.999", "00:00:00", "26:00:00.000",
     "00:00:-47", "00:00:00.-51", "03:06:", "", "x", "9" * 20)
)  # fmt: skip
_COUNTS = st.sampled_from(("", "0", "1", "2", "3", "10", "-1", "-8", "9999", "x", "9" * 12))
_TEXTS = st.sampled_from(
    ("", "Race 1", "Qualifying", "BMW (Red, White)", "\x1b[2J", "\ud800", "<b>", '"', "$G,", "x" * 300)
)
_FLAGS = st.sampled_from(("Green ", "Yellow", "Finish", "      ", "Purple", ""))
_RECORD = st.one_of(
    st.builds('$G,{},"{}",{},"{}"'.format, _COUNTS, _REGS, _COUNTS, _TIMES),
    st.builds('$G,{},"{}",{},"{}"'.format, st.integers(1, 3), st.sampled_from(("7", "05")), st.integers(0, 4), _TIMES),
    st.builds('$J,"{}","{}","{}"'.format, _REGS, _TIMES, _TIMES),
    st.builds('$H,{},"{}",{},"{}"'.format, _COUNTS, _REGS, _COUNTS, _TIMES),
    st.builds('$F,{},"{}","10:00:00","{}","{}"'.format, _COUNTS, _TIMES, _TIMES, _FLAGS),
    st.builds('$SR,{},"{}",{},"{}",{}'.format, _COUNTS, _REGS, _COUNTS, _TIMES, _COUNTS),
    st.builds('$A,"{}","{}",{},"{}","{}","",{}'.format, _REGS, _REGS, _COUNTS, _TEXTS, _TEXTS, _COUNTS),
    st.builds('$COMP,"{}","{}",{},"{}","{}","","{}"'.format, _REGS, _REGS, _COUNTS, _TEXTS, _TEXTS, _TEXTS),
    st.builds('$B,{},"{}"'.format, st.sampled_from(("1", "2", "95", "x")), _TEXTS),
    st.builds('$C,{},"{}"'.format, _COUNTS, _TEXTS),
    st.builds('$COR,"{}","7",{},"{}","+{}"'.format, _REGS, _COUNTS, _TIMES, _TIMES),
    st.builds('$L,"{}","P3","{}","01/01/2026","{}"'.format, _REGS, st.sampled_from(("PIP", "POP", "SFP")), _TIMES),
    st.builds('$RMHL,"{}","{}","1","{}","Green ","{}"'.format, _REGS, _COUNTS, _TIMES, _TIMES),
    st.sampled_from(('$I,"10:00:00","01 Jan 26"', '$RMDTL,""', '$RMS,"qualifying"', "$RMRDQ", '$E,"TRACKNAME","Hill"')),
    _TEXTS,
)
_TEXT = st.builds(
    lambda lines, end: "\r\n".join(lines) + end, st.lists(_RECORD, max_size=8), st.sampled_from(("\r\n", "\n", ""))
)
_FRAMES = st.lists(st.tuples(st.integers(0, 9_000), _TEXT, st.booleans()), max_size=16)


@seed(20260519)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_FRAMES)
def test_records_from_a_grammar(pieces: list[tuple[int, str, bool]]) -> None:
    """Valid records, nearly valid ones and garbage, as text and as bytes, at any pace."""
    at, frames = BEGIN, []
    for after, text, as_text in pieces:
        at += after
        frames.append(Frame(at, text) if as_text else Frame(at, None, text.encode("utf-8", "surrogatepass")))
    check(frames)


@seed(20260520)
@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=10))
def test_any_bytes(pieces: list[bytes]) -> None:
    """Whatever bytes hold."""
    check([Frame(BEGIN + number, None, piece) for number, piece in enumerate(pieces)])


# -- genuine streams, damaged ------------------------------------------------------------

_FILES = ("racemonitor-relay-endurance-2021.dat", "mid-race-reset-green.txt", "geisingen-500m-heats-cp1252.txt")


def _mutated(kind: str, frames: Sequence[Frame], number: int) -> list[Frame]:
    rng = random.Random(f"{kind} {number}")
    out: list[Frame] = []
    for frame in frames:
        data = bytearray((frame.text or "").encode())
        if kind == "flip" and rng.random() < 0.1:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif kind == "cut" and rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        elif kind == "lose" and rng.random() < 0.1:
            continue
        elif kind == "swap" and out and rng.random() < 0.2:
            out.insert(-1, frame)
            continue
        out.append(Frame(frame.at, None, bytes(data)))
        if kind == "repeat" and rng.random() < 0.3:
            out.append(rng.choice(out[-50:])._replace(at=frame.at))
    return out


@pytest.mark.captures
@pytest.mark.parametrize("kind", ["flip", "cut", "lose", "swap", "repeat"])
@pytest.mark.parametrize("name", _FILES)
def test_damaged_captures(kind: str, name: str, frames_of: Callable[[str], Sequence[Frame]]) -> None:
    """Each damage to real traffic: nothing is raised, and something is still told."""
    assert check(_mutated(kind, frames_of(name)[:1500], 0)).sessions
