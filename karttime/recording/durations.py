"""Durations as people type them: `10m`, `1h30m`, `90s`, `250ms`, `1:30:00`, `2:05.5`, or plain seconds."""

import re
from typing import Final

from karttime.errors import UsageError

_UNITS: Final = re.compile(
    r"(?:(\d{1,6}(?:\.\d{1,3})?)h)?(?:(\d{1,7}(?:\.\d{1,3})?)m)?(?:(\d{1,9}(?:\.\d{1,3})?)s)?(?:(\d{1,12})ms)?",
    re.ASCII,
)
_CLOCK: Final = re.compile(r"(?:(\d{1,6}):)?(\d{1,2}):(\d{2}(?:\.\d{1,3})?)", re.ASCII)
_SECONDS: Final = re.compile(r"\d{1,9}(?:\.\d{1,3})?", re.ASCII)


def parse_duration(text: str) -> int:
    """Milliseconds of a duration.

    Raises:
        UsageError: it is none; the text shows the notations.
    """
    wanted = text.strip().lower().replace(" ", "")
    if _SECONDS.fullmatch(wanted):
        return round(float(wanted) * 1000)
    if found := _CLOCK.fullmatch(wanted):
        hours, minutes, seconds = int(found[1] or 0), int(found[2]), float(found[3])
        if seconds < 60 and (minutes < 60 or found[1] is None):
            return round(((hours * 60 + minutes) * 60 + seconds) * 1000)
    elif wanted and (found := _UNITS.fullmatch(wanted)):
        hours_, minutes_, seconds_, ms = (float(part or 0) for part in found.groups())
        return round(((hours_ * 60 + minutes_) * 60 + seconds_) * 1000 + ms)
    raise UsageError(f"{text[:40]!r} is not a duration: write it like 90s, 10m, 1h30m or 1:30:00")
