"""What the name of a field suggests: weak evidence, because names lie (`gap` often is the interval).

Words of a path are split at case, digits and underscores; patterns in several languages are tried in order.
"""

import re
from collections.abc import Sequence
from typing import Final

from karttime.feeds.declared.paths import Path
from karttime.feeds.declared.spec import FieldRole

_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")
_R = FieldRole
_LAP: Final = r"(lap|laps|tour|tours|runde|runden|vuelta|vueltas|giro|giri|varv|ronde|volta|lt|rd)"
_BEST: Final = r"(best|beste|bester|fast|fastest|pb|meilleur|mejor|migliore|snabbast|rapide|quickest|min|record)"
_LAST: Final = r"(last|latest|recent|lst|dernier|derniere|letzte|ultima|ultimo|senaste|laatste|current)"
_TIME: Final = r"(time|temps|zeit|tiempo|tempo|tid|tijd|ms|sec|raw|value)"
_SECTOR: Final = (
    r"(s|sec|sector|sectors|secteur|sektor|split|splits|i|int|inter|intermediate|intermediates|seg|segment|loop|part)"
)

_PATTERNS: Final[Sequence[tuple[FieldRole, str, float]]] = (
    (_R.COLOUR, r"\b(colou?r|farbe|couleur|css|style)\b", 0.9),
    (_R.ID, r"\b(id|uid|guid|uuid|ids)$", 0.8),
    (
        _R.SPEED,
        r"\b(speed|speeds|spd|kmh|kph|mph|km h|vitesse|velocidad|velocita|geschwindigkeit|topspeed|vmax)\b",
        0.9,
    ),
    (_R.TRANSPONDER, r"\b(transponder\w*|tx|chip|rfid)\b", 0.9),
    (_R.BEST_LAP_NUMBER, rf"\b{_BEST} (?:\w+ )?{_LAP} (no|num|number|nr|count)\b|\b{_BEST} in {_LAP}\b", 0.8),
    (_R.BEST_SECTOR, rf"\b{_BEST}\b.*\b{_SECTOR} ?\d|\b{_SECTOR} ?\d+ {_BEST}\b|\b{_BEST} (sector|sectors|split)", 0.9),
    (
        _R.BEST_LAP,
        rf"\b{_BEST}\b.*\b({_LAP[1:-1]}|{_TIME[1:-1]})|\b{_BEST}$|\b(bl|blt|fl|flt|bestlap\w*|fastlap\w*)$",
        0.9,
    ),
    (
        _R.AVERAGE_LAP,
        r"^(?!.*\b(?:pos|position|rank|speed)\b).*\b(average|avg|mean|mid|moyenne?|media|schnitt|durchschnitt|medel)\b",
        0.9,
    ),
    (
        _R.LAST_LAP,
        rf"\b{_LAST}\b.*\b({_LAP[1:-1]}|{_TIME[1:-1]})\b|\b{_LAST}$|\b(ll|llt|lastlap\w*|lap time|laptime)$",
        0.9,
    ),
    (_R.SECTOR_1, rf"\b{_SECTOR} ?\d+\b", 0.8),
    (
        _R.INTERVAL,
        r"\b(interval\w*|int|intervalle|ahead|prev|previous|front|precedent|abstand vorne|next|diff ahead)\b",
        0.6,
    ),
    (_R.GAP, r"\b(gap\w*|diff\w*|behind|leader|ecart|abstand|rueckstand|distacco|delta|hinter|lag|avstand)\b", 0.6),
    (
        _R.PIT_STOPS,
        r"\b(pit ?stops?|stops|pits|stands|num pits?|boxenstopps?|boxes|pit count|stop count|pitstopcount)\b|"
        r"\bpit ?stop count\b|\bnumber of pit",
        0.9,
    ),
    (_R.PIT_TIME, r"\bpit (time|duration|ms|sec)|\b(pittime|standzeit|pit lane time)\b", 0.8),
    (
        _R.IN_PIT,
        r"\b(in ?pits?|is in pit|on pit|pit ?lane|pit active|pit status|pit|in box)$|\bin ?pit\b|\bis ?(on|in) ?pit\b",
        0.8,
    ),
    (_R.PENALTY, r"\b(penalt\w*|pen|strafe\w*|sanction\w*|penalizacion)\b", 0.9),
    (_R.FLAG, r"\b(flag\w*|drapeau|flagge|bandera|track ?stat\w*|track condition)\b", 0.9),
    (_R.CLOCK_REMAINING, r"\b(remaining|time left|left|to go|ttg|countdown|restant\w*|restzeit|remain)\b", 0.8),
    (_R.CLOCK_ELAPSED, r"\b(elapsed|race time|session time|ecoule|laufzeit|running time|total race time)\b", 0.8),
    (_R.TIME_OF_DAY, r"\b(time of day|clock|local time|utc|timestamp|date\w*|tod|server time|uhrzeit|heure)\b", 0.7),
    (
        _R.CLASS_POSITION,
        r"\b(class|cat|category|pic|klasse|group)\b.*\b(pos|position|rank|place)\b|\b(pic|posinclass)$|"
        r"\b(pos|position|rank|place)\b.*\b(class|cat|category|klasse)\b|\bclassrank\b",
        0.9,
    ),
    (
        _R.POSITION,
        r"\b(pos|posn|position|rank|rang|place|platz|plaats|placing|clt|standing|classement|pl|p|overall)\b",
        0.9,
    ),
    (_R.TEAM, r"\b(team|teams|teamname|equipe|entrant|mannschaft|equipo|squadra|club|lag)\b", 0.9),
    (_R.CLASS, r"\b(class|classname|cat|category|klasse|categorie|categoria|group|division|div|cls|cup|series)\b", 0.8),
    (_R.NATIONALITY, r"\b(nat|nation\w*|country\w*|natio|land|pays|iso|nat code)\b", 0.9),
    (
        _R.DRIVER,
        r"^(?:(?:full|first|last|short|long|display|driver|pilot|racer|nick|broadcast|competitor|participant|rider"
        r"|monitor|fore|sur|public|person|entrant)s? )*name$"
        r"|\b(fullname|driver\w*|pilot\w*|racer\w*|fahrer|rider|nickname|firstname|lastname|surname|nom|prenom|nombre|forename|tla|conductor|alias|abbr\w*)\b",
        0.8,
    ),
    (
        _R.LAPS,
        rf"^(?:(?:num|nb|nr|no|total|completed|current|number of|lead|race) )?{_LAP}"
        r"(?: (?:count|num|no|nr|number|completed|done|driven|run))?$|^completed$",
        0.8,
    ),
    (
        _R.NUMBER,
        r"\b(no|nr|num|number|car|kart|bib|start ?no|start ?nr|stnr|startnummer|start number|racing number|numero|"
        r"car ?number|kart ?num\w*|dorsal|starting number)\b",
        0.9,
    ),
    (_R.TOTAL_TIME, r"\b(total\w*|race time|total time|gesamtzeit|tiempo total|elapsed)\b", 0.8),
    (_R.STATUS, r"\b(status\w*|state|etat|estado|zustand|on track|retired|stopped|finished|running)\b", 0.8),
    (_R.PASSING, r"\b(pass\w*|crossing\w*|amb ?time|loop ?time|passing ?time|last seen)\b", 0.8),
    (
        _R.SESSION,
        r"\b(session|heat|run|race|event|manche|seance|sitzung|title|race name|session name|event name|heat name|"
        r"series|championship)\b",
        0.7,
    ),
    (_R.TRACK, r"\b(track|circuit|venue|strecke|piste|location|track name)\b", 0.7),
    (_R.MESSAGE, r"\b(message\w*|msg|text|comment|ticker|info|notice|announcement|meldung|race control|note)\b", 0.8),
    (_R.ID, r"\b(id|uid|guid|uuid|key|ids)$", 0.8),
)
_COMPILED: Final = tuple((role, re.compile(pattern), weight) for role, pattern, weight in _PATTERNS)


