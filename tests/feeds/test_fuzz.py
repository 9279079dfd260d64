"""Anything may come: lines from a grammar, and genuine frames that were damaged. Nothing may raise or grow."""

import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from karttime.domain.classification import classification
from karttime.domain.logbook import Logbook
from karttime.domain.view import Snapshot, delta, fold, snapshot
from karttime.feeds.apex.decoder import ApexDecoder
from karttime.feeds.apex.refusals import REASONS
from karttime.feeds.base import Rejection
from karttime.feeds.formats import FORMATS
from karttime.feeds.frame import Frame
from karttime.simulator.mischief import STRANGERS
from karttime.simulator.scenarios import Options, simulator

if TYPE_CHECKING:
    from tests.feeds.conftest import ReadCapture

BEGIN = 1_779_004_800_000


def check(frames: Sequence[Frame]) -> Logbook:
    """Decode, apply, fold; hold every promise that does not depend on what was sent."""
    decoder, book, state = ApexDecoder(), Logbook(), Snapshot()
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
    assert all(count > 0 for count in decoder.refused.values())
    assert len(decoder.doubts) <= 101
    if book.current is not None:
        assert state == snapshot(book.current)
    for session in book.sessions:
        rows = classification(session)
        assert all(row.position is None or 0 < row.position <= 9999 for row in rows)
        for competitor in session.competitors.values():
            assert all(0 < lap.time_ms <= 86_400_000 for lap in competitor.laps)
            assert all(0 <= number < len(frames) for lap in competitor.laps for number in lap.provenance.frames)
            assert all(len(cell.text) <= 256 and len(cell.style) <= 200 for cell in competitor.cells.values())
            assert [lap.number for lap in competitor.laps] == list(range(1, len(competitor.laps) + 1))
    return book


# -- a grammar ----------------------------------------------------------------------------------------------------

_TEXTS = st.sampled_from(
    (
        "", "1:00.000", "59.9", "1:02:03.004", "27.", "0:48", "Tour 14", "2 Tours", "0.226", "-", "12", "76", "<3", "|",
        "</td>", "<tr ", "RENZO [1:00]", "LES BIELLES", "9" * 30, "\u0661", "\x1b[2J", "\ud800", "\x00", "x" * 300,
    )
)  # fmt: skip
_STYLES = st.sampled_from(
    ("", "tn", "ti", "tb", "ib", "in", "to", "dr", "drteam", "sr", "si", "so", "sf", "no7", "<b>")
)
_ROWS = st.sampled_from(("71", "72", "73", "999", "0", "1" * 13, ""))
_NUMBERS = st.sampled_from(("", "0", "1", "2", "60000", "59321", "-1", "x", "9" * 12))
_CELL = st.builds("r{}c{}|{}|{}".format, _ROWS, st.integers(0, 12), _STYLES, _TEXTS)
_EVENT = st.builds(
    "r{}|{}|{}|{}".format, _ROWS, st.sampled_from(("*", "#", "*in", "*out", "*i1", "*i9", "")), _NUMBERS, _NUMBERS
)
_POSITION = st.builds("r{}|#|{}".format, _ROWS, _NUMBERS)
_FACT = st.builds(
    "{}|{}|{}".format,
    st.sampled_from(("dyn1", "dyn2", "light", "title1", "title2", "track", "msg", "com", "css", "best", "gridb", "zz")),
    st.sampled_from(("", "countdown", "count", "text", "lg", "lr", "lf", "ly", "msgp", "hide")),
    st.one_of(_TEXTS, st.just('<p><b>20:41</b><span data-flag="green"></span>x</p>'), st.integers(0, 10**9).map(str)),
)
_INIT = st.sampled_from(("init|r|", "init|p|", "init|n|", "init||", "init|x|"))
_TYPES = ("sta", "rk", "no", "dr", "llp", "blp", "tlp", "pit", "gap", "s1", "otr", "", "nat")


def _grid(types: list[str], rows: list[str], texts: list[str]) -> str:
    head = "".join(f'<td data-id="c{n}" data-type="{kind}">Tours</td>' for n, kind in enumerate(types, 1))
    body = ""
    for position, row in enumerate(rows, 1):
        cells = "".join(
            f'<td data-id="r{row}c{n}" class="tn">{texts[(n + position) % len(texts)]}</td>'
            for n in range(1, len(types) + 1)
        )
        body += f'<tr data-id="r{row}" data-pos="{position}">{cells}</tr>'
    return f'grid||<tbody><tr data-id="r0" class="head" data-pos="0">{head}</tr>{body}</tbody>'


_GRID = st.builds(
    _grid,
    st.lists(st.sampled_from(_TYPES), min_size=1, max_size=10),
    st.lists(_ROWS, max_size=4),
    st.lists(_TEXTS, min_size=1, max_size=5),
)
_LINE = st.one_of(_CELL, _CELL, _EVENT, _POSITION, _FACT, _INIT, _GRID, st.sampled_from(STRANGERS), _TEXTS)
_TEXT = st.builds(lambda lines, end: "\n".join(lines) + end, st.lists(_LINE, max_size=8), st.sampled_from(("\n", "")))
_FRAMES = st.lists(st.tuples(st.integers(0, 120_000), st.none() | _TEXT | _TEXT | _TEXT), max_size=12)


