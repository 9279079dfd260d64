"""Text for storing and sending on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karttime.domain.columns import Column, Role
from karttime.domain.competitor import Competitor
from karttime.domain.display import clean, displayed, sent
from karttime.domain.ids import CompetitorId
from karttime.domain.updates import Cell


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ACE OF RACE", "ACE OF RACE"),
        ("Zoë 走 😀", "Zoë 走 😀"),
        ("\x1b[31mred\x9b0m", "[31mred0m"),
        ("a\x00b\x7fc", "abc"),
        ("one\ntwo\tthree\u2028four", "one two three four"),
        ("a\u202eb\u2066c\u200fd", "abcd"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("", ""),
    ],
)
def test_what_controls_a_terminal_or_a_page_is_taken_out(text: str, shown: str) -> None:
    """Letters of every script stay."""
    assert clean(text) == shown


def test_length_is_bounded_whatever_the_text() -> None:
    """Also where most of it is taken out, and for plain text."""
    assert len(clean("x" * 10_000)) == 256
    assert len(clean("é\x00" * 10_000, 10)) == 10


@given(st.text(alphabet=st.characters(), max_size=400))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    """And the result can be encoded."""
    once = clean(text)
    assert clean(once) == once
    once.encode()


def test_a_row_is_keyed_in_column_order_with_every_column() -> None:
    """C2 before C10, and an empty text where no cell was sent."""
    columns = [Column(10, Role.GAP, "", ""), Column(2, Role.NUMBER, "", ""), Column(1, Role.POSITION, "", "")]
    competitor = Competitor(CompetitorId("5"), 0)
    competitor.cells = {10: Cell("in", " 0.5 "), 2: Cell("", "\x1b7")}
    assert list(displayed(columns, competitor).items()) == [("C1", ""), ("C2", "7"), ("C10", "0.5")]


def test_what_was_sent_keeps_style_and_text() -> None:
    """In column order, cleaned."""
    cells = {5: Cell("ti", "1:06.131"), 2: Cell("\x1bsr", "")}
    assert sent("24089", cells) == {"row": "r24089", "cells": {"c2": ["sr", ""], "c5": ["ti", "1:06.131"]}}
