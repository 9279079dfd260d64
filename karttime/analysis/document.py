"""A report as plain data for `--json` and CSV: times in ms, moments in ISO 8601 UTC, texts cleaned of control bytes."""

from collections.abc import Iterator, Mapping
from typing import Any

from karttime import __version__
from karttime.analysis.laps import lap_figures
from karttime.analysis.report import Report
from karttime.domain.classification import Standing, classification
from karttime.domain.competitor import Competitor, Lap
from karttime.domain.display import clean
from karttime.domain.session import Session
from karttime.domain.times import iso_from_ms

Document = dict[str, Any]  # JSON


def document(
    report: Report, sessions: list[Session], *, source: str, kart: str | None = None, dated: bool = True
) -> Document:
    """The whole report.

    Args:
        report: what was found.
        sessions: the sessions to tell of.
        source: address of the feed as far as it is known.
        kart: only this kart number or competitor id.
        dated: the recording keeps times of day; else moments are null, and only durations are told.
    """
    detection = report.detection
    return {
        "karttime": __version__,
        "recording": {
            "frames": report.frames,
            "bytes": report.bytes,
            "first_at": _moment(report.first_at, dated),
            "last_at": _moment(report.last_at, dated),
            "duration_ms": (report.last_at or 0) - (report.first_at or 0),
            "source": clean(source),
        },
        "format": {
            "name": detection.name,
            "confidence": detection.confidence,
            "evidence": list(detection.evidence),
            "ranking": [{"name": ranked.name, "score": ranked.score} for ranked in detection.ranking],
            "frames": detection.frames,
            "mixed": dict(detection.mixed),
        },
        "refused": dict(sorted(report.refused.items())),
        "doubts": [clean(doubt, 400) for doubt in report.doubts],
        "sessions": [session_document(session, kart, dated=dated) for session in sessions],
        **(_findings(report) if report.findings is not None or report.spec is not None else {}),
    }


def _findings(report: Report) -> Document:
    """What inference found, and the declaration that decoded the frames."""
    from karttime.analysis.inference.document import findings_document
    from karttime.feeds.declared.spec import dump_spec

    found = {} if report.findings is None else findings_document(report.findings)
    found |= {"spec": None if report.spec is None else dump_spec(report.spec)}
    if report.beside is not None and report.beside_spec is not None:
        sessions = [session_document(session) for session in report.beside.sessions]
        found |= {"beside": {"spec": dump_spec(report.beside_spec), "sessions": sessions}}
    return found


def column_documents(session: Session) -> list[dict[str, Any]]:
    """The columns of the board as it is shown last."""
    return [
        {"column": column.id, "role": column.role.value, "label": clean(column.label), "type": clean(column.type)}
        for column in session.columns
    ]


def session_document(session: Session, kart: str | None = None, *, dated: bool = True) -> Document:
    """One session: head, columns, classification, laps, stops, race-control notes."""
    competitors = karts(session, kart)
    wanted = {competitor.id for competitor in competitors}
    return {
        "id": session.id,
        "kind": session.kind.value,
        "event": clean(session.event),
        "title": clean(session.title),
        "track": clean(session.track),
        "started_at": _moment(session.started_at, dated),
        "ended_at": _moment(session.ended_at, dated),
        "flag": session.flag.value,
        "columns": column_documents(session),
        "classification": [
            standing_document(standing) for standing in classification(session) if standing.competitor_id in wanted
        ],
        "laps": [lap_document(competitor, lap, dated=dated) for competitor in competitors for lap in competitor.laps],
        "figures": [
            {"competitor_id": competitor.id, **_figures(competitor)} for competitor in competitors if competitor.laps
        ],
        "pit_stops": [
            {
                "competitor_id": competitor.id,
                "stop": stop.number,
                "after_lap": stop.after_lap,
                "in_at": _moment(stop.in_at, dated),
                "out_at": _moment(stop.out_at, dated),
                "duration_ms": stop.duration_ms,
            }
            for competitor in competitors
            for stop in competitor.pit_stops
        ],
        "notes": [
            {"time": clean(n.time), "kind": clean(n.kind), "number": clean(n.number), "text": clean(n.text, 500)}
            for n in session.notes
        ],
    }


