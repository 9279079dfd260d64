"""How well RMonitor, plain or through Race Monitor's relay, explains a sample of frames."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from karttime.feeds.base import Score
from karttime.feeds.frame import Frame
from karttime.feeds.rmonitor.lines import LineBuffer
from karttime.feeds.rmonitor.records import fields_of, why_not

SAMPLE_FRAMES: Final = 400
SAMPLE_LINES: Final = 4000
_ENOUGH: Final = 12
_NAMES: Final = (
    ("F", "ticks"),
    ("J", "crossings"),
    ("G", "standings"),
    ("H", "best laps"),
    ("A", "entries"),
    ("COMP", "entries"),
    ("L", "loop crossings"),
)


def score_rmonitor(sample: Sequence[Frame]) -> Score:
    """The share of lines that are records; less where the relay's are among them, which another name stands for."""
    return _score(sample, relayed=False)


def score_racemonitor(sample: Sequence[Frame]) -> Score:
    """The same where records of the relay are among them; without them, nothing."""
    return _score(sample, relayed=True)


def _score(sample: Sequence[Frame], *, relayed: bool) -> Score:
    found, others = _census(sample)
    records = found.total()
    relay = sum(count for command, count in found.items() if command.startswith("RM"))
    if not records or (relayed and not relay):
        return Score(0.0)
    value = records / (records + others) * min(1.0, records / _ENOUGH)
    if relay and not relayed:
        value *= 0.9
    names: Counter[str] = Counter()
    for command, name in _NAMES:
        names[name] += found[command]
    evidence = [f"{count} {name} of RMonitor's shape" for name, count in names.items() if count]
    evidence += [f"{relay} records of Race Monitor's relay"] if relay else []
    evidence += [f"{others} lines of no known shape"] if others else []
    return Score(round(value, 3), tuple(evidence))


def _census(sample: Sequence[Frame]) -> tuple[Counter[str], int]:
    """Records by command, and how many lines are none."""
    found: Counter[str] = Counter()
    others = 0
    buffer = LineBuffer(lambda _reason, _line: None)
    for frame in sample[:SAMPLE_FRAMES]:
        if frame.direction == "out":
            continue
        for raw in buffer.take(frame):
            line = raw.strip("\r\ufeff ")
            if not line:
                continue
            taken = fields_of(line) if not why_not(line) else None
            if taken is None:
                others += 1
            else:
                found[taken[0]] += 1
        if found.total() + others > SAMPLE_LINES:
            break
    return found, others
