"""Reports as tables for a terminal. Every text of a feed is cleaned and shown as plain text, never as markup."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from karttime.analysis.laps import lap_figures
from karttime.domain.classification import classification
from karttime.domain.display import clean
from karttime.domain.times import format_time, iso_from_ms

if TYPE_CHECKING:
    from karttime.analysis.report import Report
    from karttime.domain.competitor import Lap
    from karttime.domain.session import Session


_PIPE_WIDTH = 160


def wide_console() -> Console:
    """Standard output; as wide as the terminal, or wide enough for every column where it is a file or a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)


def show_report(
    console: Console, report: "Report", sessions: list["Session"], kart: str | None, *, dated: bool
) -> None:
    """Print the whole report."""
    from karttime.analysis.document import karts

    console.print(_head(report, dated=dated))
    if report.findings is not None:
        from karttime.cli.specs import show_findings

        console.print()
        show_findings(console, report.findings)
    shown = [pair for pair in enumerate(report.logbook.sessions, 1) if pair[1] in sessions]
    if report.beside is not None:
        shown += enumerate(report.beside.sessions, len(report.logbook.sessions) + 1)
    for number, session in shown:
        wanted = {competitor.id for competitor in karts(session, kart)}
        console.print()
        console.print(_session_line(number, session, dated=dated))
        console.print(_classification(session, wanted))
        console.print(_laps(session, wanted))


def _head(report: "Report", *, dated: bool) -> RenderableType:
    detection = report.detection
    first_at, last_at = report.first_at, report.last_at
    if first_at is None or last_at is None:
        when = "no frames"
    elif dated:
        when = f"{iso_from_ms(first_at)} to {iso_from_ms(last_at)}"
    else:
        when = f"{format_time(last_at - first_at)} long; the recording keeps no times of day"
    lines = [
        f"{report.frames} frames, {report.bytes} bytes, {when}",
        f"format {detection.name} ({detection.confidence:.0%}): {'; '.join(detection.evidence) or 'no evidence'}",
        f"refused: {_counts(report.refused)}",
        *(f"  {reason}: {_sample(samples[0])}" for reason, samples in sorted(report.samples.items())),
        *(f"doubt: {clean(doubt, 400)}" for doubt in report.doubts),
    ]
    return Group(*(Text(line) for line in lines))


def _sample(text: str) -> str:
    return clean(text.replace("\ufffd", "?"), 70)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing"


def _session_line(number: int, session: "Session", *, dated: bool) -> Text:
    names = " · ".join(clean(name) for name in (session.event, session.title, session.track) if name) or "untitled"
    laps = sum(len(competitor.laps) for competitor in session.competitors.values())
    start = f"from {iso_from_ms(session.started_at)}, " if dated else ""
    return Text(
        f"{number}  {session.kind.value}  {names}  {start}{laps} laps, flag {session.flag.value}  [{session.id}]",
        style="bold",
    )


_NAMES = ("team", "driver", "status")


def _table(*names: str) -> Table:
    """Names give way on a narrow terminal; figures never do."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        if name in _NAMES:
            table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=26)
        elif name == "lap times":
            table.add_column(name)
        else:
            table.add_column(name, justify="right", no_wrap=True, min_width=_WIDTHS.get(name))
    return table


_WIDTHS: Mapping[str, int] = {"last": 8, "best": 8, "gap": 7, "int": 6, "mean": 8, "kart": 4}


def _classification(session: "Session", wanted: Iterable[str]) -> Table:
    table = _table("pos", "kart", "team", "driver", "laps", "last", "best", "gap", "int", "pits", "penalty", "status")
    for row in classification(session):
        if row.competitor_id in wanted:
            table.add_row(
                _text(row.position),
                _text(row.number),
                _text(row.team),
                _text(row.driver),
                _text(row.laps),
                _time(row.last_lap_ms),
                _time(row.best_lap_ms),
                _text(row.gap),
                _text(row.interval),
                _text(row.pit_stops),
                _text(row.penalty),
                _text(row.status),
            )
    return table


def _laps(session: "Session", wanted: Iterable[str]) -> Table:
    table = _table("kart", "id", "laps", "best", "mean", "spread", "lap times")
    for competitor in sorted(session.competitors.values(), key=lambda c: (not c.on_board, c.position or 1_000_000)):
        if competitor.id not in wanted or not competitor.laps:
            continue
        figures = lap_figures(competitor.laps)
        times = " ".join(
            format_time(lap.time_ms) + "".join(_MARKS.get(f, "") for f in lap.flags) for lap in competitor.laps
        )
        table.add_row(
            _text(competitor.values(session.columns).get("number")),
            _text(competitor.id),
            _text(figures.count),
            _time(figures.best_ms),
            _time(figures.mean_ms),
            _time(figures.spread_ms),
            Text(times),
        )
    return table


def _lap(lap: "Lap") -> str:
    return format_time(lap.time_ms) + "".join(_MARKS[flag] for flag in sorted(lap.flags) if flag in _MARKS)


_MARKS: Mapping[str, str] = {"pit": "ᴾ", "doubtful": "?", "corrected": "ᶜ", "after-flag": "ᶠ"}


def _text(value: object) -> Text:
    return Text("" if value is None else clean(str(value)))


def _time(ms: int | None) -> Text:
    return Text("" if ms is None else format_time(ms))
