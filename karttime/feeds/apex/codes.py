"""Apex' closed vocabularies: styles, states, lights, column types and words, in the languages of the software.

Measured on 20 venues and both editions of the software (leisure and competition).
"""

import re
import unicodedata
from collections.abc import Mapping

from karttime.domain.columns import Role
from karttime.domain.flags import Flag
from karttime.domain.updates import SessionKind, Status

LAP_STYLES = frozenset({"tn", "ti", "tb"})
"""Normal, personal best, overall best: the styles of a fresh time."""

TEAM_STYLE, DRIVER_STYLE = "dr", "drteam"

STATES: Mapping[str, Status] = {
    "sr": Status.ON_TRACK,  # crossed the line (flash)
    "su": Status.ON_TRACK,  # crossed and gained a position
    "sd": Status.ON_TRACK,  # crossed and lost a position
    "si": Status.IN_PIT,
    "so": Status.OUT_LAP,
    "ss": Status.STOPPED,
    "sf": Status.FINISHED,
}
"""Styles of the status cell. `in` only ends the flash and is not among them; unknown ones change nothing."""

LIGHTS: Mapping[str, Flag] = {
    "lg": Flag.GREEN,
    "ly": Flag.YELLOW,
    "lr": Flag.RED,  # also the resting light before a start and after the end
    "lf": Flag.CHEQUERED,
    "lsc": Flag.SAFETY_CAR,
}

LETTERS: Mapping[str, SessionKind] = {"p": SessionKind.PRACTICE, "r": SessionKind.RACE}
"""Letter of `init`: ranked by best lap, or by laps and time. `n`: no session loaded."""

_QUALIFYING = re.compile(
    r"\b(?:k?[qw]u?alif\w*|qualy|quali|calif\w*|clasif\w*|classif\w*|kval\w*|crono\w*|chronos?|q\d+|superpole|pole)\b"
)


def session_kind(letter: str, title: str) -> SessionKind:
    """Race by the letter alone; among sessions ranked by best lap, the title's words tell qualifying from practice."""
    kind = LETTERS.get(letter, SessionKind.UNKNOWN)
    if kind is SessionKind.PRACTICE and _QUALIFYING.search(fold(title)):
        return SessionKind.QUALIFYING
    return kind


def fold(text: str) -> str:
    """Lower case without accents and dots, blanks squeezed: how header words are compared."""
    plain = unicodedata.normalize("NFKD", text.replace("º", "").replace("°", ""))
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(letters.casefold().replace(".", " ").split())


TYPES: Mapping[str, Role] = {
    "grp": Role.GROUP,
    "sta": Role.STATUS,
    "rk": Role.POSITION,
    "no": Role.NUMBER,
    "dr": Role.DRIVER,
    "nat": Role.NATIONALITY,
    "class": Role.CLASS,
    "llp": Role.LAST_LAP,
    "blp": Role.BEST_LAP,
    "gap": Role.GAP,
    "int": Role.INTERVAL,
    "tlp": Role.LAPS,
    "otr": Role.TRACK_TIMER,
    "pit": Role.PIT_STOPS,
    **{f"s{n}": Role(f"sector_{n}") for n in range(1, 10)},
    **{f"sp{n}": Role.SPEED for n in range(1, 10)},
}
"""Column types of the header row; they go before any header text, which operators may edit."""

_HEADERS: Mapping[Role, str] = {
    Role.POSITION: "clt, clasif, cla, rnk, clssf, pos, position, posicion, posizione, posicao, rang, platz",
    Role.NUMBER: "kart, no, n, num, numero, number, nr, startnr",
    Role.DRIVER: "pilote, piloto, pilota, driver, forare, piloot, fahrer, name, nom, nombre, nome, namn, naam",
    Role.TEAM: "equipe, equipo, team, squadra, lag, mannschaft, escuderia",
    Role.NATIONALITY: "nation, nacionalidad, nat, nazione, nationality, nationalitet, nacionalidade, "
    "nationaliteit, land",
    Role.CLASS: "categorie, categoria, category, class, clase, classe, klass, klasse, kategori, kategorie",
    Role.LAST_LAP: "dernier t, dernier tour, ultima vuelta, u vuelta, ultimo t, ultimo giro, last lap, last, sista v, "
    "sista varv, ultima v, ultima volta, laatste ronde, letzte, letzte runde",
    Role.BEST_LAP: "meilleur t, meilleur tour, mejor vuelta, m vuelta, giro mig, giro migliore, best lap, best, "
    "basta varv, melhor v, melhor volta, snelste ronde, beste, beste runde",
    Role.GAP: "ecart, gap, distacco, diferencia, dif, diferenca, afstand, abstand",
    Role.INTERVAL: "interv, intervalle, intervalo, intervallo, interval, intervall",
    Role.LAPS: "tours, vueltas, giri, laps, varv, voltas, rondes, ronden, runden",
    Role.TRACK_TIMER: "en piste, tiempo en pit, in pista, on track, na pista, tijd op circuit, auf der strecke",
    Role.PIT_TIME: "pit time, tempo pit, temps stand, temps stands, tiempo pit, pittid, tempo box, boxenzeit",
    Role.PIT_STOPS: "stands, pits, pit stop, pit stops, pit, paradas, soste, depastopp, boxen, stopps",
    Role.PENALTY: "pena, penalizacion, penalty, penalties, penalite, penalites, penalita, penalizacao, straff, strafe",
    Role.SPEED: "km/h, kph, mph, vm, vitesse, velocidad, velocita, speed, hastighet, velocidade, snelheid",
    Role.TOTAL_TIME: "tempo, total, total time, temps total, tiempo total, tempo totale, totaltid, gesamtzeit",
    Role.INFORMATION: "information, info, informacion, informazioni, informations, undercut, first name, last name",
}
HEADERS: Mapping[str, Role] = {word: role for role, words in _HEADERS.items() for word in words.split(", ")}
"""Header texts (folded) for columns without a type: fr, es, it, en, sv, pt, nl, de."""

TEAM_HEADERS = frozenset(word for word, role in HEADERS.items() if role is Role.TEAM)

COMMANDS_WITHOUT_STATE = frozenset(
    {"best", "css", "effects", "comments", "wth1", "wth2", "wth3", "gmt", "gridb", "gridc", "chp"}
)
"""Commands that are known and carry nothing that karttime keeps: panels, colours, labels, weather, credits."""

MESSAGE_LEVELS: Mapping[str, str] = {"": "info", "msgt": "info", "msgw": "warning", "msgp": "penalty"}
