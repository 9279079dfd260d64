"""Circuits: a venue, how to reach its feed, and its column mapping."""
