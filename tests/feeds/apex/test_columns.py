"""What a column means: by type code, by header text in eight languages, by the shape of its values."""

import pytest

from karttime.domain.columns import Role
from karttime.feeds.apex.codes import TYPES
from karttime.feeds.apex.columns import HeaderCell, assign_roles

ROLES = (
    Role.POSITION,
    Role.NUMBER,
    Role.DRIVER,
    Role.LAST_LAP,
    Role.BEST_LAP,
    Role.GAP,
    Role.INTERVAL,
    Role.LAPS,
    Role.TRACK_TIMER,
    Role.PIT_STOPS,
)
HEADERS = {
    "fr": "Clt|Kart|Pilote|Dernier T.|Meilleur T.|Ecart|Interv.|Tours|En piste|Stands",
    "es": "Clasif.|Kart|Piloto|Última vuelta|Mejor vuelta|Gap|Interv.|Vueltas|Tiempo en PIT|Pits",
    "it": "Cla|Kart|Pilota|Ultimo T.|Giro mig.|Distacco|Interv.|Giri|In pista|Pit stop",
    "en": "Rnk|Kart|Driver|Last lap|Best lap|Gap|Interv.|Laps|On track|Pits",
    "sv": "Rnk|Kart|Förare|Sista v|Bästa varv|Gap|Interv.|Varv||",
    "pt": "Clssf.|Kart|Piloto|Última V.|Melhor V.|Diferença|Interv.|Voltas|Na pista|",
    "nl": "Pos.|Kart|Piloot|Laatste ronde|Snelste ronde|Afstand|Interv.|Rondes|Tijd op circuit|Pits",
    "de": "Platz|Kart|Fahrer|Letzte|Beste|Abstand||Runden||",
    "es competition": "Pos.|Nº|Piloto|Ultima Vuelta|M. Vuelta|Dif.|Interv.|||",
    "en competition": "Rnk|No.|Driver|Last Lap||Gap||Laps||",  # its best lap is called `Time`: only the type code tells
}


def roles(*cells: tuple[str, str], samples: dict[int, list[str]] | None = None) -> list[Role]:
    header = [HeaderCell(number, kind, label) for number, (kind, label) in enumerate(cells, 1)]
    return [column.role for column in assign_roles(header, samples or {})]


@pytest.mark.parametrize("language", HEADERS)
def test_untyped_columns_by_their_text(language: str) -> None:
    """Every header word of every language, without any type code."""
    labels = HEADERS[language].split("|")
    found = roles(*(("", label) for label in labels))
    assert found == [role if label else Role.UNKNOWN for role, label in zip(ROLES, labels, strict=True)]


@pytest.mark.parametrize(("kind", "role"), TYPES.items())
def test_types_go_before_texts(kind: str, role: Role) -> None:
    """Operators rename columns; the type code stays."""
    expected = Role.DRIVER if role is Role.DRIVER else role
    assert roles((kind, "UNDERCUT")) == [expected]
    assert roles((kind, "Meilleur T.")) == [expected]


@pytest.mark.parametrize("label", ["Equipe", "EQUIPO", "Team", " team "])
def test_a_name_column_headed_team(label: str) -> None:
    """The same type code shows teams or drivers; the header tells."""
    assert roles(("dr", label)) == [Role.TEAM]


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("Péna.", Role.PENALTY),
        ("Penalización", Role.PENALTY),
        ("Penalty", Role.PENALTY),
        ("Pena", Role.PENALTY),
        ("Catégorie", Role.CLASS),
        ("Categoria", Role.CLASS),
        ("km/h", Role.SPEED),
        ("Tempo", Role.TOTAL_TIME),
        ("Tempo Pit", Role.PIT_TIME),
        ("Pit time", Role.PIT_TIME),
        ("Information", Role.INFORMATION),
        ("M. Vuelta", Role.BEST_LAP),
        ("Nation", Role.NATIONALITY),
        ("Nacionalidad", Role.NATIONALITY),
        ("Nat.", Role.NATIONALITY),
        ("Nickname", Role.UNKNOWN),
        ("", Role.UNKNOWN),
    ],
)
def test_operators_columns(label: str, role: Role) -> None:
    """Columns that venues add have no type; what nobody knows stays unknown."""
    assert roles(("", label)) == [role]


def test_accents_case_dots_and_blanks_do_not_matter() -> None:
    """`DERNIER  T` is `Dernier T.`."""
    assert roles(("", "DERNIER  T"), ("", "MEJOR VUELTA.")) == [Role.LAST_LAP, Role.BEST_LAP]
    assert roles(("", "u. vuelta")) == [Role.LAST_LAP]


def test_an_untyped_column_beside_a_typed_one_of_its_role() -> None:
    """`Pos.` beside a typed rank is the place in class: unknown, whichever stands first."""
    assert roles(("", "Pos."), ("rk", "Pos.")) == [Role.UNKNOWN, Role.POSITION]
    assert roles(("rk", "Pos."), ("", "Pos.")) == [Role.POSITION, Role.UNKNOWN]


LAST = ["1:38.000", "1:37.861", "1:40.000", "1:39.100"]


def test_best_lap_by_the_shape_of_its_values() -> None:
    """Lap times in a column that nothing explains, in no row slower than the last lap beside them."""
    times = ["1:37.711", "1:37.861", "", "1:38.082"]
    assert roles(("llp", ""), ("", "?"), samples={1: LAST, 2: times}) == [Role.LAST_LAP, Role.BEST_LAP]
    assert roles(("llp", ""), ("", "?"), ("blp", ""), samples={1: LAST, 2: times})[1] is Role.UNKNOWN
    assert roles(("", "?"), samples={1: times}) == [Role.UNKNOWN]


@pytest.mark.parametrize(
    "times", [["1:37.711", "1:37.862", "1:38.000", "1:38.082"], LAST, ["2:01.000", "3:02.000", "2:03.000", "4:04.000"]]
)
def test_lap_times_that_are_no_best_laps(times: list[str]) -> None:
    """Slower than the last lap in one row, never faster, or something else that looks like a lap: nobody knows."""
    assert roles(("llp", ""), ("", "?"), samples={1: LAST, 2: times})[1] is Role.UNKNOWN


def test_a_time_may_be_any() -> None:
    """A column that only says `Time`, without a type, may be a total, a stop or a lap."""
    assert roles(("llp", ""), ("", "Time")) == [Role.LAST_LAP, Role.UNKNOWN]


@pytest.mark.parametrize("texts", [[], ["1:37.711"], ["1:37.711"] * 2, ["1:37.711"] * 3 + ["x"]])
def test_too_little_to_tell_by_shape(texts: list[str]) -> None:
    """Three values that all fit are the least."""
    assert roles(("llp", ""), ("", "?"), samples={1: ["1:38.000"] * 4, 2: texts})[1] is Role.UNKNOWN


def test_speeds_by_their_shape() -> None:
    """A number with its unit."""
    assert roles(("", "?"), samples={1: ["54.32 km/h", "53,9 Kph", "51.10 Vm"]}) == [Role.SPEED]


def test_labels_and_types_are_kept() -> None:
    """Clients show the operator's own words."""
    (column,) = assign_roles([HeaderCell(7, "llp", "Dernier T.")], {})
    assert (column.index, column.role, column.label, column.type) == (7, Role.LAST_LAP, "Dernier T.", "llp")
