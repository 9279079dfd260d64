"""One WebSocket message (or TCP read) exactly as it came, with its time."""

from typing import Literal, NamedTuple

Direction = Literal["in", "out"]


class Frame(NamedTuple):
    """One message of a feed, before anything interprets it.

    A named tuple, because one is made for every message of a day and a frozen dataclass costs four times as much.

    Attributes:
        at: when it was received, milliseconds since 1970-01-01 UTC.
        text: its text, or None for a binary message.
        data: its bytes, for a binary message.
        direction: `in` from the timing system, `out` to it.
        offset: monotonic milliseconds since the recording or connection began; None where the recorder kept none.
    """

    at: int
    text: str | None
    data: bytes | None = None
    direction: Direction = "in"
    offset: int | None = None
