"""Values of a feed, whatever their notation: times in ms, gaps, counts, truths, flags, states. Never raises."""

import re
from collections.abc import Mapping
from typing import Any, Final

from karttime.domain.flags import Flag
from karttime.domain.times import Gap, LapsGap, LeaderLap, TimeGap, format_time, parse_gap, parse_time
from karttime.domain.updates import Status

_PER_MS: Final[Mapping[str, tuple[int, int]]] = {
    "min": (60_000, 1),
    "s": (1000, 1),
    "s-or-laps": (1000, 1),
    "ms": (1, 1),
    "us": (1, 1000),
    "100ns": (1, 10_000),
}
_LIMIT: Final = 10**15
_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,15}(?:[.,]\d{0,9})?|[.,]\d{1,9})", re.ASCII)
_SPAN: Final = re.compile(r"([+-]?)(?:(\d{1,3})\.)?(\d{1,4}):(\d{2}):(\d{2}\.\d{4,9})", re.ASCII)
_WORDY: Final = re.compile(
    r"([+-]?)(?:(\d{1,3})\s?h\s?)?(?:(\d{1,3})\s?(?:m|min|')\s?)?(\d{1,3}(?:[.,]\d{1,6})?)\s?(?:s|sec|\"|'')?"
)
_PERIOD: Final = re.compile(r"([+-]?)PT(?:(\d{1,3})H)?(?:(\d{1,4})M)?(?:(\d{1,6}(?:[.,]\d{1,9})?)S)?", re.ASCII)
_LAPS: Final = re.compile(r"[+-]?\s*(\d{1,4})\s*([^\W\d_]{1,12})\.?(?=\s|\+|$)\+?.*")
_LAPS_FIRST: Final = re.compile(r"-*\s*([^\W\d_]{1,12})\.?\s*(\d{1,6})")
_COUNT: Final = re.compile(r"\d{1,9}(?:\.0{1,3})?", re.ASCII)

TRUTHS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("true", "1", "yes", "y", "t", "on", "oui", "ja", "si", "x"), True),
    **dict.fromkeys(("false", "0", "no", "n", "f", "off", "non", "nein", "", "null", "none", "-"), False),
}

FLAGS: Final[Mapping[str, Flag]] = {
    **dict.fromkeys(
        ("green", "verde", "vert", "verte", "grün", "gruen", "groen", "clear", "allclear", "greenflag", "racing"),
        Flag.GREEN,
    ),
    **dict.fromkeys(("yellow", "amarilla", "jaune", "gelb", "giallo", "geel", "gul", "yellowflag"), Flag.YELLOW),
    **dict.fromkeys(
        ("fullcourseyellow", "fcy", "code60", "vsc", "vscdeployed", "virtualsafetycar", "slow", "slowzone", "caution"),
        Flag.FULL_COURSE_YELLOW,
    ),
    **dict.fromkeys(("safetycar", "sc", "scdeployed", "safety", "pacecar"), Flag.SAFETY_CAR),
    **dict.fromkeys(("red", "rouge", "roja", "rot", "rosso", "rood", "röd", "redflag", "stopped"), Flag.RED),
    **dict.fromkeys(
        (
            "checkered",
            "chequered",
            "checker",
            "finish",
            "finished",
            "damier",
            "cuadros",
            "zielflagge",
            "scacchi",
            "chequeredflag",
            "checkeredflag",
        ),
        Flag.CHEQUERED,
    ),
    **dict.fromkeys(("none", "noflag"), Flag.NONE),
}
"""Words for flags, folded: lower case, letters and digits only."""

STATES: Final[Mapping[str, Status]] = {
    **dict.fromkeys(
        ("ontrack", "track", "running", "active", "run", "racing", "onroad", "enpiste", "pista"), Status.ON_TRACK
    ),
    **dict.fromkeys(
        ("inpit", "pit", "inpits", "pits", "box", "inbox", "pitin", "stand", "pitlane", "garage", "in"), Status.IN_PIT
    ),
    **dict.fromkeys(("out", "pitout", "outlap", "outpit"), Status.OUT_LAP),
    **dict.fromkeys(
        ("retired", "stopped", "stop", "dnf", "ret", "abandon", "retirado", "ausfall", "inactive"), Status.STOPPED
    ),
    **dict.fromkeys(("finished", "finish", "checkered", "chequered", "chk", "ended"), Status.FINISHED),
}


_FLAG_VALUES: Final[Mapping[str, Flag]] = {flag.value: flag for flag in Flag}
_STATE_VALUES: Final[Mapping[str, Status]] = {status.value: status for status in Status}


def fold(text: str) -> str:
    """Lower case, letters and digits alone."""
    return "".join(character for character in text.lower() if character.isalnum())


