"""Fields about the session: titles, flag, clock, messages."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from karttime.domain.updates import (
    ClockChanged,
    ClockMode,
    FlagChanged,
    MessageShown,
    SessionKind,
    Update,
)
from karttime.feeds.declared.paths import entries, parse_path
from karttime.feeds.declared.spec import FieldRole, SessionFieldSpec
from karttime.feeds.declared.values import read_flag, read_ms, read_text

_KINDS: Final = (
    (
        SessionKind.QUALIFYING,
        re.compile(r"\b(q\d?|quali\w*|qualy|calif\w*|chrono\w*|zeittraining|tidskval|superpole)\b"),
    ),
    (
        SessionKind.PRACTICE,
        re.compile(r"\b(practice|practise|training|warm.?up|essais?|libres?|prove|test\w*|fp\d|entren\w*)\b"),
    ),
    (
        SessionKind.RACE,
        re.compile(r"\b(race|rennen|course|carrera|gara|final\w*|manche|heat|endurance|corrida|wedstrijd)\b"),
    ),
)


def session_kind(title: str) -> SessionKind:
    """What a title says is being run."""
    folded = title.lower()[:200].replace("_", " ")
    return next((kind for kind, words in _KINDS if words.search(folded)), SessionKind.UNKNOWN)


class Facts:
    """What the feed says of the session, as it was last."""

    def __init__(self, fields: tuple[SessionFieldSpec, ...]) -> None:
        self._fields: dict[str, list[tuple[SessionFieldSpec, tuple[str, ...]]]] = {}
        for field in fields:
            self._fields.setdefault(field.kind, []).append((field, parse_path(field.path)))
        self._shown: dict[int, str] = {}
        self.title = ""
        self.track = ""
        self.latest: dict[FieldRole, Update] = {}

    def take(self, at: int, kind: str, body: Any) -> Iterator[Update]:
        """The updates that a message makes; titles are kept for who asks."""
        for field, path in self._fields.get(kind, ()):
            found = [entry for _, entry in entries(body, path)]
            value = found[-1] if found else None  # of a list the last entry is the newest
            text = read_text(value)
            if value is None or self._shown.get(id(field)) == text:
                continue
            self._shown[id(field)] = text
            if field.role is FieldRole.SESSION:
                self.title = text
            elif field.role is FieldRole.TRACK:
                self.track = text
            elif (read := _UPDATES.get(field.role)) and (update := read(at, value, field)) is not None:
                self.latest[field.role] = update
                yield update


def _flag(at: int, value: Any, field: SessionFieldSpec) -> Update | None:
    flag = read_flag(value, field.values)
    return None if flag is None else FlagChanged(at, flag, read_text(value))


def _remaining(at: int, value: Any, field: SessionFieldSpec) -> Update | None:
    ms = read_ms(value, field.unit)
    return None if ms is None else ClockChanged(at, ClockMode.COUNTDOWN, max(ms, 0))


def _elapsed(at: int, value: Any, field: SessionFieldSpec) -> Update | None:
    ms = read_ms(value, field.unit)
    return None if ms is None else ClockChanged(at, ClockMode.COUNT_UP, max(ms, 0))


def _message(at: int, value: Any, _: SessionFieldSpec) -> Update | None:
    return MessageShown(at, "info", read_text(value))


_UPDATES: Final[Mapping[FieldRole, Callable[[int, Any, SessionFieldSpec], Update | None]]] = {
    FieldRole.FLAG: _flag,
    FieldRole.CLOCK_REMAINING: _remaining,
    FieldRole.CLOCK_ELAPSED: _elapsed,
    FieldRole.MESSAGE: _message,
}
