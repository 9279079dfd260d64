"""How good a feed is, by what it sent in some seconds: its format, its rate, what is understood, crossings, columns.

Crossings are expected by what the board itself says: each kart on track crosses the line once a lap. Silence of a
running race is told from that of an empty track by it, and by nothing else.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from karttime.analysis.detection import SURE, UNKNOWN, detect
from karttime.circuits.mapping import compare, propose
from karttime.circuits.parser import AUTO
from karttime.domain.classification import classification
from karttime.domain.columns import Role
from karttime.domain.display import clean
from karttime.domain.flags import Flag
from karttime.domain.logbook import Logbook
from karttime.domain.session import Session
from karttime.domain.updates import LapCompleted, Status
from karttime.engine.checks.finding import Finding, Grade
from karttime.engine.checks.listening import Heard
from karttime.feeds.base import FeedFormat, Rejection
from karttime.feeds.formats import FORMATS

ENOUGH_CROSSINGS: Final = 6.0  # expected, until none at all is worth a word: by chance once in 400
POOR_SHARE: Final = 0.02  # of what was sent, refused
BAD_SHARE: Final = 0.3
MAX_NAMED: Final = 5
APP_COLUMNS: Final = 3  # below which the app does not let a circuit be chosen
_RUNNING: Final = {Flag.GREEN, Flag.YELLOW, Flag.FULL_COURSE_YELLOW, Flag.SAFETY_CAR}
_OFF: Final = {Status.FINISHED.value, Status.STOPPED.value, Status.IN_PIT.value}
_OWN_LAYOUT: Final = {"rmonitor", "racemonitor"}  # whose columns are ours
_STRANGERS: Final = "foreign-bytes"  # what port scanners sent to the venue, which passes it on


@dataclass(slots=True)
class _Read:
    """What a decoder made of the frames."""

    logbook: Logbook = field(default_factory=Logbook)
    refused: Mapping[str, int] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    doubts: Sequence[str] = ()
    updates: int = 0
    laps: int = 0


def judge(
    area: str,
    heard: Heard,
    feed: str,
    labels: Mapping[str, str] | None = None,
    formats: Mapping[str, FeedFormat] = FORMATS,
) -> list[Finding]:
    """Every finding about what a feed sent.

    Args:
        area: what the findings are of.
        heard: what it sent.
        feed: the format that it is said to have.
        labels: what its columns are called by `C1`…`Cn`, None where nobody keeps that.
        formats: the formats there are.
    """
    telling = [frame for frame in heard.frames if frame.data is not None or (frame.text or "").strip()]
    if not telling:
        return []
    rate = len(telling) / max(heard.seconds, 0.1)
    figures = {"messages": len(telling), "seconds": round(heard.seconds, 1), "per_second": round(rate, 1)}
    said = f"messages: {len(telling):,} in {heard.seconds:.0f} s, {rate:.1f} a second"
    findings = [Finding(area, Grade.OK, said, "", figures)]
    detection = detect(telling, formats)
    if feed == AUTO and feed not in formats:
        if detection.name == UNKNOWN:
            told = "it is in no format that karttime speaks: a service finds out what it means, while it runs"
            return [*findings, Finding(area, Grade.UNCHECKED, told)]
        feed = detection.name
    if detection.name not in {feed, UNKNOWN} and detection.confidence >= SURE:
        told = f"it is set to {feed}, and what it sends is {detection.name}"
        findings.append(Finding(area, Grade.FAILURE, told, f"`karttime circuits edit ID --feed {detection.name}`"))
        return findings
    if feed not in formats:
        return [*findings, Finding(area, Grade.FAILURE, f"there is no feed {feed!r}", "`karttime circuits edit`")]
    read = _read(heard, formats[feed])
    findings += [_coverage(area, read), *_unknown(area, read)]
    session = read.logbook.current
    if session is None or not session.columns:
        doubts = f": {read.doubts[0]}" if read.doubts else ""
        advice = "Connect again when a session runs; the board comes with the first messages of a connection."
        return [*findings, Finding(area, Grade.WARNING, f"it shows no board{doubts}", advice)]
    return [*findings, _crossings(area, heard, session, read), *_columns(area, session, labels, feed)]


def _read(heard: Heard, form: FeedFormat) -> _Read:
    read, decoder = _Read(), form.decoder()
    for frame in heard.frames:
        for item in decoder.feed(frame):
            if isinstance(item, Rejection):
                read.samples.setdefault(item.reason, item.sample)
                continue
            read.updates += 1
            read.laps += isinstance(item, LapCompleted)
            read.logbook.apply(item)
    read.refused, read.doubts = Counter(decoder.refused), tuple(decoder.doubts)
    return read


def _coverage(area: str, read: _Read) -> Finding:
    """How much of what was sent is understood; strangers' bytes are the venue's, and no fault of the format."""
    refused = sum(count for reason, count in read.refused.items() if reason != _STRANGERS)
    share = refused / (refused + read.updates) if refused else 0.0
    figures = {"updates": read.updates, "refused": refused, "coverage": round(1 - share, 4)}
    if not refused and not read.updates:
        return Finding(area, Grade.WARNING, "nothing of it means anything: keep-alives alone?", "Try longer.", figures)
    said = f"{1 - share:.1%} of what it sends is understood"
    if share < POOR_SHARE:
        return Finding(area, Grade.OK, said, "", figures)
    named = ", ".join(f"{reason} {count:,}" for reason, count in Counter(read.refused).most_common(MAX_NAMED))
    grade = Grade.FAILURE if share > BAD_SHARE else Grade.WARNING
    return Finding(area, grade, f"{said}; refused: {named}", "Record it, and see `karttime analyze`.", figures)


def _unknown(area: str, read: _Read) -> list[Finding]:
    """Words of the feed that this karttime does not know, with a sample of each kind."""
    unknown = {
        reason: count
        for reason, count in Counter(read.refused).most_common(MAX_NAMED)
        if reason.startswith("unknown-") and reason in read.samples
    }
    if not unknown:
        return []
    shown = ", ".join(f"{reason} {count:,} ({clean(read.samples[reason], 40)!a})" for reason, count in unknown.items())
    advice = "Words that are new: `karttime record` some minutes of it, and report them."
    return [Finding(area, Grade.WARNING, f"not known: {shown}", advice, unknown)]


def _crossings(area: str, heard: Heard, session: Session, read: _Read) -> Finding:
    laps = [
        standing.last_lap_ms or standing.best_lap_ms or 0
        for standing in classification(session)
        if not standing.in_pit and standing.status not in _OFF
    ]
    expected = sum(heard.seconds * 1000 / lap for lap in laps if lap > 0)
    came = read.laps
    figures = {"expected": round(expected, 1), "came": came, "karts": len(session.competitors)}
    if session.flag not in _RUNNING or session.ended_at is not None:
        said = f"{len(session.competitors)} karts on the board; no race is running, so no crossing is expected"
        return Finding(area, Grade.UNCHECKED, said, "", figures)
    said = f"{came} crossings in {heard.seconds:.0f} s, and {expected:.0f} expected of {len(session.competitors)} karts"
    if expected < ENOUGH_CROSSINGS:
        longer = "" if came else "Too short to tell: try longer, --seconds 60."
        return Finding(area, Grade.OK if came else Grade.UNCHECKED, said, longer, figures)
    if came == 0:
        advice = "The board says that karts are on track, and no lap comes: is the timing loop connected?"
        return Finding(area, Grade.WARNING, said, advice, figures)
    return Finding(area, Grade.OK, said, "", figures)


def _columns(area: str, session: Session, labels: Mapping[str, str] | None, feed: str) -> list[Finding]:
    """Columns whose meaning is not known, and labels that do not fit the board."""
    unknown = [f"{column.id} {clean(column.label, 30)!a}" for column in session.columns if column.role is Role.UNKNOWN]
    known = len(session.columns) - len(unknown)
    figures = {"columns": len(session.columns), "unknown": len(unknown)}
    said = f"{known} of {len(session.columns)} columns have a meaning"
    if unknown and feed not in _OWN_LAYOUT:
        told = f"{said}; not {', '.join(unknown[:MAX_NAMED])}"
        findings = [Finding(area, Grade.WARNING, told, "They are passed on as text.", figures)]
    else:
        findings = [Finding(area, Grade.OK, said, "", figures)]
    if labels is None:
        return findings
    differences = compare(labels, propose(session.columns))
    new = [one.column for one in differences if one.kind == "new" and one.proposed]
    gone = [one.column for one in differences if one.kind == "gone" and one.stored]
    if gone:
        told = f"labels of columns that the board does not have: {', '.join(gone[:MAX_NAMED])}"
        findings.append(Finding(area, Grade.WARNING, told, "The board was changed: see `karttime circuits mapping`."))
    configured = sum(1 for label in labels.values() if label)
    if new and configured < APP_COLUMNS:
        told = f"labelled columns: {configured}; below {APP_COLUMNS} the app cannot choose this circuit"
        advice = "`karttime circuits mapping` proposes labels from a recording."
        grade = Grade.WARNING if configured else Grade.OK  # without any, nobody uses the app here
        findings.append(Finding(area, grade, told, advice))
    return findings
