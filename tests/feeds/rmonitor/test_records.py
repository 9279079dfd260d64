"""Taking one line apart, and why it may be none."""

import pytest

from karttime.feeds.rmonitor.reader import _LONG
from karttime.feeds.rmonitor.records import FIELDS, duration, fields_of, integer, why_not
from karttime.feeds.rmonitor.refusals import REASONS


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('$A,"65","65",NE4,"Open","BMW (Red, Blue)","",5', ("65", "65", "NE4", "Open", "BMW (Red, Blue)", "", "5")),
        ('$I, "00:00:00", "0/0/0000"', ("00:00:00", "0/0/0000")),
        ('$G,2,"2",,"00:00:00.000"', ("2", "2", "", "00:00:00.000")),
        ('$B,1,"The "Big" One"', ("1", 'The "Big" One')),
        ('$F,9,"00:00:00","10:00:00","00:00:-47","  ","x",1', ("9", "00:00:00", "10:00:00", "00:00:-47", "", "x", "1")),
        ("$RMLT,05,1610909938000", ("05", "1610909938000")),
        ("$RMRDQ", ()),
        ("$J,9,00:00:54.249,00:12:48.075", ("9", "00:00:54.249", "00:12:48.075")),
    ],
)  # fmt: skip
def test_fields(line: str, fields: tuple[str, ...]) -> None:
    """Quotes, commas within them, blanks, fields that later versions add."""
    assert why_not(line) == ""
    taken = fields_of(line)
    assert taken is not None
    assert taken[1] == fields


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('$J,"7","00:02:02.017","02:25:$RMLT,7,1610911504000', "fused"),
        ('$F,9999,"00:00:00","11:46:21",$H,30,"61",17,"00:01:51.882"', "fused"),
        ('$J,"196","00:10:28.956","01:58', "truncated"),
        ("$XYZ,1", "unknown-command"),
        ("$gprmc,1", "malformed"),
        ("GET / HTTP/1.1", "foreign-bytes"),
        ("$G,1\x00", "foreign-bytes"),
        ("$G," + "1" * 1000, "too-long"),
    ],
)
def test_why_not(line: str, why: str) -> None:
    """One of the reasons."""
    assert why_not(line) == why
    assert why in REASONS


@pytest.mark.parametrize("line", ['$G,1,"9",14', '$B,1,"x"y', "$J", '$C,1"x"'])
def test_not_well_formed(line: str) -> None:
    """Too few fields, quotes that do not fit."""
    assert fields_of(line) is None


def test_every_command_is_read() -> None:
    """The table of shapes and the table of readers name the same."""
    assert _LONG.keys() == FIELDS.keys()


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("00:00:54.249", 54_249),
        ("26:10:03", 94_203_000),
        ("00:00:-47", -47_000),
        ("00:00:00.-51", -51),
        ("-00:00:10.000", -10_000),
        ("+00:00:10.000", 10_000),
        ("03:06:", None),
        ("54.249", None),
        ("", None),
        ("\u0661:00:00", None),
    ],
)
def test_durations(text: str, ms: int | None) -> None:
    """`HH:MM:SS`, with or without milliseconds, below zero and above a day."""
    assert duration(text) == ms


def test_integers() -> None:
    """ASCII digits, few enough."""
    assert [integer(text) for text in ("7", "-8", "", "1.5", "99999999", "\u0661")] == [7, -8, None, None, None, None]
