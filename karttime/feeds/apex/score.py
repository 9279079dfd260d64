"""How well Apex explains a sample of frames."""

import re
from collections import Counter
from collections.abc import Sequence

from karttime.feeds.apex.codes import COMMANDS_WITHOUT_STATE
from karttime.feeds.apex.facts import COMMANDS
from karttime.feeds.apex.refusals import reason_of
from karttime.feeds.base import Score
from karttime.feeds.frame import Frame

SAMPLE_FRAMES, SAMPLE_LINES, _LINE = 400, 4000, 400
_ENOUGH = 12  # lines of Apex' own shapes that leave no other explanation
_ONE = 0.4  # what a single one tells: nothing else is written so, but it may have been quoted or typed
_CELL = re.compile(r"b?r\d{1,12}c\d{1,2}\|[A-Za-z0-9_ -]{0,32}\|", re.ASCII)
_EVENT = re.compile(r"r\d{1,12}\|(?:#|\*|\*in|\*out|\*i\d)\|", re.ASCII)
_GRID = re.compile(r'grid\|\|<tbody><tr data-id="r0" class="head"')
_INIT = re.compile(r"init\|[prn]\|")
_FACT = re.compile(rf"(?:{'|'.join(sorted(COMMANDS | COMMANDS_WITHOUT_STATE))})\|[^|]{{0,16}}\|")
_CLOCK = re.compile(r"dyn[12]\|(?:countdown|count|text)\||light\|l[a-z]{1,3}\|", re.ASCII)
_TORN = re.compile(
    r'.{0,300}?(?:data-id=\\?"(?:r\d{1,12})?c\d{1,3}\\?"|<span data-flag=\\?"[a-z]{1,12}\\?"></span>|'
    r"(?:^|\\n)css\|no\d{1,6}\||\\nb?r\d{1,12}(?:c\d{1,2}\|[a-z]{0,6}|\|[#*][a-z0-9]{0,3})\|)",
    re.ASCII,
)
_SHAPES = (
    ("cells", _CELL),
    ("row events", _EVENT),
    ("boards", _GRID),
    ("state dumps", _INIT),
    ("clocks and lights", _CLOCK),
    ("parts of boards or of messages", _TORN),
    ("session facts", _FACT),
)
_PROOFS = frozenset(
    {"cells", "row events", "boards", "state dumps", "clocks and lights", "parts of boards or of messages"}
)


def score(sample: Sequence[Frame]) -> Score:
    """Score Apex by the share of lines in its shapes; keep-alives and strangers' bytes count for nothing."""
    shapes: Counter[str] = Counter()
    others = lines = keep_alives = 0
    for frame in sample[:SAMPLE_FRAMES]:
        if frame.text is None or frame.direction == "out":
            others += frame.text is None
            continue
        keep_alives += frame.text == "\n"
        for line in frame.text.split("\n")[: SAMPLE_LINES - lines]:
            if not line:
                continue
            lines += 1
            name = next((name for name, shape in _SHAPES if shape.match(line[:_LINE])), None)
            if name is not None:
                shapes[name] += 1
            elif lines > 1:  # a sample may begin within a line
                others += reason_of(line.partition("|")[0], line) != "foreign-bytes"
    known, proofs = shapes.total(), sum(shapes[name] for name in _PROOFS)
    if not proofs:
        return Score(0.0, ("only keep-alives were sent",) if keep_alives and not others else ())
    sure = 1.0 if shapes["boards"] else min(1.0, _ONE + (1 - _ONE) * proofs / _ENOUGH)
    value = known / (known + others) * sure
    evidence = [f"{shapes[name]} {name} of Apex' shape" for name, _ in _SHAPES if shapes[name]]
    evidence += [f"{others} lines of no known shape"] if others else []
    evidence += [f"{keep_alives} keep-alives"] if keep_alives else []
    return Score(round(value, 3), tuple(evidence))
