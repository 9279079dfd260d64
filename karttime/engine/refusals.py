"""What a decoder refused: counted by reason, the last ones kept, and written to the log at a bounded rate."""

import logging
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from karttime.engine.clock import Clock
from karttime.feeds.base import Rejection

_log = logging.getLogger(__name__)

_LOG_EVERY_S: Final = 60.0  # for each reason: a feed that sends rubbish all day must not fill the disk with log lines


class Refusals:
    """What was refused on one circuit. Reasons are a closed set of each format, so the counter is bounded."""

    def __init__(self, circuit_id: str, *, keep: int = 50, clock: Clock | None = None) -> None:
        self._circuit_id = circuit_id
        self._clock = clock or Clock()
        self._counts: Counter[str] = Counter()
        self._recent: deque[Rejection] = deque(maxlen=keep)
        self._logged: dict[str, tuple[float, int]] = {}

    @property
    def counts(self) -> Mapping[str, int]:
        """How many, by reason."""
        return MappingProxyType(dict(self._counts))

    @property
    def recent(self) -> Sequence[Rejection]:
        """The last ones, oldest first."""
        return tuple(self._recent)

    def add(self, rejection: Rejection) -> None:
        """Take one in."""
        reason = rejection.reason
        self._counts[reason] += 1
        self._recent.append(rejection)
        now, count = self._clock.monotonic(), self._counts[reason]
        last, logged = self._logged.get(reason, (float("-inf"), 0))
        if now - last < _LOG_EVERY_S:
            return
        self._logged[reason] = (now, count)
        # %r escapes control characters and line breaks
        _log.warning("%s: refused %s (%d new): %.120r", self._circuit_id, reason, count - logged, rejection.sample)
