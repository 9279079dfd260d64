"""The lap rule: which crossings are laps, whatever order and company they come in."""

from typing import get_args

import pytest

from karttime.feeds.rmonitor.laps import Decision, LapRule, Rule


class Car:
    """One competitor's records, each in a frame of its own, a second apart."""

    def __init__(self) -> None:
        self.rule = LapRule()
        self.frame = 0
        self.decided: list[Decision] = []

    def j(self, lap_ms: int, total_ms: int) -> "Car":
        self.frame += 1
        self.decided += self.rule.crossed(self.frame, self.frame * 1000, lap_ms, total_ms)
        return self

    def g(self, laps: int, total_ms: int) -> "Car":
        self.frame += 1
        self.decided += self.rule.counted(self.frame, self.frame * 1000, laps, total_ms)
        return self

    def ticks(self, count: int = 2) -> "Car":
        for _ in range(count):
            self.decided += self.rule.tick()
        return self

    @property
    def laps(self) -> list[tuple[str, int, int | None]]:
        return [(one.rule, one.number, one.time_ms) for one in self.decided]


@pytest.fixture
def car() -> Car:
    """On its way in a race: two laps of a minute, the second one just counted."""
    car = Car().g(0, 0).j(60_000, 60_000).g(1, 60_000).j(60_500, 120_500).g(2, 120_500)
    assert car.laps == [("counted", 1, 60_000), ("counted", 2, 60_500)]
    car.decided.clear()
    return car


def test_either_may_come_first(car: Car) -> None:
    """With the frames of both, at the time of the first."""
    car.j(61_000, 181_500).g(3, 181_500).g(4, 241_500).j(60_000, 241_500)
    assert car.laps == [("counted", 3, 61_000), ("counted-first", 4, 60_000)]
    assert [(one.frames, one.at) for one in car.decided] == [((6, 7), 6000), ((8, 9), 8000)]


def test_what_is_repeated_is_no_lap(car: Car) -> None:
    """The same `$J`, the same `$G`, the last `$J` again in a dump."""
    car.j(60_500, 120_500).g(2, 120_500).j(61_000, 181_500).j(61_000, 181_500).g(3, 181_500).g(3, 181_500)
    car.j(61_000, 181_500).ticks(5)
    assert car.laps == [("counted", 3, 61_000)]


def test_a_dump_is_no_lap() -> None:
    """A relay's: `$G`, then the last `$J` of each; the next lap counts, with a penalty of before."""
    car = Car()
    car.rule.restated(56, 7_010_000)
    car.j(115_000, 7_000_000)
    assert (car.laps, car.rule.last_ms, car.rule.penalty_ms) == ([], 115_000, 10_000)
    car.j(116_000, 7_116_000).g(57, 7_126_000)
    assert car.laps == [("counted", 57, 116_000)]


def test_joined_without_a_dump() -> None:
    """The first crossing is a lap."""
    assert Car().j(23_619, 492_152).g(20, 492_152).laps == [("counted", 20, 23_619)]


def test_a_second_reading_is_no_lap(car: Car) -> None:
    """Some ms off, told by `$G` or not, and not taken for the next lap when that one's `$J` is lost."""
    car.j(61_000, 181_500).g(3, 181_500).j(60_994, 181_494).g(3, 181_494)
    car.j(60_006, 241_500).g(4, 241_500).j(60_001, 241_495).g(5, 301_600).ticks()
    assert car.laps == [("counted", 3, 61_000), ("counted", 4, 60_006), ("total-difference", 5, 60_100)]


def test_crossings_that_do_not_count(car: Car) -> None:
    """After the finish, in the pits: no lap more."""
    assert car.j(80_000, 200_500).ticks(5).j(90_000, 290_500).ticks(5).laps == []


def test_a_crossing_without_a_time_opens_the_first_lap() -> None:
    """Also where it counts as lap 1."""
    car = Car().g(0, 0).j(0, 10_768).g(1, 10_768).ticks(3).j(15_201, 25_969).g(2, 25_969)
    assert car.laps == [("counted", 2, 15_201)]


def test_a_penalty_is_in_no_lap(car: Car) -> None:
    """It comes alone or with a crossing, is kept, and is taken away."""
    car.g(2, 130_500)
    assert car.rule.penalty_ms == 10_000
    car.j(60_000, 180_500).g(3, 190_500).j(60_000, 240_500).g(4, 255_500)
    assert car.rule.penalty_ms == 15_000
    car.g(4, 240_500).j(60_000, 300_500).g(5, 300_500)
    assert car.rule.penalty_ms == 0
    assert car.laps == [("counted", 3, 60_000), ("counted", 4, 60_000), ("counted", 5, 60_000)]


@pytest.mark.parametrize("rule", ["relay-history", "last-lap-record", "best-lap-record"])
def test_another_record_has_the_time(car: Car, rule: Rule) -> None:
    """Of this lap only, and once."""
    car.g(3, 180_600)
    assert car.rule.waits
    car.decided += car.rule.recorded(9, rule, 2, 1000) + car.rule.recorded(9, rule, 3, 60_100)
    car.decided += car.rule.recorded(9, rule, 3, 60_100)
    assert car.ticks(5).laps == [(rule, 3, 60_100)]


def test_the_difference_of_totals_is_the_last_resort(car: Car) -> None:
    """Doubtful; not over several laps, not from nothing, and not where the timekeeper wrote laps."""
    car.g(3, 180_600).ticks()
    assert car.laps == [("total-difference", 3, 60_100)]
    assert car.decided[0].doubt
    car.decided.clear()
    assert car.g(5, 300_600).ticks().g(6, 300_600).ticks().laps == []
    assert Car().g(0, 0).g(1, 60_000).ticks().laps == []


def test_a_lost_count_costs_no_lap(car: Car) -> None:
    """Two crossings that follow each other, counted at once."""
    car.j(60_000, 180_500).j(61_000, 241_500).g(4, 241_500)
    assert car.laps == [("counted", 3, 60_000), ("counted", 4, 61_000)]


def test_laps_are_taken_away_and_given_back(car: Car) -> None:
    """And driven anew, with the number again."""
    car.g(1, 60_000)
    assert (car.laps, car.rule.last_ms) == ([("taken-away", 2, None)], 60_000)
    car.g(2, 120_500)
    assert car.laps[-1] == ("given-back", 2, 60_500)
    car.g(1, 60_000).j(70_000, 130_000).g(2, 130_000)
    assert car.laps[-1] == ("counted", 2, 70_000)
    assert car.rule.best_timed() == 60_000


def test_given_back_with_the_lap_after(car: Car) -> None:
    """`$G` goes from 1 to 3: the crossing begins where the lap that was taken away ended."""
    car.g(1, 60_000).j(60_000, 180_500).g(3, 180_500)
    assert car.laps[-2:] == [("given-back", 2, 60_500), ("counted", 3, 60_000)]


def test_counts_below_nothing() -> None:
    """A timekeeper's correction: laps go on from there."""
    car = Car().g(-2, 60_000).j(61_000, 121_000).g(-1, 121_000)
    assert car.laps == [("counted", -1, 61_000)]


def test_rules_are_those_of_the_table() -> None:
    """Each one in the module's table."""
    from karttime.feeds.rmonitor import laps

    assert all(f"| `{rule}` |" in (laps.__doc__ or "") for rule in get_args(Rule))
