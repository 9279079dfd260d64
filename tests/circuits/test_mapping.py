"""Mappings that are proposed, and what a person chose."""

from karttime.circuits.mapping import LABELS, compare, layout_key, merged, propose
from karttime.domain.columns import Column, Role

COLUMNS = (
    Column(1, Role.POSITION, "Clt", "rk"),
    Column(2, Role.NUMBER, "Kart", "no"),
    Column(3, Role.TEAM, "Equipe", "dr"),
    Column(4, Role.DRIVER, "Pilote", "dr"),
    Column(5, Role.LAST_LAP, "Dernier", "llp"),
    Column(6, Role.UNKNOWN, "???", ""),
)


def test_labels_come_from_what_columns_mean() -> None:
    """In the app's words, none twice, none for what nobody knows."""
    assert propose(COLUMNS) == {
        "C1": "Classement",
        "C2": "Kart",
        "C3": "Equipe/Pilote",
        "C4": "",
        "C5": "Dernier T.",
        "C6": "",
    }


def test_a_persons_choice_is_never_overwritten() -> None:
    """It is kept and told; what has no label gets the proposed one, unless the label is in use."""
    stored = {"C1": "Kart", "C5": "Meilleur T.", "C9": "S1"}
    proposed = propose(COLUMNS)
    assert {one.column: one.kind for one in compare(stored, proposed)} == {
        "C1": "kept",
        "C2": "new",
        "C3": "new",
        "C4": "same",
        "C5": "kept",
        "C6": "same",
        "C9": "gone",
    }
    assert merged(stored, proposed) == stored | {"C3": "Equipe/Pilote"}


def test_a_layout_has_a_name() -> None:
    """The same for the same headers, another one for others."""
    assert layout_key(COLUMNS) == layout_key(list(COLUMNS))
    assert layout_key(COLUMNS) != layout_key(COLUMNS[:-1])


def test_every_label_is_one_that_the_app_offers() -> None:
    """Others make its screen of mappings fail."""
    offered = ["Classement", "Kart", "Equipe/Pilote", "S1", "S2", "S3", "Ecart", "Stands", "Lap", "Intervalles"]
    assert set(LABELS.values()) == {*offered, "Penalites", "Categorie", "Dernier T.", "Meilleur T.", "En Piste"}
