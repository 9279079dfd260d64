"""Which sessions, which kart, which lap a person means."""

import re
from collections.abc import Sequence

from karttime.analysis.document import karts
from karttime.domain.competitor import Competitor, Lap
from karttime.domain.display import clean
from karttime.domain.session import Session
from karttime.errors import UsageError

_ORDINAL = re.compile(r"-?\d{1,5}", re.ASCII)


def select_sessions(sessions: Sequence[Session], wanted: str | None) -> list[Session]:
    """All sessions, or those meant by an id, an ordinal from 1 (negative: from the end) or a part of the title.

    Raises:
        UsageError: none is meant; the text lists what there is.
    """
    if wanted is None:
        return list(sessions)
    found = [session for session in sessions if session.id == wanted]
    if not found and _ORDINAL.fullmatch(wanted):
        ordinal = int(wanted)
        index = ordinal - 1 if ordinal > 0 else len(sessions) + ordinal
        found = [sessions[index]] if ordinal and 0 <= index < len(sessions) else []
    if not found:
        words = wanted.casefold()
        found = [s for s in sessions if words in s.title.casefold() or words in s.event.casefold()]
    if not found:
        known = ", ".join(f"{n} {clean(s.title, 40)!r}" for n, s in list(enumerate(sessions, 1))[:20]) or "none"
        raise UsageError(f"there is no session {wanted!r}; the recording has: {known}")
    return found


def find_lap(sessions: Sequence[Session], kart: str, lap: int) -> tuple[Session, Competitor, Lap]:
    """The lap of a kart, in the last of these sessions that has it.

    Raises:
        UsageError: no such kart or lap; the text says what there is.
    """
    most, numbers = -1, ""
    for session in reversed(sessions):
        for competitor in sorted(karts(session, kart), key=lambda c: len(c.laps), reverse=True):
            index = competitor.lap_index(lap)
            if index is not None:
                return session, competitor, competitor.laps[index]
            most = max(most, len(competitor.laps))
            if competitor.laps and len(competitor.laps) == most:
                first, last = competitor.laps[0].number, competitor.laps[-1].number
                numbers = f", from {first} to {last}" if (first, last) != (1, most) else ""
    if most >= 0:
        raise UsageError(f"kart {kart} has {most} laps{numbers}, there is no lap {lap}")
    check_kart(sessions, kart)
    raise UsageError(f"kart {kart} has no laps")


def check_kart(sessions: Sequence[Session], kart: str) -> None:
    """Make sure that a kart number or competitor id means somebody.

    Raises:
        UsageError: it means nobody; the text lists the karts.
    """
    if any(karts(session, kart) for session in sessions):
        return
    numbers = sorted({str(c.values(s.columns).get("number") or c.id) for s in sessions for c in s.competitors.values()})
    raise UsageError(f"there is no kart {kart}; there are: {clean(', '.join(numbers[:60]), 400) or 'none'}")
