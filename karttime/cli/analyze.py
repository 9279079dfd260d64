"""`karttime analyze`: what a recording says."""

from pathlib import Path
from typing import Annotated

import typer


def analyze(
    recordings: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="Recordings of one feed; several are merged.", show_default=False),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")] = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write laps.csv and classification.csv there.")
    ] = None,
    session: Annotated[
        str | None, typer.Option(help="Only this session: id, number from 1 (negative: from the end) or part of title.")
    ] = None,
    kart: Annotated[str | None, typer.Option(help="Only this kart number, or competitor id.")] = None,
    feed: Annotated[
        Path | None, typer.Option(metavar="SPEC", help="Decode as this spec declares, instead of detecting.")
    ] = None,
    spec: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Save the parser that was generated for an unknown feed.")
    ] = None,
) -> None:
    """Say what a recording holds: format, sessions, classification, laps, what was refused, what is doubtful.

    A feed in no known format is studied: its messages, what its fields mean, and a parser for it. Correct a role in
    what --spec saved, and run again with --feed.

    Reads karttime's recordings, those of other Apex recorders, HAR files and bare text; .gz and .zst as they are.
    """
    from karttime.analysis.document import document
    from karttime.analysis.report import analyze as analyze_frames
    from karttime.analysis.select import check_kart, select_sessions
    from karttime.cli.output import progress, write_csv, write_json
    from karttime.cli.specs import read_spec, save_spec
    from karttime.recording.merge import read_frames

    frames = read_frames(recordings)
    with progress(recordings) as advance:
        report = analyze_frames(frames, spec=None if feed is None else read_spec(feed), progress=advance)
    sessions = select_sessions(report.logbook.sessions, session)
    if kart is not None:
        check_kart(sessions, kart)
    problems, dated = frames.problems, frames.header.clock == "utc"
    if problems:
        report.doubts = [*report.doubts, *(f"recording: {count} {name}" for name, count in sorted(problems.items()))]
    if spec is not None:
        save_spec(spec, report)
    if csv is not None:
        write_csv(csv, sessions, kart)
    if as_json:
        write_json(document(report, sessions, source=frames.header.source, kart=kart, dated=dated))
    else:
        from karttime.cli.tables import show_report, wide_console

        show_report(wide_console(), report, sessions, kart, dated=dated)
