"""One competitor as the decoder keeps it, and its row of the board."""

from collections.abc import Mapping
from typing import Final

from karttime.domain.ids import CompetitorId
from karttime.domain.times import format_time
from karttime.domain.updates import Cell, Status
from karttime.feeds.rmonitor.laps import LapRule

STATUS_WORDS: Final = {Status.IN_PIT: "Pit", Status.OUT_LAP: "Out", Status.FINISHED: "Finished"}

Place = tuple[int, int]
"""A place as stated, 0 for none, and when: places that were stated later go before in doubt."""


class Car:
    """A competitor. `number` to `best_no` are what the feed says; `position` to `interval` are worked out.

    Attributes:
        race: its place by laps and time.
        fast: its place by best lap.
        entered: an entry named it; else only its registration number is known.
        left_over: when the place was stated that he shares with whoever has it now; -1 for nobody else.
        crossing: lap and total time of its last `$J`.
        shown: the texts of its row as shown last; empty while it is not on the board.
    """

    __slots__ = (
        "additional",
        "best_ms",
        "best_no",
        "class_name",
        "class_no",
        "crossing",
        "entered",
        "fast",
        "gap",
        "id",
        "in_pit",
        "interval",
        "laps_blank",
        "left_over",
        "name",
        "nationality",
        "number",
        "pit_at",
        "pits",
        "pitted",
        "position",
        "race",
        "rule",
        "seen_best_ms",
        "shown",
        "speed",
        "status",
        "transponder",
    )

    def __init__(self, reg: str) -> None:
        self.id = CompetitorId(reg)
        self.number = reg
        self.name = self.nationality = self.additional = self.transponder = ""
        self.class_no = self.class_name = ""
        self.entered = False
        self.crossing: tuple[int, int] | None = None
        self.race: Place = (0, 0)
        self.fast: Place = (0, 0)
        self.best_ms: int | None = None
        self.best_no = 0
        self.seen_best_ms: int | None = None
        self.laps_blank = True
        self.rule = LapRule()
        self.speed = ""
        self.in_pit = self.pitted = False
        self.pit_at = -1
        self.pits: int | None = None
        self.status = Status.UNKNOWN
        self.left_over = -1
        self.position = 0
        self.gap = self.interval = ""
        self.shown: tuple[str, ...] = ()

    @property
    def best(self) -> int | None:
        """The best lap: by `$H`, else of the laps that were seen."""
        return self.seen_best_ms if self.best_ms is None else self.best_ms

    def more(self) -> Mapping[str, str]:
        """What only one kind of entry says."""
        return {"transponder": self.transponder, "nationality": self.nationality, "additional": self.additional}

    def texts(self, flag: str) -> tuple[str, ...]:
        """The row of the board, cell by cell."""
        rule, best = self.rule, self.best
        total = rule.total_ms
        return (
            str(self.position) if self.position else "",
            self.number,
            self.name,
            self.class_name,
            "" if self.laps_blank or rule.count is None else str(rule.count),
            "" if rule.last_ms is None else format_time(rule.last_ms),
            "" if best is None else format_time(best),
            self.gap,
            self.interval,
            "" if not total else format_time(total),
            flag,
            STATUS_WORDS.get(self.status, ""),
            "" if self.pits is None else str(self.pits),
            f"{rule.penalty_ms // 1000}.{rule.penalty_ms % 1000:03d}" if rule.penalty_ms else "",
            self.nationality,
            self.additional,
            str(self.best_no) if self.best_no > 0 and self.best_ms is not None else "",
            self.speed,
        )


def cells(texts: tuple[str, ...]) -> dict[int, Cell]:
    """A whole row as cells by column."""
    return {index: Cell("", text) for index, text in enumerate(texts, 1)}


def changed_cells(before: tuple[str, ...], now: tuple[str, ...]) -> dict[int, Cell]:
    """The cells that are not what they were."""
    return {index: Cell("", text) for index, (old, text) in enumerate(zip(before, now, strict=True), 1) if old != text}
