"""`karttime import`: recordings of other programs, to karttime's own format."""

from pathlib import Path
from typing import Annotated

import typer


def import_(
    recordings: Annotated[
        list[Path],
        typer.Argument(metavar="IN…", help="Recordings of one feed; several are merged.", show_default=False),
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="New file: .jsonl, .jsonl.gz or .jsonl.zst.", show_default=False)
    ],
    circuit: Annotated[str | None, typer.Option(help="Name of the circuit, instead of the recorder's.")] = None,
    source: Annotated[str | None, typer.Option(help="Address of the feed, instead of the recorder's.")] = None,
) -> None:
    """Convert recordings of other programs, or older ones, to karttime's format.

    Reads the JSON Lines of Apex recorders, HAR files of Chrome and Edge, and bare text with or without times; .gz and
    .zst as they are.
    """
    from karttime.domain.times import iso_from_ms
    from karttime.recording.convert import convert

    done = convert(recordings, out, circuit=circuit, source=source)
    typer.echo(f"{out}: {done.frames} frames, {done.marks} marks, {done.bytes} bytes, from {', '.join(done.formats)}")
    if done.clock == "utc":
        typer.echo(f"  from {iso_from_ms(done.first_at)} to {iso_from_ms(done.last_at)}")
    else:
        typer.echo(f"  {(done.last_at - done.first_at) / 1000:.3f} seconds; the recording keeps no times of day")
    for path, shift in zip(recordings, done.shifts, strict=True):
        if shift:
            typer.echo(f"  clock of {path} moved by {shift / 1000:+.3f} seconds")
    if done.duplicates:
        typer.echo(f"  {done.duplicates} frames were in more than one recording")
    for name, count in sorted(done.problems.items()):
        typer.echo(f"  {name}: {count}")
