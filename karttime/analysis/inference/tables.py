"""From candidates for tables to the tables of a spec: which one is the standing, which others add to it."""

from collections.abc import Mapping, Sequence
from typing import Final

from karttime.analysis.inference.candidates import Candidate, Draft, row_path
from karttime.analysis.inference.laplists import lap_table
from karttime.analysis.inference.telling import find_messages, tell
from karttime.analysis.roles.decide import worth
from karttime.analysis.roles.names import suggested
from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.view import CLAIMED, Claim, View
from karttime.feeds.declared.paths import format_path
from karttime.feeds.declared.spec import FieldRole, FieldSpec, LapRule, TableSpec
from karttime.feeds.declared.tables import KEY, PLACE

_SURE: Final = 0.8
_LEAST: Final = 4.0
"""How much a table must tell to be a standing: a position and a time, or so."""
_CORE: Final = frozenset(
    {FieldRole.POSITION, FieldRole.LAST_LAP, FieldRole.BEST_LAP, FieldRole.LAPS, FieldRole.GAP, FieldRole.TOTAL_TIME}
)
_TIMES: Final = frozenset(
    {FieldRole.LAST_LAP, FieldRole.BEST_LAP, FieldRole.AVERAGE_LAP, FieldRole.LAP_TIME, FieldRole.TOTAL_TIME}
    | {FieldRole.SECTOR_1, FieldRole.SECTOR_2}
)
_LAP_NAMES: Final = (FieldRole.LAST_LAP, FieldRole.BEST_LAP, FieldRole.LAP_TIME)


def draft(candidates: Sequence[Candidate]) -> Draft:
    """Choose the standing, the tables that add to it, lists of laps and of messages."""
    drafted = Draft()
    ranked = sorted(_without_wholes(candidates), key=lambda c: -_rank(c))
    main = next((c for c in ranked if worth(c.view) >= _LEAST and _is_standing(c)), None)
    if main is not None:
        drafted.tables.append(main)
        drafted.specs.append(_table_spec(main, "id"))
        _add_others(drafted, main, [c for c in ranked if c is not main])
        _lap_rule(drafted, main)
    for candidate in ranked:
        if candidate in drafted.tables:
            tell(drafted, candidate)
    keys = _keys(main) | _numbers(main) if main is not None else set()
    for candidate in ranked:
        if candidate not in drafted.tables:
            same = main is not None and len(_keys(candidate) & keys) >= 0.6 * len(_keys(candidate))
            doubted = not same or _is_index_of_places(candidate)
            tell(drafted, candidate, doubted=doubted)
            if not doubted and not candidate.place.path:
                drafted.rows.add(candidate.kind)
            find_messages(drafted, candidate)
    return drafted


