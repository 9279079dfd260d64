"""Which format a sample of frames is in: every format scores it, the best one wins if it is good enough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from karttime.feeds.base import FeedFormat
from karttime.feeds.formats import FORMATS
from karttime.feeds.frame import Frame

UNKNOWN = "unknown"
GOOD_ENOUGH = 0.3
SAMPLE_FRAMES = 400


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
        frames: how many frames were looked at.
    """

    name: str
    confidence: float
    evidence: tuple[str, ...]
    ranking: tuple[Ranked, ...]
    frames: int


def detect(sample: Sequence[Frame], formats: Mapping[str, FeedFormat] = FORMATS) -> Detection:
    """Score a sample with every format."""
    ranking: list[Ranked] = []
    for name, feed_format in formats.items():
        score = feed_format.score(sample)
        ranking.append(Ranked(name, score.value, score.evidence))
    ranking.sort(key=lambda ranked: -ranked.score)
    best = ranking[0]
    if best.score < GOOD_ENOUGH:
        why = best.evidence or ("no known format explains these frames",)
        return Detection(UNKNOWN, round(1.0 - best.score, 3), why, tuple(ranking), len(sample))
    return Detection(best.name, best.score, best.evidence, tuple(ranking), len(sample))
