"""A board in the words of the karting app: which column is called what, and what it says of each competitor.

The app draws whatever columns it is sent, but some names have a meaning to it (it sorts by `Classement`, counts a lap
whenever `Dernier T.` changes, …), so names come from a column's role, never from its text, and an unknown column never
gets a name with a meaning. The app merges what it is sent and takes an empty text for "nothing new", hence:

* `Dernier T.` and `Meilleur T.` are a time or they are not there; a word would count as a lap.
* A cell that was cleared is sent as `-` once its column has shown something: an empty text would leave the old one.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

from karttime.domain.columns import SECTORS, Column, Role
from karttime.domain.competitor import Competitor
from karttime.domain.display import clean
from karttime.domain.session import Session
from karttime.domain.times import format_time, parse_time
from karttime.domain.updates import Status
from karttime.domain.values import Value

NAMES: Final[Mapping[Role, str]] = {
    Role.POSITION: "Classement",
    Role.NUMBER: "Kart",
    Role.TEAM: "Equipe",
    Role.DRIVER: "Pilote",
    Role.LAST_LAP: "Dernier T.",
    Role.BEST_LAP: "Meilleur T.",
    Role.AVERAGE_LAP: "Moyenne",
    Role.GAP: "Ecart",
    Role.INTERVAL: "Intervalles",
    Role.LAPS: "Tours",
    Role.TRACK_TIMER: "En Piste",
    Role.PIT_STOPS: "Stands",
    Role.PIT_TIME: "Temps Stands",
    Role.PENALTY: "Penalites",
    Role.CLASS: "Categorie",
    Role.NATIONALITY: "Nationalité",
    Role.STATUS: "Statut",
    Role.GROUP: "Groupe",
    Role.SPEED: "Vitesse",
    Role.TOTAL_TIME: "Temps Total",
    Role.FLAG: "Drapeau",
    Role.INFORMATION: "Information",
    **{role: f"S{number}" for number, role in enumerate(SECTORS, 1)},
}

# Every name that the app gives a meaning to, lower case, beside our own.
_MEANT: Final = frozenset(
    ["position", "pos", "pos.", "clt", "number", "numéro", "num", "car", "last lap", "lastlap", "dernier tour"]
    + ["meilleur", "best lap", "best", "meilleur temps", "team", "équipe", "club", "nom", "name", "driver"]
    + [name.lower() for name in NAMES.values()]
)

STATUS_WORDS: Final[Mapping[Status, str]] = {
    Status.ON_TRACK: "En piste",
    Status.IN_PIT: "Stands",
    Status.OUT_LAP: "Sortie",
    Status.STOPPED: "Arrêté",
    Status.FINISHED: "Arrivée",
    Status.UNKNOWN: "",
}

CLEARED: Final = "-"
_MAX_LABEL: Final = 32
_ALWAYS: Final = (Role.LAST_LAP, Role.BEST_LAP)  # known from crossings, also where the board has no column
_KEPT: Final = frozenset(
    NAMES[role] for role in (Role.POSITION, Role.NUMBER, Role.TEAM, Role.DRIVER, Role.STATUS, Role.LAPS, *_ALWAYS)
)
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Field(NamedTuple):
    """One column as the app gets it: its name there, and the board's column (None: from events alone)."""

    name: str
    role: Role
    column: Column | None


def layout(columns: Iterable[Column]) -> tuple[Field, ...]:
    """The app's columns for a board, names unique, in the board's order; what always matters is added where missing."""
    fields: list[Field] = []
    taken: set[str] = set()

    def add(name: str, role: Role, column: Column | None) -> None:
        unique, number = name, 2
        while unique in taken:
            unique, number = f"{name} {number}", number + 1
        taken.add(unique)
        fields.append(Field(unique, role, column))

    columns = sorted(columns, key=lambda column: column.index)
    roles = {column.role for column in columns}
    if columns and Role.POSITION not in roles:
        add(NAMES[Role.POSITION], Role.POSITION, None)
    for column in columns:
        if column.role in (Role.DRIVER, Role.TEAM):  # one cell may alternate between the two: both, from events
            for role in (Role.TEAM, Role.DRIVER):
                if NAMES[role] not in taken:
                    add(NAMES[role], role, None)
        else:
            add(NAMES.get(column.role) or _own_label(column), column.role, column)
    for role in _ALWAYS:
        if columns and role not in roles:
            add(NAMES[role], role, None)
    return tuple(fields)


