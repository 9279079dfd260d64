"""Apex Timing, both editions of its software."""
