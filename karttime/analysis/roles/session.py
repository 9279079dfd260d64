"""Fields about the session: clocks that run, flags, titles, messages."""

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from karttime.analysis.inference.series import Change
from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.view import Claim
from karttime.analysis.roles.words import words
from karttime.feeds.declared.spec import FieldRole, Unit
from karttime.feeds.declared.values import FLAGS, STATES

_TITLE: Final = re.compile(
    r"\b(race|rennen|course|carrera|gara|final\w*|manche|heat|session|practice|training|essais?|quali\w*|warm.?up|prix"
    r"|sprint|endurance|grand|cup|trophy|championship|stint|run)\b",
    re.IGNORECASE,
)
_DAY_MS, _DAY_S = 86_400_000, 86_400
_LONGEST_MS: Final = 30 * _DAY_MS
_SPAN_MS, _LONGEST_BREAK_MS = 5_000, 600_000
_STANDS_MS: Final = 30_000
_LEAST_COMPARED: Final = 4
_BACK: Final = 0.1
"""How often a clock may jump back: when another session begins, or a feed corrects it."""


def session_claims(shape: Shape, *, timed: bool = True, again_ms: int = 0) -> list[Claim]:
    """What a field outside of tables can be, strongest last.

    Args:
        shape: of the field.
        timed: whether the recording keeps times.
        again_ms: for how long it was told again and again.
    """
    claims: list[Claim] = []
    changes = next(iter(shape.column.changes.values()))
    _clock(shape, changes if timed else (), claims, again_ms)
    _flag(shape, claims)
    if not claims or max(claim.confidence for claim in claims) < 0.7:
        _texts(shape, claims)
    return sorted(claims, key=lambda claim: claim.confidence)


def _units(shape: Shape) -> Sequence[Unit]:
    if shape.clocks >= 0.7:
        return ("text",)
    return ("s", "ms", "us") if shape.numbers >= 0.8 and shape.truths < 0.5 else ()


def _clock(shape: Shape, changes: Sequence[Change], claims: list[Claim], again_ms: int) -> None:
    if re.search(r"\b(lap|laps|tour|tours|runden?)\b", words(shape.path)):
        if shape.counts >= 0.9 and shape.named(FieldRole.LAPS):
            claims.append(Claim(FieldRole.LAPS, 0.62, why="a count, called so"))
        return
    remaining, elapsed = (
        shape.named(FieldRole.CLOCK_REMAINING),
        shape.named(FieldRole.CLOCK_ELAPSED, FieldRole.TOTAL_TIME),
    )
    of_day = shape.named(FieldRole.TIME_OF_DAY)
    for unit in _units(shape):
        slope = _slope(shape, changes, unit)
        if slope is None:
            continue
        if (of_day and slope > 0) or _is_date(shape, unit) or _is_time_of_day(shape, changes, unit):
            claims.append(Claim(FieldRole.TIME_OF_DAY, 0.8, unit, why="it runs with the time of day"))
        elif slope < 0:
            claims.append(
                Claim(FieldRole.CLOCK_REMAINING, 0.93 if remaining else 0.88, unit, why="it runs down with time")
            )
        else:
            claims.append(Claim(FieldRole.CLOCK_ELAPSED, 0.93 if elapsed else 0.75, unit, why="it runs up with time"))
        return
    if again_ms >= _STANDS_MS and len(shape.distinct) == 1 and any(shape.times("text") or shape.times("s")):
        elapsed = 0.0  # what has passed goes on; what is told again and again is how long something takes
    _clock_by_name(shape, claims, remaining=remaining, elapsed=elapsed)


def _clock_by_name(shape: Shape, claims: list[Claim], *, remaining: float, elapsed: float) -> None:
    """A clock that stands still is one because it is called so."""
    shown = shape.clocks >= 0.7
    if not shown and (shape.numbers < 0.8 or shape.truths >= 0.5):
        return
    most = max(shape.times("ms"), default=0)
    unit: Unit = "text" if shown else "" if not most else "s" if most < _DAY_S else "ms"  # nobody knows that of zero
    confidence = 0.7 if shown else 0.62
    if _is_date(shape, unit):
        claims.append(Claim(FieldRole.TIME_OF_DAY, confidence, unit, why="a number as large as a date"))
    elif remaining:
        claims.append(Claim(FieldRole.CLOCK_REMAINING, confidence, unit, why="its name says so"))
    elif elapsed:
        claims.append(Claim(FieldRole.CLOCK_ELAPSED, confidence, unit, why="its name says so"))
    elif shape.named(FieldRole.TIME_OF_DAY):
        claims.append(Claim(FieldRole.TIME_OF_DAY, 0.6, unit, why="its name says so"))


