"""What each cell of a board shows: (class, text) by column key.

One function per key, in a table beside its dispatcher. The text of a cell follows from the state of the race alone, so
that a whole board and a stream of changed cells cannot disagree.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from karttime.domain.ids import CompetitorId
from karttime.simulator.apex import texts
from karttime.simulator.apex.dialect import Dialect
from karttime.simulator.session import Mark, SessionState, Standing, classified


class Cell(NamedTuple):
    """A cell as sent: its class and its text."""

    style: str
    text: str


BLANK = Cell("", "")
INFO = "in"
BOLD = "ib"
CLOSE_MS = 1_000  # karts of a race that follow each other within this are shown as one group
TIME_STYLE = {Mark.NORMAL: "tn", Mark.PERSONAL: "ti", Mark.OVERALL: "tb"}


@dataclass(frozen=True, slots=True)
class View:
    """One competitor at one moment, with what the board shows of it beyond the race's own state.

    Attributes:
        status: class of the `sta` cell.
        group: class of the `grp` cell.
        names_drivers: the name column is showing drivers, where it alternates.
        best_splits: the sector columns show the best sectors, as they do in the pit lane.
        timer_ms: time in the pit lane while it is shown in place of the time on track.
    """

    session: SessionState
    standing: Standing
    dialect: Dialect
    now: int
    status: str
    group: str
    names_drivers: bool
    best_splits: bool
    timer_ms: int | None


def render(key: str, view: View) -> Cell:
    """The cell of a column."""
    return RENDERERS[key](view)


def _rank(view: View) -> Cell:
    return Cell("", str(view.standing.position) if view.standing.laps else "")


def _number(view: View) -> Cell:
    standing = view.standing
    if view.dialect.competition:
        return Cell(" no255" if standing.colour % 3 else "", standing.number)
    return Cell(f"no{standing.colour}", standing.number)


def _name(view: View) -> Cell:
    standing = view.standing
    if standing.entry.team is None:
        return Cell("dr", standing.driver_name)
    if view.dialect.alternates and view.names_drivers:
        time = texts.hours_minutes(standing.driving_ms(view.now))
        return Cell("drteam", f"{standing.driver_name} [{time}]")
    return Cell("dr", standing.entry.team)


def _last(view: View) -> Cell:
    standing = view.standing
    if standing.last_ms is None:
        return BLANK
    return Cell(TIME_STYLE[standing.last_mark], texts.lap_time(standing.last_ms))


def _best(view: View) -> Cell:
    standing = view.standing
    if standing.best_ms is None:
        return Cell(INFO, "")
    text = texts.lap_time(standing.best_ms)
    if not view.session.plan.by_laps:
        return Cell(BOLD, text)
    return Cell("tb" if view.session.best is standing else INFO, text)


def _untyped_best(view: View) -> Cell:
    best = view.standing.best_ms
    return Cell(INFO, "" if best is None else texts.lap_time(best))


def _gap(view: View) -> Cell:
    standing, words = view.standing, view.dialect.words
    style = BOLD if view.session.plan.by_laps else INFO
    if standing.gap is not None:
        return Cell(style, texts.behind(standing.gap, words))
    leads = view.session.plan.by_laps and standing.position == 1 and standing.laps
    return Cell(style, f"{words.lap} {standing.laps}" if leads else "")


def _interval(view: View) -> Cell:
    gap = view.standing.interval
    return Cell(INFO, "" if gap is None else texts.behind(gap, view.dialect.words))


def _laps(view: View) -> Cell:
    standing = view.standing
    laps = len(standing.crossings) if view.dialect.counts_first_crossing else standing.laps
    return Cell(INFO, str(laps) if laps else "")


def _on_track(view: View) -> Cell:
    standing = view.standing
    if view.timer_ms is not None:
        return Cell("to", texts.pit_timer(view.timer_ms))
    since = standing.track_since
    return Cell(INFO, "0:00" if since is None else texts.hours_minutes(view.now - since))


def _stops(view: View) -> Cell:
    standing = view.standing
    stops = standing.stops_ended if view.dialect.counts_stop_on_exit else standing.stops
    return Cell(INFO, str(stops) if stops else "")


def _penalty(view: View) -> Cell:
    return Cell("pena1", view.standing.penalty) if view.standing.penalty else BLANK


def _sector(index: int) -> Callable[[View], Cell]:
    def render_sector(view: View) -> Cell:
        standing = view.standing
        if view.best_splits:
            best = standing.best_splits[index]
            return Cell(BOLD, "" if best is None else texts.sector_time(best))
        split = standing.splits[index]
        return BLANK if split is None else Cell(TIME_STYLE[split.mark], texts.sector_time(split.ms))

    return render_sector


def _trap(view: View) -> Cell:
    """A speed trap: not measured by the race, so derived from the last lap, some 40 km/h above its mean speed."""
    last = view.standing.last_ms
    if last is None:
        return BLANK
    metres = view.session.plan.track.length_m
    return Cell(TIME_STYLE[view.standing.last_mark], f"{metres * 3600 / last + 40:.1f}")


RENDERERS: Mapping[str, Callable[[View], Cell]] = {
    "grp": lambda view: Cell(view.group, ""),
    "sta": lambda view: Cell(view.status, ""),
    "rk": _rank,
    "no": _number,
    "dr": _name,
    "nat": lambda view: Cell(f"{view.standing.entry.nation} nat", ""),
    "class": lambda view: Cell("dr", view.standing.entry.category),
    "s1": _sector(0),
    "s2": _sector(1),
    "s3": _sector(2),
    "sp1": _trap,
    "llp": _last,
    "blp": _best,
    "gap": _gap,
    "int": _interval,
    "tlp": _laps,
    "otr": _on_track,
    "pit": _stops,
    "pen": _penalty,
    "pos": lambda view: Cell(INFO, _rank(view).text),
    "best": _untyped_best,
}


def groups(session: SessionState) -> dict[CompetitorId, str]:
    """`grp` classes: first, middle, last or single member of a group of neighbours; `in` for the unclassified."""
    shown = classified(session.order)
    joined = [_together(session, ahead, standing) for ahead, standing in pairwise(shown)]
    styles: dict[CompetitorId, str] = {standing.entry.competitor_id: INFO for standing in session.order}
    for place, standing in enumerate(shown):
        before = place > 0 and joined[place - 1]
        after = place < len(joined) and joined[place]
        styles[standing.entry.competitor_id] = _GROUP[before, after]
    return styles


_GROUP = {(False, False): "gs", (False, True): "gf", (True, True): "gm", (True, False): "gl"}


def _together(session: SessionState, ahead: Standing, standing: Standing) -> bool:
    if session.plan.by_laps:
        interval = standing.interval
        return interval is not None and interval.ms is not None and interval.ms <= CLOSE_MS
    return _whole_seconds(ahead) == _whole_seconds(standing)


def _whole_seconds(standing: Standing) -> int:
    return 0 if standing.gap is None or standing.gap.ms is None else standing.gap.ms // 1000
