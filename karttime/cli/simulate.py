"""`karttime simulate`: a race with known truth, served as an upstream or recorded."""

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """Wire formats the simulator speaks."""

    APEX = "apex"
    RMONITOR = "rmonitor"
    RACEMONITOR = "racemonitor"


def simulate(  # noqa: PLR0913, PLR0917 - one parameter per option
    format_: Annotated[
        Format, typer.Argument(metavar="FORMAT", help="apex, rmonitor or racemonitor.", show_default=False)
    ],
    preset: Annotated[
        str, typer.Option(help="Kind of meeting: endurance, pit-lane, sprint, rental, competition.")
    ] = "endurance",
    karts: Annotated[int | None, typer.Option(help="Competitors, 1 to 200.")] = None,
    duration: Annotated[str | None, typer.Option(help="Length of the race or heat, such as 10m.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same frames.")] = 1,
    edition: Annotated[
        str | None, typer.Option(help="Of apex: leisure, competition; of rmonitor: orbits, speeds, imsa.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="fr, es, it, en, sv, pt, nl or de.")] = None,
    mischief: Annotated[
        str,
        typer.Option(
            metavar="NAME[=RATE],…",
            help="Misbehave so many times a minute: foreign, silence, disconnect; apex: duplicates, late, flicker, "
            "reinit, blip; the others: truncated, fused, double, correction, refresh, reset, unknown, endings; "
            "rmonitor: split, cp1252; or all.",
        ),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Record it, with its truth beside it, instead of serving."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port to listen on [8813 without -o]; 0: a free one.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    speed: Annotated[str, typer.Option(help="Times the real pace, or max: as fast as clients take it.")] = "1",
    wait: Annotated[bool, typer.Option(help="Begin with the first client; later ones get the board as it is.")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again after the last frame.")] = False,
    exit_: Annotated[
        bool, typer.Option("--exit", help="End after the last frame; otherwise stay until Ctrl-C.")
    ] = False,
) -> None:
    """Serve a simulated meeting as a feed, or record it; what really happened is known to the millisecond.

    apex is served over WebSocket, rmonitor over TCP; racemonitor answers the lookup of race 1, and is its relay.
    With -o and --port it is recorded first, then served.
    """
    from karttime.engine.replay import parse_speed
    from karttime.engine.simulation import Simulation, record
    from karttime.engine.upstream import Service, serve_upstream
    from karttime.recording.durations import parse_duration
    from karttime.simulator.formats import FORMATS
    from karttime.simulator.mischief import parse
    from karttime.simulator.scenarios import Options

    length = None if duration is None else parse_duration(duration)
    options = Options(preset, karts, length, language, edition, seed)
    simulation = Simulation(options, parse(mischief, FORMATS[format_].rates), format_.value)
    simulation.begin()  # like the other lines here, refuses nonsense before anything is written or listened on
    listening = 8813 if port is None else port
    service = Service(host, listening, parse_speed(speed), wait=wait, loop=loop, leave=exit_)
    if out is not None:
        done = record(simulation, out, shlex.join(["karttime", *sys.argv[1:]]))
        typer.echo(f"{out}: {done.frames} frames; {done.truth_path}: {done.sessions} sessions, {done.laps} laps")
        if port is None:
            return
    server = simulation.server(service)
    race = " as racemonitor:1" if format_ is Format.RACEMONITOR else ""
    summary = serve_upstream(server, lambda url: typer.echo(f"{url} simulates {format_} {preset}{race}; Ctrl-C ends"))
    typer.echo(f"simulation {summary}")
