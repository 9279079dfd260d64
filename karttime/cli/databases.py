"""What `karttime db` does."""

import contextlib
import csv
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from karttime.analysis.document import csv_safe
from karttime.cli.places import journal_path
from karttime.domain.times import iso_from_ms
from karttime.engine.clock import Clock
from karttime.errors import UsageError
from karttime.settings import load
from karttime.storage import engines
from karttime.storage.backup import backup as copy_files
from karttime.storage.database import Database, look
from karttime.storage.engines import parse_url
from karttime.storage.export import KINDS, columns, stored
from karttime.storage.overview import overview
from karttime.storage.retention import Pruned, prune

_AGE: Final = re.compile(r"([1-9]\d{0,4})([hdw])", re.ASCII)
_UNIT_MS: Final = {"h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_TIMES: Final = frozenset({"at", "started_at", "ended_at"})


def upgrade(url: str | None) -> str:
    """Bring a database to this version's schema; a sentence about what was done."""
    database = Database(_address(url), upgrade=True)
    database.close()
    before = database.before
    if before.revision is None:
        return f"an empty database: its tables were made, schema {before.newest}"
    if not before.behind:
        return f"nothing to do: schema {before.newest} is the newest"
    return f"upgraded from schema {before.revision} to {before.newest}"


def status(url: str | None) -> dict[str, Any]:
    """Address, schema and contents; what an older or empty database holds is not counted."""
    address = _address(url)
    schema = look(address)
    report: dict[str, Any] = {
        "database": engines.shown(parse_url(address)),
        "schema": schema.revision,
        "newest_schema": schema.newest,
    }
    if schema.behind:
        return report
    with _opened(address) as database:
        found = overview(database)
    report |= {"bytes": found.size, "rows": dict(found.rows)}
    moments = {"first_at": found.first_at, "last_at": found.last_at}
    return report | {name: None if at is None else iso_from_ms(at) for name, at in moments.items()}


def status_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield f"database  {report['database']}"
    if report["schema"] is None:
        yield "schema    none yet: `karttime serve` or `karttime db upgrade` makes the tables"
    elif report["schema"] != report["newest_schema"]:
        yield f"schema    {report['schema']}, outdated: `karttime db upgrade` brings it to {report['newest_schema']}"
    else:
        yield f"schema    {report['schema']}, the newest"
        yield f"size      {report['bytes'] / 1e6:,.1f} MB"
        if report["first_at"] is not None:
            yield f"from      {report['first_at']}"
            yield f"to        {report['last_at']}"
        for name, count in report["rows"].items():
            yield f"{count:>12,}  {name}"


def prune_older(url: str | None, age: str, *, keep_laps: bool, dry_run: bool) -> Pruned:
    """Delete what is older than an age such as `30d`."""
    found = _AGE.fullmatch(age.strip().lower())
    if found is None:
        raise UsageError(f"{age[:40]!r} is no age: write it like 12h, 30d or 8w")
    before = Clock().wall_ms() - int(found[1]) * _UNIT_MS[found[2]]
    with _filled(url) as database:
        return prune(database, before, keep_laps=keep_laps, dry_run=dry_run)


def export(url: str | None, target: str, only: Sequence[str], circuit_id: str | None) -> int:
    """Write rows to a file, or to standard output for `-`; how many."""
    table = target.lower().endswith(".csv")
    if not table and target != "-" and not target.lower().endswith(".jsonl"):
        raise UsageError(f"{target} is neither JSON Lines nor CSV: name a file that ends in .jsonl or .csv, or -")
    if table and len(only) != 1:
        raise UsageError(f"a CSV file holds rows of one kind: add --only {', --only '.join(KINDS[:-1])} or {KINDS[-1]}")
    kinds = [kind for kind in KINDS if kind in only or not only]
    with _filled(url) as database, _output(target) as file:
        if table:
            return _write_csv(file, columns(kinds[0]), stored(database, kinds[0], circuit_id))
        return sum(_write_lines(file, kind, stored(database, kind, circuit_id)) for kind in kinds)


def backup(url: str | None, folder: Path) -> tuple[list[Path], str]:
    """Copy the journal, and an SQLite file: the copies, and what is left for others to do, in a sentence."""
    settings = load(database_url=url)
    address = settings.database_url
    copies = copy_files(address, journal_path(settings, address), folder)
    if parse_url(address).get_backend_name() == "sqlite":
        return copies, ""
    return copies, "the journal is copied; now make a dump of the PostgreSQL database itself, with pg_dump"


def _write_lines(file: BinaryIO, kind: str, rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - how many there were
        file.write(orjson.dumps({"type": kind} | _readable(row), option=orjson.OPT_APPEND_NEWLINE))
    return count


def _write_csv(file: BinaryIO, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    writer = csv.writer(_Encoded(file))
    writer.writerow(names)
    for count, row in enumerate(rows, 1):  # noqa: B007 - how many there were
        writer.writerow([_cell(value) for value in _readable(row).values()])
    return count


class _Encoded:
    """A binary file as the CSV writer wants it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: iso_from_ms(value) if name in _TIMES and value is not None else value for name, value in row.items()}


def _cell(value: object) -> object:
    return csv_safe(orjson.dumps(value).decode() if isinstance(value, dict | list) else value)


def _address(url: str | None) -> str:
    return load(database_url=url).database_url


@contextmanager
def _opened(address: str) -> Iterator[Database]:
    database = Database(address, upgrade=False, patient=True)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _filled(url: str | None) -> Iterator[Database]:
    """A database that is there already."""
    address = _address(url)
    if look(address).revision is None:
        shown = engines.shown(parse_url(address))
        raise UsageError(f"nothing is stored in {shown}: name another with --database or DATABASE_URL")
    with _opened(address) as database:
        yield database


@contextmanager
def _output(target: str) -> Iterator[BinaryIO]:
    """The file under another name until all is in it: what bears the name is whole."""
    if target == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    if path.exists():
        raise UsageError(f"{target} is there already: name another file")
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        os.replace(part, path)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}; name a file that can be written") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
