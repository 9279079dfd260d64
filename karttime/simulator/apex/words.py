"""Words of Apex Timing boards, by language: labels of the page, headers of columns, words inside cells.

Taken from real boards where one was seen in that language (fr, es, it, en, sv, pt, nl and the competition edition in
es and en); what no board showed, and all of `de`, is our translation. Headers can be edited by the venue, so a reader
must not rely on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache


@dataclass(frozen=True, slots=True)
class Words:
    """One language. `headers` is by column key, see `layout`."""

    effects: str
    comments: str
    headers: Mapping[str, str]
    driver: str
    team: str
    lap: str
    laps: str
    green: str
    chequered: str
    best_lap: str
    practice: str
    qualifying: str
    race: str
    heat: str
    penalty: str
    warning: str
    clock_lap: str = ""

    @property
    def lap_clock(self) -> str:
        """The word before `3/10` in a clock that counts laps."""
        return self.clock_lap or self.lap


_KEYS = ("rk", "no", "llp", "blp", "gap", "int", "tlp", "otr", "pit", "pen", "nat", "class")


def _headers(line: str) -> dict[str, str]:
    return dict(zip(_KEYS, line.split("|"), strict=True))


_LEISURE: Mapping[str, Words] = {
    "fr": Words(
        "Effets", "Commentaires",
        _headers("Clt|Kart|Dernier T.|Meilleur T.|Ecart|Interv.|Tours|En piste|Stands|Péna.|Nation|Catégorie"),
        "Pilote", "Equipe", "Tour", "Tours", "Départ", "Arrivée", "Meilleur Tour",
        "Essais libres", "Qualifications", "Course", "Session",
        "Pénalité", "Avertissement",
    ),
    "es": Words(
        "Mostrar Efectos", "Comentarios",
        _headers(
            "Clasif.|Kart|Última vuelta|Mejor vuelta|Gap|Interv.|Vueltas|Tiempo en PIT|Pits|Penalización|"
            "Nacionalidad|Categoria"
        ),
        "Piloto", "Equipo", "Vuelta", "Vueltas", "Start", "Llegada", "Mejor vuelta",
        "Entrenos libres", "Clasificación", "CARRERA", "Tanda",
        "Penalización", "Advertencia",
    ),
    "it": Words(
        "Effetti", "Commenti",
        _headers("Cla|Kart|Ultimo T.|Giro mig.|Distacco|Interv.|Giri|In pista|Pit stop|Pena|Nat.|Categoria"),
        "Pilota", "Team", "Giro", "Giri", "Partenza", "Arrivo", "Giro migliore",
        "Prove libere", "Qualifica", "Gara", "Corsa",
        "Penalità", "Avvertimento",
    ),
    "en": Words(
        "Display Effects", "Comments",
        _headers("Rnk|Kart|Last lap|Best lap|Gap|Interv.|Laps|On track|Pits|Penalty|Nation|Class"),
        "Driver", "Team", "Lap", "Laps", "Start", "Finish", "Best lap",
        "Practice", "Qualifying", "Race", "Session",
        "Penalty", "Warning",
    ),
    "sv": Words(
        "Visa effekter", "Kommentarer",
        _headers("Rnk|Kart|Sista v|Bästa varv|Gap|Interv.|Varv|På banan|Depå|Straff|Nation|Klass"),
        "Förare", "Team", "Varv", "Varv", "Start", "Mål", "Bästa varv",
        "Träning", "Kval", "Race", "Heat",
        "Straff", "Varning",
    ),
    "pt": Words(
        "Efeitos do display", "Comentários",
        _headers("Clssf.|Kart|Última V.|Melhor V.|Diferença|Interv.|Voltas|Na pista|Boxes|Penal.|Nac.|Categoria"),
        "Piloto", "Equipa", "Volta", "Voltas", "Partida", "Final", "Melhor volta",
        "Treino livre", "Qualificação", "Corrida", "Sessão",
        "Penalização", "Aviso",
    ),
    "nl": Words(
        "Effecten weergeven", "Opmerkingen",
        _headers("Pos.|Kart|Laatste ronde|Snelste ronde|Afstand|Interv.|Rondes|Tijd op circuit|Pits|Straf|Nat.|Klasse"),
        "Piloot", "Team", "Ronde", "Rondes", "Start", "Finish", "Snelste ronde",
        "Vrije training", "Kwalificatie", "Wedstrijd", "Sessie",
        "Straf", "Waarschuwing",
    ),
    "de": Words(
        "Effekte anzeigen", "Kommentare",
        _headers("Pos.|Kart|Letzte|Beste|Abstand|Interv.|Runden|Auf der Strecke|Stopps|Strafe|Nat.|Klasse"),
        "Fahrer", "Team", "Runde", "Runden", "Start", "Ziel", "Beste Runde",
        "Freies Training", "Qualifying", "Rennen", "Lauf",
        "Strafe", "Verwarnung",
    ),
}  # fmt: skip

_COMPETITION_HEADERS = {
    "es": _headers(
        "Pos.|Nº|Ultima Vuelta|M. Vuelta|Dif.|Interv.|Vueltas|En pista|Pits|Penalización|Nacionalidad|Clase"
    ),
    "en": _headers("Rnk|No.|Last Lap|Time|Gap|Interv.|Laps|On track|Pits|Penalty|Nat.|Class"),
}

LANGUAGES: tuple[str, ...] = tuple(_LEISURE)


@cache
def words(language: str, *, competition: bool) -> Words:
    """The words of a board; the competition edition has its own headers in es and en, the leisure ones elsewhere."""
    known = _LEISURE[language]
    if not competition:
        return known
    headers = _COMPETITION_HEADERS.get(language, known.headers)
    if language == "es":
        return replace(known, headers=headers, clock_lap="Lap", green="SALIDA", chequered="LLEGADA")
    return replace(known, headers=headers)
