"""Answers about frames and sessions; pure."""
