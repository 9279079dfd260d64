"""`karttime config`: every setting, its value and where it came from."""

from typing import Annotated

import typer


def config(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    example: Annotated[bool, typer.Option("--example", help="Print a .env file to begin with instead.")] = False,
) -> None:
    """Print every setting, its value and where it came from: default, .env file or environment.

    Passwords are masked. An option of `karttime serve` wins over all of these.
    """
    from dataclasses import asdict

    from karttime.cli import example as file
    from karttime.cli.output import write_json
    from karttime.settings import shown

    if example:
        typer.echo(file.example(), nl=False)
        return
    settings = shown()
    if as_json:
        write_json([asdict(setting) for setting in settings])
        return
    name_width = max(len(setting.name) for setting in settings)
    source_width = max(len(setting.source) for setting in settings)
    for setting in settings:
        typer.echo(f"{setting.name:{name_width}}  {setting.source:{source_width}}  {setting.value}".rstrip())
