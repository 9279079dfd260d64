"""Session facts: titles, clock, light, race-control list, ticker."""

from collections.abc import Sequence

import pytest

from karttime.domain.flags import Flag
from karttime.domain.updates import (
    ClockChanged,
    ClockMode,
    FlagChanged,
    MessageShown,
    NotesAdded,
    NotesCleared,
    Update,
)
from karttime.feeds.apex.facts import MAX_FACT, MAX_NOTES, Facts


def take(facts: Facts, line: str, at: int = 0) -> list[Update] | None:
    return facts.take(at, *line.split("|", 2))


@pytest.mark.parametrize(
    ("line", "mode", "ms", "text"),
    [
        ("dyn1|countdown|10785490", ClockMode.COUNTDOWN, 10_785_490, ""),
        ("dyn1|countdown|188", ClockMode.COUNTDOWN, 188, ""),
        ("dyn1|countdown|", ClockMode.COUNTDOWN, None, ""),
        ("dyn1|count|23245600", ClockMode.COUNT_UP, 23_245_600, ""),
        ("dyn1|text|00:10:00", ClockMode.TEXT, None, "00:10:00"),
        ("dyn1|text|Tour 3/10", ClockMode.TEXT, None, "Tour 3/10"),
        ("dyn1|text|", ClockMode.OFF, None, ""),
        ("dyn2|count|44988", ClockMode.COUNT_UP, 44_988, ""),
    ],
)
def test_clocks(line: str, mode: ClockMode, ms: int | None, text: str) -> None:
    """Milliseconds, whatever their size; a text as it is; nothing after the flag."""
    assert take(Facts(), line, 7) == [ClockChanged(7, mode, ms, text)]


def test_the_second_clock_serves_where_the_first_shows_a_text() -> None:
    """Competition edition: `dyn1` shows the lap, `dyn2` the time."""
    facts = Facts()
    take(facts, "dyn2|count|44988")
    assert take(facts, "dyn1|text|Lap 3/10") == [ClockChanged(0, ClockMode.COUNT_UP, 44_988, "Lap 3/10")]
    assert take(facts, "dyn1|countdown|5000") == [ClockChanged(0, ClockMode.COUNTDOWN, 5_000, "")]


@pytest.mark.parametrize(
    "line", ["dyn1|stopwatch|1", "dyn1|countdown|x", "dyn1|countdown|-1", "dyn1|count|1.5", "dyn1|count|" + "9" * 10]
)
def test_bad_clocks_are_refused(line: str) -> None:
    """Unknown verbs, no numbers, absurd numbers."""
    assert take(Facts(), line) is None


def flags(lines: Sequence[str]) -> list[Flag]:
    facts = Facts()
    found = []
    for line in lines:
        for update in take(facts, line) or []:
            assert isinstance(update, FlagChanged)
            found.append(update.flag)
    return found


@pytest.mark.parametrize(
    ("lights", "expected"),
    [
        ("lr lg lf", [Flag.GREEN, Flag.CHEQUERED]),
        ("lr lg lf lr", [Flag.GREEN, Flag.CHEQUERED, Flag.NONE]),
        ("lg lr lg", [Flag.GREEN, Flag.RED, Flag.GREEN]),
        ("lg ly lg", [Flag.GREEN, Flag.YELLOW, Flag.GREEN]),
        ("lg ly lr", [Flag.GREEN, Flag.YELLOW, Flag.RED]),
        ("lg lsc lg", [Flag.GREEN, Flag.SAFETY_CAR, Flag.GREEN]),
        ("lg lf lf lf", [Flag.GREEN, Flag.CHEQUERED]),
        ("lr lr", []),
        ("lx", [Flag.UNKNOWN]),
        ("lg lr lr lg", [Flag.GREEN, Flag.RED, Flag.GREEN]),
    ],
)
def test_lights(lights: str, expected: list[Flag]) -> None:
    """Red is red after green only; before the start and after the end it is the light at rest."""
    assert flags([f"light|{light}|" for light in lights.split()]) == expected


def test_the_feeds_own_word_is_kept() -> None:
    """An unknown light is not guessed."""
    assert take(Facts(), "light|lzz|") == [FlagChanged(0, Flag.UNKNOWN, "lzz")]


