"""The simulator says nothing that real boards were not seen to say, and in similar proportions."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from karttime.simulator.scenarios import PRESETS, Options, simulator

CAPTURES = Path(__file__).resolve().parents[2].parent / "shared" / "captures" / "apex"

pytestmark = [
    pytest.mark.captures,
    pytest.mark.skipif(not CAPTURES.is_dir(), reason="no real captures beside the repository"),
]


def texts(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        text = record.get("msg", record.get("raw"))
        if isinstance(text, str):
            yield text


def kinds(text: str) -> Counter[str]:
    """Lines by kind: subject with its numbers taken out, and verb or class."""
    found: Counter[str] = Counter()
    for line in text.split("\n"):
        subject, bar, rest = line.partition("|")
        if bar and re.fullmatch(r"[a-z]+\d?|r\d+|b?r\d+c\d+", subject):
            verb = rest.partition("|")[0]
            found[re.sub(r"\d+", "N", f"{subject}|{verb}") if subject[0] in "rb" else f"{subject}|{verb}"] += 1
    return found


@pytest.fixture(scope="module")
def real() -> Counter[str]:
    return sum((kinds(text) for path in sorted(CAPTURES.iterdir()) for text in texts(path)), Counter())


@pytest.fixture(scope="module")
def simulated() -> Counter[str]:
    return sum(
        (
            kinds(frame.text or "")
            for preset in PRESETS
            for frame in simulator(Options(preset, karts=16, duration_ms=600_000, seed=5)).frames()
        ),
        Counter(),
    )


def test_every_kind_of_line_was_seen_on_a_real_board(real: Counter[str], simulated: Counter[str]) -> None:
    unseen = {kind for kind in simulated if kind not in real and not kind.startswith("css|")}
    assert unseen == set()


def test_most_kinds_of_real_lines_are_simulated(real: Counter[str], simulated: Counter[str]) -> None:
    """What is left out: count-up clocks, injected HTTP and the colour classes of single venues."""
    common = {kind for kind, count in real.items() if count >= 20 and not kind.startswith("css|")}
    assert common - set(simulated) <= {"dyn1|count", "rNcN| nat", "rNcN|notcN"}


def test_the_shape_of_a_real_endurance_race_is_met(real: Counter[str], simulated: Counter[str]) -> None:
    """Per crossing: how many of the lines are status flashes, gaps, and personal bests."""

    def per_crossing(counts: Counter[str], kind: str) -> float:
        return counts[kind] / counts["rN|*"]

    for kind, factor in (("rNcN|tn", 3), ("rNcN|sr", 3), ("rNcN|ti", 4), ("rNcN|ib", 4), ("rN|#", 4), ("rNcN|in", 3)):
        ours, theirs = per_crossing(simulated, kind), per_crossing(real, kind)
        assert theirs / factor < ours < theirs * factor, (kind, ours, theirs)


def test_column_types_and_their_attributes_are_those_of_real_boards() -> None:
    header = re.compile(r'data-id="c\d+" data-type="(\w*)"')
    seen = {kind for path in CAPTURES.iterdir() for text in texts(path) for kind in header.findall(text)}
    ours = {
        kind
        for preset in PRESETS
        for frame in simulator(Options(preset, karts=2, duration_ms=200_000)).frames()
        for kind in header.findall(frame.text or "")
    }
    assert ours - seen <= {"sp1"}, "sp1 is known from a capture that is not beside the repository"


def test_time_texts_look_like_those_of_real_boards() -> None:
    """Shapes of `llp`-like cells: digits replaced, the simulator's are among the real ones."""

    def shapes(lines: Iterator[str]) -> set[str]:
        found = (re.match(r"r\d+c\d+\|(t[nib]|to)\|(.+)$", line) for line in lines)
        return {re.sub(r"\d", "0", match[1] + match[2]) for match in found if match}

    real = shapes(line for path in CAPTURES.iterdir() for text in texts(path) for line in text.split("\n"))
    ours = shapes(
        line
        for preset in ("endurance", "rental")
        for frame in simulator(Options(preset, karts=4, duration_ms=600_000)).frames()
        for line in (frame.text or "").split("\n")
    )
    assert ours - real <= {"to00:00."}
