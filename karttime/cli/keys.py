"""`karttime keys`: operators' API keys."""

from enum import StrEnum
from typing import Annotated

import typer

keys = typer.Typer(
    rich_markup_mode=None, help="Operators' API keys: create, list, revoke. AUTH_POLICY says what needs one."
)

Database = Annotated[str | None, typer.Option("--database", metavar="URL", help="Database.  [DATABASE_URL, SQLite]")]


class KeyScope(StrEnum):
    """What a key is good for; each contains those before it."""

    READ = "read"
    CONTROL = "control"
    ADMIN = "admin"


@keys.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who or what it is for.", show_default=False)],
    scope: Annotated[
        KeyScope, typer.Option(help="read; control: also start and stop; admin: also change circuits and delete.")
    ] = KeyScope.READ,
    database: Database = None,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    from karttime.cli.administration import create_key

    typer.echo(create_key(database, name, scope.value))
    typer.echo("Keep it now: it cannot be shown again. Send it as Authorization: Bearer KEY.", err=True)


@keys.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False, database: Database = None) -> None:
    """Show every key: id, scope, when it was made, last used and revoked, name."""
    from karttime.cli.administration import every_key, key_document
    from karttime.cli.output import write_json

    found = [key_document(key) for key in every_key(database)]
    if as_json:
        write_json(found)
        return
    for key in found:
        used = key["last_used_at"] or "never used"
        state = f"revoked {key['revoked_at']}" if key["revoked_at"] else "valid"
        typer.echo(f"{key['id']}  {key['scope']:7}  {key['created_at']}  {used:24}  {state}  {key['name']}")
    if not found:
        typer.echo("no keys: `karttime keys create NAME` makes one", err=True)


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, as `list` shows it.", show_default=False)],
    database: Database = None,
) -> None:
    """End a key's validity, also for a running service."""
    from karttime.cli.administration import revoke_key

    revoke_key(database, key_id)
