"""Column mappings that are proposed from what columns mean, and how they differ from what a person chose.

A proposal speaks the labels that the app offers for columns. A label that a person chose is never overwritten: it
is kept, and the difference is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final, Literal

from karttime.domain.columns import Column, Role
from karttime.domain.display import clean

LABELS: Final[Mapping[Role, str]] = {
    Role.POSITION: "Classement",
    Role.NUMBER: "Kart",
    Role.TEAM: "Equipe/Pilote",
    Role.DRIVER: "Equipe/Pilote",
    Role.SECTOR_1: "S1",
    Role.SECTOR_2: "S2",
    Role.SECTOR_3: "S3",
    Role.LAST_LAP: "Dernier T.",
    Role.GAP: "Ecart",
    Role.BEST_LAP: "Meilleur T.",
    Role.TRACK_TIMER: "En Piste",
    Role.PIT_STOPS: "Stands",
    Role.LAPS: "Lap",
    Role.INTERVAL: "Intervalles",
    Role.PENALTY: "Penalites",
    Role.CLASS: "Categorie",
}
"""The app's choices for a column (`secteur_choices`); a column of any other role has none."""

Kind = Literal["same", "new", "kept", "gone"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One column: what is stored, what is proposed.

    `same`: they agree; `new`: nothing is stored; `kept`: a person chose otherwise, or no label fits; `gone`: the layout
    has no such column.
    """

    column: str
    stored: str
    proposed: str
    kind: Kind


def propose(columns: Sequence[Column]) -> dict[str, str]:
    """Labels by `C1`…`Cn`, empty where none fits; of two columns with one label only the first has it.

    The app keys cells by label: two columns with the same one would collapse.
    """
    taken: set[str] = set()
    labels: dict[str, str] = {}
    for column in sorted(columns, key=lambda one: one.index):
        label = LABELS.get(column.role, "")
        labels[column.id] = "" if label in taken else label
        taken.add(label)
    return labels


def compare(stored: Mapping[str, str], proposed: Mapping[str, str]) -> list[Difference]:
    """Every column of either, in column order."""
    found: list[Difference] = []
    for column in sorted({*stored, *proposed}, key=lambda name: int(name[1:])):
        old, new = stored.get(column, ""), proposed.get(column, "")
        kind: Kind
        if column not in proposed:
            kind = "gone"
        elif old == new:
            kind = "same"
        else:
            kind = "kept" if old else "new"
        found.append(Difference(column, old, new, kind))
    return found


def merged(stored: Mapping[str, str], proposed: Mapping[str, str]) -> dict[str, str]:
    """What is stored, with proposals where a person chose nothing; a label in use is not given twice."""
    used = {label for label in stored.values() if label}
    fresh = {
        one.column: one.proposed
        for one in compare(stored, proposed)
        if one.kind == "new" and one.proposed and one.proposed not in used
    }
    return {**stored, **fresh}


def mapping_of(stored: Mapping[str, str], result: Mapping[str, Any]) -> dict[str, Any]:
    """What an analysis (`karttime analyze --json`, with `columns`) proposes, against the labels that are stored.

    Returns:
        `layout`: the key of the layout; `proposed` and `confidence` by column; `differences` as `compare` finds them.
    """
    columns = [
        Column(int(one["column"][1:]), Role(one["role"]), one["label"], one["type"])
        for one in result.get("columns", ())
    ]
    sure = role_confidence(result.get("spec"))
    proposed = propose(columns)
    return {
        "layout": layout_key(columns),
        "proposed": proposed,
        "confidence": {
            column.id: round(sure.get(column.role.value, 1.0), 2) for column in columns if proposed[column.id]
        },
        "differences": [asdict(one) for one in compare(stored, proposed)],
    }


def role_confidence(spec: Mapping[str, Any] | None) -> dict[str, float]:
    """How sure the roles of a spec are, by role; a known format's columns say themselves what they are."""
    tables = () if spec is None else spec.get("tables", ())
    sure: dict[str, float] = {}
    for field in (field for table in tables for field in table.get("fields", ())):
        sure.setdefault(field["role"], float(field.get("confidence", 1.0)))
    return sure


def layout_key(columns: Sequence[Column]) -> str:
    """A short name of a layout: the same for the same headers in the same order."""
    text = "\0".join(f"{column.index} {clean(column.label)} {column.type}" for column in columns)
    return sha256(text.encode()).hexdigest()[:12]
