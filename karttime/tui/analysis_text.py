"""What an analysis of a feed says, as a text to read: names and values as they came, cut and cleaned."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from karttime.tui.text import safe

_MAX_LINES = 200


def analysis_text(name: str, told: Any) -> Text:
    """An analysis, which is JSON of no fixed shape, line by line."""
    text = Text(f"What the feed of {name} is\n\n", style="bold")
    for number, line in enumerate(_lines(told, "")):
        if number == _MAX_LINES:
            text.append("…\n")
            break
        text.append(line + "\n", style="not bold")
    return text


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, Mapping | list) and inner:
                yield f"{indent}{safe(key)}"
                yield from _lines(inner, indent + "  ")
            else:
                yield f"{indent}{safe(key):<22} {_plain(inner)}"
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            if isinstance(inner, Mapping):
                yield indent + "- " + "  ".join(f"{safe(key)} {_plain(it)}" for key, it in inner.items())
            else:
                yield f"{indent}- {_plain(inner)}"
    else:
        yield f"{indent}{_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    if value is None or value in ("", [], {}):
        return "-"
    return safe(value, 200)
