"""Columns and their roles."""

from karttime.domain.columns import SECTORS, Column, Role


def test_a_column_is_known_by_its_number() -> None:
    """Clients call it `C<index>`, whatever its header says."""
    assert Column(12, Role.GAP, "Ecart", "gap").id == "C12"


def test_sectors_are_in_order() -> None:
    """Nine sectors, the first one first."""
    assert [role.value for role in SECTORS] == [f"sector_{n}" for n in range(1, 10)]


def test_columns_are_values() -> None:
    """Equal content, equal column: layouts can be compared."""
    assert Column(1, Role.NUMBER, "Kart", "no") == Column(1, Role.NUMBER, "Kart", "no")
    assert len({Column(1, Role.NUMBER, "Kart", "no"), Column(1, Role.NUMBER, "Kart", "no")}) == 1
