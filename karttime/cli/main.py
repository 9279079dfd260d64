"""The `karttime` command: a literal table of commands, and the one place that turns errors into exit codes.

Exit codes: 0 done, 1 failed while running, 2 asked for something that cannot be done, 130 interrupted.
Command modules import Typer alone at the top; what they run is imported when they run.
"""

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from karttime import __version__
from karttime.cli.analyze import analyze
from karttime.cli.circuits import circuits
from karttime.cli.config import config
from karttime.cli.db import db
from karttime.cli.doctor import doctor
from karttime.cli.explain import explain
from karttime.cli.import_ import import_
from karttime.cli.keys import keys
from karttime.cli.record import record
from karttime.cli.replay import replay
from karttime.cli.serve import serve
from karttime.cli.simulate import simulate
from karttime.cli.spec import spec
from karttime.cli.tui import tui
from karttime.errors import KarttimeError, UsageError

app = typer.Typer(
    name="karttime",
    help="The timing proxy and operator's tool for karting.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

COMMANDS: tuple[tuple[str, Callable[..., None]], ...] = (
    ("analyze", analyze),
    ("config", config),
    ("doctor", doctor),
    ("explain", explain),
    ("import", import_),
    ("record", record),
    ("replay", replay),
    ("serve", serve),
    ("simulate", simulate),
    ("tui", tui),
)

GROUPS: tuple[tuple[str, typer.Typer], ...] = (
    ("circuits", circuits),
    ("db", db),
    ("keys", keys),
    ("spec", spec),
)

for _name, _command in COMMANDS:
    app.command(_name)(_command)
for _name, _group in GROUPS:
    app.add_typer(_group, name=_name, no_args_is_help=True)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"karttime {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The timing proxy and operator's tool for karting."""


def main() -> None:
    """Run the command line; a `KarttimeError` becomes one line on standard error and an exit code."""
    try:
        app()
    except KarttimeError as error:
        typer.echo(f"karttime: {error}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:  # `karttime analyze … | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
