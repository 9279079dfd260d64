"""`karttime record`: what a feed sends, onto the disk."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from karttime.engine.sources import SourceOptions


def record(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="Address of the feed: ws://, wss://, rmonitor://host[:50000] or racemonitor:RACE_ID.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help="New file: .jsonl, .jsonl.gz or .jsonl.zst.")
    ],
    duration: Annotated[str | None, typer.Option(help="End after this long: 90s, 10m, 1h30m.")] = None,
    circuit: Annotated[str, typer.Option(metavar="NAME", help="Name of the circuit, for the file's header.")] = "",
    rotate_size: Annotated[str | None, typer.Option(help="Begin another file at this size: 500k, 50M, 2G.")] = None,
    rotate_every: Annotated[str | None, typer.Option(help="Begin another file after this long: 30m, 1h.")] = None,
    max_attempts: Annotated[int, typer.Option(min=0, help="Give up after so many failures in a row; 0: never.")] = 0,
    race_monitor_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where racemonitor:RACE_ID is looked up.  [RACE_MONITOR_URL]")
    ] = None,
) -> None:
    """Record a live feed, message by message as it comes, until Ctrl-C.

    Reconnects by itself. Every message is on its way to the disk before the next one is read: a recording that was
    cut off stays readable.
    """
    import asyncio

    from karttime.circuits.urls import split_feed
    from karttime.cli.recording_progress import summary, watching
    from karttime.engine.recorder import Recorder, duration_or_never, recording_header
    from karttime.engine.signals import on_stop
    from karttime.engine.sources import Sources
    from karttime.recording.durations import parse_duration
    from karttime.recording.sizes import parse_size
    from karttime.recording.writer import RecordingWriter

    (feed, address), duration_ms = split_feed(url), duration_or_never(duration)
    sources = Sources(_options(address, max_attempts, race_monitor_url))
    writer = RecordingWriter(
        out,
        recording_header(address, circuit, feed),
        rotate_bytes=None if rotate_size is None else parse_size(rotate_size),
        rotate_ms=None if rotate_every is None else parse_duration(rotate_every),
    )
    recorder = Recorder(sources(address), writer)

    async def run() -> None:
        with on_stop(recorder.stop), watching() as (report, every_s):
            await recorder.run(duration_ms=duration_ms, report=report, every_s=every_s)

    try:
        asyncio.run(run())
    finally:
        typer.echo(summary(recorder.progress()))


def _options(address: str, max_attempts: int, race_monitor_url: str | None) -> "SourceOptions":
    """How to connect; settings are read for what needs one, so that nothing else has to wait for them."""
    from karttime.engine.reconnecting import LinkOptions
    from karttime.engine.sources import SourceOptions
    from karttime.engine.websocket import WebSocketOptions

    options = SourceOptions(
        websocket=WebSocketOptions(max_attempts=max_attempts), tcp=LinkOptions(max_attempts=max_attempts)
    )
    if not address.lower().startswith("racemonitor:"):
        return options
    from karttime.settings import load

    return replace(options, race_monitor=load(race_monitor_url=race_monitor_url).race_monitor_url)
