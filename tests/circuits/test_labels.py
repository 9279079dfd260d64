from collections.abc import Mapping

import pytest

from karttime.circuits.labels import UNUSED, edited
from karttime.errors import UsageError

LABELS = {"C1": "Classement", "C2": "Kart"}


@pytest.mark.parametrize(
    ("mappings", "columns", "after"),
    [
        (None, {}, LABELS),
        ({}, {}, LABELS),
        ({"C3": "Pilote"}, {}, {**LABELS, "C3": "Pilote"}),
        ({"C2": None}, {}, {"C1": "Classement"}),
        ({"C2": ""}, {}, {"C1": "Classement"}),
        (None, {"c2": UNUSED}, {"C1": "Classement"}),
        (None, {"c2": None, "c14": " Tours "}, {"C1": "Classement", "C14": "Tours"}),
        ({"C2": "Numéro"}, {"c2": "Numéro", "c5": UNUSED}, {"C1": "Classement", "C2": "Numéro"}),
        ({"C2": "a\x1b[31mb\u202e"}, {}, {"C1": "Classement", "C2": "a[31mb"}),
    ],
)
def test_an_edit_changes_what_it_mentions(
    mappings: Mapping[str, str | None] | None, columns: Mapping[str, str | None], after: Mapping[str, str]
) -> None:
    """In either notation; null and the app's word for nothing clear; control characters never stay."""
    assert edited(LABELS, mappings, columns) == after


def test_labels_stand_in_column_order() -> None:
    """By number, not by text."""
    assert list(edited({"C10": "x"}, {"C9": "y", "C2": "z"}, {})) == ["C2", "C9", "C10"]


@pytest.mark.parametrize("name", ["", "c1", "C0", "C100", "C1x", "1", "C-1", "C\u0661"])
def test_other_names_are_no_columns(name: str) -> None:
    """C1 to C99, in ASCII."""
    with pytest.raises(UsageError, match="C1 to C99"):
        edited({}, {name: "x"}, {})


def test_two_labels_for_one_column_are_refused() -> None:
    """Which one is meant cannot be known."""
    with pytest.raises(UsageError, match="disagree about C2"):
        edited({}, {"C2": "Kart"}, {"c2": "Pilote"})
    with pytest.raises(UsageError, match="disagree about C3"):
        edited({}, {"C2": "Kart"}, {"c3": "Pilote"})
