"""Columns and rows of tables: what a row says, which columns fit side by side, and how a text fills a column. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size

Cell = str | tuple[str, str]
"""A text, or a text and the name of its style."""

Align = Literal["left", "right", "center"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        key: by which rows name its cell.
        title: shown in the header.
        width: cells that it needs.
        rank: columns with a higher rank are left out first where the screen is narrow.
        most: cells that it may grow to.
    """

    key: str
    title: str
    width: int
    rank: int = 0
    align: Align = "left"
    most: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its key, its cells by column, and the style of the whole row."""

    key: str
    cells: Mapping[str, Cell]
    style: str = ""

    def matches(self, words: Sequence[str]) -> bool:
        """Whether every word, in lower case, stands somewhere in the row."""
        if not words:
            return True
        text = " ".join(map(text_of, self.cells.values())).casefold()
        return all(word in text for word in words)


def fit(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """The columns that fit side by side, one cell apart, with the width that each gets."""
    chosen = list(columns)
    while chosen and sum(column.width + 1 for column in chosen) - 1 > width:
        highest = max(column.rank for column in chosen)
        last = max(index for index, column in enumerate(chosen) if column.rank == highest)
        del chosen[last]
    spare = width - sum(column.width + 1 for column in chosen) + 1
    widths = [column.width for column in chosen]
    while spare > 0:
        growing = [index for index, column in enumerate(chosen) if widths[index] < column.most]
        if not growing:
            break
        share = max(1, spare // len(growing))
        for index in growing:
            more = min(share, chosen[index].most - widths[index], spare)
            widths[index] += more
            spare -= more
    return list(zip(chosen, widths, strict=True))


def text_of(cell: Cell) -> str:
    """The text of a cell without its style."""
    return cell if isinstance(cell, str) else cell[0]


def aligned(text: str, width: int, align: Align) -> str:
    """A text in exactly so many cells of a terminal."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 1 else set_cell_size(text, width)
    if align == "right":
        return " " * (width - length) + text
    if align == "center":
        left = (width - length) // 2
        return " " * left + text + " " * (width - length - left)
    return text + " " * (width - length)
