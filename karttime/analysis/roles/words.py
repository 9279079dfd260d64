"""The words of a path: `LastLapTime.Value` is last, lap, time, value; `FASTESTLAP` is fastest, lap."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from karttime.feeds.declared.paths import Path

_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")
_STEMS: Final = frozenset([
    "ahead", "average", "avg", "behind", "best", "beste", "box", "car", "category", "class", "classe", "clock",
    "code", "completed", "count", "country", "current", "date", "day", "dernier", "derniere", "diff", "driver",
    "ecart", "elapsed", "equipe", "event", "fahrer", "fast", "fastest", "finish", "finished", "first", "flag",
    "full", "gap", "gesamt", "giro", "go", "group", "heat", "id", "in", "interval", "intervalle", "is", "kart",
    "key", "kmh", "lane", "lap", "laps", "laptime", "last", "leader", "left", "letzte", "local", "long",
    "meilleur", "message", "name", "nat", "next", "no", "nr", "num", "number", "numero", "nummer", "of", "on",
    "penalty", "pilot", "pilote", "pit", "pits", "platz", "pos", "position", "prev", "previous", "race", "racer",
    "racing", "rang", "rank", "remain", "remaining", "ronde", "runde", "runden", "schnellste", "sec", "sector",
    "sectors", "session", "short", "speed", "start", "starting", "status", "stop", "stops", "team", "temps",
    "text", "time", "times", "to", "total", "tour", "tours", "track", "ultima", "ultimo", "vitesse", "vuelta",
    "zeit",
])  # fmt: skip
_GENERIC: Final = frozenset([
    "c", "content", "data", "display", "formatted", "id", "label", "millis", "milliseconds", "ms", "name", "no",
    "num", "number", "raw", "sec", "seconds", "secs", "str", "t", "text", "time", "txt", "v", "val", "value",
])  # fmt: skip


def _split(word: str) -> list[str]:
    """A word that is made of known ones, such as `FASTESTLAP`, in parts; any other as it is."""
    if len(word) > 32 or word in _STEMS:
        return [word]
    best: list[list[str] | None] = [[]]
    for end in range(1, len(word) + 1):
        found = None
        for start in range(max(0, end - 10), end):
            before = best[start]
            if before is not None and word[start:end] in _STEMS and (found is None or len(before) + 1 < len(found)):
                found = [*before, word[start:end]]
        best.append(found)
    return best[-1] or [word]


@lru_cache(maxsize=8192)
def words(path: Path) -> str:
    """The words of a path, without accents: `LastLapTime.Value` becomes `last lap time value`."""
    plain = (_without_accents(segment[:200]) for segment in path)
    found = (part for segment in plain for word in _WORD.findall(segment) for part in _split(word.lower()))
    return " ".join(found)[:120]


def _without_accents(text: str) -> str:
    return (
        text
        if text.isascii()
        else "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    )


@lru_cache(maxsize=8192)
def is_generic(segment: str) -> bool:
    """Whether a key says nothing of its own: an index, `value`, `text`."""
    return all(word in _GENERIC or word.isdigit() for word in words((segment,)).split())
