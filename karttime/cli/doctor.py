"""`karttime doctor`: what is wrong, and what to do about it."""

from typing import Annotated

import typer

MARKS = {"ok": "ok", "not checked": "-", "warning": "WARNING", "failure": "FAILURE"}


def doctor(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[URL|CIRCUIT]",
            help="A feed's address, a stored circuit's id, or http://host:port of a service.  [everything here]",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="How long to listen to feeds.")] = 8.0,
    token: Annotated[
        str | None, typer.Option(metavar="KEY", envvar="KARTTIME_TOKEN", help="API key for a running service.")
    ] = None,
    database: Annotated[str | None, typer.Option(metavar="URL", help="Database.  [DATABASE_URL, SQLite]")] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Feeds may be in private networks.  [ALLOW_PRIVATE]")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Leave the network alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Check settings, database, disk, clock, Firebase, the service, and the way to each feed and how good it is.

    Nothing is changed. Exit codes for monitoring: 0 all is well, 1 a warning, 2 a failure.
    """
    from karttime.cli.examination import Wish, document, examine
    from karttime.cli.output import write_json
    from karttime.engine.checks.finding import EXIT_CODES, worst

    findings = examine(Wish(target, seconds, token, database, allow_private, offline))
    if as_json:
        write_json(document(findings))
    else:
        width = max(len(finding.area) for finding in findings)
        for finding in findings:
            typer.echo(f"{MARKS[finding.grade]:8} {finding.area:{width}}  {finding.said}")
            if finding.advice:
                typer.echo(f"{'':8} {'':{width}}  → {finding.advice}")
    raise typer.Exit(EXIT_CODES[worst(findings)])
