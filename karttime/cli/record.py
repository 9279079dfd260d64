"""`karttime record`: what a feed sends, onto the disk."""

from pathlib import Path
from typing import Annotated

import typer


def record(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Address of the feed, ws:// or wss://.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help="New file: .jsonl, .jsonl.gz or .jsonl.zst.")
    ],
    duration: Annotated[str | None, typer.Option(help="End after this long: 90s, 10m, 1h30m.")] = None,
    circuit: Annotated[str, typer.Option(metavar="NAME", help="Name of the circuit, for the file's header.")] = "",
    rotate_size: Annotated[str | None, typer.Option(help="Begin another file at this size: 500k, 50M, 2G.")] = None,
    rotate_every: Annotated[str | None, typer.Option(help="Begin another file after this long: 30m, 1h.")] = None,
    max_attempts: Annotated[int, typer.Option(min=0, help="Give up after so many failures in a row; 0: never.")] = 0,
) -> None:
    """Record a live feed, message by message as it comes, until Ctrl-C.

    Reconnects by itself. Every message is on its way to the disk before the next one is read: a recording that was
    cut off stays readable.
    """
    import asyncio

    from karttime.circuits.local import check_url
    from karttime.cli.recording_progress import summary, watching
    from karttime.engine.recorder import Recorder, duration_or_never, recording_header
    from karttime.engine.signals import on_stop
    from karttime.engine.websocket import WebSocketOptions, WebSocketSource
    from karttime.recording.durations import parse_duration
    from karttime.recording.sizes import parse_size
    from karttime.recording.writer import RecordingWriter

    address, duration_ms = check_url(url), duration_or_never(duration)
    writer = RecordingWriter(
        out,
        recording_header(address, circuit),
        rotate_bytes=None if rotate_size is None else parse_size(rotate_size),
        rotate_ms=None if rotate_every is None else parse_duration(rotate_every),
    )
    recorder = Recorder(WebSocketSource(address, WebSocketOptions(max_attempts=max_attempts)), writer)

    async def run() -> None:
        with on_stop(recorder.stop), watching() as (report, every_s):
            await recorder.run(duration_ms=duration_ms, report=report, every_s=every_s)

    try:
        asyncio.run(run())
    finally:
        typer.echo(summary(recorder.progress()))
