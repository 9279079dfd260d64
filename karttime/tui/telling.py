"""What the log says of facts of `karttime.v1` that only it shows, and of a server's own log. Pure."""

from collections.abc import Callable, Mapping
from typing import Final

from karttime.client.fold import Fields
from karttime.domain.display import flag_text, note_text
from karttime.tui.text import safe


def _flag(fact: Fields) -> tuple[str, str]:
    return "flag", safe(flag_text(str(fact.get("flag") or ""), str(fact.get("text") or "")), 200)


def _message(fact: Fields) -> tuple[str, str]:
    kind = "penalty" if fact.get("level") == "penalty" else "message"
    return kind, safe(fact.get("text") or "(cleared)", 200)


def _note(fact: Fields) -> tuple[str, str]:
    if fact.get("cleared"):
        return "note", "the race-control list was emptied"
    told = note_text(*(str(fact.get(name) or "") for name in ("time", "number", "text")))
    return "penalty" if fact.get("kind") == "penalty" else "note", safe(told, 200)


ELSEWHERE: Final[Mapping[str, str]] = {
    "session-change": "session",
    "mapping-change": "mapping",
    "mark": "mark",
    "lap-decision": "decision",
    "flag": "flag",
    "penalty": "penalty",
    "note": "note",
}
"""Events of a server's log that are not about its connection, with our kind."""


_PLAIN: Final = frozenset({"mark", "decision", "flag", "penalty", "note"})
_TOLD_ONCE: Final = frozenset({"penalty", "note"})
"""Race control's list is told anew by each connection of a feed; its entries have their own time of day."""


def _connection(fact: Fields) -> tuple[str, str]:
    event, detail = safe(fact.get("event") or ""), safe(fact.get("detail") or "", 200)
    kind = ELSEWHERE.get(event, "connection")
    if kind == "session":  # its id, then its title
        return kind, detail.partition(" ")[2] or detail
    return kind, detail if kind in _PLAIN else f"{event}: {detail}" if detail else event


def _mark(fact: Fields) -> tuple[str, str]:
    return "mark", safe(fact.get("text") or "", 200)


TELLERS: Final[Mapping[str, Callable[[Fields], tuple[str, str]]]] = {
    "flags": _flag,
    "messages": _message,
    "notes": _note,
    "connection": _connection,
    "marks": _mark,
}
"""Kind and text of log entries for the facts that only the log shows."""


def told(kind: str, fact: Fields) -> tuple[str, str]:
    """Kind and text of the entry for a fact."""
    return TELLERS[kind](fact)


def repeats(kind: str, fact: Fields) -> bool:
    """Whether the same words at another moment are another event."""
    return kind != "notes" and fact.get("event") not in _TOLD_ONCE
