import pytest

from karttime.errors import UsageError
from karttime.recording.sizes import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("500k", 500_000), ("50M", 50_000_000), ("1.5 GB", 1_500_000_000), ("2t", 2 * 10**12), ("10B", 10)],
)
def test_sizes_as_people_type_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "0.0001k", "-5", "5x", "M", "1e9", "\u0661", "9" * 400, "5\nM"])
def test_anything_else_is_refused_with_the_notations(text: str) -> None:
    with pytest.raises(UsageError, match="500k, 50M or 2G"):
        parse_size(text)