def _is_date(shape: Shape, unit: Unit) -> bool:
    """Whether values are too large for a session: moments since 1970 or so."""
    return median(shape.times(unit) or [0]) > _LONGEST_MS


def _slope(shape: Shape, changes: Sequence[Change], unit: Unit) -> int | None:
    """1 or -1 where a time runs up or down as fast as the recording does; None where it does not.

    Values are compared over a few seconds, in which one that only counts or is replaced by another goes astray, and
    a clock hardly ever goes back.
    """
    times = [(change.at, ms) for change in changes if (ms := shape.ms(change.value, unit)) is not None]
    up = down = compared = first = 0
    for at, ms in times[1:]:
        while times[first + 1][0] <= at - _SPAN_MS:
            first += 1
        passed, ran = at - times[first][0], ms - times[first][1]
        if not 0 < passed < _LONGEST_BREAK_MS:
            continue
        compared += 1
        slack = max(1500, 0.1 * passed)
        up += abs(ran - passed) <= slack and ran > 0
        down += abs(ran + passed) <= slack and ran < 0
    if compared < _LEAST_COMPARED or max(up, down) < 0.6 * compared:
        return None
    slope = 1 if up > down else -1
    back = sum((after - before) * slope < 0 for (_, before), (_, after) in pairwise(times))
    return slope if back <= _BACK * len(times) else None


def _is_time_of_day(shape: Shape, changes: Sequence[Change], unit: Unit) -> bool:
    """Whether it shows what the recording's clock shows, in some time zone."""
    offsets = []
    for change in changes:
        ms = shape.ms(change.value, unit)
        if ms is not None and change.at > _DAY_MS and ms < _DAY_MS:
            offsets.append((change.at % 1_800_000 - ms % 1_800_000) % 1_800_000)
    if len(offsets) < 4:
        return False
    middle = median(min(offset, 1_800_000 - offset) for offset in offsets)
    values = [ms for change in changes if (ms := shape.ms(change.value, unit)) is not None]
    return middle < 20_000 and min(values) > 3_600_000


def _flag(shape: Shape, claims: list[Claim]) -> None:
    if shape.truths > 0.5 or shape.clocks > 0.5:
        return
    known = len(shape.folded & FLAGS.keys()) / max(len(shape.folded), 1)
    named = shape.named(FieldRole.FLAG)
    if shape.letters >= 0.6 and known >= 0.6 and (named or len(shape.folded) >= 2):
        claims.append(Claim(FieldRole.FLAG, 0.88 if named else 0.72, why="words of flags"))
    elif shape.letters >= 0.6 and known >= 0.6:
        claims.append(Claim(FieldRole.FLAG, 0.55, why="a word of flags"))
    elif named and len(shape.distinct) <= 12 and max(map(len, shape.distinct)) <= 24:
        claims.append(Claim(FieldRole.FLAG, 0.65, why="few codes, called so"))


def _texts(shape: Shape, claims: list[Claim]) -> None:
    if shape.letters < 0.6 or shape.dates > 0.5:
        return
    named_title, named_message = shape.named(FieldRole.SESSION), shape.named(FieldRole.MESSAGE)
    title = sum(bool(_TITLE.search(text)) for text in shape.distinct) / len(shape.distinct)
    if shape.named(FieldRole.TRACK):
        claims.append(Claim(FieldRole.TRACK, 0.65, why="a text, called so"))
    elif len(shape.distinct) >= 2 and shape.words >= 3:
        claims.append(Claim(FieldRole.MESSAGE, 0.8 if named_message else 0.6, why="sentences that change"))
    elif shape.named(FieldRole.STATUS) and len(shape.distinct) <= 20:
        known = bool(shape.folded & (STATES.keys() | FLAGS.keys()))
        claims.append(Claim(FieldRole.STATUS, 0.65 if known else 0.6, why="few words, called so"))
    elif named_title and title:
        claims.append(Claim(FieldRole.SESSION, 0.75, why="a title, called so"))
    elif named_title:
        sure = 0.6 if named_title >= 0.5 else 0.5
        claims.append(Claim(FieldRole.SESSION, sure, why="a text, called so"))
    elif title >= 0.6 and shape.words >= 2:
        claims.append(Claim(FieldRole.SESSION, 0.55, why="words of titles"))
    elif named_message:
        claims.append(Claim(FieldRole.MESSAGE, 0.6, why="a text, called so"))