@seed(20260517)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_FRAMES)
def test_lines_from_a_grammar(pieces: list[tuple[int, str | None]]) -> None:
    """Valid lines, nearly valid ones and garbage, in any order and at any pace."""
    at = BEGIN
    frames = [Frame(at, _grid(list(_TYPES), ["71", "72", "73"], [""]) + "\nlight|lg|\n")]
    for after, text in pieces:
        at += after
        frames.append(Frame(at, text, b"\x16\x03" if text is None else None))
    check(frames)


@seed(20260518)
@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=10))
def test_any_text(texts: list[str]) -> None:
    """Whatever Unicode holds; every format's score stays between 0 and 1."""
    frames = [Frame(BEGIN + number, text) for number, text in enumerate(texts)]
    check(frames)
    for feed_format in FORMATS.values():
        assert 0.0 <= feed_format.score(frames).value <= 1.0


# -- genuine frames, damaged ----------------------------------------------------------------------------------------

Damage = Callable[[random.Random, list[str]], list[str]]


def _flip(rng: random.Random, texts: list[str]) -> list[str]:
    """One bit in one of ten frames."""
    out = []
    for text in texts:
        data = bytearray(text.encode())
        if data and rng.random() < 0.1:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        out.append(data.decode("utf-8", "replace"))
    return out


def _cut(rng: random.Random, texts: list[str]) -> list[str]:
    """Frames that end, or begin, in the middle of a line."""
    cuts = [rng.randrange(len(text) + 1) for text in texts]
    return [
        text if rng.random() < 0.8 else rng.choice((text[:cut], text[cut:]))
        for text, cut in zip(texts, cuts, strict=True)
    ]


def _swap(rng: random.Random, texts: list[str]) -> list[str]:
    """Lines of a frame in another order, also of a dump."""
    out = []
    for text in texts:
        lines = text.split("\n")
        if rng.random() < 0.3:
            rng.shuffle(lines)
        out.append("\n".join(lines))
    return out


def _repeat(rng: random.Random, texts: list[str]) -> list[str]:
    """Frames twice, and now and then an old one again."""
    out: list[str] = []
    for text in texts:
        out += [text] * rng.choice((1, 1, 1, 2))
        if rng.random() < 0.05:
            out.append(rng.choice(out))
    return out


def _inject(rng: random.Random, texts: list[str]) -> list[str]:
    """Strangers' bytes between frames and within them."""
    out = []
    for text in texts:
        stranger = rng.choice(STRANGERS)
        place = rng.randrange(len(text) + 1)
        out += [text[:place] + stranger + text[place:]] if rng.random() < 0.1 else [text]
        out += [stranger] if rng.random() < 0.1 else []
    return out


def _lose(rng: random.Random, texts: list[str]) -> list[str]:
    """A tenth of the frames is missing."""
    return [text for text in texts if rng.random() < 0.9]


def _split(rng: random.Random, texts: list[str]) -> list[str]:
    """The stream of bytes in other pieces than it was sent in, as a proxy may deliver it."""
    whole, out = "".join(texts), []
    while whole:
        size = rng.randrange(1, 4000)
        out.append(whole[:size])
        whole = whole[size:]
    return out


DAMAGES: dict[str, Damage] = {
    "flip": _flip,
    "cut": _cut,
    "swap": _swap,
    "repeat": _repeat,
    "inject": _inject,
    "lose": _lose,
    "split": _split,
}


def damaged(kind: str, frames: Sequence[Frame], number: int) -> list[Frame]:
    """The frames' texts damaged, at an even pace over the same time."""
    rng = random.Random(f"{kind} {number}")
    texts = DAMAGES[kind](rng, [frame.text or "" for frame in frames])
    pace = (frames[-1].at - frames[0].at) / max(len(texts), 1)
    return [Frame(frames[0].at + round(order * pace), text) for order, text in enumerate(texts)]


@cache
def _simulated(preset: str) -> tuple[Frame, ...]:
    made = simulator(Options(preset=preset, karts=5, duration_ms=240_000, seed=6))
    return tuple(made.frames())[:400]


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("preset", ["endurance", "rental", "competition"])
def test_damaged_simulation(kind: str, preset: str) -> None:
    """Each damage in three ways over three kinds of meetings; something is still decoded where boards are whole."""
    for number in range(3):
        book = check(damaged(kind, _simulated(preset), number))
        assert book.sessions or kind == "split"


@pytest.mark.captures
@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("name", ["los-santos-3h-race-start.ndjson", "slovak-karting-center-18-columns.jsonl"])
def test_damaged_captures(kind: str, name: str, capture: "ReadCapture") -> None:
    """The same with real traffic."""
    check(damaged(kind, capture(name)[:1500], 0))


@pytest.mark.parametrize("kind", ["repeat", "swap"])
def test_damage_that_costs_little(kind: str) -> None:
    """Frames sent twice and lines in another order neither lose nor invent more than a few laps."""
    genuine = check(_simulated("endurance"))
    book = check(damaged(kind, _simulated("endurance"), 0))
    assert abs(_laps(book) - _laps(genuine)) <= _laps(genuine) // 4


def _laps(book: Logbook) -> int:
    return sum(len(row.laps) for session in book.sessions for row in session.competitors.values())
