"""The database and the journal, looked at without changing them."""

from pathlib import Path
from time import perf_counter
from typing import Final

from karttime.engine.checks.finding import Figures, Finding, Grade
from karttime.errors import KarttimeError
from karttime.storage.examine import examine, waiting_rows

SLOW_MS: Final = 1000
MANY_ROWS: Final = 10_000  # a minute of a busy track


def database(url: str) -> list[Finding]:
    """Whether it is reached, has this version's schema, and how large it is. Blocks, for a few seconds at most."""
    began = perf_counter()
    try:
        found = examine(url)
    except KarttimeError as error:
        advice = "Live data goes on without it, and rows wait. Start it, or correct DATABASE_URL."
        return [Finding("database", Grade.FAILURE, str(error), advice)]
    took = round((perf_counter() - began) * 1000)
    figures: Figures = {"size_bytes": found.size, "schema": found.schema.revision or "", "took_ms": took}
    if found.schema.revision is None:
        said = f"{found.shown}: empty, `karttime serve` makes its tables"
        return [Finding("database", Grade.OK, said, "", figures)]
    said = f"{found.shown}: {found.size / 1e6:,.1f} MB, answered after {took} ms"
    findings = [Finding("database", Grade.OK, said, "", figures)]
    if took > SLOW_MS:
        advice = "Look at its load, its disk and the network to it."
        findings = [Finding("database", Grade.WARNING, said, advice, figures)]
    if found.schema.behind:
        told = f"schema {found.schema.revision}, and this karttime has {found.schema.newest}"
        if found.file is not None:
            findings.append(Finding("database", Grade.WARNING, told, "`karttime serve` upgrades it as it starts."))
        else:
            findings.append(Finding("database", Grade.FAILURE, told, "Make a backup, then `karttime db upgrade`."))
    else:
        findings.append(Finding("database", Grade.OK, f"schema {found.schema.revision}, the newest"))
    if found.read_only:
        findings.append(
            Finding("database", Grade.FAILURE, "it takes no writes: a standby?", "Name the primary in DATABASE_URL.")
        )
    return findings


def journal(path: Path) -> Finding:
    """How many rows wait in the journal for the database."""
    try:
        rows = waiting_rows(path)
    except KarttimeError as error:
        advice = "Stop the service, move the file away and keep it, then start again: a new one is made."
        return Finding("journal", Grade.FAILURE, str(error), advice)
    figures: Figures = {"waiting_rows": rows, "path": str(path)}
    if rows > MANY_ROWS:
        said = f"{path.name}: {rows:,} rows wait for the database"
        return Finding("journal", Grade.WARNING, said, "See whether the database takes them: `/status`.", figures)
    said = f"{path.name}: {rows:,} rows wait for the database" if path.exists() else f"{path.name}: not made yet"
    return Finding("journal", Grade.OK, said, "", figures)
