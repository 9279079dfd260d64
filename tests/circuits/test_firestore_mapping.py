"""When a detected mapping is written: never over what a person chose."""

from collections.abc import Mapping

import pytest

from karttime.circuits.firestore_documents import Labels
from karttime.circuits.firestore_mapping import (
    Detected,
    Verdict,
    app_labels,
    decide,
    differing,
    mapping_fields,
    settled,
)

WANTED = {"C1": "Classement", "C2": "Kart", "C3": "Dernier T."}
OTHER = {"C1": "Classement", "C2": "Equipe/Pilote", "C3": "Dernier T."}


@pytest.mark.parametrize(
    ("stored", "written", "verdict"),
    [
        (Labels(), None, Verdict.WRITE),
        (Labels(WANTED), None, Verdict.SAME),
        (Labels(OTHER), None, Verdict.KEPT),
        (Labels({"C1": "Kart"}), None, Verdict.KEPT),
        (Labels(OTHER, automatic=True), None, Verdict.KEPT),
        (Labels(OTHER, automatic=True), OTHER, Verdict.WRITE),
        (Labels(OTHER, automatic=False), OTHER, Verdict.KEPT),
        (Labels(OTHER, automatic=True), WANTED, Verdict.KEPT),
        (Labels(odd=True), None, Verdict.KEPT),
    ],
)
def test_only_what_nobody_chose_is_written_over(
    stored: Labels, written: Mapping[str, str] | None, verdict: Verdict
) -> None:
    """Ours while it is exactly what we wrote and nobody saved it; another detection's is not ours."""
    assert decide(stored, WANTED, written) is verdict


def test_too_few_columns_are_no_mapping_for_the_app() -> None:
    """Whatever is stored."""
    for stored in (Labels(), Labels(WANTED), Labels(OTHER, automatic=True)):
        assert decide(stored, {"C1": "Classement", "C2": "Kart"}, OTHER) is Verdict.FEW


def test_the_app_is_told_its_own_words_each_once() -> None:
    """Of its fourteen columns."""
    proposed = {"C1": "Classement", "C2": "Vitesse", "C3": "Kart", "C4": "Kart", "C14": "Lap", "C15": "Ecart", "C5": ""}
    assert app_labels(proposed) == {"C1": "Classement", "C3": "Kart", "C14": "Lap"}


def test_all_fourteen_columns_are_written_none_of_them_null() -> None:
    fields = mapping_fields(WANTED)
    assert [fields[f"c{number}"] for number in range(1, 6)] == [*WANTED.values(), "Non utilisé", "Non utilisé"]
    assert (fields["autoDetectionSucceeded"], fields["configurationRequired"]) == (True, False)
    assert len(fields) == 16


def test_another_nodes_identical_write_counts_as_ours() -> None:
    """A person's identical choice does not."""
    row = Detected("hill", WANTED, 1, pending=True)
    assert settled(row, Labels(WANTED, automatic=True)) == Detected("hill", WANTED, 1, written=WANTED)
    assert settled(row, Labels(WANTED)) == Detected("hill", WANTED, 1)
    assert settled(row, Labels(OTHER, automatic=True)).written is None


def test_a_difference_is_told_by_column() -> None:
    assert differing({"C10": "Lap", "C2": "Kart"}, {"C2": "Classement", "C10": "Lap"}) == "C2 Kart, detected Classement"