def standing_document(standing: Standing) -> Document:
    """One row of the classification."""
    return {
        "position": standing.position,
        "competitor_id": standing.competitor_id,
        "number": clean(standing.number),
        "team": clean(standing.team),
        "driver": clean(standing.driver),
        "class": clean(standing.class_name),
        "laps": standing.laps,
        "total_ms": standing.total_ms,
        "last_lap_ms": standing.last_lap_ms,
        "best_lap_ms": standing.best_lap_ms,
        "gap": clean(standing.gap),
        "gap_ms": standing.gap_ms,
        "gap_laps": standing.gap_laps,
        "interval": clean(standing.interval),
        "interval_ms": standing.interval_ms,
        "interval_laps": standing.interval_laps,
        "pit_stops": standing.pit_stops,
        "penalty": clean(standing.penalty),
        "status": standing.status,
        "in_pit": standing.in_pit,
    }


def lap_document(competitor: Competitor, lap: Lap, *, dated: bool = True) -> Document:
    """One lap with where it comes from."""
    return {
        "competitor_id": competitor.id,
        "lap": lap.number,
        "time_ms": lap.time_ms,
        "at": _moment(lap.at, dated),
        "sectors_ms": list(lap.sectors),
        "driver": clean(lap.driver),
        "flags": sorted(lap.flags),
        "provenance": {
            "frames": list(lap.provenance.frames),
            "rule": lap.provenance.rule,
            "note": lap.provenance.note,
        },
    }


def karts(session: Session, kart: str | None) -> list[Competitor]:
    """Everybody, or who is meant by a kart number or, where no number fits, by an id."""
    everybody = list(session.competitors.values())
    if kart is None:
        return everybody
    numbered = [c for c in everybody if c.values(session.columns).get("number") == kart]
    return numbered or [c for c in everybody if c.id == kart]


def lap_rows(sessions: list[Session], kart: str | None = None) -> Iterator[Mapping[str, object]]:
    """One flat row per lap, for CSV."""
    for session in sessions:
        for competitor in karts(session, kart):
            number = competitor.values(session.columns).get("number")
            for lap in competitor.laps:
                yield {
                    "session": session.id,
                    "title": clean(session.title),
                    "competitor_id": competitor.id,
                    "number": clean(str(number or "")),
                    "team": clean(competitor.team),
                    "driver": clean(lap.driver),
                    "lap": lap.number,
                    "time_ms": lap.time_ms,
                    "at": iso_from_ms(lap.at),
                    "sectors_ms": " ".join("-" if ms is None else str(ms) for ms in lap.sectors),
                    "flags": " ".join(sorted(lap.flags)),
                    "rule": lap.provenance.rule,
                    "frames": " ".join(map(str, lap.provenance.frames)),
                }


def standing_rows(sessions: list[Session], kart: str | None = None) -> Iterator[Mapping[str, object]]:
    """One flat row per place in a classification, for CSV."""
    for session in sessions:
        wanted = {competitor.id for competitor in karts(session, kart)}
        for standing in classification(session):
            if standing.competitor_id in wanted:
                yield {"session": session.id, "title": clean(session.title), **standing_document(standing)}


def csv_safe(value: object) -> object:
    """A cell that a spreadsheet cannot take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _figures(competitor: Competitor) -> Document:
    figures = lap_figures(competitor.laps)
    return {
        "laps": figures.count,
        "best_ms": figures.best_ms,
        "mean_ms": figures.mean_ms,
        "spread_ms": figures.spread_ms,
    }


def _moment(at: int | None, dated: bool) -> str | None:
    return iso_from_ms(at) if dated and at is not None else None
