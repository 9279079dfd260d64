"""Whether what an analysis found is good enough to show a feed by it, live, without a person having looked at it.

| verdict | means |
|---|---|
| `known` | a format that karttime speaks |
| `settled` | a generated parser that read laps enough, and that frames which it was not made from do not contradict |
| `early` | a generated parser that knows who is where, before enough laps were seen |
| `undecided` | nothing that could be shown: too little, or no timing at all |
| `binary` | binary messages, which are described and not decoded |

Wrong data is worse than none: prices, chats and pages have tables, too. So a parser has to know who somebody is, and
what of a race is told of them, from evidence in values. While most have driven one lap, the last lap is the best one:
of 18 made-up feeds, 6 were then read with the two confused, and none once half of the drivers had two laps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from karttime.analysis.detection import UNKNOWN
from karttime.analysis.inference.check import check_spec
from karttime.analysis.inference.findings import Check
from karttime.analysis.report import Report
from karttime.feeds.declared.spec import FeedSpec, FieldRole
from karttime.feeds.frame import Frame

Kind = Literal["known", "settled", "early", "undecided", "binary"]

_SURE: Final = 0.7
_UNDERSTOOD: Final = 0.9
_READABLE: Final = 0.95
_IN_TIME: Final = 0.5
_LAPS: Final = 3
_TWICE: Final = 2
_HALF: Final = 0.5
_STILL: Final = 0.5
_WHO: Final = frozenset({FieldRole.NUMBER, FieldRole.DRIVER, FieldRole.TEAM})
_RACING: Final = frozenset(
    {FieldRole.LAST_LAP, FieldRole.BEST_LAP, FieldRole.LAPS, FieldRole.GAP, FieldRole.INTERVAL, FieldRole.SECTOR_1}
    | {FieldRole.LAP_TIME, FieldRole.TOTAL_TIME}
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided, and why, in a sentence for a person."""

    kind: Kind
    reason: str

    def document(self) -> dict[str, Any]:
        """As plain data."""
        return {"kind": self.kind, "reason": self.reason}


def verdict(report: Report) -> Verdict:
    """Judge an analysis."""
    detection = report.detection
    if detection.name != UNKNOWN and report.spec is None:
        return Verdict("known", f"{detection.name}: {'; '.join(detection.evidence[:3])}")
    found = report.findings
    if found is None or not report.frames:
        return Verdict("undecided", "no message was received")
    if found.framing == "binary":
        return Verdict("binary", found.notes[0] if found.notes else "binary messages: described, not decoded")
    seen = f"{report.frames} message{'' if report.frames == 1 else 's'}"
    if found.spec is None:
        if all(kind.update == "keep-alive" for kind in found.kinds):
            return Verdict(
                "undecided", f"{seen}, all of them keep-alives: no session runs, or a subscription is wanted"
            )
        if found.framing == "no structure":
            return Verdict("undecided", f"{seen} without a structure that could be a table: prose, a page or encrypted")
        return Verdict("undecided", f"{seen} ({found.framing}), and no table of competitors in them")
    return _of_parser(report, found.spec, found.check, seen)


def _of_parser(report: Report, spec: FeedSpec, check: Check | None, seen: str) -> Verdict:
    sure = sure_roles(spec)
    who, racing = sure & _WHO, sure & _RACING
    if not who or not racing:
        missing = "who somebody is" if not who else "laps, times or gaps"
        return Verdict("undecided", f"{seen} with a table of rows, and nothing in it that is surely {missing}")
    if check is None:
        return Verdict("undecided", f"{seen}, too few to check a parser on")
    if fault := _fault(check):
        return Verdict(
            "undecided", f"{seen}, and the parser that was made from the first of them is contradicted: {fault}"
        )
    driven = [len(it.laps) for session in report.logbook.sessions for it in session.competitors.values() if it.laps]
    laps, twice = sum(driven), sum(1 for count in driven if count >= _TWICE)
    if spec.laps.by != "none" and laps >= _LAPS and twice >= _HALF * len(driven):
        return Verdict("settled", f"{seen}: {len(sure)} roles are sure, {laps} laps were read")
    if FieldRole.POSITION not in sure:
        return Verdict("undecided", f"{seen} with a table of competitors, and nobody's position or laps are sure yet")
    few = f"{laps} lap{'' if laps == 1 else 's'}, {twice} of {len(driven)} drivers with two or more"
    return Verdict("early", f"{seen}: {len(sure)} roles are sure, and too few laps were seen ({few})")


def sure_roles(spec: FeedSpec) -> set[FieldRole]:
    """The roles that a spec is sure of."""
    return {field.role for table in spec.tables for field in table.fields if field.confidence >= _SURE} - {
        FieldRole.UNDECIDED
    }


def _fault(check: Check) -> str:
    """What speaks against a parser, empty for nothing."""
    if check.understood < _UNDERSTOOD:
        return f"{check.understood:.0%} of {check.frames} messages are in its framing"
    if not check.values:
        return "it reads nothing"
    if check.readable < _READABLE:
        return f"{check.readable:.0%} of {check.values} values make sense"
    if check.in_time is not None and check.in_time < _IN_TIME:
        return "laps do not last as long as what passes between them; a replay faster than the race looks like this"
    return ""


def still_read(spec: FeedSpec, frames: Sequence[Frame]) -> bool:
    """Whether a spec that is in use reads these frames, its feed's latest: most are in its framing and say something.

    What stands still is read as well: a new decoder has not seen it yet.
    """
    check = check_spec(spec, (), frames)
    return check.understood >= _STILL and check.values > 0
