"""`karttime circuits`: the circuits in the database or in Firestore, which `karttime serve` collects."""

from pathlib import Path
from typing import Annotated

import typer

from karttime.cli.circuit_files import export, import_, show, sync

circuits = typer.Typer(
    rich_markup_mode=None,
    help="Circuits in the database or in Firestore. A running service notices in seconds.",
)
circuits.command()(show)
circuits.command("import")(import_)
circuits.command()(export)
circuits.command()(sync)

Database = Annotated[str | None, typer.Option("--database", metavar="URL", help="Database.  [DATABASE_URL, SQLite]")]
CircuitId = Annotated[str, typer.Argument(metavar="ID", help="Its id, as `list` shows it.", show_default=False)]
Spec = Annotated[
    str | None, typer.Option("--spec", metavar="FILE", help="Read its feed as this spec declares; 'none' forgets it.")
]
Labels = Annotated[
    list[str] | None, typer.Option("--label", metavar="CN=TEXT", help="What column N is called; repeatable.")
]


@circuits.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False, database: Database = None) -> None:
    """Show every stored circuit: id, feed, address, name."""
    from dataclasses import asdict

    from karttime.cli.administration import every_circuit
    from karttime.cli.output import write_json
    from karttime.domain.display import clean

    found = every_circuit(database)
    if as_json:
        write_json([asdict(circuit) for circuit in found])
        return
    for circuit in found:
        typer.echo(f"{circuit.id:24}  {circuit.feed:8}  {clean(circuit.url)}  {clean(circuit.name)}")
    if not found:
        typer.echo("no circuits: `karttime circuits add NAME URL` adds one", err=True)


@circuits.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it.", show_default=False)],
    url: Annotated[
        str,
        typer.Argument(metavar="URL", help="Its feed, as for `record`.", show_default=False),
    ],
    feed: Annotated[str, typer.Option(help="Wire format, where the address does not tell it; auto.")] = "",
    page: Annotated[str, typer.Option(help="The venue's own page, for people.")] = "",
    label: Labels = None,
    spec: Annotated[
        Path | None, typer.Option("--spec", metavar="FILE", help="Read its feed as this spec declares.")
    ] = None,
    database: Database = None,
) -> None:
    """Add a circuit and print its id. With feed auto it is found out, while it runs, what its feed is."""
    from karttime.circuits.circuit import Circuit
    from karttime.circuits.urls import split_feed
    from karttime.cli.administration import add_circuit
    from karttime.cli.specs import read_spec

    told, address = split_feed(url)
    declared = None if spec is None else read_spec(spec)
    feed = feed or ("" if spec else told)
    described = Circuit("", name, address, feed, live_timing_url=page)
    typer.echo(add_circuit(database, described, label or (), declared).id)


@circuits.command()
def edit(
    circuit_id: CircuitId,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    url: Annotated[str | None, typer.Option(help="Another address of its feed.")] = None,
    feed: Annotated[str | None, typer.Option(help="Another wire format; auto finds it out.")] = None,
    page: Annotated[str | None, typer.Option(help="Another page of the venue; '' for none.")] = None,
    label: Labels = None,
    spec: Spec = None,
    database: Database = None,
) -> None:
    """Change what is given, and keep the rest; an empty label clears a column's.

    A spec that a person gives is never replaced by detection. `--spec none` forgets what is stored, whoever said it:
    the feed is found out anew. A running service goes on with it within seconds.
    """
    from karttime.cli.administration import edit_circuit, forget_spec
    from karttime.cli.specs import read_spec

    changes = {"name": name, "url": url, "feed": feed, "live_timing_url": page}
    declared = read_spec(Path(spec)) if spec not in (None, "none") else None
    if spec != "none" or any(value is not None for value in changes.values()) or label:
        edit_circuit(database, circuit_id, changes, label or (), declared)
    if spec == "none":
        forget_spec(database, circuit_id)


@circuits.command("spec")
def spec(circuit_id: CircuitId, database: Database = None) -> None:
    """Print the spec that reads a circuit's feed, found out or given: correct a role, and `edit --spec` it."""
    from karttime.cli.administration import stored_spec

    typer.echo(stored_spec(database, circuit_id), nl=False)


@circuits.command()
def remove(circuit_id: CircuitId, database: Database = None) -> None:
    """Remove a circuit; sessions and laps that are stored of it stay."""
    from karttime.cli.administration import remove_circuit

    remove_circuit(database, circuit_id)


@circuits.command("map")
def map_(
    circuit_id: CircuitId,
    recordings: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE…]", help="Recordings of its feed; without, it is listened to.", show_default=False
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Label the columns that have no label; what a person chose stays.")
    ] = False,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long to listen.")] = 15,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    database: Database = None,
) -> None:
    """Propose what the columns are called in the app, and show what differs from what is stored."""
    from dataclasses import asdict

    from karttime.cli.administration import propose_mapping
    from karttime.cli.output import write_json
    from karttime.domain.display import clean

    layout, differences, sure = propose_mapping(database, circuit_id, recordings or (), seconds, apply=apply)
    if as_json:
        columns = [asdict(one) | {"confidence": sure.get(one.column)} for one in differences]
        write_json({"layout": layout, "columns": columns})
        return
    typer.echo(f"layout {layout}")
    for one in differences:
        how = f"{sure[one.column]:.0%}" if one.column in sure else ""
        typer.echo(
            f"{one.column:4} {one.kind:5} {clean(one.stored) or '-':20} {clean(one.proposed) or '-':20} {how}".rstrip()
        )
