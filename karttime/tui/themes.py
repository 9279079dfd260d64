"""Themes: the field's colours on dark, high contrast, and none at all. Every colour has a glyph or a word beside it."""

from typing import Final

from textual.theme import Theme

NO_COLOUR: Final = "karttime-no-colour"

_FIELD: Final = {
    "field-best": "#d980ff",
    "field-personal": "#46d369",
    "field-pit": "#4db8ff",
    "field-out": "#f5a742",
    "field-retired": "#ff6b6b",
    "flag-green": "#2fbf4f",
    "flag-yellow": "#ffd800",
    "flag-red": "#ff4040",
    "field-dim": "#8c98a5",
    "field-cursor": "#2b4a66",
}

THEMES: Final = (
    Theme(
        name="karttime",
        primary="#3a7bd5",
        secondary="#2b4a66",
        accent="#f5a742",
        warning="#f5a742",
        error="#ff4d4d",
        success="#46d369",
        foreground="#e2e8ee",
        background="#10151b",
        surface="#161d25",
        panel="#1e2832",
        variables=_FIELD,
    ),
    Theme(
        name="karttime-high-contrast",
        primary="#ffff00",
        secondary="#00ffff",
        accent="#ffff00",
        warning="#ffff00",
        error="#ff5555",
        success="#00ff66",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#000000",
        text_alpha=1.0,
        variables={
            "field-best": "#ff80ff",
            "field-personal": "#00ff66",
            "field-pit": "#00ffff",
            "field-out": "#ffcc00",
            "field-retired": "#ff7070",
            "flag-green": "#00ff00",
            "flag-yellow": "#ffff00",
            "flag-red": "#ff5050",
            "field-dim": "#ffffff",
            "field-cursor": "#00408a",
        },
    ),
    Theme(
        name=NO_COLOUR,
        primary="#ffffff",
        secondary="#ffffff",
        accent="#ffffff",
        warning="#ffffff",
        error="#ffffff",
        success="#ffffff",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#000000",
        text_alpha=1.0,
        variables=dict.fromkeys(_FIELD, "#ffffff"),
    ),
)
