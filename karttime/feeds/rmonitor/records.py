r"""The records of RMonitor and of Race Monitor's relay: their shapes, and how one line is taken apart.

| record | fields | meaning |
|---|---|---|
| `$F` | lapsToGo, "timeToGo", "timeOfDay", "raceTime", "flag" | every second; 9999 laps: not limited by laps |
| `$A` | "reg","number",transponder,"first","last","nationality",class | entry |
| `$COMP` | "reg","number",class,"first","last","nationality","additional" | entry |
| `$B` | runNo,"description" | the run; a change of it is another session, 95 closes one |
| `$C` | class,"description" | name of a class |
| `$E` | "TRACKNAME" or "TRACKLENGTH","value" | the track |
| `$G` | position,"reg",laps,"totalTime" | race order; blank laps: none yet; the total includes penalties |
| `$H` | position,"reg",bestLapNo,"bestLapTime" | order by best lap |
| `$I` | "timeOfDay","date" | forget everything: a reset, or another run |
| `$J` | "reg","lapTime","totalTime" | the line was crossed; the total is without penalties |
| `$COR` | "reg","number",laps,"totalTime","±correction" | corrected time |
| `$L` | "car","lineNo","lineName","date","time"[,driver,"class"] | a loop was crossed: P3 pit in, P2 pit out (IMSA) |
| `$T` | "track","short","distance",n,… | sections of the track (IMSA) |
| `$SR`, `$SP` | as `$G`, `$H` with last and best lap time, and speed | companions of `$G` and `$H` (Orbits) |
| `$RMDTL` `$RMCA` | "" · epoch ms | the relay's greeting: its dump follows |
| `$RMS` | "race" or "qualifying" | what ranks |
| `$RMLT` | reg, epoch ms | time of the last passing |
| `$RMHL` | "reg","lap","position","lapTime","flag","totalTime" | a counted lap |
| `$RMRDQ` | | unknown |

Real lines: `$F,9999,"07:48:51","09:11:08","00:11:08","Green "` · `$G,2,"2",,"00:00:00.000"` ·
`$J,"9","00:00:54.249","00:12:48.075"` · `$RMHL,"35","59","2","00:17:00.746","Yellow","02:15:39.231"`.

Texts stand in quotes and may hold commas. A relay passes partial reads on, so a line may be the beginning of one record
with another behind it: a line with an odd number of quotes, a second record or too few fields is refused whole. Fields
beyond those that are known are later additions.
"""

import re
from typing import Final

from karttime.domain.times import parse_time

MAX_LINE: Final = 1000
MAX_TEXT: Final = 120
MAX_ID: Final = 40
MAX_LAP_MS: Final = 24 * 3_600_000

FIELDS: Final = {
    "F": 5,
    "A": 7,
    "COMP": 6,
    "B": 2,
    "C": 2,
    "E": 2,
    "G": 4,
    "H": 4,
    "I": 2,
    "J": 3,
    "COR": 5,
    "L": 5,
    "T": 4,
    "SR": 5,
    "SP": 5,
    "RMDTL": 0,
    "RMCA": 1,
    "RMS": 1,
    "RMLT": 2,
    "RMHL": 6,
    "RMRDQ": 0,
}
"""Known commands, and how many fields each has at least."""

NO_TIMES: Final = frozenset({0, 3_599_999, 3_599_000})
"""What stands for no time: `00:00:00`, `00:00:00.000`, and `00:59:59.999` or `00:59:59` of older software."""

_COMMAND: Final = re.compile(r"\$([A-Z]{1,8})(?=,|$)")
_INNER: Final = re.compile(rf"\$(?:{'|'.join(sorted(FIELDS, key=len, reverse=True))})(?:,|$)")
_FIELD: Final = re.compile(r',[ \t]*(?:"((?:[^"]|"(?![ \t]*(?:,|$)))*)"[ \t]*(?=,|$)|([^",]*)(?=,|$))')
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_TIME: Final = re.compile(r"[+-]?\d{1,4}:\d{1,2}:-?\d{1,2}(?:\.-?\d{1,3})?", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,7}", re.ASCII)


def why_not(line: str) -> str:
    """Why a line is no record that can be taken apart; empty when it can."""
    if len(line) > MAX_LINE:
        return "too-long"
    found = _COMMAND.match(line)
    if _CONTROL.search(line) or "\ufffd" in line[:1] or (not line.startswith("$")):
        return "foreign-bytes"
    if _INNER.search(line, 1):
        return "fused"
    if found is None:
        return "malformed"
    if found[1] not in FIELDS:
        return "unknown-command"
    return "truncated" if line.count('"') % 2 else ""


def fields_of(line: str) -> tuple[str, tuple[str, ...]] | None:
    """Command and fields, blanks around them removed; None when they are not well formed or too few."""
    found = _COMMAND.match(line)
    if found is None:
        return None
    values: list[str] = []
    at, end = found.end(), len(line)
    while at < end:
        field = _FIELD.match(line, at)
        if field is None:
            return None
        quoted, bare = field.groups()
        values.append((quoted if quoted is not None else bare).strip())
        at = field.end()
    command = found[1]
    if len(values) < FIELDS.get(command, 0) or len(values) > 200:
        return None
    return command, tuple(values)


def is_whole(line: str) -> bool:
    """Whether a line without its end is a whole record, as far as can be seen."""
    return not line.endswith(",") and not why_not(line) and fields_of(line) is not None


def duration(text: str) -> int | None:
    """Milliseconds of `HH:MM:SS[.mmm]`, which may be negative; None when the text is no such time."""
    if _TIME.fullmatch(text) is None:
        return None
    return parse_time(text.removeprefix("+"))


def integer(text: str) -> int | None:
    """A whole number of up to seven digits; None when the text is none."""
    return int(text) if _NUMBER.fullmatch(text) else None
