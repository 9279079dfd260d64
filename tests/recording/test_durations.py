import pytest
from hypothesis import given
from hypothesis import strategies as st

from karttime.errors import UsageError
from karttime.recording.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("10m", 600_000),
        ("1h30m", 5_400_000),
        ("90s", 90_000),
        ("1:30:00", 5_400_000),
        ("90:00", 5_400_000),
        ("2:05.5", 125_500),
        ("250ms", 250),
        ("1m250ms", 60_250),
        ("1.5h", 5_400_000),
        ("0", 0),
        ("90", 90_000),
        ("0.25", 250),
        (" 1H 30M ", 5_400_000),
        ("26:00:00", 93_600_000),
        ("90m", 5_400_000),
    ],
)
def test_every_notation(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "text",
    ["", " ", "h", "ten minutes", "10x", "-5s", "1:60:00", "1:61", "1:2:3:4", "5m5h", "1e3", "٣s", "nan", "9" * 50],
)
def test_what_is_no_duration_says_how_to_write_one(text: str) -> None:
    with pytest.raises(UsageError, match=r"not a duration: write it like 90s, 10m, 1h30m or 1:30:00"):
        parse_duration(text)


@given(st.text())
def test_nothing_else_is_ever_raised(text: str) -> None:
    try:
        assert parse_duration(text) >= 0
    except UsageError as error:
        assert len(str(error)) < 300  # noqa: PT017 - either outcome is right


@given(st.integers(0, 10**6), st.integers(0, 59), st.integers(0, 59))
def test_clock_and_units_agree(hours: int, minutes: int, seconds: int) -> None:
    hours %= 10**5
    assert parse_duration(f"{hours}:{minutes:02d}:{seconds:02d}") == parse_duration(f"{hours}h{minutes}m{seconds}s")
