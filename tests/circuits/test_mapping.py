"""Mappings that are proposed, and what a person chose."""

from karttime.circuits.mapping import LABELS, compare, layout_key, mapping_of, merged, propose
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


def test_an_analysis_proposes_labels_with_how_sure_they_are() -> None:
    """By the role of the field behind a column; where the format itself says it, it is certain."""
    columns = [
        {"column": "C1", "role": "position", "label": "p", "type": ""},
        {"column": "C2", "role": "last_lap", "label": "q", "type": ""},
        {"column": "C3", "role": "unknown", "label": "z", "type": ""},
    ]
    fields = [{"path": "p", "role": "position", "confidence": 0.914}, {"path": "q", "role": "last_lap"}]
    found = mapping_of({"C1": "Kart"}, {"columns": columns, "spec": {"tables": [{"fields": fields}]}})
    assert found["proposed"] == {"C1": "Classement", "C2": "Dernier T.", "C3": ""}
    assert found["confidence"] == {"C1": 0.91, "C2": 1.0}
    assert [one["kind"] for one in found["differences"]] == ["kept", "new", "same"]
    assert len(found["layout"]) == 12
    assert mapping_of({}, {"columns": columns, "spec": None})["confidence"] == {"C1": 1.0, "C2": 1.0}
