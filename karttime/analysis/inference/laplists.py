"""Lists with one row per lap: whose, which lap, how long."""

from karttime.analysis.inference.candidates import Candidate, row_path
from karttime.analysis.roles.shapes import LAP_MAX, LAP_MIN
from karttime.feeds.declared.paths import format_path
from karttime.feeds.declared.spec import TableSpec
from karttime.feeds.declared.tables import KEY
from karttime.feeds.declared.values import read_count, read_ms, read_text


def _mostly(texts: set[str], known: set[str]) -> bool:
    return len(texts & known) >= 0.8 * len(texts)


def lap_table(candidate: Candidate, keys: set[str], numbers: set[str]) -> TableSpec | None:
    """A list with one row per lap: whose, which lap, how long."""
    if not candidate.place.path or candidate.place.by_key:
        return None
    rows = [row for row in candidate.rows if row.message == candidate.rows[-1].message]
    if len(rows) < 4:
        return None
    owner = number = time = None
    for path in rows[-1].leaves:
        values = [row.leaves.get(path) for row in rows]
        texts = {text for value in values if (text := read_text(value))}
        if (
            len(texts) >= 2
            and len(texts) < 0.7 * len(rows)
            and owner is None
            and (_mostly(texts, keys) or _mostly(texts, numbers))
        ):
            owner = (path, "id" if _mostly(texts, keys) else "number")
        counts = [read_count(value) for value in values]
        times = [ms for value in values if (ms := read_ms(value, "s" if isinstance(value, float) else "text"))]
        decimals = any("." in read_text(value) for value in values)
        if (
            time is None
            and decimals
            and len(times) >= 0.5 * len(rows)
            and all(LAP_MIN <= ms <= LAP_MAX for ms in times)
        ):
            time = (path, "s" if isinstance(values[-1], float) else "text")
        elif number is None and all(count is not None and count < 3000 for count in counts) and len(set(counts)) >= 3:
            number = path
    if owner is None or number is None or time is None:
        return None
    pairs = [(read_text(row.leaves.get(owner[0])), read_count(row.leaves.get(number))) for row in rows]
    if len(set(pairs)) < len(pairs):
        return None
    return TableSpec.model_validate(
        {
            "kind": candidate.kind,
            "rows": row_path("", candidate.place),
            "key": KEY,
            "key_is": owner[1],
            "holds": "laps",
            "fields": [
                {"path": format_path(owner[0]), "role": "number" if owner[1] == "number" else "id"},
                {"path": format_path(number), "role": "lap_number"},
                {"path": format_path(time[0]), "role": "lap_time", "unit": time[1]},
            ],
        }
    )
