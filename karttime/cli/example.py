"""The text of `.env.example`: every setting with what it acts on, and what the compose file wants beside them."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from karttime import settings


class Variable(NamedTuple):
    """One line of the file; what is not `set` is a comment, and its default acts."""

    name: str
    value: str
    about: str
    set: bool = False


COMPOSE: Final = (
    Variable("POSTGRES_PASSWORD", "", "password of the database, such as `openssl rand -hex 24` makes; required", True),
    Variable("KARTTIME_PORT", "8000", "port on this machine's loopback"),
    Variable("KARTTIME_SERVER_NAME", "_", "name of the host for nginx, such as timing.example; _ for any"),
    Variable("KARTTIME_CERTIFICATES", "./certificates", "folder with fullchain.pem and privkey.pem for nginx"),
    Variable(
        "KARTTIME_CONNECTIONS", "600", "connections that nginx takes from one address: a whole paddock may be one"
    ),
)

_HEAD: Final = """\
# Made by `karttime config --example`. Copy it to .env: beside the compose file, or into the working directory of
# `karttime serve`. A line with # in front does not act: its default does. The file may hold secrets: chmod 600 .env
"""
_ROW: Final = re.compile(r"^\| (`[A-Z_`, ]+`) \| (.*?) \| (.*?) \|$", re.MULTILINE)


def example() -> str:
    """The file."""
    parts = [_HEAD, "# For the compose file alone.\n", *map(_shown, COMPOSE), "# Settings of karttime.\n"]
    return "\n".join((*parts, *map(_shown, _settings())))


def _settings() -> Iterator[Variable]:
    """Every setting, in the order and words of the table that `karttime.settings` has."""
    for names, default, about in _ROW.findall(settings.__doc__ or ""):
        for name in re.findall(r"[A-Z_]+", names):
            field = settings.Settings.model_fields[name.lower()]
            value = "" if field.default_factory is not None else settings.text_of(field.default)
            words = f"{about}; default: {default}" if not value and default != "empty" else about
            yield Variable(name, value, words.replace("`", ""))


def _shown(variable: Variable) -> str:
    mark = "" if variable.set else "#"
    return f"# {variable.about}\n{mark}{variable.name}={variable.value}\n"
