"""Closed vocabularies of the feed."""

import pytest

from karttime.domain.columns import Role
from karttime.domain.updates import SessionKind
from karttime.feeds.apex.codes import HEADERS, TEAM_HEADERS, TYPES, fold, session_kind


@pytest.mark.parametrize(
    ("letter", "title", "kind"),
    [
        ("r", "Course", SessionKind.RACE),
        ("r", "QUALIF RACE", SessionKind.RACE),
        ("p", "Corsa 1", SessionKind.PRACTICE),
        ("p", "Session 14", SessionKind.PRACTICE),
        ("p", "Race 2", SessionKind.PRACTICE),
        ("p", "QUALIF - Q1: 10 Minutes", SessionKind.QUALIFYING),
        ("p", "Qualifications", SessionKind.QUALIFYING),
        ("p", "Clasificación", SessionKind.QUALIFYING),
        ("p", "Qualifica", SessionKind.QUALIFYING),
        ("p", "Kval", SessionKind.QUALIFYING),
        ("p", "Qualificação", SessionKind.QUALIFYING),
        ("p", "Kwalificatie", SessionKind.QUALIFYING),
        ("p", "Qualifying", SessionKind.QUALIFYING),
        ("p", "Q3", SessionKind.QUALIFYING),
        ("p", "CHRONOS", SessionKind.QUALIFYING),
        ("p", "Equality Cup", SessionKind.PRACTICE),
        ("p", "", SessionKind.PRACTICE),
        ("n", "Course", SessionKind.UNKNOWN),
        ("", "Course", SessionKind.UNKNOWN),
    ],
)
def test_session_kinds(letter: str, title: str, kind: SessionKind) -> None:
    """The letter tells races; words only tell qualifying from practice."""
    assert session_kind(letter, title) is kind


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Dernier T.", "dernier t"),
        ("Última  Vuelta", "ultima vuelta"),
        ("Nº", "n"),
        ("N°", "n"),
        ("Péna.", "pena"),
        ("Förare", "forare"),
        ("  DEPÅ-STOPP ", "depa-stopp"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    """How header words are compared: no accents, dots, case, double blanks."""
    assert fold(text) == folded


def test_header_words_are_folded_and_unique() -> None:
    """Every word is found by `fold`, and means one role."""
    assert all(fold(word) == word for word in HEADERS)
    assert HEADERS["equipe"] is Role.TEAM
    assert "equipe" in TEAM_HEADERS


def test_every_type_is_short_ascii() -> None:
    """Type codes are at most 12 characters: the grid parser cuts there."""
    assert all(len(code) <= 12 and code.isascii() for code in TYPES)
