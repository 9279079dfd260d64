"""Frames on disk: the JSON Lines format, foreign recordings, pace."""
