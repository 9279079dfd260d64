"""Findings: safe to show, whatever they are made of, and what they add up to."""

from dataclasses import asdict

import pytest

from karttime.engine.checks.finding import EXIT_CODES, Finding, Grade, worst

EVIL = "\x1b]52;c;AAAA\x07\x9b31m[/b]\u202egpj.\u2066\r\nKart <img src=x>\ud800"


def test_nothing_in_a_finding_controls_a_terminal() -> None:
    """No control bytes and no overrides of direction, in any of its texts; each is bounded."""
    finding = Finding(EVIL, Grade.OK, EVIL * 500, EVIL, {EVIL: EVIL, "n": 3})
    texts = [
        finding.area,
        finding.said,
        finding.advice,
        *map(str, finding.figures),
        *map(str, finding.figures.values()),
    ]
    for text in texts:
        assert len(text) <= 400
        assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u2066\ud800" for char in text)
    assert "<img" in finding.said, "the rest stays"
    assert asdict(finding)["figures"]["n"] == 3


@pytest.mark.parametrize(
    ("grades", "grade", "code"),
    [
        ([], Grade.OK, 0),
        ([Grade.OK, Grade.UNCHECKED], Grade.OK, 0),
        ([Grade.UNCHECKED, Grade.WARNING, Grade.OK], Grade.WARNING, 1),
        ([Grade.WARNING, Grade.FAILURE], Grade.FAILURE, 2),
    ],
)
def test_the_worst_decides(grades: list[Grade], grade: Grade, code: int) -> None:
    """0 all is well, 1 a warning, 2 a failure; what was not checked is neither."""
    found = worst([Finding("x", one, "said") for one in grades])
    assert EXIT_CODES[found] == EXIT_CODES[grade] == code
