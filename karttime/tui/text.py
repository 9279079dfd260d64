"""How values are shown: short, of fixed width, and safe whatever a feed sent.

Texts from outside become plain strings without control characters; they are never parsed as markup.
"""

import unicodedata
from functools import lru_cache
from typing import Any, Final

from rich.cells import cell_len, set_cell_size

from karttime.domain.display import clean
from karttime.domain.times import format_time

MAX_CELLS: Final = 64


@lru_cache(maxsize=8192)
def safe(text: object, limit: int = MAX_CELLS) -> str:
    """A text of a feed or a server as it may be shown: NFC, one line, no control characters, at most `limit` cells."""
    plain = unicodedata.normalize("NFC", clean(str(text), 4 * limit))
    if not plain.isprintable():
        plain = "".join(char if char.isprintable() else " " if char.isspace() else "" for char in plain)
    plain = plain.strip()
    return plain if cell_len(plain) <= limit else set_cell_size(plain, limit - 1).rstrip() + "…"


def lap_time(ms: object) -> str:
    """`1:06.131`; below a minute `26.138`. Empty for none."""
    if not isinstance(ms, int):
        return ""
    return format_time(ms) if abs(ms) >= 60_000 else f"{ms / 1000:.3f}"


def difference(ms: int) -> str:
    """`+0.312`, `-1.004`, `+1:02.3`."""
    sign = "-" if ms < 0 else "+"
    return sign + (lap_time(abs(ms)) if abs(ms) >= 60_000 else f"{abs(ms) / 1000:.3f}")


def gap(value: Any) -> str:
    """A gap or interval of `karttime.v1`: milliseconds, whole laps, or the leader's lap."""
    if isinstance(value, int):
        return difference(value) if value else "0.000"
    if isinstance(value, dict):
        if isinstance(laps := value.get("laps"), int):
            return f"+{laps} lap" + ("s" if laps != 1 else "")
        if isinstance(lap := value.get("lap"), int):
            return f"lap {lap}"
    return ""


def duration(ms: int | None) -> str:
    """`0:42`, `12:05`, `1:02:33`: whole seconds. Empty for none."""
    if ms is None:
        return ""
    seconds = abs(ms) // 1000
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    return "-" + text if ms < 0 else text


def age(ms: int | None) -> str:
    """How old something is: `< 1 s`, `12 s`, `3 min`, `2 h`. `-` when it never was."""
    if ms is None:
        return "-"
    if ms < 1000:
        return "< 1 s"
    if ms < 120_000:
        return f"{ms // 1000} s"
    return f"{ms // 60_000} min" if ms < 7_200_000 else f"{ms // 3_600_000} h"


def size(count: int | None) -> str:
    """Bytes for people: `812 B`, `12.3 MB`."""
    if count is None:
        return "-"
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def clock_of(at: int | None) -> str:
    """Time of day in UTC, `HH:MM:SS`."""
    if at is None:
        return ""
    seconds = at // 1000 % 86_400
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
