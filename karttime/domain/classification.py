"""The classification: the ordered standing of a session, as a board shows it.

Order is total: by position where the feed gives one, then by laps, then by who completed them first (in practice and
qualifying, where that means nothing, by best time alone), then by id. Gaps are as the feed
shows them; in a race, boards print the gap of a lapped kart to the first kart of *its* lap, so behind a `1 Lap` row
a time is a gap within that lap, and the laps are carried along.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from karttime.domain.columns import Role
from karttime.domain.competitor import Competitor
from karttime.domain.ids import CompetitorId
from karttime.domain.session import Session
from karttime.domain.times import LapsGap, LeaderLap, TimeGap
from karttime.domain.updates import LapFlag, SessionKind
from karttime.domain.values import Value


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of the classification.

    Attributes:
        position: as the feed gives it, None where it gives none.
        laps: the board's lap count, else the leader cell's, else the laps that were timed if none can have been missed.
        last_lap_ms: as displayed (None while the board shows none, as in the pits).
        best_lap_ms: as displayed, else the best lap that was timed.
        gap: text as displayed; `gap_laps` and `gap_ms` are its typed meaning.
        pit_stops: as displayed, else those that were seen.
        total_ms: the total time as displayed, None where the board shows none.
        class_name: the class as displayed.
        penalty: text as displayed, such as `3 Trs` or `10.000`; empty for none.
    """

    position: int | None
    competitor_id: CompetitorId
    number: str
    team: str
    driver: str
    laps: int | None
    last_lap_ms: int | None
    best_lap_ms: int | None
    gap: str
    gap_ms: int | None
    gap_laps: int | None
    interval: str
    interval_ms: int | None
    interval_laps: int | None
    pit_stops: int
    penalty: str
    status: str
    in_pit: bool
    total_ms: int | None = None
    class_name: str = ""


def classification(session: Session) -> list[Standing]:
    """The standing of everybody on the board, in order."""
    shown = [competitor for competitor in session.competitors.values() if competitor.on_board]
    rows = [(competitor, competitor.values(session.columns)) for competitor in shown]
    timed = session.kind in (SessionKind.PRACTICE, SessionKind.QUALIFYING)
    rows.sort(key=lambda row: _order(*row, timed=timed))
    standings: list[Standing] = []
    race = session.kind is SessionKind.RACE
    lapped = 0
    for competitor, values in rows:
        gap = values.get("gap")
        if isinstance(gap, LapsGap):
            lapped = gap.laps
        standings.append(_standing(session, competitor, values, lapped if race else 0))
    return standings


def _order(competitor: Competitor, values: dict[str, Value], *, timed: bool) -> tuple[int, int, int, int, CompetitorId]:
    laps, best = values.get("laps"), values.get("best_lap_ms")
    return (
        competitor.position or 1_000_000,
        -laps if isinstance(laps, int) and not timed else 0,
        competitor.laps[-1].at if competitor.laps and not timed else 1 << 50,
        best if isinstance(best, int) else 1 << 40,
        competitor.id,
    )


def _standing(session: Session, competitor: Competitor, values: dict[str, Value], lapped: int) -> Standing:
    gap, interval = values.get("gap"), values.get("interval")
    has = session.has_column
    return Standing(
        position=competitor.position or None,
        competitor_id=competitor.id,
        number=_text(values.get("number")),
        team=competitor.team,
        driver=competitor.driver,
        laps=_laps(competitor, values),
        last_lap_ms=_int(values.get("last_lap_ms" if has(Role.LAST_LAP) else "last_timed_ms")),
        best_lap_ms=_int(values.get("best_lap_ms" if has(Role.BEST_LAP) else "best_timed_ms")),
        gap=shown(session, competitor, Role.GAP),
        gap_ms=gap.ms if isinstance(gap, TimeGap) else None,
        gap_laps=_gap_laps(gap, lapped),
        interval=shown(session, competitor, Role.INTERVAL),
        interval_ms=interval.ms if isinstance(interval, TimeGap) else None,
        interval_laps=interval.laps if isinstance(interval, LapsGap) else None,
        pit_stops=_int(values.get("pit_stops" if has(Role.PIT_STOPS) else "stops_seen")) or 0,
        penalty=shown(session, competitor, Role.PENALTY),
        status=competitor.status.value,
        in_pit=competitor.in_pit,
        total_ms=_int(values.get("total_time_ms")),
        class_name=_text(values.get("class")),
    )


def _laps(competitor: Competitor, values: dict[str, Value]) -> int | None:
    laps, gap = values.get("laps"), values.get("gap")
    if isinstance(laps, int):
        return laps
    if isinstance(gap, LeaderLap):
        return gap.lap
    seen_all = competitor.laps[0].flags >= {LapFlag.FIRST} if competitor.laps else values.get("last_lap_ms") is None
    return len(competitor.laps) if seen_all else None


def _gap_laps(gap: Value, lapped: int) -> int | None:
    if isinstance(gap, LapsGap):
        return gap.laps
    return lapped if isinstance(gap, TimeGap) and lapped else None


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _int(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def shown(session: Session, competitor: Competitor, role: Role) -> str:
    """The text that the board shows for a role, blanks trimmed; empty where it shows none."""
    texts: Sequence[str] = [
        competitor.cells[column.index].text.strip()
        for column in session.columns
        if column.role is role and column.index in competitor.cells
    ]
    return next((text for text in texts if text), "")
