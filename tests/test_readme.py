"""What the README says holds: commands, options, settings, addresses."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from karttime.cli.main import app
from karttime.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """The text below a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", README, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def shell_lines() -> list[str]:
    """Every `karttime …` line of the README's shell blocks, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("karttime ")]


def options(command: typer._click.core.Command) -> set[str]:
    """The option names of a command."""
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def test_every_setting_is_in_the_table_with_its_default() -> None:
    """The table of settings and the code name the same ones."""
    rows = re.findall(r"^\| `([A-Z_]+)` \|", section("Settings"), re.MULTILINE)
    assert sorted(rows) == sorted(name.upper() for name in Settings.model_fields)


@pytest.mark.parametrize("line", shell_lines())
def test_every_command_line_of_the_readme_exists(line: str) -> None:
    """Its command is there, and so is every option that it uses."""
    _, name, *words = shlex.split(line)
    commands = typer.main.get_group(app).commands
    if name.startswith("--"):
        return
    assert name in commands
    used = {word for word in words if word.startswith("-") and not word.lstrip("-").isdigit()}
    assert used <= options(commands[name]) | {"--help"}


def test_every_command_is_named() -> None:
    """A command that the README does not mention is one that nobody finds."""
    missing = {
        name for name in typer.main.get_group(app).commands if f"`{name}" not in README and f" {name}" not in README
    }
    assert not missing


def test_the_layers_are_those_that_are_checked() -> None:
    """The line in Architecture and the contract of the import linter."""
    import tomllib

    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    text = " → ".join(f"({layer})" if "|" in layer else layer for layer in layers)
    assert text in section("Architecture")
