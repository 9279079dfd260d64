"""What the name of a field suggests: weak evidence, because names lie (`gap` often is the interval).

Patterns in English, French, German, Spanish, Italian, Dutch, Portuguese and Swedish are tried in order on the words
of a path, without accents (`words.py`).
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from karttime.analysis.roles.words import is_generic, words
from karttime.feeds.declared.paths import Path
from karttime.feeds.declared.spec import FieldRole

_R = FieldRole
_LAP: Final = "lap|laps|tour|tours|runde|runden|vuelta|vueltas|giro|giri|varv|ronde|ronden|rondes|volta|voltas|lt|rd"
_BEST: Final = (
    "best|beste|bester|fast|fastest|pb|meilleure?|mejor|migliore?|melhor|snabbast|snabbaste|snelste|schnellster?|rapide|"
    "quickest|min|record"
)
_LAST: Final = "last|latest|recent|lst|derniere?|letzter?|ultim[oa]|senaste|sista|laatste"
_TIME: Final = "time|temps|zeit|tiempo|tempo|tid|tijd|ms|sec|raw|value|millis"
_SECTOR: Final = (
    "s|sec|sector|sectors|secteur|sektor|settore|setor|split|splits|i|int|inter|intermediate|intermediates|seg|segment|"
    "loop|part|parcial|parziale"
)
_PIT: Final = "pit|pits|stand|stands|box|boxes|boxen"

_PATTERNS: Final[Sequence[tuple[FieldRole, str, float]]] = (
    (_R.COLOUR, r"\b(colou?r|farbe|couleur|colore|kleur|css|style)\b", 0.9),
    (_R.ID, r"\b(id|uid|guid|uuid|ids)$", 0.8),
    (
        _R.SPEED,
        r"\b(speed|speeds|spd|kmh|kph|mph|km h|vitesse|velocidade?|velocita|geschwindigkeit|snelheid|hastighet"
        r"|topspeed|vmax)\b",
        0.9,
    ),
    (_R.TRANSPONDER, r"\b(transponder\w*|transpondeur|tx|chip|rfid)\b", 0.9),
    (
        _R.BEST_LAP_NUMBER,
        rf"\b({_BEST}) (?:\w+ )?({_LAP}) (no|num|number|nr|count)\b|\b({_BEST}) (in|on|at)( ({_LAP}))?$",
        0.8,
    ),
    (
        _R.BEST_SECTOR,
        rf"\b({_BEST})\b.*\b({_SECTOR}) ?\d|\b({_SECTOR}) ?\d+ ({_BEST})\b|\b({_BEST}) (sector|sectors|split)",
        0.9,
    ),
    (
        _R.BEST_LAP,
        rf"\b({_BEST})\b.*\b({_LAP}|{_TIME})|\b({_LAP}|{_TIME}) ({_BEST})\b|\b({_BEST})$"
        r"|\b(bl|blt|blp|fl|flt|bestlap\w*|fastlap\w*)$",
        0.9,
    ),
    (
        _R.AVERAGE_LAP,
        r"^(?!.*\b(?:pos|position|rank|speed)\b).*"
        r"\b(average|avg|mean|mid|moyenne?|media|schnitt|durchschnitt|medel|gemiddelde?)\b",
        0.9,
    ),
    (
        _R.LAST_LAP,
        rf"\b({_LAST})\b.*\b({_LAP}|{_TIME})\b|\b({_LAP}|{_TIME}) ({_LAST})\b|\b({_LAST})$"
        r"|\b(ll|llt|llp|lastlap\w*|lap time|laptime|runden zeit|temps tour|tempo giro)$",
        0.9,
    ),
    (_R.SECTOR_1, rf"\b({_SECTOR}) ?\d+\b", 0.8),
    (
        _R.INTERVAL,
        r"\b(interval\w*|int|ahead|prev|previous|front|precedente?|anterior|vorne|davor|next)\b",
        0.6,
    ),
    (
        _R.GAP,
        r"\b(gap\w*|dif\w*|behind|leader|lider|ecart|abstand|ruc?e?ckstand|distacco|delta|hinter|lag|avstand|achterstand"
        r"|atraso)\b",
        0.6,
    ),
    (
        _R.PIT_STOPS,
        r"\b(pit ?stops?|stops|pits|stands|num pits?|boxenstopps?|boxes|arrets|paradas|soste|pit count|stop count)\b"
        r"|\bpit ?stop count\b|\bnumber of pit|\bpitstop",
        0.9,
    ),
    (_R.PIT_TIME, rf"\b({_PIT}) (time|duration|ms|sec|zeit|temps)|\b(pittime|stand zeit|standzeit)\b", 0.8),
    (
        _R.IN_PIT,
        rf"\b(in ?({_PIT})|is in pit|on pit|pit ?lane|pit active|pit status|pit|au stand|en box)$"
        r"|\bin ?pit\b|\bis ?(on|in) ?pit\b",
        0.8,
    ),
    (_R.PENALTY, r"\b(penal\w*|pen|straf\w*|san[ck]\w*|straff)\b", 0.9),
    (_R.FLAG, r"\b(flag\w*|flg|drapeau|flagge|bandera|bandiera|bandeira|vlag|track ?stat\w*|track condition)\b", 0.9),
    (
        _R.CLOCK_REMAINING,
        r"\b(remaining|time left|left|to go|ttg|countdown|restant\w*|rest|rest zeit|restzeit|resterend\w*|remain|"
        r"rimanente|kvar)\b",
        0.8,
    ),
    (
        _R.CLOCK_ELAPSED,
        r"\b(elapsed|race time|session time|ecoule|lauf zeit|laufzeit|verstrichen\w*|transcurrido|trascorso|decorrido"
        r"|verstreken|running time|total race time)\b",
        0.8,
    ),
    (
        _R.TIME_OF_DAY,
        r"\b(time of day|clock|local time|utc|timestamp|date\w*|tod|server time|uhr zeit|uhrzeit|heure|hora)\b",
        0.7,
    ),
    (
        _R.CLASS_POSITION,
        r"\b(class|classe?|clase|cat|category|categorie|categoria|pic|klasse|group)\b.*\b(pos\w*|rank|rang|place|platz)\b"
        r"|\b(pic|posinclass)$|\b(pos\w*|rank|rang|place|platz)\b.*\b(class|classe|clase|cat|category|categorie|klasse)\b",
        0.9,
    ),
    (
        _R.POSITION,
        r"\b(pos|posn|position|posicion|posizione|posicao|positie|rank|rang|place|platz|plaats|placing|plats|clt|standing"
        r"|classement|clasificacion|pl|p|overall)\b",
        0.9,
    ),
    (
        _R.TEAM,
        r"\b(team|teams|teamname|equipe|entrant|mannschaft|equipo|squadra|escuderia|scuderia|ploeg|stall|club)\b",
        0.9,
    ),
    (
        _R.CLASS,
        r"\b(class|classname|cat|categ|category|klasse|classe|clase|klass|categorie|categoria|group|division|div|cls|cup"
        r"|series)\b",
        0.8,
    ),
    (
        _R.NATIONALITY,
        r"\b(nat|natl|nation\w*|nacional\w*|nazional\w*|country\w*|natio|land|pays|pais|iso|nat code)\b",
        0.9,
    ),
    (
        _R.DRIVER,
        r"^(?:(?:full|first|last|short|long|display|driver|pilot|racer|nick|broadcast|competitor|participant|rider"
        r"|monitor|fore|sur|public|person|entrant)s? )*name$"
        r"|\b(fullname|drivers?|driver ?name|pilot\w*|racer\w*|fahrer\w*|rider|coureur|rijder|corredor|forare|nickname"
        r"|firstname|lastname|surname|nom|nome|naam|namn|prenom|nombre|apellidos?|cognome|vorname|nachname|forename|tla"
        r"|conductor|alias|abbr\w*)\b",
        0.8,
    ),
    (
        _R.LAPS,
        rf"^(?:(?:num|nb|nr|no|total|completed|current|number of|lead|race|anzahl|nombre de) )*({_LAP})"
        r"(?: (?:count|num|no|nr|number|completed|done|driven|run))?$|^completed$",
        0.8,
    ),
    (
        _R.NUMBER,
        r"\b(no|nr|num|number|car|kart|bib|start ?no|start ?nr|stnr|start ?nummer|nummer|start number|racing number"
        r"|numero|car ?number|kart ?num\w*|dorsal|dossard|starting number)\b",
        0.9,
    ),
    (_R.TOTAL_TIME, r"\b(total\w*|totaal|totale|race time|total time|gesamt|gesamtzeit|elapsed)\b", 0.8),
    (_R.STATUS, r"\b(status\w*|state|etat|estado|stato|zustand|on track|retired|stopped|finished|running)\b", 0.8),
    (_R.PASSING, r"\b(pass\w*|crossing\w*|amb ?time|loop ?time|passing ?time|last seen)\b", 0.8),
    (
        _R.SESSION,
        r"\b(session|heat|run|race|event|manche|seance|sitzung|rennen|carrera|gara|title|race name|session name"
        r"|event name|heat name|series|championship)\b",
        0.7,
    ),
    (_R.TRACK, r"\b(track|circuit|venue|strecke|piste|location|track name)\b", 0.7),
    (_R.MESSAGE, r"\b(message\w*|msg|text|comment|ticker|info|notice|announcement|meldung|race control|note)\b", 0.8),
    (_R.ID, r"\b(id|uid|guid|uuid|key|ids)$", 0.8),
)
_COMPILED: Final = tuple((role, re.compile(pattern), weight) for role, pattern, weight in _PATTERNS)

_NAMED_THINGS: Final = frozenset({_R.DRIVER, _R.TEAM, _R.TRACK, _R.SESSION, _R.CLASS})
_ATTRIBUTE: Final = re.compile(
    r"\b(source|type|length|level|count|points|licen[cs]e|changes?|url|img|image|photo|logo|colou?r|weight|age|year|time"
    r"|times|format|by|version|lang|language|zone|temp\w*)$"
)
"""What is told of a driver, a team or a track, but is not its name."""


@lru_cache(maxsize=8192)
def suggested(path: Path) -> Mapping[FieldRole, float]:
    """Roles that the name suggests, with weights up to 0.9; the first that fits leads, at most three.

    What stands above a field counts where its own name says nothing, such as `LastLapTime.Value` or `Sectors.0`.
    """
    text, last = words(path), words(path[-1:])
    found: dict[FieldRole, float] = {}
    is_attribute = _ATTRIBUTE.search(last) is not None
    for source, weighs in ((text, 1.0), (last, 0.9)) if is_generic(path[-1]) else ((last, 1.0), (text, 0.5)):
        for role, pattern, weight in _COMPILED:
            if is_attribute and role in _NAMED_THINGS:
                continue
            if len(found) < 3 and role not in found and pattern.search(source):
                found[role] = weight * weighs * (0.75 if found else 1.0)
    return found
