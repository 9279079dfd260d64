"""permessage-deflate (RFC 7692) on bytes: what is agreed on, and messages compressed and not.

A context of its own for each message, in both directions: so the compressed bytes are the same for every client and can
be shared, and nothing is kept for a connection. We compress with a window of 4 KiB, which is what a message of ours
gains by; a client that can only have a smaller one gets messages as they are.
"""

import re
import zlib
from collections.abc import Mapping
from typing import Final

WORTH_IT: Final = 100  # bytes: a smaller message hardly shrinks

_WINDOW: Final = 12  # bits, as the common client libraries ask for; larger ones gain nothing
_TAIL: Final = b"\x00\x00\xff\xff"  # ends a flushed stream, and is left out on the wire
_LEFT_OVER: Final = frozenset([b"", _TAIL, b"\x00" + _TAIL])  # what may follow a stream that says that it is the last
_MAX_OFFERS: Final = 8
_PARAMETER: Final = re.compile(r'([a-z_]+)(?:[ \t]*=[ \t]*(?:([0-9]+)|"([0-9]+)"))?', re.ASCII)
_BITS: Final = frozenset(map(str, range(8, 16)))


class TooLargeError(Exception):
    """A message is larger than it may be."""


class BrokenError(Exception):
    """That is no compressed message."""


def agreed(offers: str) -> str | None:
    """What to answer to a `Sec-WebSocket-Extensions` header; None when it offers nothing that we can do."""
    for offer in offers.split(",")[:_MAX_OFFERS]:
        name, *parts = (part.strip() for part in offer.split(";"))
        parameters = _parameters(parts) if name == "permessage-deflate" else None
        if parameters is not None:
            window = parameters.get("server_max_window_bits")
            if window is None:
                return "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            if int(window) >= _WINDOW:
                takeover = "server_no_context_takeover; client_no_context_takeover"
                return f"permessage-deflate; {takeover}; server_max_window_bits={_WINDOW}"
    return None


def _parameters(parts: list[str]) -> Mapping[str, str | None] | None:
    """The parameters of an offer; None where the standard says to decline it."""
    found: dict[str, str | None] = {}
    for part in parts:
        matched = _PARAMETER.fullmatch(part)
        if matched is None or matched[1] in found:
            return None
        name, value = matched[1], matched[2] or matched[3]
        match name:
            case "server_no_context_takeover" | "client_no_context_takeover":
                sound = value is None
            case "server_max_window_bits":
                sound = value in _BITS
            case "client_max_window_bits":  # we take any window
                sound = value is None or value in _BITS
            case _:
                sound = False
        if not sound:
            return None
        found[name] = value
    return found


def deflated(message: bytes) -> bytes:
    """A message compressed, as it goes on the wire."""
    compressor = zlib.compressobj(wbits=-_WINDOW)
    compressed = compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return compressed.removesuffix(_TAIL)


def inflated(payload: bytes, limit: int) -> bytes:
    """A compressed message as it was; never makes more than one byte beyond the limit.

    Raises:
        TooLargeError: it has more bytes than the limit.
        BrokenError: it is no compressed message.
    """
    inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        message = inflater.decompress(payload + _TAIL, limit + 1)
    except zlib.error:
        raise BrokenError from None
    if len(message) > limit:
        raise TooLargeError
    if inflater.unused_data not in _LEFT_OVER:
        raise BrokenError
    return message
