"""A made-up feed with its truth, and how well inference and the generated parser do on it."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from karttime.analysis.inference.findings import Findings
from karttime.analysis.report import Report
from karttime.domain.classification import classification
from karttime.feeds.frame import Frame

from .races import START, Moment, Row, Told, race

Lines = Iterator[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Wire:
    """One way to tell a race.

    Attributes:
        tell: gives times and texts of frames.
        roles: role by the end of a field's path, those that a sample decides.
        loose: the same for what may stay undecided, but must not be wrong.
        laps: whether every lap can be known from it.
        number: whether start numbers are told.
    """

    tell: Callable[[Told], Lines]
    roles: Mapping[str, str]
    loose: Mapping[str, str]
    laps: bool = True
    number: bool = True


def frames(wire: Wire, seed: int = 1) -> list[Frame]:
    """The feed of a race."""
    return [Frame(START + at, text) for at, text in wire.tell(race(seed))]


def judge(wire: Wire, found: Findings) -> Counter[str]:
    """How many roles are right of those that can be decided, how many claimed wrongly, and surely so."""
    counts: Counter[str] = Counter()
    for name, role in {**wire.roles, **wire.loose}.items():
        said = [one for one in found.fields if one.path.endswith(name) and _ends(one.path, name)]
        claimed = [one for one in said if one.role.value != "undecided"]
        right = any(one.role.value in role.split("|") for one in claimed)
        if name in wire.roles:
            counts["decidable"] += 1
            counts["right"] += right
            if not right:
                counts[f"missed {name}: {role} {[(one.path, one.role.value) for one in said]}"] += 1
        for one in claimed:
            if one.role.value not in role.split("|"):
                counts["wrong"] += 1
                counts["sure"] += one.confidence >= 0.8
                if one.confidence >= 0.8:
                    counts[f"sure and wrong {one.path}: {one.role.value} {one.confidence}"] += 1
    return counts


def _ends(path: str, name: str) -> bool:
    before = path[: len(path) - len(name)]
    return not before or before[-1] in ".] :"


def polled(told: Told, every: int = 4000) -> Iterator[Moment]:
    """What a client that asks every four seconds sees."""
    at = told.moments[0].at
    shown = told.moments[0]
    for moment in told.moments:
        while at + every < moment.at:
            at += every
            yield Moment(at, shown.rows, max(shown.left_ms - (at - shown.at), 0), shown.flag, None)
        shown = moment
    yield Moment(at + every, shown.rows, shown.left_ms, shown.flag, None)


def changes(told: Told, rows: Callable[[Row], Row]) -> Iterator[tuple[Moment, str, Row, bool]]:
    """What changed, row by row: moment, number, changed fields, whether it is of the first board."""
    before: dict[str, Row] = {}
    for moment in told.moments:
        for row in moment.rows:
            now = rows(row)
            old = before.get(row["number"])
            changed = now if old is None else {name: value for name, value in now.items() if old.get(name) != value}
            before[row["number"]] = now
            if changed:
                yield moment, row["number"], changed, moment is told.moments[0]


def dumps(value: Any) -> str:
    """JSON as programs send it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parsed(wire: Wire, report: Report, told: Told) -> Sequence[str]:
    """What is wrong with the laps and the standing that the generated parser gives, in sentences."""
    if not report.logbook.sessions:
        return ("no session",)
    wrong: list[str] = []
    if len(report.logbook.sessions) > 1:
        wrong.append(f"{len(report.logbook.sessions)} sessions")
    session = report.logbook.sessions[-1]
    if wire.number:
        order = [standing.number for standing in classification(session)]
        if order != list(told.order):
            wrong.append(f"order {order} for {list(told.order)}")
    truth = Counter((number, round(ms, -1)) for number, laps in told.laps.items() for ms in laps)
    made = Counter(
        (str(c.values(session.columns).get("number")), round(lap.time_ms, -1))
        for one in report.logbook.sessions
        for c in one.competitors.values()
        for lap in c.laps
    )
    near = sum(min(made[key], truth[key]) for key in truth)
    if wire.laps and (near < 0.95 * truth.total() or made.total() > truth.total() + 1):
        wrong.append(f"{near} laps right of {made.total()} made, {truth.total()} driven")
    return wrong
