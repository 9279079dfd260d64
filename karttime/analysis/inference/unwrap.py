"""How the frames of an unknown feed are framed: a draft `Framing` from a sample of texts.

Each step is a protocol fact about transports and languages, never about one timing system: what wraps the messages,
what separates them, which language they are in, which envelope is around their payload, which strings hold values.
"""

from collections.abc import Sequence
from typing import Any

from karttime.analysis.inference.embedding import find_embedded
from karttime.analysis.inference.kinds import find_bundles, find_discriminator, find_envelope, find_tags
from karttime.analysis.inference.sampling import SAMPLE_BYTES, sample_texts
from karttime.analysis.inference.syntax import find_heads, guess_syntax
from karttime.feeds.declared.spec import Framing
from karttime.feeds.declared.transport import PREFIXES


def guess_framing(texts: Sequence[str]) -> Framing | None:
    """The framing of these texts; None where no structure is found."""
    sample = [text for text in sample_texts(texts) if text.strip()]
    if not sample:
        return None
    prefix = _prefix(sample)
    inside: list[str] = []
    for number, text in enumerate(sample):
        inside += _strip(prefix, text)
        if sum(map(len, inside)) > 2 * SAMPLE_BYTES:  # packed texts grow
            sample = sample[: number + 1]
            break
    framing = guess_syntax(inside)
    framing = find_heads(framing, inside)
    if framing is None:
        return None
    framing = framing.model_copy(update={"prefix": prefix})
    if framing.syntax != "json":
        return find_tags(framing, sample) if framing.syntax == "fields" else framing
    framing = find_embedded(framing, sample)
    framing = find_envelope(framing, sample, socket_io=prefix == "engine.io")
    return find_bundles(find_discriminator(framing, sample), sample)


def _prefix(sample: Sequence[str]) -> Any:
    for name, strip in PREFIXES.items():
        taken = [strip(text.strip()) for text in sample]
        content = sum(1 for inside in taken if inside)
        if content and sum(1 for inside in taken if inside is not None) >= 0.8 * len(sample):
            return name
    return "none"


def _strip(prefix: str, text: str) -> list[str]:
    if prefix == "none":
        return [text]
    inside = PREFIXES[prefix](text.strip())
    return [text] if inside is None else inside
