"""`karttime tui`: the dashboard."""

from pathlib import Path
from typing import Annotated

import typer


def tui(
    connect: Annotated[
        str | None, typer.Option(metavar="URL", help="Attach to this server, such as http://timing.example:8000.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(metavar="KEY", envvar="KARTTIME_TOKEN", help="API key for the server.")
    ] = None,
    replay: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Play a recording; several of one feed are merged.")
    ] = None,
    speed: Annotated[str, typer.Option(help="Of the replay: times the recorded pace, or max.")] = "1",
    demo: Annotated[bool, typer.Option("--demo", help="A simulated circuit: no network.")] = False,
    circuit: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=URL]", help="The circuit to begin with; with =URL one to collect; repeatable."),
    ] = None,
    settings_file: Annotated[
        Path | None, typer.Option("--settings", metavar="FILE", help="Keys and theme, TOML.  [tui.toml of the user]")
    ] = None,
) -> None:
    """Show circuits, classification, laps, log and feed, live or from a recording.

    Without options it attaches to the server of this machine, at HOST and PORT; where none answers it runs one itself,
    with the settings of serve.
    """
    from karttime.cli.watching import Wanted, run

    run(Wanted(connect, token, tuple(replay or ()), speed, demo, tuple(circuit or ()), settings_file))
