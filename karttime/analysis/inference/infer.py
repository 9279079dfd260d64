"""From frames to findings: framing, kinds, tables, roles, spec. Work is bounded by `MAX_TEXT` and `MAX_MESSAGES`."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, Final

from karttime.analysis.inference.candidates import Candidate
from karttime.analysis.inference.findings import FieldFound, Findings, KindFound, field_found
from karttime.analysis.inference.patches import find_patches
from karttime.analysis.inference.pivots import find_pivots
from karttime.analysis.inference.rows import RowSeen, Sent, rows_of
from karttime.analysis.inference.sampling import read_messages
from karttime.analysis.inference.series import Change, Column, read_series
from karttime.analysis.inference.siblings import Sending, join
from karttime.analysis.inference.structure import Node, Place, is_map, places
from karttime.analysis.inference.tables import draft
from karttime.analysis.inference.unwrap import guess_framing
from karttime.analysis.roles.decide import decide
from karttime.analysis.roles.session import session_claims
from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.view import CLAIMED, Claim
from karttime.feeds.declared.framing import Unreadable, Unwrapper
from karttime.feeds.declared.paths import Path, format_path, parse_path
from karttime.feeds.declared.spec import Embedded, FeedSpec, FieldRole, Framing, SessionFieldSpec
from karttime.feeds.declared.transport import unpack
from karttime.feeds.frame import Frame

MAX_TEXT: Final = 2 << 20
MAX_MESSAGES: Final = 30_000
_MAX_UNWRAPPED: Final = 4 * MAX_TEXT
"""Packed texts grow; so much of what is in them is looked at."""
_MAX_KINDS: Final = 60
UNTIMED_STEP_MS: Final = 100
SESSION_ROLES: Final = frozenset(
    {FieldRole.FLAG, FieldRole.CLOCK_REMAINING, FieldRole.CLOCK_ELAPSED, FieldRole.SESSION, FieldRole.TRACK}
    | {FieldRole.MESSAGE}
)
"""What the decoder tells of a session."""
_MAX_FACTS: Final = 300
_STRUCTURE_MESSAGES: Final = 1_500


def infer(frames: Sequence[Frame], name: str = "unknown") -> Findings:
    """Find out what these frames mean; never raises on what a feed sends."""
    found = Findings(frames=len(frames))
    incoming = [_as_text(frame) for frame in frames if frame.direction == "in"]
    texts = [frame.text for frame in incoming if frame.text is not None]
    if not texts:
        _describe_binary(found, incoming)
        return found
    framing = guess_framing(texts)
    if framing is None:
        found.framing = "no structure"
        _count_unread(found, texts)
        found.notes.append("no message has a structure that could be a table: keep-alives, prose, or encrypted")
        return found
    _read(found, framing, incoming, name)
    return found


def _as_text(frame: Frame) -> Frame:
    """Bytes that hold text, compressed or not, are read as it."""
    text = unpack(frame.data) if frame.text is None and frame.data else None
    return frame if text is None else frame._replace(text=text)


def _read(found: Findings, framing: Framing, frames: Sequence[Frame], name: str) -> None:
    kinds, counts = _messages(framing, frames)
    plain = kinds
    patched = find_patches(framing, kinds)
    if patched is not framing:
        framing = patched
        kinds, counts = _messages(framing, frames)
    pivoted = find_pivots(framing, kinds, plain)
    if pivoted is not framing:
        framing = pivoted
        kinds, counts = _messages(framing, frames)
    timed = is_timed(frames)
    candidates = _tables(kinds, parse_path(framing.kind) if framing.envelope == "field" else (), timed=timed)
    drafted = draft(candidates)
    used = {(c.kind, c.place.path) for c in drafted.tables}
    used |= {(also.kind, also.place.path) for c in drafted.tables for also in c.series.also}
    facts = _facts(kinds, used | {(kind, ()) for kind in drafted.rows})
    session, found_facts = _session_fields(facts, drafted.messages, timed=timed)
    found.framing = _in_words(framing)
    found.fields = [*drafted.fields, *found_facts]
    found.notes += drafted.notes
    updates = {candidate.kind: candidate.series.update for candidate in reversed(candidates)}
    updates |= {also.kind: also.update for candidate in candidates for also in candidate.series.also}
    _kinds(found, kinds, updates, counts)
    if drafted.specs:
        found.spec = FeedSpec(
            name=name,
            framing=framing,
            tables=tuple(drafted.specs),
            session=tuple(session),
            laps=drafted.laps,
            sessions=drafted.sessions,
        )
    else:
        found.notes.append("no table of competitors was found: there is nothing to decode")


def is_timed(frames: Sequence[Frame]) -> bool:
    """Whether the frames have times: where their recorder kept none, they are put equally far apart."""
    steps = {after.at - before.at for before, after in pairwise(frames)}
    return bool(steps - {0, UNTIMED_STEP_MS})


def _messages(framing: Framing, frames: Sequence[Frame]) -> tuple[dict[str, list[Sent]], Counter[str]]:
    """The bodies by kind, and how many frames said nothing or were in another framing."""
    texts = [frame.text or "" for frame in frames]
    known: frozenset[str] = frozenset()
    if framing.bundles:
        plain = read_messages(framing.model_copy(update={"bundles": False}), texts)
        known = frozenset(message.kind for messages in plain if messages for message in messages) - {""}
    kinds: dict[str, list[Sent]] = {}
    counts: Counter[str] = Counter()
    taken = 0
    unwrapper = Unwrapper(framing, known)
    for number, frame in enumerate(frames):
        try:
            messages = unwrapper.messages(frame.text or "")
        except Unreadable:
            counts["unread"] += 1
            continue
        said = False
        for kind, body in messages:
            if not isinstance(body, dict | list) or not body:
                continue
            said = True
            if kind in kinds or len(kinds) < _MAX_KINDS:
                kinds.setdefault(kind, []).append(Sent(frame.at, number, body))
        counts["keep-alive"] += not said
        taken += len(messages)
        if taken > MAX_MESSAGES or unwrapper.size > _MAX_UNWRAPPED:
            break
    return kinds, counts


def _tables(kinds: Mapping[str, Sequence[Sent]], discriminator: Path, *, timed: bool) -> list[Candidate]:
    """Every table over time, those that are sent at several places as one."""
    sendings: list[Sending] = []
    for kind, bodies in kinds.items():
        root = Node()
        step = max(len(bodies) // _STRUCTURE_MESSAGES, 1)
        for sent in [*bodies[:200], *bodies[200::step]]:
            root.add(sent.body)
        for place in places(root):
            rows = rows_of(place, bodies)
            if rows:
                sendings.append(Sending.of(kind, place, rows, discriminator))
    found: list[Candidate] = []
    for joined in join(sendings):
        key = joined.key if len(joined.rows) >= 2 else None
        if key is None:
            continue
        kind, place = joined.sending.kind, joined.sending.place
        series = read_series(place, key, joined.rows, joined.also, timed=timed)
        if series is None or not series.columns:
            continue
        found.append(Candidate(kind, place, series, decide(series), _lap_sample(joined.rows)))
    return found


def _lap_sample(rows: Sequence[RowSeen]) -> Sequence[RowSeen]:
    return rows[:5000]


# --- what is outside of tables --------------------------------------------------------------------------------------


def _facts(kinds: Mapping[str, Sequence[Sent]], used: set[tuple[str, Path]]) -> dict[tuple[str, Path], Shape]:
    """Scalars that stand alone, by kind and path."""
    columns: dict[tuple[str, Path], Column] = {}
    for kind, bodies in kinds.items():
        if (kind, ()) in used:
            continue
        for at, number, body in bodies:
            for path, value in _alone(body, (), 0):
                column = columns.get((kind, path))
                if column is None:
                    if len(columns) >= _MAX_FACTS:
                        continue
                    column = columns[(kind, path)] = Column(path, {"": []}, len(columns))
                changes = column.changes[""]
                if not changes or changes[-1].value != value:
                    changes.append(Change(at, number, value))
    shapes = {where: Shape(column) for where, column in columns.items()}
    return {where: shape for where, shape in shapes.items() if shape.values}


def _alone(value: Any, path: Path, depth: int) -> Iterable[tuple[Path, Any]]:
    if isinstance(value, dict) and depth < 5 and not is_map(value):
        for key, inner in [*value.items()][:100]:
            yield from _alone(inner, (*path, key), depth + 1)
    elif path and not isinstance(value, dict | list):
        yield path, value
    elif isinstance(value, list) and not path and depth == 0 and value and not isinstance(value[0], dict | list):
        for index, inner in enumerate(value[:40]):
            if not isinstance(inner, dict | list):
                yield (str(index),), inner


def _session_fields(
    facts: Mapping[tuple[str, Path], Shape], messages: Sequence[tuple[str, Place, Path, Shape]], *, timed: bool
) -> tuple[list[SessionFieldSpec], list[FieldFound]]:
    specs: list[tuple[float, SessionFieldSpec]] = []
    found: list[FieldFound] = []
    for (kind, path), shape in facts.items():
        claims = session_claims(shape, timed=timed)
        best = claims[-1] if claims else None
        found.append(field_found(_name(kind, format_path(path)), shape, claims))
        if best is not None and best.confidence >= CLAIMED and best.role in SESSION_ROLES:
            specs.append((best.confidence, _session_spec(kind, format_path(path), best)))
    for kind, place, path, shape in messages:
        text = format_path((*place.path, *path))
        claim = Claim(FieldRole.MESSAGE, 0.75, why="sentences in a list, called so")
        found.append(field_found(_name(kind, text), shape, [claim]))
        specs.append((claim.confidence, _session_spec(kind, text, claim)))
    specs.sort(key=lambda pair: -pair[0])
    return _one_of_each(specs), found


def _session_spec(kind: str, path: str, claim: Claim) -> SessionFieldSpec:
    return SessionFieldSpec(
        kind=kind, path=path, role=claim.role, unit=claim.unit, confidence=round(claim.confidence, 2)
    )


def _one_of_each(specs: Sequence[tuple[float, SessionFieldSpec]]) -> list[SessionFieldSpec]:
    """The surest field for each role; of clocks only one."""
    clocks = (FieldRole.CLOCK_REMAINING, FieldRole.CLOCK_ELAPSED)
    taken: set[FieldRole] = set()
    kept: list[SessionFieldSpec] = []
    for _, spec in specs:
        role = clocks[0] if spec.role in clocks else spec.role
        if role not in taken and spec.role in SESSION_ROLES:
            taken.add(role)
            kept.append(spec)
    return kept


def _name(kind: str, path: str) -> str:
    return f"{kind}: {path}" if kind else path


# --- telling --------------------------------------------------------------------------------------------------------


def _kinds(
    found: Findings, kinds: Mapping[str, Sequence[Sent]], updates: Mapping[str, str], counts: Counter[str]
) -> None:
    total = sum(map(len, kinds.values())) + counts.total()
    for kind, bodies in kinds.items():
        times = [sent.at for sent in bodies]
        gaps = [after - before for before, after in pairwise(times)]
        period = round(median(gaps)) if len(gaps) >= 2 else None
        found.kinds.append(
            KindFound(kind, len(bodies), round(len(bodies) / total, 3), period, updates.get(kind, "facts"))
        )
    for name, count in counts.items():
        if count:
            found.kinds.append(KindFound("", count, round(count / total, 3), None, name))
    found.kinds.sort(key=lambda kind: -kind.count)
    every = [sent.at for bodies in kinds.values() for sent in bodies]
    seconds = (max(every) - min(every)) / 1000 if every else 0
    rates: dict[str, float] = defaultdict(float)
    for kind, bodies in kinds.items():
        rates[kind] = round(len(bodies) / seconds, 3) if seconds else 0.0
    found.frequency = dict(rates)


def _in_words(framing: Framing) -> str:
    parts = [framing.syntax.upper() if framing.syntax in ("json", "html", "xml") else framing.syntax]
    if framing.syntax in ("fields", "pairs", "table") and framing.separator:
        parts.append(f"separated by {framing.separator!r}")
    elif framing.syntax == "table":
        parts.append("with columns by width")
    if framing.split != "none":
        parts.append(f"split at {framing.split}")
    if framing.prefix != "none":
        parts.append(f"in {framing.prefix}")
    if framing.envelope == "field":
        parts.append(f"kind in {framing.kind}")
    elif framing.envelope != "none":
        parts.append(f"in {framing.envelope} envelopes")
    parts += [_embedded_words(one) for one in framing.embedded[:4]]
    if framing.patches:
        parts.append("with deltas by path")
    if framing.pivots:
        parts.append("with tables told by column")
    return ", ".join(parts)


def _embedded_words(one: Embedded) -> str:
    return f"{one.path} holds {one.codec}" + (f" separated by {one.separator!r}" if one.separator else "")


def _describe_binary(found: Findings, frames: Sequence[Frame]) -> None:
    datas = [frame.data for frame in frames if frame.data]
    if not datas:
        found.framing = "no frames"
        found.notes.append("no message was received")
        return
    heads = Counter(data[:2].hex(" ") for data in datas).most_common(4)
    sizes = sorted(map(len, datas))
    found.framing = "binary"
    found.kinds = [
        KindFound(f"begins {head}", count, round(count / len(datas), 3), None, "binary") for head, count in heads
    ]
    found.notes.append(
        f"{len(datas)} binary messages of {sizes[0]} to {sizes[-1]} bytes, median {sizes[len(sizes) // 2]};"
        " binary payloads are described, not decoded"
    )


def _count_unread(found: Findings, texts: Sequence[str]) -> None:
    for text, count in Counter(text[:40] for text in texts).most_common(5):
        short = "keep-alive" if count > 1 and len(text) <= 20 else "unread"
        found.kinds.append(KindFound(text, count, round(count / len(texts), 3), None, short))
