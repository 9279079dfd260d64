"""`karttime db`: the database that `serve` writes."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

db = typer.Typer(rich_markup_mode=None, help="The database: upgrade, status, prune, export, backup.")

Database = Annotated[str | None, typer.Option("--database", metavar="URL", help="Database.  [DATABASE_URL, SQLite]")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


class Kind(StrEnum):
    """What rows are of."""

    SESSIONS = "sessions"
    LAPS = "laps"
    TIMING = "timing"


@db.command()
def upgrade(database: Database = None) -> None:
    """Bring the database to this version's schema, in one transaction.

    serve does so by itself with an SQLite file. Make a backup of a PostgreSQL database first.
    """
    from karttime.cli import databases

    typer.echo(databases.upgrade(database))


@db.command()
def status(as_json: Json = False, database: Database = None) -> None:
    """Show where the database is, its schema, its size and how much it holds."""
    from karttime.cli import databases
    from karttime.cli.output import write_json

    report = databases.status(database)
    if as_json:
        write_json(report)
        return
    for line in databases.status_lines(report):
        typer.echo(line)


@db.command()
def prune(
    older_than: Annotated[str, typer.Option(metavar="AGE", help="Such as 12h, 30d, 8w.", show_default=False)],
    keep_laps: Annotated[bool, typer.Option("--keep-laps", help="Only timing rows and connection events.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much that would be.")] = False,
    database: Database = None,
) -> None:
    """Delete timing rows, laps, sessions and connection events that are older; also while serve runs.

    The space is used again for new rows; an SQLite file does not get smaller.
    """
    from karttime.cli import databases

    gone = databases.prune_older(database, older_than, keep_laps=keep_laps, dry_run=dry_run)
    verb = "would delete" if dry_run else "deleted"
    typer.echo(
        f"{verb} {gone.timing_rows} timing rows, {gone.laps} laps, {gone.sessions} sessions, {gone.events} events"
    )


@db.command()
def export(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A .jsonl or .csv file; -: standard output, as JSON Lines.")
    ],
    only: Annotated[list[Kind] | None, typer.Option(help="Only these; repeatable. CSV needs one.")] = None,
    circuit: Annotated[str | None, typer.Option(metavar="ID", help="Only this circuit.")] = None,
    database: Database = None,
) -> None:
    """Write sessions, laps and timing rows to a file, as JSON Lines or CSV."""
    from karttime.cli import databases

    count = databases.export(database, file, [kind.value for kind in only or ()], circuit)
    typer.echo(f"{count} rows in {file}", err=True)


@db.command()
def backup(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to; made if it is not there.", show_default=False)
    ],
    database: Database = None,
) -> None:
    """Copy the journal and an SQLite database to a folder; also while serve runs.

    Of PostgreSQL only the journal is copied: make a dump of the database after it.
    """
    from karttime.cli import databases

    copies, left = databases.backup(database, folder)
    for copy in copies:
        typer.echo(copy)
    if left:
        typer.echo(left, err=True)