@pytest.mark.parametrize("line", ["light||", "light|l g|", "light|" + "l" * 9 + "|", "light|<b>|"])
def test_bad_lights_are_refused(line: str) -> None:
    """Not a word."""
    assert take(Facts(), line) is None


def test_a_new_session_starts_with_the_light_at_rest() -> None:
    """Red after another session's green is not a red flag."""
    facts = Facts()
    take(facts, "light|lg|")
    facts.new_session()
    assert take(facts, "light|lr|") == []


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        ("msg||Meilleur Tour : 71 - 1:05.415 (54.32 km/h)", "info", "Meilleur Tour : 71 - 1:05.415 (54.32 km/h)"),
        ("msg|msgt|Q&A < 5", "info", "Q&A < 5"),
        ("msg|msgw|slow", "warning", "slow"),
        ("msg|msgp|N°11 : 1 Tour", "penalty", "N°11 : 1 Tour"),
    ],
)
def test_messages(line: str, level: str, text: str) -> None:
    """The level stands in the verb; a message that is there already is no news; an empty one clears."""
    facts = Facts()
    assert take(facts, line) == [MessageShown(0, level, text)]
    assert take(facts, line) == []
    assert take(facts, "msg||") == [MessageShown(0, "info", "")]
    assert take(facts, "msg||") == []


def test_unknown_message_levels_are_refused() -> None:
    """A closed vocabulary."""
    assert take(Facts(), "msg|msgz|x") is None


def test_titles_and_track() -> None:
    """Blanks at the ends go, nothing else."""
    facts = Facts()
    for line in ("title1|| 24H <OF> X ", "title2||Q&A", "track||OVAL (700m)"):
        assert take(facts, line) == []
    assert (facts.event, facts.title, facts.track) == ("24H <OF> X", "Q&A", "OVAL (700m)")


@pytest.mark.parametrize("command", ["title1", "title2", "track", "msg", "dyn1"])
def test_long_facts_are_refused(command: str) -> None:
    """Nobody shows half a kilobyte of title."""
    assert take(Facts(), f"{command}|text|{'x' * (MAX_FACT + 1)}") is None


def test_race_control_list() -> None:
    """Only new entries are told; an emptied list is told once; an absurd one is refused."""
    facts = Facts()
    start = '<p><b>20:41</b><span data-flag="green"></span>Start</p>'
    flag = '<p><b>20:43</b><span data-flag="chequered"></span>Finish</p>'
    (first,) = take(facts, f"com||{start}") or []
    (second,) = take(facts, f"com||{flag}{start}") or []
    assert isinstance(first, NotesAdded)
    assert isinstance(second, NotesAdded)
    assert [note.kind for note in first.notes + second.notes] == ["green", "chequered"]
    assert take(facts, f"com||{start}{flag}") == []
    assert take(facts, "com||") == [NotesCleared(0)]
    assert take(facts, "com||") == []
    assert take(facts, "com||" + "x" * (MAX_NOTES + 1)) is None


def test_everything_anew_for_a_new_session() -> None:
    """Flag, clock, notes oldest first, message."""
    facts = Facts()
    for line in ("light|lg|", "dyn1|countdown|5", "com||<p><b>2</b>b</p><p><b>1</b>a</p>", "msg|msgw|slow"):
        take(facts, line)
    updates = facts.all(9)
    assert [type(update) for update in updates] == [FlagChanged, ClockChanged, NotesAdded, MessageShown]
    notes = updates[2]
    assert isinstance(notes, NotesAdded)
    assert [note.text for note in notes.notes] == ["a", "b"]


def test_countdown_is_known_only_while_it_counts_down() -> None:
    """Texts and count-ups cannot prove that a session goes on."""
    facts = Facts()
    assert facts.countdown() is None
    take(facts, "light|lg|")
    take(facts, "dyn1|countdown|60000", 5)
    countdown = facts.countdown()
    assert countdown is not None
    assert (countdown.at, countdown.ms, countdown.running) == (5, 60_000, True)
    take(facts, "dyn1|text|")
    assert facts.countdown() is None
