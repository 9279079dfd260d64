"""An invented feed: boards made of column types and rows, frames made of lines, and what was decoded from them."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest

from karttime.domain.competitor import Competitor
from karttime.domain.ids import CompetitorId
from karttime.domain.logbook import Logbook
from karttime.domain.session import Session
from karttime.domain.updates import Update
from karttime.feeds.apex.decoder import ApexDecoder
from karttime.feeds.base import Rejection
from karttime.feeds.frame import Frame

BEGIN = 1_779_004_800_000  # 2026-05-17T08:00:00Z
TYPES = ("sta", "rk", "no", "dr", "llp", "blp", "tlp", "pit")
STA, RK, NO, DR, LLP, BLP, TLP, PIT = range(1, 9)

Cells = Mapping[int, tuple[str, str]]
MakeFeed = Callable[[], "Feed"]
MakeGrid = Callable[..., str]


def grid(
    rows: Mapping[int, Cells] | Sequence[int], types: Sequence[str] = TYPES, labels: Mapping[int, str] | None = None
) -> str:
    """The `grid||` line: rows by id in order of position, cells as (style, text) by column number from 1."""
    head = "".join(
        f'<td data-id="c{n}" data-type="{kind}" data-pr="1">{(labels or {}).get(n, "")}</td>'
        for n, kind in enumerate(types, 1)
    )
    body = ""
    known: Mapping[int, Cells] = rows if isinstance(rows, Mapping) else {row: {} for row in rows}
    for position, (row, cells) in enumerate(known.items(), 1):
        body += f'<tr data-id="r{row}" data-pos="{position}">'
        for number, kind in enumerate(types, 1):
            style, text = cells.get(number, ("", ""))
            address = f'data-id="r{row}c{number}" class="{style}"'
            if kind == "rk":
                body += f'<td class="rk"><div><p {address}>{text}</p></div></td>'
            elif kind == "no":
                body += f'<td class="no"><div {address}>{text or row}</div></td>'
            else:
                body += f"<td {address}>{text}</td>"
        body += "</tr>"
    return f'grid||<tbody><tr data-id="r0" class="head" data-pos="0">{head}</tr>{body}</tbody>'


class Feed:
    """A decoder with a logbook behind it, and a clock that tests set."""

    def __init__(self) -> None:
        self.decoder = ApexDecoder()
        self.book = Logbook()
        self.updates: list[Update] = []
        self.rejections: list[Rejection] = []
        self.at = BEGIN

    def send(self, *lines: str, after: float = 0.2) -> list[Update]:
        """One frame of these lines, so many seconds after the one before; its updates.

        In longer times two frames about nothing come first, as the traffic of others does.
        """
        text = "".join(f"{line}\n" for line in lines) or "\n"
        if after < 2:
            return self.raw(text, after=after)
        return [*self.raw("\n", after=0.4), *self.raw("\n", after=0.4), *self.raw(text, after=after - 0.8)]

    def raw(self, text: str | None, after: float = 0.2, data: bytes | None = None) -> list[Update]:
        """One frame as it is."""
        self.at += round(after * 1000)
        fresh: list[Update] = []
        for update in self.decoder.feed(Frame(self.at, text, data)):
            if isinstance(update, Rejection):
                self.rejections.append(update)
            else:
                fresh.append(update)
                self.book.apply(update)
        self.updates += fresh
        return fresh

    def board(
        self,
        rows: Mapping[int, Cells] | Sequence[int] = (71, 72),
        types: Sequence[str] = TYPES,
        *,
        letter: str = "r",
        title: str = "RACE",
        clock: str = "dyn1|text|00:30:00",
        light: str = "lr",
        after: float = 0.2,
        labels: Mapping[int, str] | None = None,
        extra: Sequence[str] = (),
    ) -> list[Update]:
        """A whole dump."""
        facts = ("best|hide|", "title1||EVENT", f"title2||{title}", clock, f"light|{light}|", "track||OVAL (700m)")
        return self.send(f"init|{letter}|", *facts, *extra, grid(rows, types, labels), "msg||", after=after)

    def green(self, *rows: int, seconds: int = 1800) -> None:
        """Green light and, for these rows, the first crossing, which has no time."""
        self.send("light|lg|", f"dyn1|countdown|{seconds * 1000}")
        if rows:
            self.send(*(f"r{row}|*||" for row in rows))

    def lap(self, row: int, text: str, after: float, style: str = "tn", extra: Iterable[str] = ()) -> None:
        """An ordinary crossing: time and `*` in one frame."""
        self.send(f"r{row}c{LLP}|{style}|{text}", *extra, f"r{row}|*|60000|", after=after)

    def settle(self) -> None:
        """Silence long enough for what waits to be decided."""
        self.send(after=1)
        self.send(after=1)

    @property
    def session(self) -> Session:
        assert self.book.current is not None
        return self.book.current

    def row(self, row: int) -> Competitor:
        return self.session.competitors[CompetitorId(str(row))]

    def laps(self, row: int) -> list[int]:
        """Lap times, after silence."""
        self.settle()
        return [lap.time_ms for lap in self.row(row).laps]

    def rules(self, row: int) -> list[str]:
        """Rules that decided the laps, after silence."""
        self.settle()
        return [lap.provenance.rule for lap in self.row(row).laps]

    def of(self, kind: type) -> list[Update]:
        """Updates of a class so far."""
        return [update for update in self.updates if isinstance(update, kind)]


@pytest.fixture
def feed() -> Feed:
    """A feed that has sent nothing yet."""
    return Feed()


@pytest.fixture(scope="session")
def make_feed() -> MakeFeed:
    """Several feeds in one test."""
    return Feed


@pytest.fixture(scope="session")
def make_grid() -> MakeGrid:
    """The `grid||` line."""
    return grid
