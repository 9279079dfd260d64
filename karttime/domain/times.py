"""Times and gaps: every notation that the feeds use, to integer milliseconds and back.

| notation | example | seen in |
|---|---|---|
| seconds, 1 to 3 decimals | `27.207`, `52.54`, `1:11.5` | Apex laps and sectors (narrow columns cut decimals) |
| minutes, hours | `1:46.956`, `22:03.383`, `1:02:03.004` | Apex laps, totals |
| running timer, trailing dot | `31.`, `2:23.` | Apex pit timer |
| hours and minutes | `0:48` | Apex time on track; ambiguous, so only `parse_hours_minutes` reads it |
| `HH:MM:SS[.mmm]` | `00:01:23.456`, `26:10:03` | RMonitor; hours may exceed 24 |
| negative | `00:00:-47`, `00:00:00.-51`, `-1.234` | RMonitor before a start, corrections |
| no time | ``, `-`, `--`, `-.---` | all |
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_TIME = re.compile(r"(-)?(?:(?:(\d{1,4}):)?(\d{1,3}):)?(-)?(\d{1,6})(?:[.,](-)?(\d{0,3})\d{0,3})?", re.ASCII)
_HOURS_MINUTES = re.compile(r"(\d{1,4}):(\d{2})", re.ASCII)
_LAPS = re.compile(r"\+?(\d{1,5})\s*([^\W\d_]{1,12})\.?")
_LEADER = re.compile(r"([^\W\d_]{1,12})\.?\s*(\d{1,6})(?:/(\d{1,6}))?")
_LAP_WORDS_BY_LANGUAGE = {
    "fr": ("tour", "tours", "tr", "trs"),
    "es": ("vuelta", "vueltas"),
    "it": ("giro", "giri"),
    "en": ("lap", "laps", "l"),
    "sv": ("varv",),
    "pt": ("volta", "voltas"),
    "nl": ("ronde", "rondes", "ronden"),
    "de": ("runde", "runden", "rd", "rds"),
}
_LAP_WORDS = frozenset(word for words in _LAP_WORDS_BY_LANGUAGE.values() for word in words)


def parse_time(text: str) -> int | None:
    """Milliseconds of a lap, sector, gap or total time; None when the text is no time.

    Text after the third decimal is dropped, as timing systems do. Never raises.
    """
    if text[-4:-3] == "." and text.isascii():  # nearly all of them: `27.207`, `1:46.956`
        minutes, _, seconds = text[:-4].rpartition(":")
        if seconds.isdigit() and len(seconds) <= 2 and (not minutes or (minutes.isdigit() and len(minutes) <= 3)):
            millis = text[-3:]
            if millis.isdigit() and (minutes or text[0] != ":"):
                return int(minutes or 0) * 60_000 + int(seconds) * 1000 + int(millis)
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    minus, hours, minutes, minus_seconds, seconds, minus_fraction, fraction = found.groups()
    if minutes is not None and len(seconds) > 2:
        return None
    ms = int(seconds) * 1000
    if fraction:  # `.-51` is what `.%03d` prints for minus 51 ms, without the zeros
        ms += int(fraction) if minus_fraction else int(fraction.ljust(3, "0"))
    if minutes is not None:
        ms += int(minutes) * 60_000
    if hours is not None:
        ms += int(hours) * 3_600_000
    return -ms if minus or minus_seconds or minus_fraction else ms


def parse_hours_minutes(text: str) -> int | None:
    """Milliseconds of `H:MM`, such as the time since the last stop; None when the text is no such time."""
    found = _HOURS_MINUTES.fullmatch(text.strip())
    return None if found is None else int(found[1]) * 3_600_000 + int(found[2]) * 60_000


def format_time(ms: int) -> str:
    """`M:SS.mmm`, from one hour on `H:MM:SS.mmm`; a minus in front when negative."""
    sign = "-" if ms < 0 else ""
    seconds, millis = divmod(abs(ms), 1000)
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{sign}{minutes}:{seconds:02d}.{millis:03d}"
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02d}:{seconds:02d}.{millis:03d}"


@dataclass(frozen=True, slots=True)
class TimeGap:
    """A gap in milliseconds."""

    ms: int


@dataclass(frozen=True, slots=True)
class LapsGap:
    """A gap in whole laps."""

    laps: int


@dataclass(frozen=True, slots=True)
class LeaderLap:
    """No gap: the leader's own cell, which shows the number of laps he has done."""

    lap: int


Gap = TimeGap | LapsGap | LeaderLap


def parse_gap(text: str) -> Gap | None:
    """A gap cell: `0.226`, `1 Tour`, `2 Vueltas`, or the leader's `Lap 16`; None when it shows nothing known."""
    text = text.strip()
    ms = parse_time(text.removeprefix("+"))
    if ms is not None:
        return TimeGap(ms)
    if (found := _LAPS.fullmatch(text)) and found[2].lower() in _LAP_WORDS:
        return LapsGap(int(found[1]))
    if (found := _LEADER.fullmatch(text)) and found[1].lower() in _LAP_WORDS:
        return LeaderLap(int(found[2]))
    return None


def parse_lap_of(text: str) -> tuple[int, int] | None:
    """`Tour 3/10`, `Varv 1/8`: lap of the leader and laps in total; None when the text is no such clock."""
    found = _LEADER.fullmatch(text.strip())
    if found is None or found[3] is None or found[1].lower() not in _LAP_WORDS:
        return None
    return int(found[2]), int(found[3])


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_from_ms(at: int) -> str:
    """ISO 8601 in UTC with milliseconds, such as `2026-05-17T08:00:00.000Z`, of milliseconds since 1970."""
    return (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds")[:-6] + "Z"
