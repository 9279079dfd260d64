"""`karttime replay`: a recording, served as an upstream."""

from pathlib import Path
from typing import Annotated

import typer


def replay(  # noqa: PLR0913, PLR0917 - one parameter per option
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="Recordings of one feed; several are merged.", show_default=False),
    ],
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0: a free one.")] = 8813,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    speed: Annotated[str, typer.Option(help="Times the recorded pace, or max: as fast as clients take it.")] = "1",
    from_: Annotated[
        str, typer.Option("--from", metavar="T", help="Begin here; what lies before is sent at once.")
    ] = "0",
    until: Annotated[str | None, typer.Option(metavar="T", help="End here.")] = None,
    max_gap: Annotated[str | None, typer.Option(metavar="S", help="Cut longer silences to this.")] = None,
    wait: Annotated[bool, typer.Option(help="Begin with the first client, so that it misses nothing.")] = True,
    tcp: Annotated[bool, typer.Option("--tcp", help="Serve over TCP, as RMonitor is, instead of WebSocket.")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again after the last frame.")] = False,
    exit_: Annotated[
        bool, typer.Option("--exit", help="End after the last frame; otherwise stay until Ctrl-C.")
    ] = False,
) -> None:
    """Serve recordings as the upstream did: exact bytes, recorded pace.

    Times are like 90s, 10m or 1:30:00, counted from the first frame.
    """
    from karttime.engine.doors import tcp_door, web_socket_door
    from karttime.engine.replay import Cut, parse_speed, replay_server
    from karttime.engine.upstream import Service, serve_upstream
    from karttime.recording.durations import parse_duration

    cut = Cut(
        from_ms=parse_duration(from_),
        until_ms=None if until is None else parse_duration(until),
        max_gap_ms=None if max_gap is None else parse_duration(max_gap),
    )
    service = Service(host, port, parse_speed(speed), wait=wait, loop=loop, leave=exit_)
    server = replay_server(files, service, cut, tcp_door if tcp else web_socket_door)
    summary = serve_upstream(server, lambda url: typer.echo(f"{url} replays {', '.join(map(str, files))}; Ctrl-C ends"))
    typer.echo(f"replay {summary}")
