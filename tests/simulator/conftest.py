"""A plain reader of Apex frames, written from the protocol alone: it shares no code with simulator or decoder."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pytest

from karttime.feeds.frame import Frame
from karttime.simulator.apex import ApexSimulator
from karttime.simulator.scenarios import Options, simulator

HEADER = re.compile(r'<td data-id="c(\d+)" data-type="(\w*)"[^>]*>(.*?)</td>')
ROW = re.compile(r'<tr data-id="r(\d+)" data-pos="(\d+)">(.*?)</tr>')
CELL = re.compile(r'data-id="r(\d+)c(\d+)" class="([^"]*)">(.*?)</(?:td|p|div)>')


@dataclass
class Wire:
    """What a browser would show: the fold of the frames so far."""

    letter: str = ""
    lines: dict[str, str] = field(default_factory=dict)
    types: dict[int, str] = field(default_factory=dict)
    headers: dict[int, str] = field(default_factory=dict)
    cells: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)

    def feed(self, text: str) -> None:
        for line in text.splitlines() if "\r" in text else text.split("\n"):
            if line:
                self._line(line)

    def _line(self, line: str) -> None:
        subject, verb, value = line.split("|", 2)
        if subject == "init":
            self.letter, self.cells, self.positions, self.types = verb, {}, {}, {}
        elif subject == "grid":
            self._grid(value)
        elif found := re.fullmatch(r"r(\d+)c(\d+)", subject):
            self.cells[found[1], int(found[2])] = (verb, value)
        elif verb == "#":
            self.positions[subject[1:]] = int(value)
        elif not re.fullmatch(r"r\d+", subject):
            self.lines[subject] = f"{verb}|{value}"

    def _grid(self, html: str) -> None:
        self.types = {int(number): kind for number, kind, _ in HEADER.findall(html)}
        self.headers = {int(number): text for number, _, text in HEADER.findall(html)}
        for row, position, cells in ROW.findall(html):
            self.positions[row] = int(position)
            for _, number, style, text in CELL.findall(cells):
                self.cells[row, int(number)] = (style, text)

    def column(self, kind: str) -> int:
        return next(number for number, known in self.types.items() if known == kind)

    def text(self, row: str, kind: str) -> str:
        return self.cells[row, self.column(kind)][1]


@dataclass(frozen=True)
class Step:
    """One frame: its lines, and the board before and after it (`after` is live: read it at once)."""

    at: int
    lines: tuple[str, ...]
    before: dict[tuple[str, int], tuple[str, str]]
    after: Wire


def walk(frames: Iterable[Frame]) -> Iterator[Step]:
    wire = Wire()
    for frame in frames:
        before = dict(wire.cells)
        assert frame.text is not None
        wire.feed(frame.text)
        yield Step(frame.offset or 0, tuple(line for line in frame.text.split("\n") if line), before, wire)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture(name="walk")
def walk_fixture() -> Callable[[Iterable[Frame]], Iterator[Step]]:
    return walk


SMALL = {
    "endurance": Options("endurance", karts=6, duration_ms=600_000, seed=3),
    "pit-lane": Options("pit-lane", karts=5, duration_ms=600_000, seed=3),
    "sprint": Options("sprint", karts=6, duration_ms=300_000, seed=3),
    "rental": Options("rental", karts=5, duration_ms=240_000, seed=3),
    "competition": Options("competition", karts=6, duration_ms=300_000, seed=3),
}


@pytest.fixture(params=sorted(SMALL))
def small(request: pytest.FixtureRequest) -> ApexSimulator:
    """A short meeting of each preset."""
    return simulator(SMALL[request.param])
