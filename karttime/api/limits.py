"""Bounded rates, and how many may be in."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from karttime.api.frames import CloseCode
from karttime.api.proxies import LOOPBACK, Network


class Bucket:
    """A bounded rate: `take` says whether one more, or so many, is allowed now."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._at = burst, -1e9

    def take(self, now: float, amount: float = 1) -> bool:
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < amount:
            return False
        self._left -= amount
        return True


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """What a client may do, and how long it is waited for.

    Attributes:
        message: bytes of one message from it.
        messages: of them in a second; three times as many at once.
        controls: pings, pongs and the like in a second; five times as many at once.
        bytes: of everything it sends, in a second; twice as many at once.
        patience: seconds in which it must read something of what waits for it.
        ping: seconds between our pings; one that has sent nothing until the next is cut off.
        closing: seconds that a closing handshake may take.
        token: seconds in which a client that needs a token, and brought none, has to send one.
        request: seconds from the connection, or the first byte, to the end of an HTTP request.
        deflate: messages may be compressed, to it and from it.
        proxies: networks of reverse proxies, which are believed whose a connection is.
        connections: of all kinds together; further ones are cut off at once. 0 is no limit.
    """

    message: int = 4096
    messages: float = 20.0
    controls: float = 10.0
    bytes: int = 64 * 1024
    patience: float = 15.0
    ping: int = 20
    closing: float = 2.0
    token: float = 10.0
    request: float = 10.0
    deflate: bool = False
    proxies: tuple[Network, ...] = LOOPBACK
    connections: int = 8192


LIMITS: Final = LinkLimits()
SPARE_CONNECTIONS: Final = 1024  # beside clients of the live stream: HTTP, and those that are told to try later


def with_room(limits: LinkLimits, clients: int) -> LinkLimits:
    """The same limits, with places for so many clients of the live stream; 0: for any number."""
    return replace(limits, connections=max(limits.connections, clients + SPARE_CONNECTIONS) if clients else 0)


class Doors:
    """Counts who is in: in total, and from one address, and who was refused, by reason. 0 is no limit."""

    def __init__(self, total: int = 0, per_address: int = 0, refused: Counter[str] | None = None) -> None:
        self._total = total
        self._per_address = per_address
        self._inside: Counter[str] = Counter()
        self.inside = 0
        self.refused: Counter[str] = Counter() if refused is None else refused

    def enter(self, address: str) -> tuple[CloseCode, str] | None:
        """Let one more in; or why not."""
        if self._total and self.inside >= self._total:
            self.refused["full"] += 1
            return CloseCode.TRY_LATER, "too many clients: try again later"
        if self._per_address and self._inside[address] >= self._per_address:
            self.refused["address"] += 1
            return CloseCode.TOO_MANY, "too many clients from your address: close one first"
        self.inside += 1
        self._inside[address] += 1
        return None

    def leave(self, address: str) -> None:
        """One who was let in has left."""
        self.inside -= 1
        self._inside[address] -= 1
        if not self._inside[address]:
            del self._inside[address]
