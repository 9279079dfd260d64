"""Opens what the dashboard shows, runs it, and takes everything down again."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

import platformdirs

from karttime.errors import KarttimeError, UsageError
from karttime.tui import keys
from karttime.tui.app import Dashboard
from karttime.tui.sources.address import Address
from karttime.tui.sources.attached import Attached, answers
from karttime.tui.sources.base import Mode, Source
from karttime.tui.sources.child import Child
from karttime.tui.themes import THEMES

LOG_BYTES: Final = 2_000_000


def log_path() -> Path:
    """Where the dashboard logs to."""
    return platformdirs.user_log_path("karttime") / "tui.log"


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may choose beside the source: settings file, circuit to begin with."""

    settings: Path | None = None
    circuit: str = ""


def log_to_file(level: str = "INFO") -> None:
    """Log to the file alone: the terminal is ours."""
    path = log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=2, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the log file {path} cannot be written: {error.strerror or error}") from None
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", handlers=[handler])
    for name in ("httpx", "httpcore", "websockets"):
        logging.getLogger(name).setLevel(logging.WARNING)


def preferences(path: Path | None) -> keys.Preferences:
    """What the settings file says. Raises `UsageError` where it is no good."""
    themes = {theme.name for theme in THEMES}
    return keys.load(path or keys.default_path(), known=_known_keys, themes=themes, wanted=path is not None)


def _known_keys() -> frozenset[str]:
    from karttime.tui.bindings import known_keys  # every screen is loaded for it

    return known_keys()


async def attach(url: str, token: str | None) -> Source:
    """A server, which may be away now. Raises `UsageError` where the address is none."""
    return Attached(Address.parse(url), token)


async def local(address: Address, token: str | None) -> Source | None:
    """The local server when one answers."""
    return Attached(address, token) if await answers(address) else None


def own(arguments: Sequence[str], *, demo: bool = False) -> Source:
    """A server of our own; where its port is taken by something else, on a free port of this machine.

    Raises:
        KarttimeError: it does not start.
    """
    child = Child(arguments, log_path().with_name("tui-serve.log"))
    try:
        address = child.start()
    except KarttimeError as error:
        if "in use" not in str(error):
            raise
        child = Child([*arguments, "--host", "127.0.0.1", "--port", "0"], log_path().with_name("tui-serve.log"))
        address = child.start()
    return Attached(address, mode=Mode.DEMO if demo else Mode.LIVE, child=child)


async def show(source: Source, options: Options) -> int:
    """Run the dashboard until somebody leaves it; the exit code."""
    for name in ("COLUMNS", "LINES"):  # where a shell exports them, they are taken for the size, also when that changed
        os.environ.pop(name, None)
    app = Dashboard(source, preferences(options.settings), options.circuit)
    await app.run_async()
    return app.return_code or 0
