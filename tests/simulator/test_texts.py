"""Times and gaps as Apex boards write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karttime.simulator.apex import texts
from karttime.simulator.apex.words import LANGUAGES, words
from karttime.simulator.session import Behind


@pytest.mark.parametrize(
    ("ms", "text"),
    [(59_943, "59.943"), (60_000, "1:00.000"), (66_385, "1:06.385"), (1_323_383, "22:03.383"), (226, "0.226")],
)
def test_lap_times(ms: int, text: str) -> None:
    assert texts.lap_time(ms) == text


@given(st.integers(0, 10_000_000))
def test_lap_times_read_back_exactly(ms: int) -> None:
    minutes, _, rest = texts.lap_time(ms).rpartition(":")
    seconds, thousandths = rest.split(".")
    assert int(minutes or 0) * 60_000 + int(seconds) * 1000 + int(thousandths) == ms


def test_sectors_are_limited_in_width_and_in_what_they_tell() -> None:
    assert (texts.sector_time(22_150), texts.sector_as_told(22_150)) == ("22.150", 22_150)
    assert (texts.sector_time(71_567), texts.sector_as_told(71_567)) == ("1:11.5", 71_500)


def test_timers_count_seconds_with_a_dot_and_minutes_without_seconds() -> None:
    assert [texts.pit_timer(ms) for ms in (0, 7_999, 60_000, 181_500)] == ["00.", "07.", "1:00.", "3:01."]
    assert [texts.hours_minutes(ms) for ms in (59_999, 60_000, 3_660_000)] == ["0:00", "0:01", "1:01"]
    assert texts.length(600_000) == "00:10:00"


def test_the_log_shows_local_time() -> None:
    nine_utc = 1_780_131_600_000
    assert texts.wall_clock(nine_utc, 120) == "11:00"
    assert texts.wall_clock(nine_utc + 14 * 3_600_000, 120) == "01:00"


@pytest.mark.parametrize(("language", "one", "two"), [("fr", "1 Tour", "2 Tours"), ("it", "1 Giro", "2 Giri")])
def test_laps_behind_are_counted_in_the_language(language: str, one: str, two: str) -> None:
    said = words(language, competition=False)
    assert texts.behind(Behind(laps=1), said) == one
    assert texts.behind(Behind(laps=2), said) == two
    assert texts.behind(Behind(ms=62_118), said) == "1:02.118"


def test_every_language_has_every_header() -> None:
    for language in LANGUAGES:
        for competition in (False, True):
            assert all(words(language, competition=competition).headers.values())


def test_the_spanish_competition_edition_has_its_own_words() -> None:
    said = words("es", competition=True)
    assert (said.lap_clock, said.green, said.headers["no"]) == ("Lap", "SALIDA", "Nº")
    assert words("es", competition=False).lap_clock == "Vuelta"
