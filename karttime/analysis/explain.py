"""Why a lap is a lap: its rule in words, and the lines of the frames that decided it."""

import re
from collections.abc import Iterable, Iterator, Mapping

from karttime.domain.competitor import Competitor, Lap
from karttime.domain.display import clean
from karttime.domain.session import Session
from karttime.domain.times import format_time, iso_from_ms
from karttime.feeds.frame import Frame

RULES: Mapping[str, str] = {
    "crossing": "the last-lap cell was sent and the line was crossed, in the same frame or in neighbouring ones",
    "identical": "the line was crossed as long after the crossing before as the lap shown, and the cell was not sent "
    "again: servers send only what changed, so this lap took exactly as long as the one before",
    "pit-lane": "the last-lap cell was sent while the competitor entered or left the pit lane: the lap ended there",
    "last-lap-cell": "the last-lap cell changed, at the right time, but no crossing was sent",
    "revised": "the last-lap cell changed too soon to be a lap: the timekeeper corrected the lap before",
    "board": "a new board showed one lap more than before: the lap was completed while frames were missing",
    "counted": "$J told the crossing and its time, and $G counted one lap more with the total of that crossing",
    "counted-first": "$G counted one lap more, then $J told the crossing with that total and its time",
    "relay-history": "$G counted one lap more, its crossing was lost or damaged, and $RMHL told the time of this lap",
    "last-lap-record": "$G counted one lap more, its crossing was lost, and $SR told the time of the last lap",
    "best-lap-record": "$G counted one lap more, its crossing was lost, and $H told the time of this lap as the best",
    "total-difference": "$G counted one lap more and nothing told its time: it is the difference of the total times",
    "taken-away": "$G counted fewer laps than before: the timekeeper took this lap away",
    "given-back": "$G counted this lap again with the same total, after it had been taken away",
}
_CONTEXT = 1
_NAMED = re.compile(r'\$[A-Z]+,(?:\d+,"([^"]+)"|"([^"]+)"|([^",]+),)')
_MAX_LINE = 160


def explain_lap(frames: Iterable[Frame], session: Session, competitor: Competitor, lap: Lap) -> Iterator[str]:
    """Lines of text that show the decision behind a lap; `frames` are those the session was decoded from."""
    values = competitor.values(session.columns)
    who = " · ".join(clean(name) for name in (competitor.team, lap.driver) if name)
    yield f"kart {clean(str(values.get('number') or '?'))} (id {competitor.id}) {who}".rstrip()
    title = clean(session.title) or "untitled"
    yield f"session {title} [{session.id}], lap {lap.number} of {_last_number(competitor, lap)}"
    yield f"time {format_time(lap.time_ms)}, completed at {iso_from_ms(lap.at)}"
    if any(lap.sectors):
        yield "sectors " + " ".join("-" if ms is None else format_time(ms) for ms in lap.sectors)
    yield "flags " + (", ".join(sorted(lap.flags)) or "none")
    yield f"rule {lap.provenance.rule}: {RULES.get(lap.provenance.rule, 'no further words')}"
    if lap.provenance.note:
        yield f"note {clean(lap.provenance.note, 400)}"
    decisive = set(lap.provenance.frames)
    shown = range(min(decisive) - _CONTEXT, max(decisive) + _CONTEXT + 1)
    yield f"frames {', '.join(map(str, sorted(decisive)))} decided; * marks their lines about this competitor:"
    for number, frame in enumerate(frames):
        if number >= shown.stop:
            return
        if number in shown:
            yield from _frame(number, frame, competitor, "*" if number in decisive else " ")


def _last_number(competitor: Competitor, lap: Lap) -> int:
    return max(competitor.laps[-1].number, lap.number) if competitor.laps else lap.number


def _frame(number: int, frame: Frame, competitor: Competitor, mark: str) -> Iterator[str]:
    text = (frame.data or b"").decode("utf-8", "replace") if frame.text is None else frame.text
    lines = [line.rstrip("\r") for line in text.split("\n")]
    about = [line for line in lines if _is_about(line, competitor)]
    yield f"  {number}  {iso_from_ms(frame.at)}  {sum(map(bool, lines))} lines, {len(about)} about this competitor"
    for line in about:
        yield f"  {mark} {clean(line, _MAX_LINE)}"


def _is_about(line: str, competitor: Competitor) -> bool:
    """Apex lines begin with the row; records of RMonitor name the competitor in their first or second field."""
    rest = line.removeprefix(f"r{competitor.id}")
    if rest != line:
        return rest[:1] in ("c", "|")
    named = _NAMED.match(line)
    return named is not None and competitor.id in named.groups() and not line.startswith("$F,")
