"""Feeds that are declared, not coded: a `FeedSpec` says what a feed means, one interpreter decodes it."""
