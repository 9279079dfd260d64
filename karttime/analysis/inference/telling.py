"""What is told of the fields of tables, those of a spec and others."""

from dataclasses import replace
from typing import Final

from karttime.analysis.inference.candidates import Candidate, Draft, row_path
from karttime.analysis.inference.findings import field_found
from karttime.analysis.roles.view import Claim
from karttime.feeds.declared.paths import ANY, Path, format_path
from karttime.feeds.declared.spec import FieldRole, TableSpec
from karttime.feeds.declared.tables import PLACE

_DOUBTED: Final = 0.65


def tell(drafted: Draft, candidate: Candidate, *, doubted: bool = False) -> None:
    """Tell of the fields; those of rows that are no competitors of the standing are claimed with less confidence."""
    laps = next((s for s in drafted.specs if s.holds == "laps" and _is_of(s, candidate)), None)
    if laps is not None:
        _tell_laps(drafted, candidate, laps)
        return
    prefix = candidate.name
    for path, shape in candidate.view.shapes.items():
        if any(_is_within(candidate, path, other) for other in drafted.tables):
            continue  # told with the rows that are inside of this one
        claims = candidate.view.claims.get(path, [])
        if path == (PLACE,) and (doubted or not claims):
            continue
        if doubted:
            claims = [replace(claim, confidence=min(claim.confidence, _DOUBTED)) for claim in claims]
        text = PLACE if path == (PLACE,) else format_path(path)
        joined = f"{prefix}{'' if prefix.endswith(': ') or not prefix else '.'}{text}"
        drafted.fields.append(field_found(joined, shape, claims))


def _is_within(candidate: Candidate, path: Path, other: Candidate) -> bool:
    """Whether a field of a row is a field of the rows of another table, which are inside of it."""
    inner, whole = other.place.path, (*candidate.place.path, *path)
    return (
        candidate.kind == other.kind
        and len(candidate.place.path) < len(inner) < len(whole)
        and all(step in (ANY, one) for step, one in zip(inner, whole, strict=False))
    )


def _is_of(spec: TableSpec, candidate: Candidate) -> bool:
    return spec.kind == candidate.kind and spec.rows == row_path("", candidate.place)


def _tell_laps(drafted: Draft, candidate: Candidate, laps: TableSpec) -> None:
    roles = {field.path: field for field in laps.fields}
    for path, shape in candidate.view.shapes.items():
        spec = roles.get(format_path(path))
        claims = [Claim(spec.role, 0.85, spec.unit, why="a list of laps")] if spec is not None else []
        drafted.fields.append(field_found(f"{candidate.name}.{format_path(path)}", shape, claims))


def find_messages(drafted: Draft, candidate: Candidate) -> None:
    for path, shape in candidate.view.shapes.items():
        sentences = shape.letters >= 0.8 and shape.words >= 3 and len(shape.distinct) >= 2
        if sentences and shape.named(FieldRole.MESSAGE) and not drafted.messages:
            drafted.messages.append((candidate.kind, candidate.place, path, shape))
