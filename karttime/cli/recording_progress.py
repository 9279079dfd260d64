"""How `karttime record` shows what it does: a line that changes on a terminal, a line every ten seconds elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from karttime.engine.recorder import RecordingProgress

Report = Callable[[RecordingProgress], None]

_TERMINAL_S: Final = 0.5
_LOG_S: Final = 10.0


@contextmanager
def watching() -> Iterator[tuple[Report, float]]:
    """A way to show progress on standard error, and how often it wants to be called, in seconds."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield (lambda progress: print(line(progress), file=sys.stderr, flush=True)), _LOG_S  # noqa: T201 - the log
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield (lambda progress: live.update(Text(line(progress), no_wrap=True), refresh=True)), _TERMINAL_S


def line(progress: RecordingProgress) -> str:
    """The recording as it is now, on one line."""
    age = "no data yet" if progress.data_age_ms is None else f"last {progress.data_age_ms / 1000:.1f} s ago"
    return (
        f"{_time(progress.elapsed_ms)}  {progress.frames} messages  {progress.rate:.1f}/s  {age}"
        f"  {_size(progress.bytes)}  {progress.reconnects} reconnects  {progress.state}"
    )


def summary(progress: RecordingProgress) -> str:
    """What was recorded, and where."""
    files = "\n".join(f"  {path}" for path in progress.paths)
    return (
        f"{progress.frames} messages in {_time(progress.elapsed_ms)}, {_size(progress.bytes)} on disk,"
        f" {progress.reconnects} reconnects\n{files}"
    )


def _time(ms: int) -> str:
    seconds = ms // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _size(size: int) -> str:
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
