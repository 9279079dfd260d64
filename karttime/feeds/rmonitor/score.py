"""How well RMonitor, plain or through Race Monitor's relay, explains a sample of frames."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from karttime.feeds.base import Score
from karttime.feeds.frame import Frame
from karttime.feeds.rmonitor.lines import LineBuffer
from karttime.feeds.rmonitor.records import fields_of, is_whole, why_not

SAMPLE_FRAMES: Final = 400
SAMPLE_LINES: Final = 4000
_ENOUGH: Final = 12
_ONE: Final = 0.4
"""What a single record tells: nothing else is written so, but it may have been quoted or typed."""
_QUOTES: Final = {
    "F": "nqqqq",
    "A": "qqtqqq",
    "COMP": "qqtqqq",
    "B": "nq",
    "C": "nq",
    "E": "qq",
    "G": "nqnq",
    "H": "nqnq",
    "I": "qq",
    "J": "qqq",
    "COR": "qqnqq",
    "L": "qqqqq",
    "SR": "nqnqn",
    "SP": "nqnqn",
    "RMS": "q",
    "RMLT": "nn",
    "RMHL": "qqqqqq",
    "RMCA": "n",
}
"""Which fields of a command stand in quotes (q), which are bare numbers or nothing (n), or transponders (t)."""
_FORMS: Final = {
    "n": r",[ \t]*-?\d{0,15}[ \t]*",
    "q": r',[ \t]*"(?:[^"]|"(?![ \t]*(?:,|$))){0,200}"[ \t]*',
    "t": r",[ \t]*[\w-]{0,20}[ \t]*",
}
_PROOFS: Final = {
    command: re.compile(rf"\${command}{''.join(_FORMS[form] for form in forms)}(?=,|$)", re.ASCII)
    for command, forms in _QUOTES.items()
}
"""A line is proof where numbers and quotes stand as in the protocol; `$F,12.10,5` may be the price of a share."""
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
    found, others, proofs = _census(sample)
    records = found.total()
    relay = sum(count for command, count in found.items() if command.startswith("RM"))
    if not proofs or (relayed and not relay):
        return Score(0.0)
    value = records / (records + others) * min(1.0, _ONE + (1 - _ONE) * proofs / _ENOUGH)
    if relay and not relayed:
        value *= 0.9
    names: Counter[str] = Counter()
    for command, name in _NAMES:
        names[name] += found[command]
    evidence = [f"{count} {name} of RMonitor's shape" for name, count in names.items() if count]
    evidence += [f"{relay} records of Race Monitor's relay"] if relay else []
    evidence += [f"{others} lines of no known shape"] if others else []
    return Score(round(value, 3), tuple(evidence))


def _census(sample: Sequence[Frame]) -> tuple[Counter[str], int, int]:
    """Records by command, how many lines are none, and how many are written as only RMonitor is."""
    found: Counter[str] = Counter()
    others = proofs = 0
    lines = [line for raw in _lines(sample) if (line := raw.strip("\r\ufeff "))]
    for number, line in enumerate(lines):
        taken = fields_of(line) if not why_not(line) else None
        if taken is not None:
            found[taken[0]] += 1
            proof = _PROOFS.get(taken[0])
            proofs += proof is not None and proof.match(line) is not None
        elif 0 < number < len(lines) - 1 or len(lines) > _ENOUGH:  # a short sample may begin or end within a line
            others += 1
        if found.total() + others > SAMPLE_LINES:
            break
    return found, others, proofs


def _lines(sample: Sequence[Frame]) -> Iterator[str]:
    """The lines of the sample, and a whole record that stands at its end without the line's end."""
    buffer, many = LineBuffer(lambda _reason, _line: None), 0
    for frame in sample[:SAMPLE_FRAMES]:
        if frame.direction == "in" and many <= SAMPLE_LINES:
            for line in buffer.take(frame):
                many += 1
                yield line
    if buffer.waits:
        yield from (line for line in buffer.take(Frame(sample[-1].at, "\n")) if is_whole(line.strip("\r\ufeff ")))
