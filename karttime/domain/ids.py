"""Identities: what a feed calls a competitor, what karttime calls a session."""

from datetime import UTC, datetime
from typing import Final, NewType

CompetitorId = NewType("CompetitorId", str)
"""The feed's own key of one row of the classification, such as Apex' row number `24089`; not the kart number."""

SessionId = NewType("SessionId", str)
"""`<UTC start of what was seen>-<ordinal in the feed>`, such as `20260530T083007Z-1`: the same for live and replay."""

_LATEST_AT: Final = 253_402_300_799_000  # 9999-12-31, the end of what a date can say


def session_id(at: int, ordinal: int) -> SessionId:
    """The name of the session that was first seen at a time (ms UTC), the so-manieth of its feed."""
    began = datetime.fromtimestamp(min(max(at, 0), _LATEST_AT) / 1000, UTC)
    return SessionId(f"{began:%Y%m%dT%H%M%SZ}-{ordinal}")
