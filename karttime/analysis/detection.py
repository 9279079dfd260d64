"""Which format a sample of frames is in: every format scores it, the best one wins if it is good enough."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from karttime.feeds.base import FeedFormat
from karttime.feeds.formats import FORMATS
from karttime.feeds.frame import Frame

UNKNOWN = "unknown"
GOOD_ENOUGH = 0.3
SURE = 0.8
_MIXED_FRAMES, _MIXED_SHARE = 3, 0.05
SAMPLE_FRAMES = 400
_MOST_FRAMES = 50_000


@dataclass(frozen=True, slots=True)
class Ranked:
    """One format's score."""

    name: str
    score: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Detection:
    """The verdict.

    Attributes:
        name: the format, or `unknown`.
        confidence: 0.0 to 1.0.
        evidence: why, in short sentences.
        ranking: every format, best first.
        frames: how many frames sufficed for the verdict.
        mixed: share of frames by protocol where two are in one stream, `other` for what no known format explains.
        others: the frames of the other protocol, those of the sample.
    """

    name: str
    confidence: float
    evidence: tuple[str, ...]
    ranking: tuple[Ranked, ...]
    frames: int
    mixed: Mapping[str, float] = field(default_factory=dict)
    others: Sequence[Frame] = ()


def sample_of(frames: Iterable[Frame]) -> list[Frame]:
    """The beginning of a stream, as far as it takes until enough was said: a quiet hour of keep-alives says nothing."""
    sample: list[Frame] = []
    telling = 0
    for frame in frames:
        sample.append(frame)
        telling += not _is_silent(frame)
        if telling >= SAMPLE_FRAMES or len(sample) >= _MOST_FRAMES:
            break
    return sample


def _is_silent(frame: Frame) -> bool:
    return frame.text is not None and not frame.text[:64].strip()


def detect(sample: Sequence[Frame], formats: Mapping[str, FeedFormat] = FORMATS) -> Detection:
    """Score a sample with every format, as few frames of it as make sure."""
    if len(sample) > SAMPLE_FRAMES:
        sample = [frame for frame in sample if not _is_silent(frame)][:SAMPLE_FRAMES] or sample[:SAMPLE_FRAMES]
    ranking = _rank(sample, formats)
    best = ranking[0]
    own, others = _parts(sample, formats)
    if len(own) >= _MIXED_FRAMES and len(others) >= max(_MIXED_FRAMES, _MIXED_SHARE * len(sample)):
        alone = _rank(own, formats)
        if alone[0].score >= SURE:
            return _mixed(alone, own, others)
    if best.score < GOOD_ENOUGH:
        why = best.evidence or ("no known format explains these frames",)
        return Detection(UNKNOWN, round(1.0 - best.score, 3), why, ranking, len(sample))
    frames = _enough(sample, formats, best)
    return Detection(best.name, best.score, best.evidence, ranking, frames)


def _rank(sample: Sequence[Frame], formats: Mapping[str, FeedFormat]) -> tuple[Ranked, ...]:
    scores = {name: feed_format.score(sample) for name, feed_format in formats.items()}
    ranked = [Ranked(name, score.value, score.evidence) for name, score in scores.items()]
    return tuple(sorted(ranked, key=lambda one: -one.score))


def _enough(sample: Sequence[Frame], formats: Mapping[str, FeedFormat], best: Ranked) -> int:
    """How many frames from the beginning are sure of what all of them say."""
    many = 1
    while many < len(sample):
        first = _rank(sample[:many], formats)[0]
        if first.name == best.name and first.score >= min(SURE, best.score):
            return many
        many *= 2
    return len(sample)


def _parts(sample: Sequence[Frame], formats: Mapping[str, FeedFormat]) -> tuple[list[Frame], list[Frame]]:
    """The frames that some known format explains each for itself, and structured ones that none does."""
    own: list[Frame] = []
    others: list[Frame] = []
    for frame in sample:
        if frame.direction == "out":
            continue
        if any(feed_format.score((frame,)).value > 0 for feed_format in formats.values()):
            own.append(frame)
        elif frame.text is not None and frame.text.lstrip()[:1] in ("{", "[", "<"):
            others.append(frame)
    return own, others


def _mixed(ranking: tuple[Ranked, ...], own: Sequence[Frame], others: Sequence[Frame]) -> Detection:
    best, total = ranking[0], len(own) + len(others)
    shares = {best.name: round(len(own) / total, 3), "other": round(len(others) / total, 3)}
    evidence = (
        f"two protocols in one stream: {len(own)} frames are {best.name}, {len(others)} are not",
        *best.evidence,
    )
    return Detection(best.name, best.score, evidence, ranking, total, shares, tuple(others))