def read_text(value: Any) -> str:
    """A scalar as text; empty for nothing, and for what is no scalar."""
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()[:500]


def read_ms(value: Any, unit: str = "text") -> int | None:
    """Milliseconds of a time in this unit; None where it is none."""
    if value is None or isinstance(value, bool | dict | list):
        return None
    scale = _PER_MS.get(unit)
    if isinstance(value, str):
        text = value.strip()
        if scale is None or ":" in text:
            return read_time_text(text)
        if not _NUMBER.fullmatch(text):
            return None
        value = float(text.replace(",", "."))
    if scale is None:
        scale = _PER_MS["s"]
    if not -_LIMIT < value < _LIMIT:  # also no NaN
        return None
    return round(float(value) * scale[0] / scale[1])


def read_time_text(text: str) -> int | None:
    """Milliseconds of a time as displayed."""
    ms = parse_time(text)
    if ms is not None:
        return ms
    text = text.strip().removeprefix("+").strip()
    if not text or len(text) > 40:
        return None
    if text[0] in ".,":
        return parse_time("0" + text)
    ms = parse_time(text)
    if ms is not None:
        return ms
    for shape in (_SPAN, _PERIOD, _WORDY):
        if (found := shape.fullmatch(text)) and any(found.groups()[1:]):
            return _sum(found.groups())
    return None


def _sum(groups: tuple[Any, ...]) -> int:
    sign, *parts = groups
    scales = (86_400_000, 3_600_000, 60_000, 1000)[-len(parts) :]
    total = sum(
        float(part.replace(",", ".")) * scale for part, scale in zip(parts, scales, strict=True) if part is not None
    )
    return -round(total) if sign == "-" else round(total)


def read_gap(value: Any, unit: str = "text") -> Gap | None:
    """A gap: a time, laps, or the leader's own cell."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if unit == "s-or-laps" and value < 0 and value == int(value):
            return LapsGap(-int(value))
        ms = read_ms(value, unit)
        return None if ms is None else TimeGap(ms)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if unit not in ("", "text"):
        if unit == "s-or-laps" and text[:1] == "-" and text[1:].isdigit():
            return LapsGap(int(text[1:5]))
        ms = read_ms(text, unit)
        if ms is not None:
            return TimeGap(ms)
    return _gap_of_text(text)


def _gap_of_text(text: str) -> Gap | None:
    found = parse_gap(text)
    if found is not None:
        return found
    ms = read_time_text(text)
    if ms is not None:
        return TimeGap(ms)
    text = text[:60]
    if (laps := _LAPS.fullmatch(text)) and isinstance(parse_gap(f"{laps[1]} {laps[2]}"), LapsGap):
        return LapsGap(int(laps[1]))
    leader = parse_gap(f"{laps[1]} {laps[2]}") if (laps := _LAPS_FIRST.fullmatch(text)) else None
    return leader if isinstance(leader, LeaderLap) else None


def gap_text(gap: Gap) -> str:
    """A gap as boards show it, so that `parse_gap` reads it back."""
    match gap:
        case TimeGap(ms):
            return format_time(ms) if abs(ms) >= 60_000 else f"{'-' if ms < 0 else ''}{abs(ms) / 1000:.3f}"
        case LapsGap(laps):
            return f"{laps} Lap" if laps == 1 else f"{laps} Laps"
        case LeaderLap(lap):
            return f"Lap {lap}"


def read_count(value: Any) -> int | None:
    """A count: a whole number, not negative."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value < 10**9 else None
    if isinstance(value, float):
        return int(value) if 0 <= value < 10**9 and value == int(value) else None
    if isinstance(value, str) and _COUNT.fullmatch(text := value.strip()):
        return int(text.partition(".")[0])
    return None


def read_truth(value: Any) -> bool | None:
    """Whether something is so; None where the value does not say."""
    if isinstance(value, bool):
        return value
    if value is None:
        return None
    return TRUTHS.get(str(value).strip().lower()[:10])


def read_flag(value: Any, meanings: Mapping[str, str]) -> Flag | None:
    """The flag that a code or word means; None where nothing is shown."""
    text = read_text(value)
    if not text:
        return None
    if text in meanings:
        return _FLAG_VALUES.get(meanings[text], Flag.UNKNOWN)
    return FLAGS.get(fold(text[:60]), Flag.UNKNOWN)


def read_status(value: Any, meanings: Mapping[str, str]) -> Status:
    """The state that a code or word means."""
    text = read_text(value)
    if text in meanings:
        return _STATE_VALUES.get(meanings[text], Status.UNKNOWN)
    return STATES.get(fold(text[:60]), Status.UNKNOWN)