def _own_label(column: Column) -> str:
    label = clean(column.label.strip(), _MAX_LABEL).strip() or column.id
    return f"{label} ({column.id})" if label.lower() in _MEANT else label


def row(session: Session, competitor: Competitor, fields: Iterable[Field]) -> dict[str, str]:
    """What the app is told of a competitor; what may not be empty for the app is left out when there is none."""
    values = competitor.values(session.columns)
    shown: dict[str, str] = {}
    for name, role, column in fields:
        special = _SPECIAL.get(role)
        text = special(session, competitor, values) if special else None
        if text is None and column is not None:
            text = _cell(competitor, column)
        if text or name not in _OMITTED:
            shown[name] = text or ""
    return shown


_OMITTED: Final = frozenset(NAMES[role] for role in (Role.POSITION, Role.LAST_LAP, Role.BEST_LAP))


def with_cleared(shown: Mapping[str, str], filled: set[str]) -> dict[str, str]:
    """The row with `-` where an empty text has to clear; `filled` learns which columns ever showed something."""
    filled.update(name for name, text in shown.items() if text)
    return {name: text or (CLEARED if name in filled and name not in _KEPT else "") for name, text in shown.items()}


def document_id(competitor_id: str) -> str:
    """The competitor's id as the app may use it: safe in a document path, and never a kart number from 1 to 8.

    For the app, ids 1 to 8 are those of its own simulator, whose pilots' names it then shows.
    """
    plain = _PLAIN_ID.fullmatch(competitor_id) is not None
    reserved = competitor_id in set("12345678") or competitor_id.startswith(("__", "id-"))
    return competitor_id if plain and not reserved else "id-" + quote(clean(competitor_id), safe="").replace(".", "%2E")


def lap_time(ms: int | None) -> str:
    """`M:SS.mmm`, which is all that the app reads: minutes grow beyond 59. Empty for none."""
    if ms is None or ms <= 0:
        return ""
    seconds, millis = divmod(ms, 1000)
    return f"{seconds // 60}:{seconds % 60:02d}.{millis:03d}"


def _cell(competitor: Competitor, column: Column) -> str:
    cell = competitor.cells.get(column.index)
    text = clean(cell.text.strip()) if cell else ""
    if column.role in SECTORS or column.role is Role.TOTAL_TIME:
        ms = parse_time(text)
        return text if ms is None else format_time(ms)
    return text


def _number(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def _position(_session: Session, competitor: Competitor, _values: Mapping[str, Value]) -> str:
    return str(competitor.position) if competitor.position > 0 else ""


def _last_lap(session: Session, _competitor: Competitor, values: Mapping[str, Value]) -> str:
    return lap_time(_number(values.get("last_lap_ms" if session.has_column(Role.LAST_LAP) else "last_timed_ms")))


def _best_lap(session: Session, _competitor: Competitor, values: Mapping[str, Value]) -> str:
    return lap_time(_number(values.get("best_lap_ms" if session.has_column(Role.BEST_LAP) else "best_timed_ms")))


def _nationality(_session: Session, _competitor: Competitor, values: Mapping[str, Value]) -> str:
    country = values.get("nationality")
    return clean(country) if isinstance(country, str) else ""


_SPECIAL: Final[Mapping[Role, Callable[[Session, Competitor, Mapping[str, Value]], str]]] = {
    Role.POSITION: _position,
    Role.TEAM: lambda _session, competitor, _values: clean(competitor.team),
    Role.DRIVER: lambda _session, competitor, _values: clean(competitor.driver),
    Role.STATUS: lambda _session, competitor, _values: STATUS_WORDS[competitor.status],
    Role.LAST_LAP: _last_lap,
    Role.BEST_LAP: _best_lap,
    Role.NATIONALITY: _nationality,
}
