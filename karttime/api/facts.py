"""The events of a publication as clients of `karttime.v1` are told them; the shapes stand in `karttime.api.v1`."""

from collections import Counter
from typing import Any

from karttime.api.wire import iso
from karttime.domain.display import clean
from karttime.domain.ids import CompetitorId
from karttime.domain.session import Change, Session
from karttime.domain.updates import (
    FlagChanged,
    LapCompleted,
    LapRevised,
    MessageShown,
    NotesAdded,
    NotesCleared,
    PitEntered,
    PitLeft,
    Provenance,
    SessionChanged,
    SessionEnded,
    SessionStarted,
    Update,
)
from karttime.engine.hub import Publication

Fact = dict[str, Any]


def facts(item: Publication) -> dict[str, list[Fact]]:
    """By kind, in order; kinds that did not happen are not there."""
    laps = _Laps(item)
    found: dict[str, list[Fact]] = {}
    for change in item.changes:
        for update in change.facts:
            kind, told = _told(update, change, laps)
            if told:
                found.setdefault(kind, []).extend(told)
    return found


def _told(update: Update, change: Change, laps: "_Laps") -> tuple[str, list[Fact]]:
    at = iso(update.at)
    match update:
        case LapCompleted() | LapRevised():
            return "laps", [laps.told(update, change)]
        case PitEntered() | PitLeft():
            event = "in" if isinstance(update, PitEntered) else "out"
            return "stops", [{"competitor_id": clean(update.competitor_id), "event": event, "at": at}]
        case FlagChanged():
            return "flags", [{"flag": update.flag.value, "text": clean(update.text), "at": at}]
        case MessageShown():
            return "messages", [{"level": clean(update.level), "text": clean(update.text), "at": at}]
        case NotesAdded():
            names = ("time", "kind", "number", "text")
            return "notes", [{name: clean(getattr(note, name)) for name in names} | {"at": at} for note in update.notes]
        case NotesCleared():
            return "notes", [{"cleared": True, "at": at}]
        case SessionStarted() | SessionChanged() | SessionEnded():
            return "sessions", [{"id": change.session_id, "event": _SESSION_EVENTS[type(update)], "at": at}]
        case _:
            return "", []  # the state says it


_SESSION_EVENTS = {SessionStarted: "started", SessionChanged: "changed", SessionEnded: "ended"}


class _Laps:
    """Numbers the laps of a publication, after which the session stands already."""

    def __init__(self, item: Publication) -> None:
        self._session: Session | None = item.session
        self._to_come = Counter[CompetitorId](
            update.competitor_id
            for change in item.changes
            if self._is_ours(change)
            for update in change.facts
            if isinstance(update, LapCompleted)
        )

    def _is_ours(self, change: Change) -> bool:
        return self._session is not None and change.session_id == self._session.id

    def told(self, update: LapCompleted | LapRevised, change: Change) -> Fact:
        revised = isinstance(update, LapRevised)
        number, driver = update.number, ""
        if self._session is not None and self._is_ours(change):
            if not revised:
                self._to_come[update.competitor_id] -= 1
            competitor = self._session.competitors.get(update.competitor_id)
            laps = competitor.laps if competitor is not None else []
            index = len(laps) - self._to_come[update.competitor_id] - 1
            if revised and competitor is not None and number is not None:
                index = -1 if (found := competitor.lap_index(number)) is None else found
            number = laps[index].number if index >= 0 else 0
            driver = laps[index].driver if index >= 0 else ""
        return {
            "competitor_id": clean(update.competitor_id),
            "number": number,
            "time_ms": update.time_ms,
            "at": iso(update.at),
            "sectors_ms": list(update.sectors) if isinstance(update, LapCompleted) else [],
            "flags": sorted(flag.value for flag in update.flags) if isinstance(update, LapCompleted) else [],
            "driver": clean(driver),
            "revised": revised,
            "provenance": _provenance(update.provenance),
        }


def _provenance(provenance: Provenance) -> Fact:
    return {"frames": list(provenance.frames), "rule": provenance.rule, "note": clean(provenance.note)}
