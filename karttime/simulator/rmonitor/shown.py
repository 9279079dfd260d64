"""What the lines so far have told: the state of the feed, from which a new client's dump is made."""

from collections.abc import Callable, Iterable, Mapping

BY_KEY = ("$A", "$COMP", "$C", "$G", "$H", "$J", "$SR", "$SP", "$RMLT", "$E")
"""Records of which the last one with the same key counts."""


class Shown:
    """The last line of every record and key. Lines that are cleared by `$I` are gone."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, str]] = {}
        self._single: dict[str, str] = {}
        self._clear()

    def _clear(self) -> None:
        self._kept = {record: {} for record in BY_KEY}
        self._single = {record: line for record, line in self._single.items() if record in {"$F", "$RMS"}}

    def fold(self, lines: Iterable[str]) -> None:
        """Take in lines that were sent."""
        for line in lines:
            record, _, rest = line.partition(",")
            if record == "$I":
                self._clear()
            elif record in self._kept:
                self._kept[record][_key(record, rest)] = line
            else:
                self._single[record] = line

    def has(self, line: str) -> bool:
        """Whether this was the last thing said of its key."""
        record, _, rest = line.partition(",")
        return self._kept[record].get(_key(record, rest)) == line

    def dump(self, *, relay: bool, now_ms: int) -> list[str]:
        """What a client is sent on connecting, in the order of the timing computer or of the relay."""
        kept = {record: list(lines.values()) for record, lines in self._kept.items()}
        by_place: Callable[[str], int] = lambda line: int(line.split(",", 2)[1])  # noqa: E731 - a key, used twice
        for record in ("$G", "$H"):
            kept[record].sort(key=by_place)
        run, flag, mode = ([self._single[name]] if name in self._single else [] for name in ("$B", "$F", "$RMS"))
        if not relay:
            named = [*kept["$A"], *kept["$COMP"], *kept["$C"], *kept["$E"]]
            return [*kept["$H"], *kept["$SP"], *kept["$G"], *kept["$SR"], *run, *named, *flag]
        return [
            '$RMDTL,""', f"$RMCA,{now_ms // 1000 * 1000}",
            *kept["$A"], *run, *kept["$C"], *kept["$COMP"], *kept["$G"], *kept["$H"], *kept["$J"],
            *mode, *kept["$RMLT"],
        ]  # fmt: skip

    def refresh(self) -> list[str]:
        """Everything of the run but passings, in the order in which it is sent again."""
        kept: Mapping[str, dict[str, str]] = self._kept
        run = [self._single["$B"]] if "$B" in self._single else []
        return [*run, *(line for name in ("$A", "$COMP", "$C", "$E", "$H", "$G") for line in kept[name].values())]


def _key(record: str, rest: str) -> str:
    """Registration number, or class, or name of the setting."""
    fields = rest.split(",")
    return fields[1 if record in {"$G", "$H", "$SR", "$SP"} else 0].strip('"')
