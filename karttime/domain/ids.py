"""Identities: what a feed calls a competitor, what karttime calls a session."""

from typing import NewType

CompetitorId = NewType("CompetitorId", str)
"""The feed's own key of one row of the classification, such as Apex' row number `24089`; not the kart number."""

SessionId = NewType("SessionId", str)
"""`<UTC start of what was seen>-<ordinal in the feed>`, such as `20260530T083007Z-1`: the same for live and replay."""
