"""`karttime serve`: the REST and WebSocket service."""

from typing import Annotated

import typer


def serve(
    circuit: Annotated[
        list[str] | None, typer.Option(metavar="NAME=URL", help="A circuit and the address of its feed; repeatable.")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="A simulated circuit: no network, a database of its own.")
    ] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [HOST, 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; 0: a free one.  [PORT, 8000]")] = None,
    database: Annotated[str | None, typer.Option(metavar="URL", help="Database.  [DATABASE_URL, SQLite]")] = None,
    no_start: Annotated[bool, typer.Option("--no-start", help="Do not start collecting until somebody asks.")] = False,
) -> None:
    """Serve live timing to programs and browsers until Ctrl-C.

    Every circuit given here is collected at once. Settings come from the environment or a .env file.
    """
    from karttime.cli.serving import Plan, run
    from karttime.errors import UsageError
    from karttime.settings import load

    if demo and circuit:
        raise UsageError("--demo has its own circuit: leave --circuit out, or serve without --demo")
    settings = load(host=host, port=port, database_url=database)
    run(Plan(settings, tuple(circuit or ()), demo=demo, start=not no_start))
