"""`karttime circuits` for whole lists: show one, import, export, sync with Firestore."""

from pathlib import Path
from typing import Annotated

import typer

Database = Annotated[str | None, typer.Option("--database", metavar="URL", help="Database.  [DATABASE_URL, SQLite]")]


def show(
    circuit_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, as `list` shows it.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    database: Database = None,
) -> None:
    """Show one circuit: address, page, feed, column labels."""
    from karttime.cli.catalogue import catalogue
    from karttime.cli.exchange import document
    from karttime.cli.output import write_json
    from karttime.domain.display import clean

    with catalogue(database, reading=True) as known:
        circuit = document(known.get(circuit_id))
    if as_json:
        write_json(circuit)
        return
    labels = circuit.pop("mappings")
    for name, value in {**circuit, **labels}.items():
        typer.echo(f"{name:13}  {clean(value)}".rstrip())


def export(
    target: Annotated[str, typer.Argument(metavar="FILE", help="A new .json or .toml file; - for JSON on the screen.")],
    database: Database = None,
) -> None:
    """Write every circuit to a file, which `import` takes back anywhere; specs of feeds are left out."""
    from karttime.cli import exchange
    from karttime.cli.catalogue import catalogue

    with catalogue(database, reading=True) as known:
        circuits = known.all()
    if target == "-":
        typer.echo(exchange.written(circuits, ".json"), nl=False)
        return
    exchange.export(circuits, target)
    typer.echo(f"{len(circuits)} circuits", err=True)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .json or .toml file of `export` or GET /circuits.")],
    replace: Annotated[bool, typer.Option("--replace", help="The file wins over circuits of the same id.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    database: Database = None,
) -> None:
    """Add the circuits of a file; nothing is changed where one of them is no good.

    Exit code 1 where a circuit here differs from the file's and stays.
    """
    from karttime.cli.catalogue import catalogue
    from karttime.cli.exchange import read, take

    circuits = read(file)
    differ = 0
    with catalogue(database) as known:
        for outcome, circuit_id in take(known, circuits, overwrite=replace, dry_run=dry_run):
            typer.echo(f"{outcome:8}  {circuit_id}")
            differ += outcome == "differs"
    if differ:
        typer.echo(f"{differ} circuits are here with other values, and stay: --replace makes the file win", err=True)
        raise typer.Exit(1)


def sync(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be written.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    database: Database = None,
) -> None:
    """Write detected column labels to Firestore, where no person has labelled the columns.

    A running service does that by itself. write: it was written, or with --dry-run would be; same: it is there
    already; kept: a person's labels stay; few: too little was recognised.
    """
    from karttime.cli.catalogue import catalogue
    from karttime.cli.output import write_json
    from karttime.cli.syncing import sync
    from karttime.domain.display import clean

    with catalogue(database) as known:
        found = list(sync(known, dry_run=dry_run))
        faults = known.shared.known.faults if known.shared is not None else ()
    if as_json:
        write_json([one._asdict() for one in found])
    else:
        for one in found:
            typer.echo(f"{one.verdict:5}  {one.circuit_id:24}  {clean(one.difference, 1000)}".rstrip())
    for fault in faults:
        typer.echo(f"document {fault.id}{' is left out' if fault.skipped else ''}: {fault.text}", err=True)
    if not found:
        typer.echo("nothing is detected that Firestore does not say", err=True)
