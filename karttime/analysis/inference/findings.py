"""What inference found: kinds of messages, fields with their roles, a draft spec, and what nobody can say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.view import CLAIMED, Claim
from karttime.feeds.declared.spec import FeedSpec, FieldRole
from karttime.feeds.declared.values import read_text


@dataclass(frozen=True, slots=True)
class FieldFound:
    """One field.

    Attributes:
        path: readable, such as `board: runs[].pos`.
        role: what it means; `undecided` where the data cannot tell.
        unit: of times.
        confidence: 0 to 1.
        examples: some values: hostile text.
        candidates: roles that it could have, likeliest first.
        why: the evidence in words.
    """

    path: str
    role: FieldRole
    unit: str
    confidence: float
    examples: tuple[str, ...]
    candidates: tuple[FieldRole, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class KindFound:
    """One kind of message.

    Attributes:
        name: the feed's word for it, empty for the only kind.
        count: how many; `share` of all.
        period_ms: median time between two, None for fewer than three or without a clock.
        update: `snapshot`, `merge`, `places` for tables of rows; `facts`, `keep-alive` or `unread`.
    """

    name: str
    count: int
    share: float
    period_ms: int | None
    update: str


@dataclass(frozen=True, slots=True)
class Check:
    """The generated parser on frames that inference did not see.

    Attributes:
        frames: how many.
        understood: share of them that are in the declared framing.
        values: values read; `readable`: share of them that make sense under their role.
        laps: laps decided; `in_time`: share of them as long as what passed since the lap before.
        contradictions: in sentences.
    """

    frames: int
    understood: float
    values: int
    readable: float
    laps: int
    in_time: float | None
    contradictions: tuple[str, ...] = ()


@dataclass(slots=True)
class Findings:
    """Everything that inference found.

    Attributes:
        framing: in words.
        kinds: of messages, most frequent first.
        fields: with roles, those of the standing first.
        spec: the generated parser; None where no standing was found.
        check: how it did on frames that inference did not see; None for too few frames.
        frequency: messages per second by kind.
        notes: what a person should know.
        frames: how many were looked at.
    """

    framing: str = ""
    kinds: list[KindFound] = field(default_factory=list)
    fields: list[FieldFound] = field(default_factory=list)
    spec: FeedSpec | None = None
    check: Check | None = None
    frequency: Mapping[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    frames: int = 0


def field_found(name: str, shape: Shape, claims: Sequence[Claim]) -> FieldFound:
    """A field as it is told: the strongest claim if it is strong enough, else undecided with the candidates."""
    ranked = sorted(claims, key=lambda claim: -claim.confidence)
    best = ranked[0] if ranked else None
    examples = tuple(dict.fromkeys(read_text(value)[:60] for value in shape.values[:200]))[:3]
    candidates = tuple(dict.fromkeys(claim.role for claim in ranked if claim.confidence >= 0.3))
    if best is None or best.confidence < CLAIMED:
        confidence = round(best.confidence, 2) if best else 0.0
        return FieldFound(name, FieldRole.UNDECIDED, "", confidence, examples, candidates, best.why if best else "")
    return FieldFound(
        name,
        best.role,
        best.unit,
        round(best.confidence, 2),
        examples,
        candidates if len(candidates) > 1 else (),
        best.why,
    )
