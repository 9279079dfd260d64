"""What `karttime tui` shows: which source is meant, opened and handed to the dashboard."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from karttime.errors import UsageError
from karttime.tui import run as dashboard
from karttime.tui.sources.address import Address
from karttime.tui.sources.base import Source


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command, as they were given."""

    connect: str | None
    token: str | None
    replay: tuple[Path, ...]
    speed: str
    demo: bool
    circuits: tuple[str, ...]
    settings_file: Path | None


def run(wanted: Wanted) -> None:
    """Show what is wanted until somebody leaves.

    Raises:
        UsageError: options that do not go together, a recording that cannot be read, a setting that is no good.
        KarttimeError: our own service does not start.
    """
    if sum((wanted.connect is not None, bool(wanted.replay), wanted.demo)) > 1:
        raise UsageError("--connect, --replay and --demo exclude each other: choose one")
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise UsageError("the dashboard needs a terminal; `karttime analyze` and `serve` work without one")
    dashboard.log_to_file()
    dashboard.preferences(wanted.settings_file)  # refuses nonsense before anything starts
    asyncio.run(_run(wanted))


async def _run(wanted: Wanted) -> None:
    source = await _source(wanted)
    begin_with = next((name for name in wanted.circuits if "=" not in name), "")
    try:
        await dashboard.show(source, dashboard.Options(wanted.settings_file, begin_with))
    finally:
        await source.close()


async def _source(wanted: Wanted) -> Source:
    described = tuple(name for name in wanted.circuits if "=" in name)
    if described and (wanted.connect is not None or wanted.replay or wanted.demo):
        raise UsageError("--circuit NAME=URL is for a service of our own: leave --connect, --replay and --demo out")
    if wanted.replay:
        return _replay(wanted)
    if wanted.connect is not None:
        return await dashboard.attach(wanted.connect, wanted.token)
    if wanted.demo:
        return dashboard.own(["--demo", "--host", "127.0.0.1", "--port", "0"], demo=True)
    if not described:
        found = await dashboard.local(_local(), wanted.token)
        if found is not None:
            return found
    return dashboard.own([part for circuit in described for part in ("--circuit", circuit)])


def _local() -> Address:
    """Where a service with the settings of this machine would listen."""
    from karttime.settings import load  # it takes a fifth of a second, which a dashboard that is told where to go saves

    settings = load()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(settings.host, settings.host)  # noqa: S104  # nosec B104
    return Address.parse(f"http://{f'[{host}]' if ':' in host else host}:{settings.port or 8000}")


def _replay(wanted: Wanted) -> Source:
    """A recording. Raises `UsageError` where it is none, or in no known format."""
    from karttime.analysis.detection import UNKNOWN, detect, sample_of
    from karttime.api.facts import facts
    from karttime.api.v1 import V1Stream
    from karttime.engine.clock import Clock
    from karttime.engine.replay import parse_speed
    from karttime.feeds.formats import FORMATS
    from karttime.recording.merge import read_frames
    from karttime.tui.sources.replay import Replay

    speed = parse_speed(wanted.speed)
    recording = read_frames(wanted.replay)
    detection = detect(sample_of(recording), FORMATS)
    if detection.name == UNKNOWN:
        raise UsageError(f"{wanted.replay[0]} is in no known format: `karttime analyze` says what was looked for")
    return Replay(
        recording,
        decoder=FORMATS[detection.name].decoder,
        encoder=lambda: V1Stream("recording", clock=Clock()),
        facts=facts,
        feed=detection.name,
        speed=speed,
    )
