"""Times and gaps as Apex boards write them."""

from karttime.simulator.apex.words import Words
from karttime.simulator.session import Behind


def lap_time(ms: int) -> str:
    """`59.943`, `1:06.385`, `22:03.383`: minutes are never carried into hours."""
    minutes, rest = divmod(ms, 60_000)
    seconds, thousandths = divmod(rest, 1000)
    return f"{minutes}:{seconds:02}.{thousandths:03}" if minutes else f"{seconds}.{thousandths:03}"


def sector_time(ms: int) -> str:
    """Limited in width: `22.150`, but `1:11.5` from a minute on."""
    return lap_time(ms) if ms < 60_000 else lap_time(ms)[:-2]


def sector_as_told(ms: int) -> int:
    """What a reader can know of a sector time, the width being limited."""
    return ms if ms < 60_000 else ms // 100 * 100


def hours_minutes(ms: int) -> str:
    """`0:07`: time since the last stop, a driver's time."""
    minutes = ms // 60_000
    return f"{minutes // 60}:{minutes % 60:02}"


def pit_timer(ms: int) -> str:
    """`07.`, `3:01.`: seconds in the pit lane, with the dot of the decimals that are not shown."""
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes}:{seconds:02}." if minutes else f"{seconds:02}."


def length(ms: int) -> str:
    """`00:10:00`: length of a session that has not started."""
    seconds = ms // 1000
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def wall_clock(at_ms: int, utc_offset_min: int) -> str:
    """`20:41`: local time of a race-control entry."""
    minutes = (at_ms // 60_000 + utc_offset_min) % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"


def behind(gap: Behind, words: Words) -> str:
    """`0.226`, `1:02.118`, `1 Tour`, `2 Tours`."""
    if gap.ms is not None:
        return lap_time(gap.ms)
    return f"{gap.laps} {words.lap if gap.laps == 1 else words.laps}"


def speed(length_m: int, ms: int) -> str:
    """`54.32`: mean speed of a lap in km/h."""
    return f"{length_m * 3600 / ms:.2f}"
