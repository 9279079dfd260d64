"""`karttime explain`: the frames and the decision behind one lap."""

from pathlib import Path
from typing import Annotated

import typer


def explain(
    recordings: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="Recordings of one feed; several are merged.", show_default=False),
    ],
    kart: Annotated[str, typer.Option(help="Kart number, or competitor id.", show_default=False)],
    lap: Annotated[int, typer.Option(help="Which of its timed laps, from 1.", show_default=False)],
    session: Annotated[
        str | None, typer.Option(help="In this session (id, number, part of title); else the last that has the lap.")
    ] = None,
) -> None:
    """Print the frames and the decision behind one lap."""
    from karttime.analysis.explain import explain_lap
    from karttime.analysis.report import analyze as analyze_frames
    from karttime.analysis.select import find_lap, select_sessions
    from karttime.recording.merge import read_frames

    frames = read_frames(recordings)
    report = analyze_frames(frames)
    found = find_lap(select_sessions(report.logbook.sessions, session), kart, lap)
    for line in explain_lap(frames, *found):
        typer.echo(line)