def _without_wholes(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Without whole messages taken for rows where the messages hold a table, and without lists inside told rows."""
    good = [
        c
        for c in candidates
        if c.place.path
        and worth(c.view) >= _LEAST
        and c.series.competitors >= 2
        and not any(_groups(c, inner) for inner in candidates)
    ]
    kept = []
    for candidate in candidates:
        path = candidate.place.path
        inside = any(
            other.kind == candidate.kind
            and len(other.place.path) < len(path)
            and path[: len(other.place.path)] == other.place.path
            for other in good
        )
        whole = not path and any(other.kind == candidate.kind for other in good)
        if not inside and not whole and (path or worth(candidate.view) >= _LEAST):
            kept.append(candidate)
    return kept


def _groups(outer: Candidate, inner: Candidate) -> bool:
    """Whether rows are groups, such as classes, and the competitors are in the rows inside of them."""
    path = outer.place.path
    within = outer.kind == inner.kind and len(inner.place.path) > len(path) and inner.place.path[: len(path)] == path
    return within and inner.series.competitors > outer.series.competitors and _is_standing(inner)


def _rank(candidate: Candidate) -> float:
    """What it tells; more for behaviour that is seen than for a single moment."""
    seen = 0.5 if candidate.series.messages > 2 else 0.0
    return (
        worth(candidate.view) + seen + 0.15 * min(candidate.series.competitors, 30) - 0.01 * len(candidate.place.path)
    )


def _is_standing(candidate: Candidate) -> bool:
    roles = _roles(candidate.view)
    told = candidate.series.competitors >= 2 and len(roles & _CORE) >= 1 and len(roles) >= 3
    return told and (_is_timing(roles) or _will_be_timing(candidate))


def _is_timing(roles: set[FieldRole]) -> bool:
    """Whether somebody is timed: ranks, names and scores alone are a game or a league."""
    return bool(roles & _TIMES) or (FieldRole.LAPS in roles and bool(roles & {FieldRole.GAP, FieldRole.INTERVAL}))


def _will_be_timing(candidate: Candidate) -> bool:
    """Whether fields that are blank so far are called lap times: nobody has driven yet."""
    blank = [suggested(path) for path in candidate.series.columns if path not in candidate.view.shapes]
    laps = sum(1 for names in blank if max((names.get(role, 0.0) for role in _LAP_NAMES), default=0.0) >= 0.7)
    return laps >= 2


def _roles(view: View) -> set[FieldRole]:
    return {claim.role for path in view.shapes if (claim := view.best(path)) and claim.confidence >= CLAIMED}


# --- tables that add ------------------------------------------------------------------------------------------------


def _keys(candidate: Candidate) -> set[str]:
    return {key for section in candidate.series.sections for key in section}


def _numbers(candidate: Candidate) -> set[str]:
    shape = candidate.view.holder(FieldRole.NUMBER)
    return set(shape.distinct) if shape is not None else set()


def _add_others(drafted: Draft, main: Candidate, others: Sequence[Candidate]) -> None:
    keys, numbers = _keys(main), _numbers(main)
    told = _roles(main.view)
    for candidate in others:
        if len(drafted.specs) >= 12:
            break
        listed = lap_table(candidate, keys, numbers)
        if listed is not None and not any(spec.holds == "laps" for spec in drafted.specs):
            drafted.specs.append(listed)
            continue
        own = _keys(candidate)
        if candidate.series.competitors < 2 or len(own) < 2 or candidate.series.update == "places":
            continue
        key = ""
        if len(own & keys) >= 0.6 * len(own) and not _is_index_of_places(candidate):
            joined = "id"
        elif len(own & numbers) >= 0.6 * len(own) and not _is_index_of_places(candidate):
            joined = "number"
        else:
            key, joined = _other_key(candidate, keys), "id"
            if not key:
                continue
        fresh = _roles(candidate.view) - told
        if FieldRole.POSITION in fresh and not _is_order(candidate):
            fresh -= {FieldRole.POSITION}
        if not fresh & _ADDS:
            continue
        told |= fresh
        drafted.tables.append(candidate)
        drafted.specs.append(_table_spec(candidate, joined, key, only=fresh))


_ADDS: Final = frozenset(FieldRole) - {
    FieldRole.ID, FieldRole.UNDECIDED, FieldRole.COLOUR, FieldRole.TIME_OF_DAY, FieldRole.PASSING,
    FieldRole.BEST_SECTOR,
}  # fmt: skip


def _is_order(candidate: Candidate) -> bool:
    """Whether a table surely tells the order of the race: its rows move, not those of a class or a grid."""
    position = candidate.view.holder(FieldRole.POSITION)
    claim = candidate.view.best(position.path) if position is not None else None
    return position is not None and claim is not None and claim.confidence >= _SURE and position.restless > 0


def _is_index_of_places(candidate: Candidate) -> bool:
    """Whether a table is keyed by the index in a list, which is no competitor."""
    return candidate.series.key == (KEY,) and not candidate.place.by_key


def _other_key(candidate: Candidate, keys: set[str]) -> str:
    """The field whose values are the keys of the standing, where another identifies its own rows; empty for none."""
    for path, shape in candidate.view.shapes.items():
        same = len(shape.distinct & keys) >= 0.8 * len(shape.distinct)
        if same and len(shape.distinct) >= max(2, 0.9 * candidate.series.competitors) and path != (PLACE,):
            return format_path(path)
    return ""


def _table_spec(candidate: Candidate, key_is: str, key: str = "", only: set[FieldRole] | None = None) -> TableSpec:
    view = candidate.view
    fields: list[tuple[float, int, FieldSpec]] = []
    for path, shape in view.shapes.items():
        claims = sorted(view.claims.get(path, ()), key=lambda claim: -claim.confidence)
        if not claims or (only is not None and claims[0].role not in only):
            continue
        fields.append((_order(claims[0]), shape.column.index, _field_spec(shape, claims)))
    fields.sort(key=lambda one: one[:2])
    return TableSpec.model_validate(
        {
            "kind": candidate.kind,
            "rows": row_path("", candidate.place),
            "key": key or candidate.series.key_text,
            "key_is": key_is,
            "update": candidate.series.update,
            "fields": [spec for _, _, spec in fields],
            "also": [
                {"kind": one.kind, "rows": row_path("", one.place), "key": one.key, "update": one.update}
                for one in candidate.series.also
            ],
        }
    )


def _order(claim: Claim) -> float:
    """Roles in the order of a board, undecided fields last; of several for a role the surest first."""
    order = [*FieldRole].index(claim.role) if claim.confidence >= CLAIMED else 1000
    return order + 0.9 * (1 - claim.confidence)


def _field_spec(shape: Shape, claims: Sequence[Claim]) -> FieldSpec:
    best = claims[0]
    sure = best.confidence >= CLAIMED
    return FieldSpec.model_validate(
        {
            "path": PLACE if shape.path == (PLACE,) else format_path(shape.path),
            "role": best.role if sure else FieldRole.UNDECIDED,
            "unit": best.unit,
            "part": best.part if sure else "",
            "confidence": round(best.confidence, 2),
            "candidates": () if sure else tuple(dict.fromkeys(claim.role for claim in claims)),
        }
    )


def _lap_rule(drafted: Draft, main: Candidate) -> None:
    roles: Mapping[FieldRole, Shape | None] = {
        role: main.view.holder(role) for role in (FieldRole.LAPS, FieldRole.LAST_LAP)
    }
    if any(spec.holds == "laps" for spec in drafted.specs):
        drafted.laps = LapRule(by="rows")
    elif all(roles.values()):
        drafted.laps = LapRule(by="count")
    elif roles[FieldRole.LAST_LAP] is not None:
        drafted.laps = LapRule(by="change")
    else:
        drafted.notes.append("no field is surely the last lap: laps cannot be decided")
