"""What one feed may send: token buckets of messages and bytes.

A real feed sends a few dozen messages a second, a replay at a hundred times the pace a few thousand; the limits are
far above the first and let bursts of the second through.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one feed.

    Attributes:
        messages_per_s: WebSocket frames of any kind, pings too.
        bytes_per_s: on the wire, after decryption.
        burst_s: what was not used in so many seconds may be used at once.
    """

    messages_per_s: int = 1000
    bytes_per_s: int = 1 << 20
    burst_s: float = 5.0


OWN_MACHINE = Budget(messages_per_s=50_000, bytes_per_s=32 << 20)
"""For what the operator typed as an address of this machine: a replay may run as fast as it is taken."""


class Bucket:
    """Tokens that come at a rate up to a limit; spending may leave a debt, which has to be waited for."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def spend(self, amount: float, now: float) -> float:
        """Take tokens; seconds until the debt is paid, 0 when there is none."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - amount
        self._at = now
        return max(0.0, -self._tokens / self._rate)


class Account:
    """What one feed has used of its budget.

    Attributes:
        fault: which limit was exceeded last, for a person.
    """

    def __init__(self, budget: Budget, now: float) -> None:
        self.fault = ""
        self._budget = budget
        self._messages = Bucket(budget.messages_per_s, budget.messages_per_s * budget.burst_s, now)
        self._bytes = Bucket(budget.bytes_per_s, budget.bytes_per_s * budget.burst_s, now)

    def spend(self, messages: int, size: int, now: float) -> float:
        """Take what came; seconds until the feed may be read again."""
        for_messages = self._messages.spend(messages, now)
        for_bytes = self._bytes.spend(size, now)
        if for_messages > for_bytes:
            self.fault = f"more than {self._budget.messages_per_s} messages a second"
        elif for_bytes:
            self.fault = f"more than {self._budget.bytes_per_s} bytes a second"
        return max(for_messages, for_bytes)
