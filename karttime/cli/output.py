"""What several commands print and write: JSON, CSV, a progress bar."""

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from karttime.errors import UsageError

if TYPE_CHECKING:
    from karttime.domain.session import Session

_LONG_FILE = 8 << 20


def write_json(data: object) -> None:
    """One JSON document on standard output, in UTF-8."""
    import orjson

    sys.stdout.buffer.write(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def write_csv(folder: Path, sessions: list["Session"], kart: str | None) -> None:
    """Write `laps.csv` and `classification.csv`; files of these names are replaced.

    Raises:
        UsageError: the folder cannot be written.
    """
    from karttime.analysis.document import csv_safe, lap_rows, standing_rows

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in (("laps", lap_rows), ("classification", standing_rows)):
            with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                for number, row in enumerate(rows(sessions, kart)):
                    if number == 0:
                        writer.writerow(row)
                    writer.writerow([csv_safe(value) for value in row.values()])
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}; name a folder that can be written") from error


@contextmanager
def progress(paths: Sequence[Path]) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on standard error while long files are read; none where nobody looks."""
    size = sum(path.stat().st_size for path in paths if path.is_file())
    if size < _LONG_FILE or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.completed} frames"), BarColumn(), TextColumn("{task.fields[mb]:.0f} MB"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, mb=0.0)
        yield lambda frames, count: bar.update(task, completed=frames, mb=count / 1e6)
