"""From candidates for tables to the tables of a spec: which one is the standing, which others add to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from karttime.analysis.inference.findings import FieldFound, field_found
from karttime.analysis.inference.rows import RowSeen
from karttime.analysis.inference.series import Series
from karttime.analysis.inference.structure import Place
from karttime.analysis.roles.decide import worth
from karttime.analysis.roles.names import suggested
from karttime.analysis.roles.shapes import LAP_MAX, LAP_MIN, Shape
from karttime.analysis.roles.view import CLAIMED, Claim, View
from karttime.feeds.declared.paths import ANY, Path, escape, format_path
from karttime.feeds.declared.spec import FieldRole, FieldSpec, LapRule, SessionRule, TableSpec
from karttime.feeds.declared.tables import KEY, PLACE
from karttime.feeds.declared.values import read_count, read_ms, read_text

_DOUBTED: Final = 0.65
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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place with rows, and what its fields are taken for."""

    kind: str
    place: Place
    series: Series
    view: View
    rows: Sequence[RowSeen]

    @property
    def name(self) -> str:
        """Its path for people: `board: runs[]`."""
        return row_path(self.kind, self.place)


@dataclass(slots=True)
class Draft:
    """Tables for a spec, and what is told of their fields."""

    specs: list[TableSpec] = field(default_factory=list)
    tables: list[Candidate] = field(default_factory=list)
    fields: list[FieldFound] = field(default_factory=list)
    messages: list[tuple[str, Place, Path, Shape]] = field(default_factory=list)
    laps: LapRule = field(default_factory=LapRule)
    sessions: SessionRule = field(default_factory=SessionRule)
    notes: list[str] = field(default_factory=list)


def row_path(kind: str, place: Place) -> str:
    """The path of rows for people: `[]` for lists, `.*` for objects by key."""
    text = ""
    for number, segment in enumerate(place.path):
        if segment == ANY:
            text += ".*" if place.by_key and number == len(place.path) - 1 and text else "*" if place.by_key else "[]"
        else:
            text += ("." if text else "") + escape(segment)
    return f"{kind}: {text}" if kind else text


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
            _tell(drafted, candidate)
    keys = _keys(main) | _numbers(main) if main is not None else set()
    for candidate in ranked:
        if candidate not in drafted.tables:
            same = main is not None and len(_keys(candidate) & keys) >= 0.6 * len(_keys(candidate))
            _tell(drafted, candidate, doubted=not same or _is_index_of_places(candidate))
            _find_messages(drafted, candidate)
    return drafted


def _without_wholes(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Without whole messages taken for rows where the messages hold a table, and without lists inside told rows."""
    good = [c for c in candidates if c.place.path and worth(c.view) >= _LEAST and c.series.competitors >= 2]
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
        lap_table = _lap_table(candidate, keys, numbers)
        if lap_table is not None and not any(spec.holds == "laps" for spec in drafted.specs):
            drafted.specs.append(lap_table)
            continue
        own = _keys(candidate)
        if candidate.series.competitors < 2 or len(own) < 2 or candidate.series.update == "places":
            continue
        if len(own & keys) >= 0.6 * len(own) and not _is_index_of_places(candidate):
            joined = "id"
        elif len(own & numbers) >= 0.6 * len(own) and not _is_index_of_places(candidate):
            joined = "number"
        else:
            continue
        fresh = _roles(candidate.view) - told
        if not fresh or not fresh & _ADDS:
            continue
        told |= fresh
        drafted.tables.append(candidate)
        drafted.specs.append(_table_spec(candidate, joined, only=fresh))


_ADDS: Final = frozenset(FieldRole) - {
    FieldRole.ID, FieldRole.UNDECIDED, FieldRole.COLOUR, FieldRole.TIME_OF_DAY, FieldRole.PASSING,
    FieldRole.BEST_SECTOR, FieldRole.POSITION,
}  # fmt: skip


def _is_index_of_places(candidate: Candidate) -> bool:
    """Whether a table is keyed by the index in a list, which is no competitor."""
    return candidate.series.key == (KEY,) and not candidate.place.by_key


def _mostly(texts: set[str], known: set[str]) -> bool:
    return len(texts & known) >= 0.8 * len(texts)


def _lap_table(candidate: Candidate, keys: set[str], numbers: set[str]) -> TableSpec | None:
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


def _table_spec(candidate: Candidate, key_is: str, only: set[FieldRole] | None = None) -> TableSpec:
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
            "key": candidate.series.key_text,
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


# --- telling --------------------------------------------------------------------------------------------------------


def _tell(drafted: Draft, candidate: Candidate, *, doubted: bool = False) -> None:
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


def _find_messages(drafted: Draft, candidate: Candidate) -> None:
    for path, shape in candidate.view.shapes.items():
        sentences = shape.letters >= 0.8 and shape.words >= 3 and len(shape.distinct) >= 2
        if sentences and shape.named(FieldRole.MESSAGE) and not drafted.messages:
            drafted.messages.append((candidate.kind, candidate.place, path, shape))
