"""What a board shows, as text that is safe to store and to send on."""

from collections.abc import Mapping, Sequence
from typing import Final

from karttime.domain.columns import Column
from karttime.domain.competitor import Competitor
from karttime.domain.updates import Cell

MAX_TEXT: Final = 256

_BLANKS: Final = "\t\n\v\f\r\x85\u2028\u2029"
_BIDI: Final = "\u061c\u200e\u200f" + "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def _forbidden() -> Mapping[int, str | None]:
    """C0, C1, DEL and bidirectional controls vanish; line breaks and tabs become a blank."""
    table: dict[int, str | None] = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), *map(ord, _BIDI)))
    return table | dict.fromkeys(map(ord, _BLANKS), " ")


_FORBIDDEN: Final = _forbidden()


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """The text without control characters, bidirectional overrides and lone surrogates, at most `limit` long.

    Most cells are short printable ASCII and come back as they are.
    """
    if text.isascii() and text.isprintable():
        return text[:limit]
    text = text[: 4 * limit].translate(_FORBIDDEN)
    return text.encode("utf-8", "ignore").decode("utf-8")[:limit]


def flag_text(flag: str, text: str) -> str:
    """A flag in words, with the board's own where they say more than a code does: `yellow (SLOW ZONE 3)`."""
    return f"{flag} ({text})" if len(text) > 2 and text.casefold() != flag else flag


def note_text(time: str, number: str, text: str) -> str:
    """An entry of the race-control list in one line: `14:05 kart 7: cut the chicane`."""
    return " ".join(part for part in (time, f"kart {number}:" if number else "", text) if part)


def displayed(columns: Sequence[Column], competitor: Competitor) -> dict[str, str]:
    """A competitor's whole row as displayed, by `C1`…`Cn` in column order; an empty text where nothing is shown."""
    cells = competitor.cells
    return {
        column.id: clean(cells[column.index].text.strip()) if column.index in cells else ""
        for column in sorted(columns, key=lambda column: column.index)
    }


def sent(competitor_id: str, cells: Mapping[int, Cell]) -> dict[str, object]:
    """What the feed sent for one competitor: its row, and style class and text by cell."""
    shown = {f"c{index}": [clean(style), clean(text)] for index, (style, text) in sorted(cells.items())}
    return {"row": f"r{clean(competitor_id)}", "cells": shown}
