"""Checks of an installation, of which `karttime doctor` is made.

Each looks at one thing, changes nothing, and says in a sentence what it found and what to do. They never raise on what
they find.
"""
