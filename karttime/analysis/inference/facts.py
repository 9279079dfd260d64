"""Fields outside of tables: scalars that stand alone in a message, or in the one entry of an object by id."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from karttime.analysis.inference.findings import FieldFound, field_found
from karttime.analysis.inference.rows import Sent
from karttime.analysis.inference.series import Change, Column
from karttime.analysis.inference.structure import Place, is_map
from karttime.analysis.roles.session import session_claims
from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.view import CLAIMED, Claim
from karttime.feeds.declared.paths import ANY, Path, format_path
from karttime.feeds.declared.spec import FieldRole, SessionFieldSpec

SESSION_ROLES: Final = frozenset(
    {FieldRole.FLAG, FieldRole.CLOCK_REMAINING, FieldRole.CLOCK_ELAPSED, FieldRole.SESSION, FieldRole.TRACK}
    | {FieldRole.MESSAGE}
)
"""What the decoder tells of a session."""
_CLOCKS: Final = (FieldRole.CLOCK_REMAINING, FieldRole.CLOCK_ELAPSED)
_MAX_FACTS: Final = 300
_AGAIN: Final = 5
"""So many messages tell a field again and again."""
_MAX_DEPTH: Final = 5
_MAX_KEYS: Final = 100
_MAX_ENTRIES: Final = 2
"""Of an object by id two entries tell that there are several."""


def find_facts(kinds: Mapping[str, Sequence[Sent]], used: set[tuple[str, Path]]) -> dict[tuple[str, Path], Shape]:
    """Scalars that stand alone, by kind and path.

    Args:
        kinds: bodies of messages by kind.
        used: places of rows of competitors.
    """
    columns: dict[tuple[str, Path], Column] = {}
    entries: dict[tuple[str, Path], set[str]] = defaultdict(set)
    for kind, bodies in kinds.items():
        if (kind, ()) in used:
            continue
        for at, number, body in bodies:
            for path, keys, value in _alone(body, (), "", 0):
                if keys and len(entries[kind, path]) < 2:
                    entries[kind, path].add(keys)
                column = columns.get((kind, path))
                if column is None:
                    if len(columns) >= _MAX_FACTS:
                        continue
                    column = columns[(kind, path)] = Column(path, {"": []}, len(columns))
                changes = column.changes[""]
                if not changes or changes[-1].value != value:
                    changes.append(Change(at, number, value))
    alone = {
        (kind, path)
        for kind, path in columns
        if len(entries.get((kind, path), ())) < 2 and not _is_of((kind, path), used)
    }
    shapes = {where: Shape(column) for where, column in columns.items() if where in alone}
    return {where: shape for where, shape in shapes.items() if shape.values}


def _is_of(where: tuple[str, Path], used: set[tuple[str, Path]]) -> bool:
    """Whether a field is of rows of competitors."""
    kind, path = where
    return any((kind, path[:end]) in used for end in range(1, len(path)))


def _alone(value: Any, path: Path, keys: str, depth: int) -> Iterable[tuple[Path, str, Any]]:
    """Paths and values, with the ids of the entries that hold them."""
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        listed = is_map(value)
        for key, inner in [*value.items()][: _MAX_ENTRIES if listed else _MAX_KEYS]:
            if listed:
                yield from _alone(inner, (*path, ANY), f"{keys}/{key}", depth + 1)
            else:
                yield from _alone(inner, (*path, key), keys, depth + 1)
    elif path and not isinstance(value, dict | list):
        yield path, keys, value
    elif isinstance(value, list) and not path and depth == 0 and value and not isinstance(value[0], dict | list):
        for index, inner in enumerate(value[:40]):
            if not isinstance(inner, dict | list):
                yield (str(index),), keys, inner


def session_fields(
    facts: Mapping[tuple[str, Path], Shape],
    messages: Sequence[tuple[str, Place, Path, Shape]],
    kinds: Mapping[str, Sequence[Sent]],
    *,
    timed: bool,
) -> tuple[list[SessionFieldSpec], list[FieldFound]]:
    """What fields tell of the session, for a spec and for people.

    Args:
        facts: fields that stand alone.
        messages: lists of messages for people, with their texts.
        kinds: bodies of messages by kind.
        timed: whether the recording keeps times.
    """
    specs: list[tuple[float, SessionFieldSpec]] = []
    found: list[FieldFound] = []
    for (kind, path), shape in facts.items():
        told = kinds[kind]
        again_ms = told[-1].at - told[0].at if timed and len(told) >= _AGAIN else 0
        claims = session_claims(shape, timed=timed, again_ms=again_ms)
        best = claims[-1] if claims else None
        found.append(field_found(_name(kind, format_path(path)), shape, claims))
        if best is not None and best.confidence >= CLAIMED and best.role in SESSION_ROLES and _is_readable(best):
            specs.append((best.confidence, _session_spec(kind, format_path(path), best)))
    for kind, place, path, shape in messages:
        text = format_path((*place.path, *path))
        claim = Claim(FieldRole.MESSAGE, 0.75, why="sentences in a list, called so")
        found.append(field_found(_name(kind, text), shape, [claim]))
        specs.append((claim.confidence, _session_spec(kind, text, claim)))
    specs.sort(key=lambda pair: -pair[0])
    return _one_of_each(specs), found


def _is_readable(claim: Claim) -> bool:
    """Whether values of a role can be read: those of a clock only in a known unit."""
    return bool(claim.unit) or claim.role not in _CLOCKS


def _session_spec(kind: str, path: str, claim: Claim) -> SessionFieldSpec:
    return SessionFieldSpec(
        kind=kind, path=path, role=claim.role, unit=claim.unit, confidence=round(claim.confidence, 2)
    )


def _one_of_each(specs: Sequence[tuple[float, SessionFieldSpec]]) -> list[SessionFieldSpec]:
    """The surest field for each role; of clocks only one."""
    taken: set[FieldRole] = set()
    kept: list[SessionFieldSpec] = []
    for _, spec in specs:
        role = _CLOCKS[0] if spec.role in _CLOCKS else spec.role
        if role not in taken and spec.role in SESSION_ROLES:
            taken.add(role)
            kept.append(spec)
    return kept


def _name(kind: str, path: str) -> str:
    return f"{kind}: {path}" if kind else path
