"""The dashboard: circuits, classification, laps, log, feed and mapping, live or replayed, in a terminal."""
