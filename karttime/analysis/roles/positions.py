"""Positions: a permutation that agrees with gaps, laps and best laps, and moves when they do."""

from itertools import pairwise

from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.view import Claim, View
from karttime.analysis.roles.words import words
from karttime.domain.times import TimeGap
from karttime.feeds.declared.spec import FieldRole, Unit
from karttime.feeds.declared.tables import PLACE
from karttime.feeds.declared.values import read_count


def permuted(view: View, shape: Shape) -> float:
    """Share of moments at which a field is 1 to n, each once."""
    if shape.path not in view.permuted:
        view.permuted[shape.path] = _permuted(view, shape)
    return view.permuted[shape.path]


def _permuted(view: View, shape: Shape) -> float:
    good = looked = 0
    for section in view.sections:
        places = [count for row in section.values() if (count := read_count(row.get(shape.path))) is not None]
        shown = [place for place in places if place > 0]
        if len(section) < 2 or len(shown) < 0.7 * len(section):
            looked += len(section) >= 2
            continue
        looked += 1
        good += len(set(shown)) >= 0.93 * len(shown) and max(shown) <= 1.15 * len(section) + 1 and min(shown) <= 2
    return good / looked if looked else 0.0


def claim_positions(view: View) -> None:
    """Claim the position: the permutation that agrees best with laps, gaps and best laps, and moves when they do."""
    found = [
        (shape, share)
        for shape in view.shapes.values()
        if shape.counts >= 0.9 and shape.truths < 0.5 and (share := permuted(view, shape)) >= 0.7
    ]
    most = max((shape.restless for shape, _ in found), default=0.0)
    scores = {shape.path: _position_score(view, shape, share, most) for shape, share in found}
    scores = {path: score for path, score in scores.items() if score > 0}
    if not scores:
        return
    top = max(scores.values())
    leader = view.shapes[max(scores, key=lambda path: scores[path])]
    for path, score in scores.items():
        shape = view.shapes[path]
        if path == (PLACE,) and shape is not leader:
            continue
        confidence = min(0.25 + score, 0.62 if path == (PLACE,) else 0.97)
        if shape is not leader and not _same(view, shape, leader):
            confidence = min(confidence, 0.5 if top - score < 0.1 else 0.35)
        if shape.named(FieldRole.CLASS_POSITION) or _is_start(shape):
            confidence = min(confidence, 0.4)
        if not shape.restless and not shape.names and len(view.sections) > 1 and len(found) > 1:
            confidence = min(confidence, 0.75)  # nobody was overtaken: a grid position looks the same
        why = "it is 1 to n, each once, and agrees with the order"
        view.claim(shape, Claim(FieldRole.POSITION, confidence, why=why))


def _position_score(view: View, shape: Shape, share: float, most: float) -> float:
    named, support = shape.named(FieldRole.POSITION), _support(view, shape)
    is_place = shape.path == (PLACE,)
    if is_place and support < 0.9:
        return 0.0
    score = 0.35 * share + 0.3 * support + 0.22 * bool(named) + 0.1 * _listed(view, shape)
    score += 0.1 if shape.restless > 0 else 0.0
    if most > 0.3 and shape.restless < 0.1 * most and not is_place:
        score -= 0.25  # the others move, this one does not: a grid position, or an index
    if shape.named(FieldRole.CLASS_POSITION) or _is_start(shape):
        score -= 0.3
    if shape.path == view.series.key and not named:
        score -= 0.2
    return score - (0.15 if is_place else 0.0)


def _is_start(shape: Shape) -> bool:
    return any(
        word in words(shape.path).split() for word in ("start", "grid", "starting", "qualifying", "chg", "change")
    )


def _same(view: View, one: Shape, other: Shape) -> bool:
    rows = [(read_count(a), read_count(b)) for a, b in view.rows(one, other)]
    return bool(rows) and sum(a == b for a, b in rows) >= 0.97 * len(rows)


def _listed(view: View, shape: Shape) -> bool:
    """Whether the rows come in this order."""
    if view.series.place.by_key:
        return False
    rows = [[read_count(row.get(shape.path)) or 0 for row in section.values()] for section in view.sections]
    return bool(rows) and sum(places == sorted(places) for places in rows) >= 0.9 * len(rows)


def _support(view: View, position: Shape) -> float:
    """How well other fields agree with the order: gap-like ones that grow, counters that fall, times that grow.

    Gaps of lapped competitors may be to the first of their own lap: then they grow among those of equal laps.
    """
    scores = [0.0]
    counters = [
        shape
        for shape in view.shapes.values()
        if shape is not position
        and shape.counts >= 0.9
        and len(shape.distinct) >= 3
        and (shape.named(FieldRole.LAPS) or (not shape.names and permuted(view, shape) <= 0.5))
    ]
    falls = {shape.path: _monotone(view, position, shape, falling=True) for shape in counters}
    for shape in view.shapes.values():
        if shape is position or len(shape.distinct) < 3 or permuted(view, shape) > 0.5:
            continue
        if shape.counts >= 0.9 and shape.named(FieldRole.LAPS):
            scores.append(0.7 * falls.get(shape.path, 0.0))
        elif shape.clocks >= 0.5 or (shape.numbers >= 0.8 and shape.letters < 0.2):
            scores.append(_monotone(view, position, shape, falling=False))
            within = [(fall, counter) for counter in counters if (fall := falls[counter.path]) >= 0.9]
            scores += [min(fall, _monotone(view, position, shape, falling=False, among=c)) for fall, c in within]
    return max(scores)


def _monotone(view: View, position: Shape, shape: Shape, *, falling: bool, among: Shape | None = None) -> float:
    """How well a field rises or falls with the order; `among` those with the same count."""
    good = pairs = strict = 0
    unit: Unit = "text" if shape.clocks >= 0.5 else "s"
    for rows in view.ordered(position):
        gaps = [(shape.gap(row.get(shape.path), unit), read_count(row.get(among.path)) if among else 0) for row in rows]
        values = [(gap.ms, count) for gap, count in gaps if isinstance(gap, TimeGap)]
        for (before, count), (after, other) in pairwise(values):
            if count != other:
                continue
            pairs += 1
            good += after <= before if falling else after >= before
            strict += after != before
    if pairs < 4 or strict < 2:
        return 0.0
    return max(0.0, (good / pairs - 0.75) * 4)