_STEMS: Final = frozenset(
    [
        "lap",
        "laps",
        "time",
        "times",
        "best",
        "fastest",
        "fast",
        "last",
        "sector",
        "sectors",
        "gap",
        "diff",
        "interval",
        "pos",
        "position",
        "rank",
        "name",
        "first",
        "full",
        "number",
        "no",
        "num",
        "nr",
        "start",
        "starting",
        "racing",
        "pit",
        "pits",
        "stop",
        "stops",
        "count",
        "team",
        "car",
        "kart",
        "class",
        "driver",
        "racer",
        "pilot",
        "avg",
        "average",
        "total",
        "race",
        "session",
        "track",
        "flag",
        "status",
        "in",
        "is",
        "on",
        "clock",
        "remaining",
        "elapsed",
        "left",
        "to",
        "go",
        "best",
        "sec",
        "speed",
        "tour",
        "tours",
        "id",
        "key",
        "date",
        "of",
        "day",
        "local",
        "next",
        "prev",
        "previous",
        "leader",
        "ahead",
        "behind",
        "current",
        "completed",
        "finish",
        "finished",
        "penalty",
        "event",
        "heat",
        "text",
        "message",
        "short",
        "long",
        "code",
        "nat",
        "country",
        "category",
        "group",
        "runden",
        "runde",
        "zeit",
        "beste",
        "letzte",
        "gesamt",
        "platz",
        "start",
        "nummer",
    ]
)
_GENERIC: Final = frozenset(
    [
        "value",
        "val",
        "time",
        "text",
        "txt",
        "ms",
        "raw",
        "name",
        "str",
        "display",
        "formatted",
        "data",
        "number",
        "num",
        "no",
        "id",
        "t",
        "v",
        "seconds",
    ]
)


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


def words(path: Path) -> str:
    """The words of a path: `LastLapTime.Value` becomes `last lap time value`."""
    found = (part for segment in path for word in _WORD.findall(segment) for part in _split(word.lower()))
    return " ".join(found)[:120]


def suggested(path: Path) -> dict[FieldRole, float]:
    """Roles that the name suggests, with weights up to 0.9; the first that fits leads, at most three.

    What stands above a field counts where its own name says nothing, such as `LastLapTime.Value` or `Sectors.0`.
    """
    text, last = words(path), words(path[-1:])
    generic = all(word in _GENERIC or word.isdigit() for word in last.split())
    found: dict[FieldRole, float] = {}
    for source, weighs in ((text, 1.0), (last, 0.9)) if generic else ((last, 1.0), (text, 0.5)):
        for role, pattern, weight in _COMPILED:
            if len(found) < 3 and role not in found and pattern.search(source):
                found[role] = weight * weighs * (0.75 if found else 1.0)
    return found
