"""The alarm of frames that take too long to decode: counted, and written to the log at a bounded rate."""

import logging
from typing import Final

_log = logging.getLogger(__name__)

_LOG_EVERY_S: Final = 60.0


class SlowFrames:
    """Frames of one circuit that took longer than the limit.

    Attributes:
        count: how many.
        slowest_s: the longest, 0 before the first.
    """

    def __init__(self, circuit_id: str, limit_s: float) -> None:
        self.count = 0
        self.slowest_s = 0.0
        self._circuit_id = circuit_id
        self._limit_s = limit_s
        self._logged_at = float("-inf")

    def add(self, took_s: float, now: float) -> None:
        """Take in how long a frame took, at a monotonic time."""
        if took_s <= self._limit_s:
            return
        self.count += 1
        self.slowest_s = max(self.slowest_s, took_s)
        if now - self._logged_at >= _LOG_EVERY_S:
            self._logged_at = now
            _log.warning("%s: a frame took %.0f ms; %d slow ones so far", self._circuit_id, took_s * 1000, self.count)
