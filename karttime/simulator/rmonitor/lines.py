"""The lines of RMonitor and of Race Monitor's relay, one function per record, and times as they are written there."""

from datetime import UTC, datetime

from karttime.domain.flags import Flag
from karttime.simulator.session import Standing

FLAGS = {Flag.GREEN: "Green ", Flag.YELLOW: "Yellow", Flag.RED: "Red   ", Flag.CHEQUERED: "Finish"}
NO_FLAG = "      "
NOT_LIMITED = 9999
CLOSED_RUN = 95


def quoted(text: str) -> str:
    """A text field: there is no escape, so that a quotation mark inside becomes an apostrophe."""
    return '"' + text.replace('"', "'").replace("\r", " ").replace("\n", " ") + '"'


def time(ms: int) -> str:
    """`00:01:02.345`; hours go on beyond 24."""
    seconds, thousandths = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{thousandths:03}"


def clock(ms: int) -> str:
    """`00:01:02`."""
    return time(ms)[:-4]


def heartbeat(laps_to_go: int, to_go_ms: int, at_ms: int, race_ms: int, flag: str) -> str:
    of_day = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M:%S")
    return f'$F,{laps_to_go},"{clock(to_go_ms)}","{of_day}","{clock(race_ms)}","{flag}"'


def entries(standing: Standing, transponder: str, class_no: int) -> tuple[str, str]:
    """`$A` and `$COMP`: a team's name stands in the field of last names, as venues type it."""
    entry = standing.entry
    first, _, last = ("", "", entry.team) if entry.team is not None else standing.driver_name.partition(" ")
    key, number = quoted(entry.competitor_id), quoted(standing.number)
    names, nation = f"{quoted(first)},{quoted(last)}", quoted(entry.nation)
    additional = quoted(standing.driver_name if entry.team is not None else "")
    return (
        f"$A,{key},{number},{transponder},{names},{nation},{class_no}",
        f"$COMP,{key},{number},{class_no},{names},{nation},{additional}",
    )


def reset(at_ms: int) -> str:
    stamp = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f'$I,"{stamp:%H:%M:%S}","{stamp:%d %b %y}"'


def passing(name: str, line: str, number: str, at_ms: int) -> str:
    """`$L`: a passing of any timing line."""
    stamp = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f'$L,{quoted(number)},"{line}","{name}","{stamp:%m/%d/%Y}","{stamp:%H:%M:%S}.{at_ms % 1000:03}"'


def speed(length_m: int, lap_ms: int) -> int:
    """Thousandths of kilometres an hour."""
    return round(length_m * 3600 * 1000 / lap_ms)
