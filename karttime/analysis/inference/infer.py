"""From frames to findings: framing, kinds, tables, roles, spec. Work is bounded by `MAX_TEXT` and `MAX_MESSAGES`."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from karttime.analysis.inference.candidates import Candidate
from karttime.analysis.inference.facts import find_facts, session_fields
from karttime.analysis.inference.findings import Findings, KindFound
from karttime.analysis.inference.patches import find_patches
from karttime.analysis.inference.pivots import find_pivots
from karttime.analysis.inference.rows import RowSeen, Sent, rows_of
from karttime.analysis.inference.sampling import read_messages
from karttime.analysis.inference.series import read_series
from karttime.analysis.inference.siblings import Sending, join
from karttime.analysis.inference.structure import Node, places
from karttime.analysis.inference.tables import draft
from karttime.analysis.inference.unwrap import guess_framing
from karttime.analysis.roles.decide import decide
from karttime.feeds.declared.framing import Unreadable, Unwrapper
from karttime.feeds.declared.paths import Path, parse_path
from karttime.feeds.declared.spec import Embedded, FeedSpec, Framing
from karttime.feeds.declared.transport import unpack
from karttime.feeds.frame import Frame

MAX_TEXT: Final = 2 << 20
MAX_MESSAGES: Final = 30_000
_MAX_UNWRAPPED: Final = 4 * MAX_TEXT
"""Packed texts grow; so much of what is in them is looked at."""
_MAX_KINDS: Final = 60
UNTIMED_STEP_MS: Final = 100
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
    facts = find_facts(kinds, used | {(kind, ()) for kind in drafted.rows})
    session, found_facts = session_fields(facts, drafted.messages, kinds, timed=timed)
    found.framing = _in_words(framing)
    apart = {one.path for one in found_facts}
    found.fields = [*(one for one in drafted.fields if one.path not in apart), *found_facts]
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
