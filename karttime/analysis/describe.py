"""What a decoder made of a frame, in short lines for a person. Texts are cleaned."""

from collections.abc import Iterable, Iterator

from karttime.domain.display import clean
from karttime.domain.session import Change, Session
from karttime.domain.times import format_time
from karttime.domain.updates import (
    FlagChanged,
    LapCompleted,
    LapRevised,
    MessageShown,
    Named,
    NotesAdded,
    NotesCleared,
    Passed,
    PitEntered,
    PitLeft,
    SessionChanged,
    SessionEnded,
    SessionStarted,
    Update,
)

MAX_LINES = 40


def describe(changes: Iterable[Change], session: Session | None = None) -> list[str]:
    """The lines, 40 at most.

    Args:
        changes: of one frame.
        session: the session as it is now, to call karts by their numbers.
    """
    lines: list[str] = []
    for change in changes:
        for line in _lines(change, session):
            if len(lines) == MAX_LINES:
                return [*lines, "…"]
            lines.append(line)
    return lines


def _lines(change: Change, session: Session | None) -> Iterator[str]:
    for update in change.facts:
        if line := _fact(update, session):
            yield line
    if change.snapshot and not change.facts:
        yield "board shown anew"
    for competitor_id, cells in change.cells.items():
        shown = " ".join(f"C{index}={clean(cell.text, 40)!r}" for index, cell in sorted(cells.items()))
        yield f"{_who(competitor_id, session)} {shown}"
    if change.facts:
        return  # the facts say what the values follow from
    for competitor_id, values in change.values.items():
        yield f"{_who(competitor_id, session)} " + " ".join(f"{name}={value}" for name, value in values.items())
    if change.session:
        yield "session " + " ".join(f"{name}={clean(str(value), 60)}" for name, value in change.session.items())


def _who(competitor_id: str, session: Session | None) -> str:
    competitor = None if session is None else session.competitors.get(competitor_id)  # type: ignore[call-overload]  # any text may be asked for
    number = competitor.values(session.columns).get("number") if competitor is not None and session is not None else ""
    return f"kart {clean(str(number), 12)}" if number else f"id {clean(competitor_id, 24)}"


def _fact(update: Update, session: Session | None) -> str:
    match update:
        case LapCompleted(_, who, time_ms, provenance):
            flags = " ".join(sorted(update.flags))
            text = f"lap {format_time(time_ms)} by {provenance.rule} {flags}".rstrip()
        case LapRevised(_, who, time_ms, _):
            text = f"last lap revised to {'nothing' if time_ms is None else format_time(time_ms)}"
        case Passed(_, who, loop):
            text = f"passed {loop.value}"
        case PitEntered(_, who):
            text = "pit in"
        case PitLeft(_, who):
            text = "pit out"
        case Named(_, who, team, driver):
            text = f"team {clean(team or '-', 40)!r} driver {clean(driver or '-', 40)!r}"
        case _:
            return _of_session(update)
    return f"{_who(who, session)} {text}"


def _of_session(update: Update) -> str:
    match update:
        case FlagChanged(_, flag, text):
            return f"flag {flag.value} {clean(text, 40)!r}"
        case SessionStarted() | SessionChanged():
            word = "started" if isinstance(update, SessionStarted) else "changed"
            return f"session {word}: {update.kind.value} {clean(update.event, 60)} {clean(update.title, 60)}"
        case SessionEnded():
            return "session ended"
        case MessageShown(_, level, text):
            return f"message {clean(level, 20)} {clean(text, 120)!r}"
        case NotesAdded(_, notes):
            return "notes " + "; ".join(clean(f"{note.kind} {note.number} {note.text}", 80) for note in notes)
        case NotesCleared():
            return "notes cleared"
        case _:
            return ""
