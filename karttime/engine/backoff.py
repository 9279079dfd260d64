"""How long to wait before the next attempt."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackoffOptions:
    """Waits grow from `first_s` by `factor` up to `max_s`; `jitter` is the share of a wait that chance takes away.

    Chance keeps many programs that lost the same server from coming back in the same instant.
    """

    first_s: float = 1.0
    max_s: float = 60.0
    factor: float = 2.0
    jitter: float = 0.5


class Backoff:
    """Counts failures in a row and says how long to wait after each; no clock, no sleep.

    Attributes:
        failures: since the last `reset`.
    """

    def __init__(self, options: BackoffOptions, chance: Callable[[], float] = random.random) -> None:
        self.failures = 0
        self._options = options
        self._chance = chance

    def fail(self) -> float:
        """Count a failure; seconds to wait."""
        options = self._options
        wait = options.first_s
        for _ in range(self.failures):
            wait *= options.factor
            if wait >= options.max_s:
                break
        self.failures += 1
        return min(wait, options.max_s) * (1 - options.jitter * self._chance())

    def reset(self) -> None:
        """All is well again."""
        self.failures = 0
