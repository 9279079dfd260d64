"""What happened in a recording before the place where it is, as facts of `karttime.v1`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from karttime.domain.session import Session
from karttime.domain.times import iso_from_ms
from karttime.tui.facts import lap_fact
from karttime.tui.sources.base import History
from karttime.tui.sources.reel import Reel


def history(reel: Reel, session: Session | None, marks: Iterable[tuple[int, str]]) -> History:
    """Everything up to where the reel stands; of `marks`, moments and texts, those that lie before."""
    facts: dict[str, list[Mapping[str, Any]]] = {}
    for kind, fact in reel.past:
        facts.setdefault(kind, []).append(fact)
    facts["laps"] = list(lap_facts(session))
    facts["stops"] = list(_stop_facts(session))
    facts["marks"] = [{"at": iso_from_ms(at), "text": text} for at, text in marks if at <= reel.at]
    return History(facts, None if session is None else session.id, anew=True)


def lap_facts(session: Session | None) -> Iterator[dict[str, Any]]:
    """Every lap of a session."""
    for competitor in session.competitors.values() if session is not None else ():
        for lap in competitor.laps:
            yield lap_fact(competitor.id, lap, iso_from_ms(lap.at))


def _stop_facts(session: Session | None) -> Iterator[dict[str, Any]]:
    for competitor in session.competitors.values() if session is not None else ():
        for stop in competitor.pit_stops:
            for event, at in (("in", stop.in_at), ("out", stop.out_at)):
                if at is not None:
                    told = {"competitor_id": competitor.id, "event": event, "at": iso_from_ms(at)}
                    yield told | {"after_lap": stop.after_lap}
