"""Every notation of times and gaps that the feeds use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karttime.domain.times import (
    Gap,
    LapsGap,
    LeaderLap,
    TimeGap,
    format_time,
    iso_from_ms,
    parse_gap,
    parse_hours_minutes,
    parse_lap_of,
    parse_time,
)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("27.207", 27_207),
        ("52.54", 52_540),
        ("1:11.5", 71_500),
        ("1:46.956", 106_956),
        ("3:03.134", 183_134),
        ("22:03.383", 1_323_383),
        ("6.586", 6_586),
        ("1:02:03.004", 3_723_004),
        ("0.226", 226),
        ("00.", 0),
        ("31.", 31_000),
        ("2:23.", 143_000),
        ("12:23.", 743_000),
        ("  1:18.047 ", 78_047),
        ("1,234", 1_234),
        ("-1.234", -1_234),
    ],
)
def test_apex_notations(text: str, ms: int) -> None:
    """Laps, sectors cut to one or two decimals, gaps, running pit timers."""
    assert parse_time(text) == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("00:00:53.417", 53_417),
        ("00:12:48.075", 768_075),
        ("07:31:37.873", 27_097_873),
        ("02:15:39.231", 8_139_231),
        ("00:08:40.522", 520_522),
        ("09:11:08", 33_068_000),
        ("26:10:03", 94_203_000),
        ("168:00:00.001", 604_800_001),
        ("00:00:00.000", 0),
        ("00:00:00", 0),
        ("00:59:59", 3_599_000),
        ("00:59:59.999", 3_599_999),
        ("00:00:-47", -47_000),
    ],
)
def test_rmonitor_notations(text: str, ms: int) -> None:
    """`HH:MM:SS[.mmm]`, beyond 24 hours, before the start; sentinels are times, too."""
    assert parse_time(text) == ms


def test_negative_milliseconds() -> None:
    """`00:00:00.-51` is what `%02d:%02d:%02d.%03d` prints for minus 51 ms."""
    assert parse_time("00:00:00.-51") == -51


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", "--", "-.---", "---", ":", ".", "1:", ":5", "Tour 3", "1 Tour", "abc", "1.2.3", "1:2:3:4", "1e3"],
)
def test_what_shows_no_time_is_none(text: str) -> None:
    """Blank cells, dashes, words."""
    assert parse_time(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "\u0661.\u0662\u0663\u0664",
        "\uff11:\uff10\uff12.\uff13",
        "²",
        "9" * 7,
        "1:123.000",
        "12345:00:00",
        "1." + "1" * 7,
    ],
)
def test_foreign_digits_and_absurd_lengths_are_no_time(text: str) -> None:
    """Only ASCII digits, and no more than a time can have, so that no huge number is ever made."""
    assert parse_time(text) is None


def test_digits_after_the_third_decimal_are_dropped() -> None:
    """As timing systems do; never rounded up into another lap time."""
    assert parse_time("1.2349") == 1_234
    assert parse_time("59.999999") == 59_999


@given(st.text(max_size=40))
def test_parsers_never_raise(text: str) -> None:
    """Whatever a feed sends comes back as a value or None."""
    parse_time(text)
    parse_gap(text)
    parse_hours_minutes(text)
    parse_lap_of(text)


@given(st.from_regex(r"-?(\d{1,4}:)?(\d{1,3}:)?-?\d{1,6}([.,]-?\d{0,6})?", fullmatch=True))
def test_times_are_bounded(text: str) -> None:
    """The longest notation stays below two years."""
    ms = parse_time(text)
    assert ms is None or abs(ms) < 2 * 365 * 86_400_000


@given(st.integers(-(1 << 33), 1 << 33))
def test_what_is_formatted_parses_back(ms: int) -> None:
    """`parse_time(format_time(ms)) == ms` for every time up to three months, negative ones too."""
    assert parse_time(format_time(ms)) == ms


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0:00.000"),
        (1, "0:00.001"),
        (59_999, "0:59.999"),
        (60_000, "1:00.000"),
        (3_599_999, "59:59.999"),
        (3_600_000, "1:00:00.000"),
        (94_203_000, "26:10:03.000"),
        (-1, "-0:00.001"),
        (-3_600_001, "-1:00:00.001"),
    ],
)
def test_format_time(ms: int, text: str) -> None:
    """Minutes are always shown, hours from one hour on, a minus in front."""
    assert format_time(ms) == text


@pytest.mark.parametrize(
    ("text", "ms"), [("0:48", 2_880_000), ("5:32", 19_920_000), ("26:00", 93_600_000), (" 0:00 ", 0)]
)
def test_hours_and_minutes(text: str, ms: int) -> None:
    """`H:MM` of the time on track, which `parse_time` would read as minutes and seconds."""
    assert parse_hours_minutes(text) == ms


@pytest.mark.parametrize("text", ["", "31.", "2:23.", "1:2", "1:234", "0:48:00", "-0:48", "\u0660:\u0664\u0668"])
def test_timers_are_no_hours_and_minutes(text: str) -> None:
    """The pit timer and everything else."""
    assert parse_hours_minutes(text) is None


@pytest.mark.parametrize(
    ("one", "more", "leader"),
    [
        ("1 Tour", "2 Tours", "Tour 14"),  # fr
        ("1 Vuelta", "2 Vueltas", "Vuelta 14"),  # es
        ("1 Giro", "2 Giri", "Giro 14"),  # it
        ("1 Lap", "2 Laps", "Lap 14"),  # en
        ("1 Varv", "2 Varv", "Varv 14"),  # sv
        ("1 Volta", "2 Voltas", "Volta 14"),  # pt
        ("1 Ronde", "2 Rondes", "Ronde 14"),  # nl
        ("1 Runde", "2 Runden", "Runde 14"),  # de
        ("1 Tr", "2 Trs", "Tr 14"),  # fr, narrow column
        ("1 Rd.", "2 Rds.", "Rd. 14"),  # de, narrow column
        ("+1 lap", "2LAPS", "LAP14"),
    ],
)
def test_gaps_in_laps(one: str, more: str, leader: str) -> None:
    """A number before the word is a gap; after it, the leader's own lap."""
    assert parse_gap(one) == LapsGap(1)
    assert parse_gap(more) == LapsGap(2)
    assert parse_gap(leader) == LeaderLap(14)


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("0.226", TimeGap(226)),
        ("+0.226", TimeGap(226)),
        ("12.069", TimeGap(12_069)),
        ("1:02.5", TimeGap(62_500)),
        ("-0.226", TimeGap(-226)),
        (" 1 Tour ", LapsGap(1)),
        ("", None),
        ("-", None),
        ("3 Karts", None),
        ("Kart 3", None),
        ("1 Tour 2", None),
        ("123456 Tours", None),
    ],
)
def test_gap_cells(text: str, gap: Gap | None) -> None:
    """Seconds, laps, nothing; unknown words are not guessed."""
    assert parse_gap(text) == gap


@pytest.mark.parametrize(
    ("text", "laps"),
    [
        ("Tour 3/10", (3, 10)),
        ("Giro 0/11", (0, 11)),
        ("Lap 0/1", (0, 1)),
        ("Varv 1/8", (1, 8)),
        ("Vuelta 12/12", (12, 12)),
        ("Ronde 2/9", (2, 9)),
        ("Volta 7/20", (7, 20)),
        ("Runde 4/5", (4, 5)),
        ("Tour 3", None),
        ("3/10", None),
        ("Kart 3/10", None),
        ("00:10:00", None),
    ],
)
def test_clock_of_a_lap_limited_race(text: str, laps: tuple[int, int] | None) -> None:
    """`Tour 3/10` in eight languages."""
    assert parse_lap_of(text) == laps


def test_iso_moment() -> None:
    """UTC with milliseconds and Z, also before 1970."""
    assert iso_from_ms(1_779_004_800_000) == "2026-05-17T08:00:00.000Z"
    assert iso_from_ms(1_779_004_800_207) == "2026-05-17T08:00:00.207Z"
    assert iso_from_ms(-1) == "1969-12-31T23:59:59.999Z"
