"""A bounded sample of a feed's texts, and the messages in it."""

from collections.abc import Iterator, Sequence
from typing import Final

from karttime.feeds.declared.envelopes import Message
from karttime.feeds.declared.framing import Unreadable, Unwrapper
from karttime.feeds.declared.spec import Framing

SAMPLE_TEXTS: Final = 400
SAMPLE_BYTES: Final = 1_500_000


def sample_texts(texts: Sequence[str]) -> list[str]:
    """A bounded sample: the first texts, and some from all over."""
    step = max(len(texts) // SAMPLE_TEXTS, 1)
    chosen = [*texts[:50], *texts[50::step]][: 2 * SAMPLE_TEXTS]
    taken: list[str] = []
    size = 0
    for text in chosen:
        size += len(text)
        if size > SAMPLE_BYTES and taken:
            break
        taken.append(text)
    return taken


def read_messages(
    framing: Framing, texts: Sequence[str], kinds: frozenset[str] = frozenset()
) -> Iterator[list[Message] | None]:
    """The messages of each text; None for a text in another framing."""
    unwrapper = Unwrapper(framing, kinds)
    for text in texts:
        try:
            yield unwrapper.messages(text)
        except Unreadable:
            yield None


def messages_of(framing: Framing, sample: Sequence[str]) -> list[Message]:
    return [message for messages in read_messages(framing, sample) if messages for message in messages]
