"""`karttime serve`: the REST and WebSocket service."""

from pathlib import Path
from typing import Annotated

import typer


def serve(  # noqa: PLR0913, PLR0917 - each argument is an option of the command line
    circuit: Annotated[
        list[str] | None, typer.Option(metavar="NAME=URL", help="A circuit and the address of its feed; repeatable.")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="A simulated circuit: no network, a database of its own.")
    ] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [HOST, 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; 0: a free one.  [PORT, 8000]")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes that share the port.  [WORKERS, 1]")
    ] = None,
    database: Annotated[str | None, typer.Option(metavar="URL", help="Database.  [DATABASE_URL, SQLite]")] = None,
    no_start: Annotated[bool, typer.Option("--no-start", help="Do not start collecting until somebody asks.")] = False,
    on_demand: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0,
            help="Collect a circuit from its first viewer until so long after the last.  [ON_DEMAND_STOP_AFTER]",
        ),
    ] = None,
    record_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Record everything that is collected here.  [RECORD_DIR]")
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Circuits may be in private networks.  [ALLOW_PRIVATE]")
    ] = False,
) -> None:
    """Serve live timing to programs and browsers until Ctrl-C.

    Every circuit given here is collected at once. Settings come from the environment or a .env file.
    """
    from karttime.errors import UsageError
    from karttime.settings import load

    if demo and circuit:
        raise UsageError("--demo has its own circuit: leave --circuit out, or serve without --demo")
    settings = load(
        host=host,
        port=port,
        workers=workers,
        database_url=database,
        on_demand_stop_after=on_demand,
        record_dir=record_dir,
        allow_private=allow_private or None,
    )
    from karttime.cli.serving import Plan, run  # after the settings: what is wrong there is said at once

    run(Plan(settings, tuple(circuit or ()), demo=demo, start=not no_start))
