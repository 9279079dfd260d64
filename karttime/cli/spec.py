"""`karttime spec`: declarations of feeds, held against recordings."""

from pathlib import Path
from typing import Annotated

import typer

spec = typer.Typer(help="Specs: what a feed means, as data that `analyze --spec` writes and people correct.")


@spec.command("check")
def check(
    spec_file: Annotated[Path, typer.Argument(metavar="SPEC", help="The spec.", show_default=False)],
    recordings: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Recordings of the feed.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of sentences.")] = False,
) -> None:
    """Say how well a spec explains a recording: what it understands, what makes sense, what contradicts it.

    Exits with 1 where the feed contradicts the spec, or less than 90 % of the frames are understood.
    """
    from dataclasses import asdict

    from karttime.analysis.inference.check import check_spec
    from karttime.cli.output import write_json
    from karttime.cli.specs import read_spec, show_check
    from karttime.cli.tables import wide_console
    from karttime.recording.merge import read_frames

    declared = read_spec(spec_file)
    result = check_spec(declared, (), list(read_frames(recordings)))
    if as_json:
        write_json(asdict(result))
    else:
        show_check(wide_console(), result)
    if result.contradictions or result.understood < 0.9 or not result.values:
        raise typer.Exit(1)
